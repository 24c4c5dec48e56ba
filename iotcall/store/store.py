"""What the hub keeps over restarts: in one file, or on a server that workers share.

Leaves out: how rows are kept (sqlite, redis).

    with open_store(Path("hub.db")) as store:
        entry_id = store.journal.begin(key, "kitchen", None, [Intended(command=b"{}")])

Reads and writes may come from several threads; each waits for the one before it.
"""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec
import structlog

from iotcall.errors import FileError, InputError
from iotcall.store.backend import Backend
from iotcall.store.clocks import Clocks
from iotcall.store.hands import Hands
from iotcall.store.journal import Journal
from iotcall.store.lists import Lists
from iotcall.store.notes import Notes
from iotcall.store.sessions import Sessions
from iotcall.store.sharing import Alone, Sharing
from iotcall.store.sqlite import Damaged, SqliteBackend, create_file
from iotcall.store.timers import Timers

_LOCK_SECONDS = 10.0

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
    """How long to wait for a process that holds the file, such as one that is just ending; or for
    an answer of the server."""
    sites: int = 64
    """Sessions; the least recently put go."""
    limited_devices: int = 1024
    """Of which it is known when they were last told something; the ones told longest ago go."""
    lease_seconds: float = 10.0
    """On a server: how long after its worker has died a site is another's to serve."""


SHARED = StoreSettings(max_bytes=1 << 30, journal_entries=20_000, sites=20_000)
"""For a server: more sites, more utterances."""


class Store:
    """Opened by `open_store`, closed by its `with` block."""

    def __init__(self, backend: Backend, clocks: Clocks, settings: StoreSettings, *,
                 put_aside: Path | None = None, sharing: Sharing | None = None) -> None:
        self.sharing: Sharing = sharing or Alone()
        self.journal = Journal(backend, clocks, entries=settings.journal_entries,
                               days=settings.journal_days, run=self.sharing.run)
        self.timers = Timers(backend, clocks)
        self.lists = Lists(backend, clocks)
        self.sessions = Sessions(backend, clocks, sites=settings.sites,
                                 one_clock=self.sharing.shared)
        self.hands = Hands(backend, clocks)
        self.tries = Notes(backend, clocks, "tries", lock=self.lock, most=1, durable=True)
        """Of PINs."""
        self.site_rates = Notes(backend, clocks, "site_rate", lock=self.lock, most=settings.sites)
        self.device_rates = Notes(backend, clocks, "device_rate", lock=self.lock,
                                  most=settings.limited_devices)
        self.put_aside = put_aside
        """Where a damaged file was put; what it held is not here, and people must be told."""
        self._backend = backend

    @property
    def shared(self) -> bool:
        """Whether other workers may be on it."""
        return self.sharing.shared

    def lock(self, site: str = "", deadline: float | None = None
             ) -> contextlib.AbstractContextManager[None]:
        """Hold a site, or what belongs to the whole home, against other workers; alone: nothing.

        `deadline` is monotonic.

        Raises:
            StoreError: another worker still holds it at the deadline.
        """
        return self.sharing.lock(site, time.monotonic() + _LOCK_SECONDS if deadline is None
                                 else deadline)

    def close(self) -> None:
        self.sharing.close()
        self._backend.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def open_store(where: Path | str, settings: StoreSettings | None = None, *,
               clocks: Clocks | None = None) -> Store:
    """The store in this file; a new one where there is none, readable by its owner only. Or that
    on a server, ``redis://[[user]:password@]host[:port][/db][?prefix=NAME]``.

    A damaged file is renamed to `NAME.corrupt-<date>`, a new one begun, and `put_aside` and the
    log say so. Opening and reading work on a full disk.

    Raises:
        FileError: a file of a newer version, of another program, or one that cannot be opened.
        InputError: no such address, or the extra `cloud` is not installed.
        StoreError: another process holds it, or the server is not there.
        StoreFull: a new file on a full disk.
    """
    if isinstance(where, str) and "://" in where:
        return _on_server(where, settings or SHARED, clocks)
    path, settings, clocks = Path(where), settings or StoreSettings(), clocks or Clocks()
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


def _on_server(url: str, settings: StoreSettings, clocks: Clocks | None) -> Store:
    try:  # hubs have no redis
        from iotcall.store.leases import Leases
        from iotcall.store.redis import RedisBackend, Server, read_address
    except ModuleNotFoundError as error:
        raise InputError("a store on a server needs the package redis: pip install "
                         "'iotcall[cloud]'") from error
    server = Server(read_address(url), settings.busy_seconds)
    try:
        backend = RedisBackend(server, max_bytes=settings.max_bytes)
        sharing = Leases(server, backend, settings.lease_seconds)
    except BaseException:
        server.close()
        raise
    # The boot clocks of two machines mean nothing to each other; their wall clocks are kept by NTP.
    return Store(backend, clocks or Clocks(elapsed=time.time, boot="shared"), settings,
                 sharing=sharing)


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
