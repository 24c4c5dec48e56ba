"""Where counts are noted by name: here in the memory of one process. Leaves out: counting.

What must hold over several workers, or over a restart, is noted in the store, whose notes are the
same to whoever counts (iotcall.store.Notes).
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol


class Notes(Protocol):
    """Of one kind of count. Where they are in a store, every operation may raise `StoreError`."""

    def get(self, name: str) -> tuple[bytes, float] | None:
        """The note, which is JSON, and the seconds since it was put; None: there is none."""

    def put(self, name: str, body: bytes) -> None:
        """Note it, in place of what was noted under that name."""

    def drop(self, name: str) -> None:
        """Forget it."""

    @property
    def lock(self) -> Callable[[], contextlib.AbstractContextManager[None]]:
        """Holds all notes against other workers, between reading one and putting it back."""


class InMemory:
    """Notes of one thread, gone with the process."""

    lock = staticmethod(contextlib.nullcontext)

    def __init__(self, clock: Callable[[], float], *, most: int) -> None:
        """Of more than `most` the oldest go."""
        self._clock, self._most = clock, most
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()  # name -> note, when

    def get(self, name: str) -> tuple[bytes, float] | None:
        found = self._kept.get(name)
        return None if found is None else (found[0], self._clock() - found[1])

    def put(self, name: str, body: bytes) -> None:
        self._kept.pop(name, None)
        self._kept[name] = body, self._clock()
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, name: str) -> None:
        self._kept.pop(name, None)
