"""Judge a student on labelled dialogues. Leaves out: reading them, training on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from iotcall.catalogue import Catalogue, ToolCall, equivalent_all
from iotcall.errors import CallError
from iotcall.evaluate.dialogues import Dialogue
from iotcall.evaluate.statistics import percentile, wilson_interval
from iotcall.runtime import Student, Turn

History = Literal["reference", "model"]


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from utterance to call, prefill and decode."""

    p50: float
    p95: float
    p99: float


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """An item whose calls differ from the reference."""

    row: int
    """From 0."""
    turn: int
    """From 0."""
    utterance: str
    expected: tuple[ToolCall, ...]
    got: tuple[ToolCall, ...]
    confidence: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over all items; every user turn is one."""

    items: int
    correct: int
    tool_call_equivalence: float
    interval95: tuple[float, float]
    """Wilson's."""
    name_accuracy: float
    dialogues: int
    dialogues_correct: int
    """Dialogues without a mistake."""
    invalid_calls: int
    """Items answered with no call of the catalogue: every outcome of a decoding but "call"."""
    latency_ms: Latency
    errors: tuple[Mistake, ...]


def evaluate(student: Student, dialogues: Sequence[Dialogue], *, history: History = "reference",
             progress: Callable[[int], None] = lambda done: None) -> Evaluation:
    """Figures of a student on dialogues.

    With history "reference" earlier turns carry the reference calls, with "model" the student's
    own. `progress` is told the number of dialogues done. An answer that did not become a call is
    never right, not even where the reference refuses.

    Raises:
        CallError: a reference names a tool that the bundle lacks; names its row and turn.
    """
    _check_references(dialogues, student.bundle.catalogue)
    items = names = invalid = whole = 0
    latencies: list[float] = []
    mistakes: list[Mistake] = []
    for row, dialogue in enumerate(dialogues):
        before: list[Turn] = []
        faults = len(mistakes)
        for number, turn in enumerate(dialogue.turns):
            decoding = student.decode(before, turn.utterance)
            items += 1
            latencies.append(decoding.prefill_ms + decoding.decode_ms)
            answered = decoding.outcome == "call"
            invalid += not answered
            names += answered and [c.name for c in decoding.calls] == [c.name for c in turn.calls]
            if not (answered and equivalent_all(decoding.calls, turn.calls)):
                mistakes.append(Mistake(
                    row=row, turn=number, utterance=turn.utterance, expected=turn.calls,
                    got=decoding.calls, confidence=decoding.confidence))
            past = turn.calls if history == "reference" else decoding.calls
            if past:
                before.append(Turn(turn.utterance, past))
        whole += len(mistakes) == faults
        progress(row + 1)
    correct = items - len(mistakes)
    return Evaluation(
        items=items, correct=correct, tool_call_equivalence=correct / max(items, 1),
        interval95=wilson_interval(correct, items), name_accuracy=names / max(items, 1),
        dialogues=len(dialogues), dialogues_correct=whole, invalid_calls=invalid,
        latency_ms=Latency(*(round(percentile(latencies, p), 2) for p in (50, 95, 99))),
        errors=tuple(mistakes),
    )


def _check_references(dialogues: Sequence[Dialogue], catalogue: Catalogue) -> None:
    """Nothing if every reference names a tool of the catalogue."""
    for row, dialogue in enumerate(dialogues):
        for number, turn in enumerate(dialogue.turns):
            try:
                for call in turn.calls:
                    catalogue.tool(call.name)
            except CallError as error:
                raise CallError(f"row {row}, turn {number} (counted from 0): the reference is no "
                                f"call of the bundle's catalogue {catalogue.name!r}: {error}; "
                                "choose the data or the bundle that fits") from error
