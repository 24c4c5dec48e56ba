"""Timers that survive a restart. Leaves out: ringing, and understanding which one is meant.

Each timer is kept with its end on both clocks (see clocks). While the machine runs, its boot clock
decides and the wall clock may be set to anything; where the two have drifted apart, the wall
clock's end is written anew, as after a reboot it is all that is left.

After a reboot the end is in doubt: a board without a battery starts in the past, so too much time
seems left. The first jump of the wall clock is then NTP's, and what it says counts where that is
sooner. Later is never believed: at worst a timer rings early, never hours late.
"""

from __future__ import annotations

import secrets
import threading

import msgspec
import structlog

from iotcall.errors import InputError, LimitError, StoreError
from iotcall.store.backend import Backend, Change, Drop, Put, read_body
from iotcall.store.clocks import Clocks, Moment
from iotcall.store.texts import bounded, folded, plain

MAX_TIMERS = 64
MAX_NAME_CHARACTERS = 64
MAX_SITE_CHARACTERS = 256
MAX_SECONDS = 7 * 86400

_JUMP_SECONDS = 2.0  # less is drift of the clocks, and what NTP slews
_SAME_SECONDS = 0.5  # durations that differ by less were said alike

_log = structlog.get_logger(__name__)


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """One timer, as it is right now."""

    id: str
    name: str
    """As it was said; may be empty."""
    site: str
    """Where it was set, and will ring."""
    duration_seconds: float
    remaining_seconds: float
    """0: it has run out and was not told by `due` yet."""


class Due(msgspec.Struct, frozen=True):
    """A timer that has run out."""

    timer: Timer
    late_seconds: float
    """Since then; more than a moment where the hub was off."""


