"""How long ago something was, also across restarts. Leaves out: dates and time zones.

While a machine runs, its boot clock counts evenly and nobody can set it, and a process that starts
anew finds it where it was. Only across a reboot is there nothing but the wall clock, which jumps:
a board without a battery starts in the past and is put right by NTP minutes later.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html#random"""


class Moment(msgspec.Struct, frozen=True):
    """A point in time on both clocks, for keeping."""

    wall: float
    """Unix seconds."""
    elapsed: float
    """Seconds since the boot; means something in the same boot only."""
    boot: str


def _boot_seconds() -> float:
    # Counts on while the machine sleeps; CLOCK_MONOTONIC would stand still (clock_gettime(2)).
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(16)  # no two processes share a boot: the wall clock decides


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time comes from; tests bring their own."""

    wall: Callable[[], float] = time.time
    elapsed: Callable[[], float] = _boot_seconds
    boot: str = msgspec.field(default_factory=_boot_id)

    def now(self) -> Moment:
        return Moment(self.wall(), self.elapsed(), self.boot)


def seconds_between(then: Moment, now: Moment) -> float:
    """How much later `now` is; across a reboot as the wall clocks say, which may be negative."""
    if then.boot == now.boot:
        return now.elapsed - then.elapsed
    return now.wall - then.wall
