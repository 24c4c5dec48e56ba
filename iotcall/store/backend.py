"""What the store needs of whatever keeps its rows. Leaves out: how (sqlite), what they mean.

`SqliteBackend` is for one process, `RedisBackend` for several workers. Both give the same, and so
must any other:

- **Atomic begin.** All changes of a `commit` or none, and of two commits that put the same key
  with `new`, exactly one succeeds. (A Lua script, or WATCH and MULTI.)
- **Durable before it returns**, where it is asked for: a row that is lost after `commit` returned
  is a command that may be sent twice. (`appendfsync always`; replicas alone do not do.)
- **In order.** What a crash leaves is the state after some prefix of all commits.
- **One writer per site.** Who changes rows of a site holds it alone: rows are read, changed and
  put back without comparing. (A lease with a fencing token; SQLite's is the lock on the file.)
- **Nothing is dropped but by `Drop` and `Prune`.** (`maxmemory-policy noeviction`.) Where there is
  no room, `commit` raises `StoreFull`, changes nothing, and reading goes on.
- **Own writes are seen** by the next read, whichever thread reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

import msgspec
import structlog

Kind = Literal["device_rate", "entry", "hand", "list", "session", "site_rate", "timer", "tries",
               "utterance"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Row(msgspec.Struct, frozen=True):
    """One thing that is kept."""

    number: int
    """Ascends in the order in which keys were put first, over all kinds; never used again."""
    key: str
    """Unique in its kind."""
    site: str
    """Satellite it belongs to; empty: the whole home."""
    at: float
    """Wall clock, Unix seconds, as whoever put it said."""
    body: bytes


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """Keep this; an older row of the key is replaced and keeps its number."""

    kind: Kind
    key: str
    body: bytes
    at: float
    site: str = ""
    new: bool = False
    """The commit comes to nothing if there is such a key."""


class Drop(msgspec.Struct, frozen=True):
    """Forget this, where it exists."""

    kind: Kind
    key: str


class Prune(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the oldest of a kind: all but the newest `keep`, and those from before `since`."""

    kind: Kind
    keep: int
    since: float = 0.0
    """Unix seconds, compared with `at`."""
    spare: int = 0
    """So many of the newest stay however old they seem: a wall clock may be years ahead."""


Change = Put | Drop | Prune


class Backend(Protocol):
    """Keeps rows. Thread-safe. Every operation may raise `StoreError`."""

    def commit(self, changes: Sequence[Change], *, durable: bool = True) -> bool:
        """Make the changes in order, all or none; False: a `new` key was there, nothing changed.

        What is not `durable` survives the end of the process and may be lost with the power,
        until a later durable commit makes it durable too.

        Raises:
            StoreFull: no room; nothing changed.
        """

    def row(self, kind: Kind, key: str) -> Row | None:
        """One row."""

    def rows(self, kind: Kind, *, site: str | None = None, newest: int | None = None
             ) -> tuple[Row, ...]:
        """Rows in ascending order of number; of one site, and only the newest, where asked."""

    def close(self) -> None:
        """Let go of what is held. Everything else raises afterwards."""


def read_body(row: Row, form: type[T]) -> T | None:
    """The body of a row; None, and said in the log, where the bytes are no such thing.

    subtle: SQLite has no checksums over what it stores, so a flipped bit may end up here. One
    unreadable row must not keep the hub from starting; it stays where it is until it is pruned.
    """
    try:
        return msgspec.json.decode(row.body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.error("store.row_unreadable", form=form.__name__, key=row.key, reason=str(error))
        return None
