"""The dialogue at each site, over restarts. Leaves out: what a session holds (JSON of the hub's).

subtle: an open question may be one to which a yes opens a door. So whatever the clocks leave in
doubt counts as over, and `same_boot` says whether the age can be trusted at all.
"""

from __future__ import annotations

import msgspec

from iotcall.store.backend import Backend, Change, Drop, Prune, Put, Row, read_body
from iotcall.store.clocks import Clocks, Moment, seconds_between
from iotcall.store.texts import bounded, json_value

MAX_SITES = 64
"""The least recently put go."""
MAX_SITE_CHARACTERS = 256
MAX_JSON_BYTES = 65536


class KeptSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is not over."""

    body: bytes
    """JSON, as it was put."""
    age_seconds: float
    """Since it was put; deadlines inside the session move by as much."""
    same_boot: bool
    """False: the machine was off in between, and the age is what two readings of a wall clock
    say. Too little, where the clock has stood still: no yes to an older question may count."""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    body: msgspec.Raw
    seconds: float
    put: Moment


class Sessions:
    """Sessions by site. Thread-safe.

    They are not flushed to the disk at once: a session that is lost with the power costs a
    question, and flushing each would wear out a card.
    """

    def __init__(self, backend: Backend, clocks: Clocks, *, sites: int = MAX_SITES,
                 one_clock: bool = False) -> None:
        """`one_clock`: the wall clock can be trusted, so that no session need be read to see which
        are over."""
        self._backend, self._clocks = backend, clocks
        self._sites, self._one_clock = sites, one_clock

    def put(self, site: str, body: bytes, *, seconds: float) -> None:
        """Keep the session of a site for so long; sessions that are over go.

        Raises:
            LimitError: too long.
            StoreFull: no room; the one before stays until it is over.
        """
        bounded(site, MAX_SITE_CHARACTERS, "a site")
        now = self._clocks.now()
        row = _Row(body=json_value(body, MAX_JSON_BYTES, "a session"), seconds=seconds, put=now)
        over: list[Change] = [Drop("session", site)] if self._one_clock else [
            Drop("session", each.key) for each in self._backend.rows("session")
            if each.key == site or _kept(each, now) is None]
        self._backend.commit([
            *over,  # its own goes too, so that it counts as the newest
            Put(kind="session", key=site, site=site, at=now.wall, body=msgspec.json.encode(row)),
            Prune(kind="session", keep=self._sites,
                  since=now.wall - seconds if self._one_clock else 0.0),
        ], durable=False)

    def get(self, site: str) -> KeptSession | None:
        """The session; None where there is none or it is over."""
        row = self._backend.row("session", site)
        return None if row is None else _kept(row, self._clocks.now())

    def drop(self, site: str) -> None:
        """Forget it."""
        self._backend.commit([Drop("session", site)], durable=False)

    def sites(self) -> tuple[str, ...]:
        """Those with a session that is not over, sorted."""
        now = self._clocks.now()
        return tuple(sorted(row.key for row in self._backend.rows("session") if _kept(row, now)))


def _kept(row: Row, now: Moment) -> KeptSession | None:
    found = read_body(row, _Row)
    if found is None:
        return None
    age = seconds_between(found.put, now)
    if not 0 <= age < found.seconds:  # the wall clock of another boot may stand before it
        return None
    return KeptSession(body=bytes(found.body), age_seconds=age,
                       same_boot=found.put.boot == now.boot)
