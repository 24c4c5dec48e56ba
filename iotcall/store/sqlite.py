"""Rows in one SQLite file. Leaves out: what the rows mean.

One connection, which holds the file alone (`locking_mode=EXCLUSIVE`), for three reasons: two hubs
on one file would each send the other's commands; the write-ahead log then needs no shared memory
file, so that the store opens and reads on a disk without a free byte; and there is one writer.
Sources: https://www.sqlite.org/wal.html (8, without shared memory), /pragma.html, /rescode.html.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from iotcall.errors import FileError, StoreError, StoreFull
from iotcall.store.backend import Change, Drop, Kind, Prune, Put, Row

APPLICATION_ID = 0x696F7463
"""`iotc` in the file's header: no other program's database is taken for ours."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # AUTOINCREMENT: a number that was pruned is never given again.
        "CREATE TABLE record (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
        " key TEXT NOT NULL, site TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,"
        " UNIQUE (kind, key))",
        "CREATE INDEX record_by_kind ON record (kind)",  # the number is in every index
        "CREATE INDEX record_by_site ON record (kind, site)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)
"""What leads from each version of the file to the next; `user_version` counts them."""

_LOG_PAGES = 256  # after which the write-ahead log is written back
_LOG_KEPT_BYTES = 1 << 20  # of the log, after that

_PRUNE = """
DELETE FROM record WHERE kind = :kind AND (
  number <= (SELECT number FROM record WHERE kind = :kind
             ORDER BY number DESC LIMIT 1 OFFSET :keep)
  OR (at < :since AND number <= (SELECT number FROM record WHERE kind = :kind
                                 ORDER BY number DESC LIMIT 1 OFFSET :spare)))
"""


class Damaged(StoreError):
    """The file is no whole SQLite database."""


