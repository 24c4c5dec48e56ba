"""What workers on one store settle among themselves, and that one alone has nothing to settle.

Leaves out: how (leases). A site's rows are read, changed and put back without comparing, so whoever
changes them holds the site's lock: alone that is the lock on the file, or nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from iotcall.errors import StoreError


class LeaseLost(StoreError):
    """We were too slow, and another worker has what we held: nothing was changed."""


class Sharing(Protocol):
    """Thread-safe. Every operation may raise `StoreError`."""

    shared: bool
    """Whether there may be other workers; sessions are then not ours to remember."""
    run: str
    """Names this process among all that ever worked on the store; empty: alone."""

    def lock(self, site: str, deadline: float) -> contextlib.AbstractContextManager[None]:
        """Hold a site, empty for what belongs to the whole home; in order of asking.

        A thread that holds it already goes on. What this thread commits meanwhile is committed only
        while it is held (`LeaseLost`). `deadline` is monotonic.

        Raises:
            StoreError: another worker still holds it at the deadline.
        """

    def is_ours(self, duty: str, seconds: float) -> bool:
        """Whether a duty that one worker does for all is ours, for so long from now."""

    def is_echo(self, of: str, word: str, seconds: float) -> bool:
        """Whether somebody has lately left another word there; else leave ours."""

    def gone(self) -> tuple[str, ...]:
        """Runs that ended without a farewell, sorted."""

    def forget(self, run: str) -> None:
        """Nothing is left to do about a run that is gone."""

    def close(self) -> None:
        """Say farewell."""


class Alone:
    """One process, one writer."""

    shared = False
    run = ""

    @contextlib.contextmanager
    def lock(self, site: str, deadline: float) -> Iterator[None]:
        yield

    def is_ours(self, duty: str, seconds: float) -> bool:
        return True

    def is_echo(self, of: str, word: str, seconds: float) -> bool:
        return False

    def gone(self) -> tuple[str, ...]:
        return ()

    def forget(self, run: str) -> None:
        pass

    def close(self) -> None:
        pass
