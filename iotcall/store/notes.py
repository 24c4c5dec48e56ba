"""What is noted by name, with the time since: counts that hold over workers and restarts.

Leaves out: what is counted, and what is too much (dialogue). A note is read, changed and put back
without comparing, so whoever counts holds `lock` from the reading to the writing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

import msgspec

from iotcall.store.backend import Backend, Drop, Prune, Put, read_body
from iotcall.store.clocks import Clocks, Moment, seconds_between
from iotcall.store.texts import bounded, json_value

NoteKind = Literal["tries", "site_rate", "device_rate"]

MAX_NAME_CHARACTERS = 512
MAX_JSON_BYTES = 65536


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    body: msgspec.Raw
    put: Moment


class Notes:
    """Notes of one kind. Thread-safe."""

    def __init__(self, backend: Backend, clocks: Clocks, kind: NoteKind, *,
                 lock: Callable[[], contextlib.AbstractContextManager[None]],
                 most: int, durable: bool = False) -> None:
        """`lock` holds what belongs to the whole home; of more than `most` the oldest go;
        `durable`: on the disk when `put` returns."""
        self._backend, self._clocks, self._kind = backend, clocks, kind
        self._most, self._durable = most, durable
        self.lock = lock

    def get(self, name: str) -> tuple[bytes, float] | None:
        """The note and the seconds since it was put; None: there is none.

        The seconds are 0 where a clock was set back: what was counted may seem younger than it is,
        and never older.
        """
        row = self._backend.row(self._kind, name)
        found = None if row is None else read_body(row, _Row)
        if found is None:
            return None
        return bytes(found.body), max(0.0, seconds_between(found.put, self._clocks.now()))

    def put(self, name: str, body: bytes) -> None:
        """Note it, in place of what was noted under that name; `body` is JSON.

        Raises:
            StoreFull: no room; the note before stays.
            LimitError: too long.
        """
        bounded(name, MAX_NAME_CHARACTERS, "a note's name")
        now = self._clocks.now()
        row = _Row(body=json_value(body, MAX_JSON_BYTES, "a note"), put=now)
        self._backend.commit([
            Drop(self._kind, name),  # so that it counts as the newest
            Put(kind=self._kind, key=name, at=now.wall, body=msgspec.json.encode(row)),
            Prune(kind=self._kind, keep=self._most)], durable=self._durable)

    def drop(self, name: str) -> None:
        """Forget it."""
        self._backend.commit([Drop(self._kind, name)], durable=self._durable)
