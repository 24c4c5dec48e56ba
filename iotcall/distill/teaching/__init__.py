"""A teacher writes dialogues grounded in seeds. Leaves out: generators without a teacher."""

from iotcall.distill.teaching.answering import answer_request, calls_of
from iotcall.distill.teaching.kinds import KINDS, Kind, kinds_named
from iotcall.distill.teaching.lesson import Lesson, Taught, plan, taught, write_taught
from iotcall.distill.teaching.writing import Draft, draft_of, write_request

__all__ = [
    "KINDS",
    "Draft",
    "Kind",
    "Lesson",
    "Taught",
    "answer_request",
    "calls_of",
    "draft_of",
    "kinds_named",
    "plan",
    "taught",
    "write_request",
    "write_taught",
]
