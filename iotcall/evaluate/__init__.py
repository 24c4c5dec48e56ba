"""Tool-call equivalence of a student on labelled dialogues."""

from iotcall.evaluate.dialogues import (
    Dialogue,
    LabelledTurn,
    dialogue_to_json,
    read_dialogues,
    write_dialogues,
)
from iotcall.evaluate.evaluation import Evaluation, Mistake, evaluate
from iotcall.evaluate.golden import (
    GoldenTurn,
    Record,
    SelfTest,
    decode_turns,
    golden_turns,
    instruction_set,
    read_record,
    selftest,
)
from iotcall.evaluate.statistics import percentile, wilson_interval

__all__ = [
    "Dialogue",
    "Evaluation",
    "GoldenTurn",
    "LabelledTurn",
    "Mistake",
    "Record",
    "SelfTest",
    "decode_turns",
    "dialogue_to_json",
    "evaluate",
    "golden_turns",
    "instruction_set",
    "percentile",
    "read_dialogues",
    "read_record",
    "selftest",
    "wilson_interval",
    "write_dialogues",
]
