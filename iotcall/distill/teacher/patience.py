"""How long to wait for a service, and how often to try. Leaves out: trying.

A service that says "too many requests" says it to all of us: one pause holds for every request.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Mapping
from random import Random

import msgspec

_LONGEST_WAIT_SECONDS = 300.0
"""A service that asks for a longer pause is waited for so long, then asked again."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every request."""

    timeout_seconds: float = 120.0
    """From the request to the last byte of its answer, at most."""
    attempts: int = 6
    """Times that a request is sent when the service fails, at most."""
    answers: int = 3
    """Times that a question is put when its answer cannot be used, at most."""
    first_wait_seconds: float = 1.0
    """After the first failure; each further one doubles it."""
    longest_wait_seconds: float = 60.0
    hopeless: int = 12
    """Requests given up in a row, without one answer between, after which nothing more is asked."""

    def wait_seconds(self, attempt: int, asked: float | None, random: Random) -> float:
        """Before the attempt after this one, counted from 0.

        Args:
            asked: what the service asked for; None: nothing. It is waited for, and a little more,
                so that not all come back at once.
        """
        grown = min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** min(attempt, 30))
        if asked is not None:
            return min(asked, _LONGEST_WAIT_SECONDS) + random.random() * 0.1 * min(grown, asked)
        return grown * (0.5 + random.random() / 2)


class Pause:
    """Until when nobody asks."""

    def __init__(self) -> None:
        self._until = 0.0

    def at_least(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    async def over(self, stopped: asyncio.Event) -> None:
        """Return when the pause is over, or at once when everything is to stop."""
        while (left := self._until - time.monotonic()) > 0 and not stopped.is_set():
            await nap(left, stopped)


async def nap(seconds: float, stopped: asyncio.Event) -> None:
    """So many seconds, or until everything is to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return


def asked_seconds(headers: Mapping[str, str]) -> float | None:
    """What a service asks to wait: Retry-After in seconds or as a date; None: nothing.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; ``retry-after-ms`` is Azure's.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        at = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, at.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
