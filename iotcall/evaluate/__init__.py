"""Tool-call equivalence of a student on labelled dialogues."""

from iotcall.evaluate.dialogues import (
    Dialogue,
    LabelledTurn,
    dialogue_to_json,
    read_dialogues,
    write_dialogues,
)
from iotcall.evaluate.evaluation import Evaluation, Mistake, evaluate
from iotcall.evaluate.statistics import percentile, wilson_interval

__all__ = [
    "Dialogue",
    "Evaluation",
    "LabelledTurn",
    "Mistake",
    "dialogue_to_json",
    "evaluate",
    "percentile",
    "read_dialogues",
    "wilson_interval",
    "write_dialogues",
]
