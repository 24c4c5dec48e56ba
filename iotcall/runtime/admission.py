"""Whether another pass is worth beginning. Leaves out: the passes.

A pass that would end after the deadline is not begun: the person has gone on by then, and on two
cores it would take the time of the next utterance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

import msgspec

Refusal = Literal["too_slow", "cancelled"]

_BASE = 4.0
"""A pass costs as much as this many tokens of it, beside its tokens: reading the weights."""
_FORGETTING = 0.1
_RELIEF = 0.7


class Pace:
    """How long a pass takes here: ``unit * (tokens + 4)`` seconds, learnt from those that ran."""

    def __init__(self) -> None:
        self._unit = 0.0

    def learn(self, tokens: int, seconds: float) -> None:
        """Take note of a pass. The best of late counts most: a board may have been busy once."""
        found = seconds / (tokens + _BASE)
        if not self._unit or found < self._unit:
            self._unit = found
        else:
            self._unit += _FORGETTING * (found - self._unit)

    def expect(self, tokens: int) -> float:
        """Seconds of a pass; 0 while nothing is known."""
        return self._unit * (tokens + _BASE)

    def doubt(self) -> None:
        """After a refusal: expect less, lest one slow hour refuse everything for ever."""
        self._unit *= _RELIEF


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When to stop."""

    token_budget: int
    """Tokens of an answer, at most."""
    deadline: float = math.inf
    """On the monotonic clock."""
    cancelled: Callable[[], bool] = lambda: False
    """Asked between passes."""
    pace: Pace = msgspec.field(default_factory=Pace)

    def affords(self, tokens: int) -> bool:
        """Whether a pass over so many tokens would end before the deadline."""
        return time.monotonic() + self.pace.expect(tokens) < self.deadline

    def refuse(self, tokens: int) -> Refusal | None:
        """Why a pass over so many tokens must not begin; None: it may."""
        if self.cancelled():
            return "cancelled"
        if not self.affords(tokens):
            if time.monotonic() < self.deadline:
                self.pace.doubt()
            return "too_slow"
        return None