class Cancelled(msgspec.Struct, frozen=True):
    """What came of a wish to cancel."""

    timer: Timer | None = None
    """The one that is gone."""
    candidates: tuple[Timer, ...] = ()
    """Where several fit, and none was cancelled: ask which. Both empty: none fits."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    site: str
    duration: float
    ends: Moment
    doubt: float | None = None
    """Since a reboot, until the wall clock jumps: how much longer it would run by the wall clock
    than all of its time. None: both clocks agree on the end."""


class Timers:
    """All timers of the home. Thread-safe."""

    def __init__(self, backend: Backend, clocks: Clocks) -> None:
        self._backend, self._clocks = backend, clocks
        self._changing = threading.Lock()
        self._told: set[str] = set()

    def start(self, duration_seconds: float, *, name: str = "", site: str = "",
              key: str = "") -> Timer:
        """A timer that runs, and is on the disk.

        Args:
            key: becomes its id; a timer of that id which runs already is given back as it is, so
                that an utterance which comes twice starts one.

        Raises:
            LimitError: too long, too long a name, or too many timers.
            InputError: no time at all.
            StoreFull: no room; it does not run.
        """
        name = bounded(plain(name), MAX_NAME_CHARACTERS, "a timer's name")
        bounded(site, MAX_SITE_CHARACTERS, "a site")
        if not duration_seconds > 0:  # also so for what is no number
            raise InputError(f"a timer runs for more than 0 seconds, found {duration_seconds:g}")
        if duration_seconds > MAX_SECONDS:
            raise LimitError("seconds of a timer", duration_seconds, MAX_SECONDS)
        with self._changing:
            now = self._clocks.now()
            running = self._followed(now)
            if key in running:
                return _timer(key, running[key], now)
            if len(running) >= MAX_TIMERS:
                raise LimitError("timers", len(running) + 1, MAX_TIMERS)
            timer_id = key or secrets.token_hex(8)
            kept = _Kept(name=name, site=site, duration=duration_seconds,
                         ends=_later(now, duration_seconds))
            self._backend.commit([_put(timer_id, kept, now)])
            return _timer(timer_id, kept, now)

    def running(self, *, name: str = "", duration_seconds: float | None = None,
                site: str | None = None) -> tuple[Timer, ...]:
        """Timers that `due` has not told of, soonest first; those that fit, where asked.

        A name fits a timer of that name, else those whose name holds all its words. Of a site are
        its own timers, where one of them fits; else those of the whole home.
        """
        with self._changing:
            now = self._clocks.now()
            found = [_timer(timer_id, kept, now) for timer_id, kept in self._followed(now).items()
                     if timer_id not in self._told]
        found.sort(key=lambda timer: (timer.remaining_seconds, timer.name, timer.id))
        if wanted := folded(name):
            exact = [timer for timer in found if folded(timer.name) == wanted]
            found = exact or [timer for timer in found
                              if set(wanted.split()) <= set(folded(timer.name).split())]
        if duration_seconds is not None:
            found = [timer for timer in found
                     if abs(timer.duration_seconds - duration_seconds) < _SAME_SECONDS]
        return tuple([timer for timer in found if timer.site == site] or found)

    def cancel(self, *, name: str = "", duration_seconds: float | None = None,
               site: str | None = None) -> Cancelled:
        """Cancel the one timer that fits; where several do, none, and they are listed."""
        found = self.running(name=name, duration_seconds=duration_seconds, site=site)
        if len(found) != 1:
            return Cancelled(candidates=found)
        self.finish(found[0].id)
        return Cancelled(timer=found[0])

    def due(self) -> tuple[Due, ...]:
        """Timers that have run out, longest ago first; each is told once while the process lives.

        Call it about once a second. A timer stays on the disk until `finish`, so one that was not
        rung before a crash is due again afterwards.
        """
        with self._changing:
            now = self._clocks.now()
            out = [Due(_timer(timer_id, kept, now), now.elapsed - kept.ends.elapsed)
                   for timer_id, kept in self._followed(now).items()
                   if timer_id not in self._told and kept.ends.elapsed <= now.elapsed]
            self._told.update(due.timer.id for due in out)
        return tuple(sorted(out, key=lambda due: (-due.late_seconds, due.timer.id)))

    def finish(self, timer_id: str) -> None:
        """It was rung, or nobody wants it any more: forget it."""
        with self._changing:
            self._backend.commit([Drop("timer", timer_id)])
            self._told.discard(timer_id)

    def _followed(self, now: Moment) -> dict[str, _Kept]:
        """Every timer by id, its end as the clocks say now."""
        found, changes = {}, list[Change]()
        for row in self._backend.rows("timer"):
            if (kept := read_body(row, _Kept)) is None:
                continue
            found[row.key] = followed = _follow(kept, now)
            if followed is not kept:
                changes.append(_put(row.key, followed, now))
        if changes:
            try:
                self._backend.commit(changes)
            except StoreError as error:  # it must ring on a full disk too; tried again next time
                _log.warning("timers.clock_not_kept", reason=str(error))
        return found


def _follow(kept: _Kept, now: Moment) -> _Kept:
    """The same timer, where the clocks go on together; else with its end written anew."""
    ends = kept.ends
    if ends.boot != now.boot:
        by_wall = ends.wall - now.wall
        left = min(by_wall, kept.duration)  # the clock may stand before the timer was set
        ends = Moment(ends.wall, now.elapsed + left, now.boot)
        return msgspec.structs.replace(kept, ends=ends, doubt=by_wall - left)
    left, by_wall = ends.elapsed - now.elapsed, ends.wall - now.wall
    if abs(by_wall - left - (kept.doubt or 0.0)) <= _JUMP_SECONDS:
        return kept
    if kept.doubt is not None:
        left = min(left, by_wall)
    return msgspec.structs.replace(kept, ends=_later(now, left), doubt=None)


def _later(now: Moment, seconds: float) -> Moment:
    return Moment(now.wall + seconds, now.elapsed + seconds, now.boot)


def _timer(timer_id: str, kept: _Kept, now: Moment) -> Timer:
    return Timer(id=timer_id, name=kept.name, site=kept.site, duration_seconds=kept.duration,
                 remaining_seconds=max(0.0, kept.ends.elapsed - now.elapsed))


def _put(timer_id: str, kept: _Kept, now: Moment) -> Put:
    return Put(kind="timer", key=timer_id, site=kept.site, at=now.wall,
               body=msgspec.json.encode(kept))
