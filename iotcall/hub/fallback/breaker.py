"""A circuit breaker: a service that fails again and again is left alone for a while.

closed: asked; open: not asked; half open: one question tries it. Leaves out: what a failure is.
Source of the pattern: https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from iotcall.hub.fallback.settings import BreakerSettings

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Of one service; used by one thread."""

    def __init__(self, settings: BreakerSettings, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._failures = 0  # in a row
        self._opened_at: float | None = None
        self._trying = False

    @property
    def state(self) -> State:
        if self._opened_at is None:
            return "closed"
        waited = self._clock() - self._opened_at
        return "half_open" if waited >= self._settings.seconds else "open"

    def begin(self) -> bool:
        """Whether the service may be asked now; if so, `end` must follow."""
        state = self.state
        if state == "open" or (state == "half_open" and self._trying):
            return False
        self._trying = state == "half_open"
        return True

    def end(self, well: bool | None) -> None:
        """What came of it; None: nothing that says anything about the service."""
        trying, self._trying = self._trying, False
        if well is None:
            return
        if well:
            self._failures, self._opened_at = 0, None
            return
        self._failures += 1
        if trying or self._failures >= self._settings.failures:
            self._opened_at = self._clock()