class SqliteBackend:
    """A `Backend` in a file that is there; `open_store` is what one calls."""

    def __init__(self, path: Path, *, max_bytes: int, busy_seconds: float,
                 migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        """Open, check and migrate.

        Raises:
            Damaged: no database, or not a whole one.
            FileError: of a newer version, of another program, or it cannot be opened.
            StoreError: another process holds it, after `busy_seconds` of waiting.
            StoreFull: the migration found no room.
        """
        self._path, self._max_bytes = path, max_bytes
        self._lock = threading.RLock()
        self._durable: bool | None = None
        with _log_held(path), self._translated(opening=True):
            self._connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None,
                                               check_same_thread=False)
            try:
                self._prepare(migrations)
            except BaseException:
                self._connection.close()
                raise

    def commit(self, changes: Sequence[Change], *, durable: bool = True) -> bool:
        with self._lock, self._translated():
            self._synchronise(durable)
            with self._transaction():
                for change in changes:
                    if not self._made(change):
                        self._execute("ROLLBACK")
                        return False
            return True

    def row(self, kind: Kind, key: str) -> Row | None:
        with self._lock, self._translated():
            found = self._execute("SELECT number, key, site, at, body FROM record"
                                  " WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if found is None else Row(*found)

    def rows(self, kind: Kind, *, site: str | None = None, newest: int | None = None
             ) -> tuple[Row, ...]:
        where = "kind = :kind" + ("" if site is None else " AND site = :site")
        with self._lock, self._translated():
            found = self._execute(
                f"SELECT number, key, site, at, body FROM record WHERE {where}"
                " ORDER BY number DESC LIMIT :newest",
                {"kind": kind, "site": site, "newest": -1 if newest is None else newest}).fetchall()
        return tuple(Row(*each) for each in reversed(found))

    def close(self) -> None:
        with self._lock, self._translated():
            self._connection.close()

    def limit(self, max_bytes: int) -> None:
        """Let the file grow to so many bytes from now on; one that is larger stays as it is."""
        with self._lock, self._translated():
            self._max_bytes = max_bytes
            page_bytes = self._pragma("page_size")
            self._execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_bytes)}")

    def _prepare(self, migrations: Sequence[Sequence[str]]) -> None:
        """subtle: the lock comes before the first read, or the log would want shared memory."""
        self._execute("PRAGMA locking_mode = EXCLUSIVE")
        self._execute("PRAGMA temp_store = MEMORY")
        version = self._pragma("user_version")
        tables = self._execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if self._pragma("application_id") != APPLICATION_ID and (version or tables):
            raise FileError(self._path, "is a database of another program; name another file for "
                            "what the hub keeps")
        if version > len(migrations):
            raise FileError(self._path, f"is of version {version}, and this iotcall knows "
                            f"versions up to {len(migrations)}; update iotcall, or name another "
                            "file and leave this one as it is")
        if (told := self._execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise Damaged(f"{self._path}: is damaged: {told}")
        self._execute("PRAGMA journal_mode = WAL")
        self._execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        self._execute(f"PRAGMA journal_size_limit = {_LOG_KEPT_BYTES}")
        self.limit(self._max_bytes)
        self._synchronise(True)
        for number, statements in enumerate(migrations[version:], start=version + 1):
            with self._transaction():
                for statement in statements:
                    self._execute(statement)
                self._execute(f"PRAGMA user_version = {number}")

    def _made(self, change: Change) -> bool:
        """Whether it could be made; False for a new key that was there."""
        match change:
            case Put():
                clause = ("DO NOTHING" if change.new else "DO UPDATE SET site = excluded.site,"
                          " at = excluded.at, body = excluded.body")
                put = self._execute("INSERT INTO record (kind, key, site, at, body)"
                                    f" VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, key) {clause}",
                                    (change.kind, change.key, change.site, change.at, change.body))
                return put.rowcount == 1
            case Drop():
                self._execute("DELETE FROM record WHERE kind = ? AND key = ?",
                              (change.kind, change.key))
            case Prune():
                self._execute(_PRUNE, {"kind": change.kind, "keep": change.keep,
                                       "since": change.since, "spare": change.spare})
        return True

    def _execute(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()
                 ) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _synchronise(self, durable: bool) -> None:
        if durable is not self._durable:
            # NORMAL leaves the log to the system: survives us, perhaps not the power.
            self._execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _pragma(self, name: str) -> int:
        return int(self._execute(f"PRAGMA {name}").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; whoever rolls back in the block has the rest skipped."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            if self._connection.in_transaction:
                self._execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some errors have rolled back already
                self._execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _translated(self, *, opening: bool = False) -> Iterator[None]:
        """Errors of SQLite as ours: https://www.sqlite.org/rescode.html."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it says where
            if code == sqlite3.SQLITE_FULL:
                raise StoreFull(self._path, self._max_bytes) from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise Damaged(f"{self._path}: is damaged ({error}); the next start puts it "
                              "aside and begins a new one") from error
            if code == sqlite3.SQLITE_BUSY:
                raise StoreError(f"{self._path}: another process holds it; stop the other hub, or "
                                 "name another file for one of the two") from error
            if opening:
                raise FileError(self._path, f"cannot be opened for writing: {error}") from error
            raise StoreError(f"{self._path}: cannot be read or written: {error}") from error


@contextlib.contextmanager
def _log_held(path: Path) -> Iterator[None]:
    """Keep the log of a file that turns out to be damaged.

    subtle: SQLite deletes it where it cannot read the file's header, and it holds the latest
    commits. So it has a second name meanwhile.
    """
    log, held = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-wal.held")
    with contextlib.suppress(OSError):  # mostly there is no log, and some disks know no links
        held.unlink(missing_ok=True)
        held.hardlink_to(log)
    try:
        yield
    except Damaged:
        with contextlib.suppress(OSError):
            held.replace(log)
        raise
    finally:
        with contextlib.suppress(OSError):
            held.unlink(missing_ok=True)


def create_file(path: Path) -> None:
    """An empty file that only its owner may read: it will hold what was said at home.

    Raises:
        FileError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(path.parent, f"cannot be made: {error.strerror}") from error
    if path.exists():
        return
    try:
        # subtle: never open a file that is there: closing it would drop SQLite's lock on it, which
        # belongs to the process (fcntl(2), https://www.sqlite.org/howtocorrupt.html 2.2).
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or the name may be lost with the power
        finally:
            os.close(folder)
    except OSError as error:
        raise FileError(path, f"cannot be made: {error.strerror}") from error
