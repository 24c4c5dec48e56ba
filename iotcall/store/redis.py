"""Rows in Redis or Valkey, for several workers on one store. Leaves out: who holds what (leases).

How far what is kept survives depends on the server's settings (`redis.conf`):

- `appendonly yes` and `appendfsync always`: a commit is on the disk when it returns, as with
  SQLite.
- `appendfsync everysec`, the default of an append-only file: a server that loses its power loses
  the last second or two, and a command of that time may be sent again. Its process may crash.
- no append-only file: what was kept since the last snapshot is lost with the process.
- Replicas are no substitute: they are told after the commit has returned, and one that takes over
  may know less.

An evicting server forgets what was begun, so only `maxmemory-policy noeviction` is taken, or no
`maxmemory`. `durable` makes no difference: the server flushes all or nothing at once.
Sources: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ and
https://redis.io/docs/latest/develop/reference/eviction/
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from iotcall.errors import InputError, StoreError, StoreFull
from iotcall.store import scripts
from iotcall.store.backend import Change, Drop, Kind, Prune, Put, Row
from iotcall.store.sharing import LeaseLost

_EXPECTED = "expected redis://[[user]:password@]host[:port][/db][?prefix=NAME], or rediss://"
_PREFIX_LIMIT_CHARACTERS = 64
_SKEW_SECONDS = 1.0  # of two clocks; more shifts the time in which a question may be answered

_log = structlog.get_logger(__name__)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is, and which keys are ours."""

    host: str
    port: int = 6379
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: bool = False
    prefix: str = "iotcall"

    def __str__(self) -> str:
        """For messages and logs: never holds the password."""
        return (f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}/{self.database}"
                f"?prefix={self.prefix}")

    def __repr__(self) -> str:
        """As `__str__`."""
        return f"<Address {self}>"


class RedisFull(StoreFull):
    """Our share of the server's memory is used up, or (0) all of it."""

    def __init__(self, address: Address, limit_bytes: int) -> None:
        reached = f"our {limit_bytes / 2**20:g} MiB are" if limit_bytes else "its maxmemory is"
        StoreError.__init__(self, f"{address}: nothing more can be kept: {reached} used up; make "
                            "room, or allow more, and it goes on")
        self.path, self.limit_bytes = Path(str(address)), limit_bytes


class Server:
    """Runs our scripts. Thread-safe."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self.address = address
        self.base = f"{{{address.prefix}}}:"
        """What each of our keys begins with."""
        self._closed = False
        self._client = redis.Redis(
            host=address.host, port=address.port, db=address.database, ssl=address.tls,
            username=address.username, password=address.password,
            socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds,
            protocol=2, retry=Retry(NoBackoff(), 0), client_name="iotcall")

    def run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes | float], *,
            again: bool = True) -> Any:
        """The answer of a script. `again`: it does no harm twice, so that it is run once more where
        the connection was lost, as after a restart of the server.

        Raises:
            StoreError: says what to do.
        """
        with self.translated():
            registered = self._client.register_script(script)
            try:
                return registered(keys=list(keys), args=list(values))
            except redis.ConnectionError:
                if not again:
                    raise
                return registered(keys=list(keys), args=list(values))

    def ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        """The answer to a question that does no harm twice."""
        with self.translated():
            try:
                return question(self._client)
            except redis.ConnectionError:
                return question(self._client)

    def close(self) -> None:
        self._closed = True
        self._client.close()

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the server as ours."""
        if self._closed:
            raise StoreError(f"{self.address}: the store is closed")
        try:
            yield
        except redis.AuthenticationError as error:
            raise StoreError(f"{self.address}: refused us ({error}); check the password in the "
                             "store's address") from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise StoreError(f"{self.address}: cannot be reached ({type(error).__name__}); start "
                             "the server (e.g. `redis-server`), or name another with --store "
                             "redis://host:port") from error
        except redis.RedisError as error:
            if isinstance(error, redis.OutOfMemoryError) or "OOM" in str(error):
                raise RedisFull(self.address, 0) from error
            raise StoreError(f"{self.address}: did not do it: {error}") from error


