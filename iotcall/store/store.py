"""What the hub keeps over restarts, in one file. Leaves out: how rows are kept (sqlite).

    with open_store(Path("hub.db")) as store:
        entry_id = store.journal.begin(key, "kitchen", None, [Intended(command=b"{}")])

Reads and writes may come from several threads; each waits for the one before it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec
import structlog

from iotcall.errors import FileError
from iotcall.store.backend import Backend
from iotcall.store.clocks import Clocks
from iotcall.store.journal import Journal
from iotcall.store.lists import Lists
from iotcall.store.sessions import Sessions
from iotcall.store.sqlite import Damaged, SqliteBackend, create_file
from iotcall.store.timers import Timers

_log = structlog.get_logger(__name__)


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept, and how long an open may wait."""

    max_bytes: int = 32 << 20
    """What the file may grow to; `StoreFull` from there on."""
    journal_entries: int = 2000
    """Utterances with commands; the oldest go."""
    journal_days: int = 30
    """Older ones go."""
    busy_seconds: float = 5.0
    """How long to wait for a process that holds the file, such as one that is just ending."""


class Store:
    """Opened by `open_store`, closed by its `with` block."""

    def __init__(self, backend: Backend, clocks: Clocks, settings: StoreSettings, *,
                 put_aside: Path | None = None) -> None:
        self.journal = Journal(backend, clocks, entries=settings.journal_entries,
                               days=settings.journal_days)
        self.timers = Timers(backend, clocks)
        self.lists = Lists(backend, clocks)
        self.sessions = Sessions(backend, clocks)
        self.put_aside = put_aside
        """Where a damaged file was put; what it held is not here, and people must be told."""
        self._backend = backend

    def close(self) -> None:
        self._backend.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def open_store(path: Path, settings: StoreSettings | None = None, *,
               clocks: Clocks | None = None) -> Store:
    """The store in this file; a new one where there is none, readable by its owner only.

    A damaged file is renamed to `NAME.corrupt-<date>`, a new one begun, and `put_aside` and the
    log say so. Opening and reading work on a full disk.

    Raises:
        FileError: a file of a newer version, of another program, or one that cannot be opened.
        StoreError: another process holds it.
        StoreFull: a new file on a full disk.
    """
    settings, clocks = settings or StoreSettings(), clocks or Clocks()
    put_aside = None
    try:
        backend = _opened(path, settings)
    except Damaged as damaged:
        put_aside = _put_aside(path, clocks.wall())
        _log.error("store.put_aside", path=str(path), aside=str(put_aside), reason=str(damaged))
        backend = _opened(path, settings)
    return Store(backend, clocks, settings, put_aside=put_aside)


def state_file(name: str) -> Path:
    """Where a hub of that name keeps its state, by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base) / "iotcall"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FileError(folder, f"cannot be made: {error.strerror}; name a file with --store"
                        ) from error
    return folder / f"{name}.db"


def _opened(path: Path, settings: StoreSettings) -> SqliteBackend:
    create_file(path)
    return SqliteBackend(path, max_bytes=settings.max_bytes, busy_seconds=settings.busy_seconds)


def _put_aside(path: Path, at: float) -> Path:
    """Rename the file, and its log with it, to a name that is free; the new name."""
    date = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside, again = path.with_name(f"{path.name}.corrupt-{date}"), 1
    while aside.exists():
        again += 1
        aside = path.with_name(f"{path.name}.corrupt-{date}-{again}")
    try:
        for suffix in ("-wal", ""):  # the log first: no new file may find an old log
            found = path.with_name(path.name + suffix)
            if found.exists():
                found.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise FileError(path, f"is damaged and cannot be renamed: {error.strerror}; move it away "
                        "by hand") from error
    return aside
