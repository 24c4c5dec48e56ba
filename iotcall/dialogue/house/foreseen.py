"""What calls would come to in a home, and how usual that is. Leaves out: which calls were meant."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from iotcall.catalogue import ToolCall
from iotcall.dialogue.outcomes import Answer, Plan, Question, Refusal

Foreseen = Plan | Question | Refusal | Answer
NO_WISH = frozenset({"off_topic", "unclear"})
USUAL = 1.0
_ASKED, _PARTLY, _REFUSED = 0.6, 0.4, 0.12
"""How often a wish comes to that, relative to one that is carried out."""


def how_usual(calls: Sequence[ToolCall], outcome: Foreseen) -> float:
    """How usual a wish is that comes to this."""
    if all(call.name in NO_WISH for call in calls):
        return USUAL
    match outcome:
        case Refusal():
            return _REFUSED
        case Question():
            return _ASKED
        case Plan(besides=refused) if refused:
            return _PARTLY
    return USUAL


def same_for_all(outcome: Foreseen) -> Hashable:
    """Equal for outcomes that are the same to everybody in the house."""
    if isinstance(outcome, Plan):
        return (frozenset((told.device.id, told.property, told.value)
                          for told in outcome.commands), outcome.chores, outcome.besides)
    return type(outcome).__name__, outcome.reply
