"""Ask a judge or a teacher, patiently, and never twice. Leaves out: what they are asked."""

from iotcall.distill.teacher.asking import Asker, GivenUp, Reader, Stop, Unusable
from iotcall.distill.teacher.client import opened
from iotcall.distill.teacher.counts import Counts
from iotcall.distill.teacher.endpoint import Endpoint, open_endpoint
from iotcall.distill.teacher.ledger import Ledger, open_ledger
from iotcall.distill.teacher.patience import Patience
from iotcall.distill.teacher.request import Answer, Request
from iotcall.distill.teacher.running import run_all
from iotcall.distill.teacher.words import json_of

__all__ = [
    "Answer",
    "Asker",
    "Counts",
    "Endpoint",
    "GivenUp",
    "Ledger",
    "Patience",
    "Reader",
    "Request",
    "Stop",
    "Unusable",
    "json_of",
    "open_endpoint",
    "open_ledger",
    "opened",
    "run_all",
]
