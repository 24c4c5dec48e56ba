"""Ask a student every item of labelled dialogues. Leaves out: what the answers amount to.

Every user turn is one item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from iotcall.catalogue import Catalogue, ToolCall, equivalent_all
from iotcall.errors import CallError
from iotcall.evaluate.dialogues import Dialogue
from iotcall.grammar.binding import Names
from iotcall.runtime import Student, Turn, decode_weighed

History = Literal["reference", "model"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """An item and what the student made of it."""

    row: int
    """Of its dialogue, from 0."""
    turn: int
    """From 0."""
    utterance: str
    expected: tuple[ToolCall, ...]
    """Empty where the reference is a refusal."""
    got: tuple[ToolCall, ...]
    answered: bool
    """Whether the answer became calls of the catalogue."""
    right: bool
    """The calls are the reference's; an answer that became no call is never right."""
    confidence: float
    """0..1; 0 where there is no answer."""
    tools: tuple[tuple[str, float], ...] = ()
    """Tools with their P(called first): see `Decoding`."""
    ms: float
    """From utterance to call, prefill and decode."""


def judge(student: Student, dialogues: Sequence[Dialogue], *, history: History = "reference",
          progress: Callable[[int], None] = lambda done: None,
          homes: Mapping[str, Names] | None = None) -> list[Judged]:
    """Every item, in order; `progress` is told the number of dialogues done.

    `homes` has what can be named in each home that a dialogue tells, and under "" where it tells
    none; catalogues that bind names use it.

    With history "reference" earlier turns carry the reference calls, with "model" the student's
    own. Until its first mistake a dialogue is the same with either.

    Raises:
        CallError: a reference names a tool that the bundle lacks; names its row and turn.
    """
    check_references(dialogues, student.bundle.catalogue)
    found: list[Judged] = []
    bound: Names | None = None
    for row, dialogue in enumerate(dialogues):
        if homes is not None and (names := homes.get(dialogue.home)) is not bound:
            student.bind_registry(names)
            bound = names
        before: list[Turn] = []
        for number, turn in enumerate(dialogue.turns):
            decoding = decode_weighed(student, before, turn.utterance)
            answered = decoding.outcome == "call"
            found.append(Judged(
                row=row, turn=number, utterance=turn.utterance, expected=turn.calls,
                got=decoding.calls, answered=answered, confidence=decoding.confidence,
                right=answered and equivalent_all(decoding.calls, turn.calls),
                tools=decoding.tools,
                ms=decoding.prefill_ms + decoding.decode_ms))
            past = turn.calls if history == "reference" else decoding.calls
            if past:
                before.append(Turn(turn.utterance, past))
        progress(row + 1)
    return found


def check_references(dialogues: Sequence[Dialogue], catalogue: Catalogue) -> None:
    """Nothing if every reference names a tool of the catalogue.

    Raises:
        CallError: one does not; names its row and turn.
    """
    for row, dialogue in enumerate(dialogues):
        for number, turn in enumerate(dialogue.turns):
            try:
                for call in turn.calls:
                    catalogue.tool(call.name)
            except CallError as error:
                raise CallError(f"row {row}, turn {number} (counted from 0): the reference is no "
                                f"call of the bundle's catalogue {catalogue.name!r}: {error}; "
                                "choose the data or the bundle that fits") from error
