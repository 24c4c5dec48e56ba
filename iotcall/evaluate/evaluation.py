"""Judge a student on labelled dialogues: all figures of it. Leaves out: asking it (see judging)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.evaluate.confusion import Confused, OfTool, by_tool, confusion
from iotcall.evaluate.coverage import RiskCoverage, calibration_error, risk_coverage
from iotcall.evaluate.dialogues import Dialogue
from iotcall.evaluate.judging import History, Judged, judge
from iotcall.evaluate.slots import SlotFigures, slot_figures
from iotcall.evaluate.statistics import percentile, wilson_interval
from iotcall.runtime import Student


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


class Part(msgspec.Struct, frozen=True):
    """Some of the items."""

    items: int
    correct: int
    share: float
    interval95: tuple[float, float]
    """Wilson's."""


class OfLength(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues of so many turns."""

    turns: int
    dialogues: int
    correct: int
    share: float
    independent: float
    """Share that would be without a mistake if errors fell on items independently: the share of
    items right to the power of the turns."""


class DialogueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues without a mistake, with the student's own history.

    Until its first mistake a dialogue is the same whoever's calls stand in its history, so a run
    with the reference's history says which dialogues are whole with the student's own.
    """

    share: float
    interval95: tuple[float, float]
    """Wilson's."""
    independent: float
    """Expected share, were errors independent."""
    by_turns: tuple[OfLength, ...]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over all items; every user turn is one."""

    items: int
    correct: int
    tool_call_equivalence: float
    interval95: tuple[float, float]
    """Wilson's."""
    name_accuracy: float
    """Share of items whose calls have the right names in the right order."""
    slots: tuple[SlotFigures, ...]
    """Of all arguments, then of each."""
    dialogues: int
    dialogues_correct: int
    """Dialogues without a mistake."""
    whole_dialogues: DialogueFigures
    invalid_calls: int
    """Items answered with no call of the catalogue: every outcome of a decoding but "call"."""
    by_tool: tuple[OfTool, ...]
    confusion: tuple[Confused, ...]
    coverage: RiskCoverage
    calibration_error: float
    """Expected calibration error, 0..1."""
    unseen: Part | None
    """Items whose utterance occurs in no seen file; None: no such file was given."""
    latency_ms: Latency
    errors: tuple[Mistake, ...]


def evaluate(student: Student, dialogues: Sequence[Dialogue], *, history: History = "reference",
             progress: Callable[[int], None] = lambda done: None) -> Evaluation:
    """Figures of a student on dialogues; see `judge` for its arguments.

    Raises:
        CallError: a reference names a tool that the bundle lacks; names its row and turn.
    """
    return figures(judge(student, dialogues, history=history, progress=progress))


def figures(items: Sequence[Judged], *, unseen: Sequence[bool] | None = None) -> Evaluation:
    """Figures of items that were judged; `unseen` says of each whether its utterance is new."""
    right, count = sum(item.right for item in items), len(items)
    turns: Counter[int] = Counter(item.row for item in items)
    faulty = {item.row for item in items if not item.right}
    new = None if unseen is None else [
        item.right for item, is_new in zip(items, unseen, strict=True) if is_new]
    return Evaluation(
        items=count, correct=right, tool_call_equivalence=right / max(count, 1),
        interval95=wilson_interval(right, count),
        name_accuracy=sum(map(_names_right, items)) / max(count, 1), slots=slot_figures(items),
        dialogues=len(turns), dialogues_correct=len(turns) - len(faulty),
        whole_dialogues=_whole(turns, faulty, right / max(count, 1)),
        invalid_calls=sum(not item.answered for item in items),
        by_tool=by_tool(items), confusion=confusion(items), coverage=risk_coverage(items),
        calibration_error=calibration_error(items), unseen=None if new is None else _part(new),
        latency_ms=Latency(*(round(percentile([item.ms for item in items], p), 2)
                             for p in (50, 95, 99))),
        errors=tuple(Mistake(row=item.row, turn=item.turn, utterance=item.utterance,
                             expected=item.expected, got=item.got, confidence=item.confidence)
                     for item in items if not item.right),
    )


def _names_right(item: Judged) -> bool:
    return item.answered and [call.name for call in item.got] == [
        call.name for call in item.expected]


def _part(right: Sequence[bool]) -> Part:
    return Part(len(right), sum(right), sum(right) / max(len(right), 1),
                wilson_interval(sum(right), len(right)))


def _whole(turns: Counter[int], faulty: set[int], accuracy: float) -> DialogueFigures:
    """`turns`: row -> turns of its dialogue; `accuracy`: share of items right."""
    lengths: Counter[int] = Counter(turns.values())
    whole: Counter[int] = Counter(length for row, length in turns.items() if row not in faulty)
    total = len(turns)
    return DialogueFigures(
        share=whole.total() / max(total, 1), interval95=wilson_interval(whole.total(), total),
        independent=sum(count * accuracy ** length for length, count in lengths.items())
        / max(total, 1),
        by_turns=tuple(OfLength(turns=length, dialogues=count, correct=whole[length],
                                share=whole[length] / count, independent=accuracy ** length)
                       for length, count in sorted(lengths.items())))
