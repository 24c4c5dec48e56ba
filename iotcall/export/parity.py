"""Proof that a quantised graph still makes the student's calls. Leaves out: logits (see graph)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from iotcall.catalogue import equivalent_all
from iotcall.evaluate import Dialogue
from iotcall.runtime import Student, Turn


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """``parity.json`` of a bundle."""

    logit_difference: float
    """Of the fp32 graph to torch, largest absolute."""
    turns: int
    """Golden turns that were compared."""
    call_agreement: float
    """Share of turns on which the bundle's calls equal the fp32 graph's."""
    golden_equivalence: float
    """Share of turns on which the bundle's calls equal the golden reference."""


def compare_calls(reference: Student, candidate: Student, dialogues: Sequence[Dialogue],
                  logit_difference: float) -> Parity:
    """Both students on every golden turn, with the reference history."""
    turns = agreed = right = 0
    for dialogue in dialogues:
        history: list[Turn] = []
        for turn in dialogue.turns:
            wanted = reference.decode(history, turn.utterance).calls
            found = candidate.decode(history, turn.utterance).calls
            turns += 1
            agreed += equivalent_all(wanted, found)
            right += equivalent_all(turn.calls, found)
            if turn.calls:
                history.append(Turn(turn.utterance, turn.calls))
    return Parity(logit_difference=logit_difference, turns=turns,
                  call_agreement=agreed / turns, golden_equivalence=right / turns)