class RedisBackend:
    """A `Backend` on a server; `open_store` is what one calls."""

    def __init__(self, server: Server, *, max_bytes: int) -> None:
        """Connect and look whether the server may be trusted with a journal.

        Raises:
            StoreError: it is not there, refuses us, or may evict what it keeps.
        """
        self._server, self._max_bytes = server, max_bytes
        self._base, self._counter = server.base, f"{server.base}number"
        self._local = threading.local()
        _check(server)

    @property
    def fences(self) -> dict[str, str]:
        """Leases that this thread holds, key -> token: it commits nothing without them."""
        held: dict[str, str] = self._local.__dict__.setdefault("held", {})
        return held

    def commit(self, changes: Sequence[Change], *, durable: bool = True) -> bool:
        pruned: set[Kind] = set()
        values: list[str | bytes | float] = []
        for change in changes:
            match change:
                case Put():
                    if change.new and change.kind in pruned:
                        raise ValueError("what is new is put before its kind is pruned")
                    values += ["new" if change.new else "put", change.kind, change.key,
                               _value(change), repr(change.at), change.site]
                case Drop():
                    values += ["drop", change.kind, change.key, "", "", ""]
                case Prune():
                    pruned.add(change.kind)
                    values += ["prune", change.kind, "", change.keep, repr(change.since),
                               change.spare]
        fences = [part for fence in self.fences.items() for part in fence]
        again = not any(isinstance(change, Put) and change.new for change in changes)
        made = self._server.run(
            scripts.COMMIT, [self._counter],
            [self._base, self._max_bytes, len(fences) // 2, *fences, *values], again=again)
        if made == -1:
            raise LeaseLost(f"{self._server.address}: another worker has taken over what we held; "
                            "nothing was changed")
        if made == -2:
            raise RedisFull(self._server.address, self._max_bytes)
        return bool(made)

    def row(self, kind: Kind, key: str) -> Row | None:
        rows = f"{self._base}{kind}"
        found = self._server.run(scripts.ROW, [rows, f"{rows}:number"], [key])
        return None if found is None else _row(found[0], key.encode(), found[1])

    def rows(self, kind: Kind, *, site: str | None = None, newest: int | None = None
             ) -> tuple[Row, ...]:
        if newest == 0:
            return ()
        rows = f"{self._base}{kind}"
        index = f"{rows}:number" if site is None else f"{rows}:site:{site}"
        found = self._server.run(scripts.ROWS, [rows, index],
                                 [-1 if newest is None else newest - 1])
        return tuple(_row(*found[at:at + 3]) for at in range(len(found) - 3, -1, -3))

    def close(self) -> None:
        self._server.close()


def read_address(url: str) -> Address:
    """The server of a URL; percent-escapes are resolved.

    Raises:
        InputError: shows the expected form; never repeats the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise InputError(f"the store's address is unreadable; {_EXPECTED}") from error
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.fragment:
        raise InputError(f"the store's address has no redis:// or no host; {_EXPECTED}")
    if unknown := sorted(set(asked) - {"prefix"}):
        raise InputError(f"the store's address has {unknown[0]!r}; {_EXPECTED}")
    database = parts.path.strip("/") or "0"
    if not database.isascii() or not database.isdigit():
        raise InputError(f"the store's address names a database that is no number; {_EXPECTED}")
    prefix = asked.get("prefix", ["iotcall"])[-1]
    if not prefix.isprintable() or len(prefix) > _PREFIX_LIMIT_CHARACTERS or {*"{}"} & {*prefix}:
        raise InputError(f"a prefix has up to {_PREFIX_LIMIT_CHARACTERS} characters and no braces")
    return Address(
        host=parts.hostname, port=port or 6379, database=int(database), prefix=prefix,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None, tls=parts.scheme == "rediss")


def _check(server: Server) -> None:
    info = server.ask(lambda client: client.info())
    if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        raise StoreError(f"{server.address}: may evict what it keeps ({info['maxmemory_policy']}); "
                         "set maxmemory-policy noeviction, or maxmemory 0")
    if not info.get("aof_enabled"):
        _log.warning("store.not_durable", server=str(server.address), hint="set appendonly yes")
    else:
        with contextlib.suppress(StoreError):  # some services forbid to look
            told = server.ask(lambda client: client.config_get("appendfsync"))["appendfsync"]
            if told != "always":
                _log.warning("store.not_durable", server=str(server.address), appendfsync=told,
                             hint="set appendfsync always")
    seconds, micros = server.ask(lambda client: client.time())
    skew = abs(seconds + micros / 1e6 - time.time())
    if skew > _SKEW_SECONDS:
        _log.warning("store.clocks_differ", server=str(server.address), seconds=round(skew, 1),
                     hint="keep the clocks of all machines by NTP")


def _value(put: Put) -> bytes:
    """Length of the site, site, then what no script looks at."""
    site = put.site.encode()
    return b"%d %s%s" % (len(site), site, msgspec.msgpack.encode((put.at, put.body)))


def _row(number: bytes, key: bytes, value: bytes) -> Row:
    length, _, rest = value.partition(b" ")
    at, body = msgspec.msgpack.decode(rest[int(length):], type=tuple[float, bytes])
    return Row(int(float(number)), key.decode(), rest[:int(length)].decode(), at, body)
