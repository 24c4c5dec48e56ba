"""Who holds what among workers on one Redis: sites, duties, and who is alive. Leaves out: rows.

A lease is a key with a random token that expires. A thread of its own holds what is held longer,
three times in each lease, until it is given back; so a site is free again one lease after its
worker has died. A worker that was too slow to hold its lease (a paused machine) commits nothing:
the commit looks at the token in the same step (`RedisBackend.fences`).
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator

import structlog

from iotcall.errors import StoreError
from iotcall.store import scripts
from iotcall.store.redis import RedisBackend, Server

_ASK_SECONDS = 0.02  # how often a lease is asked for that another holds
_PATIENCE_SECONDS = 2.0  # one that does not ask for so long has died while it waited
_RENEWALS = 3  # in the time of one lease

_log = structlog.get_logger(__name__)


class Leases:
    """`Sharing` on a server."""

    shared = True

    def __init__(self, server: Server, backend: RedisBackend, lease_seconds: float) -> None:
        self.run = secrets.token_hex(8)
        self._server, self._backend, self._seconds = server, backend, lease_seconds
        self._held: dict[str, str] = {}  # key -> token
        self._changing = threading.Lock()
        self._pause = threading.Event()
        self._ended = threading.Event()
        self._runs = self._key("runs")
        # subtle: alive before it is listed, or it would be gone in between
        self._hold(self._alive(self.run), self.run)
        self._list()
        self._keeper = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._keeper.start()

    @contextlib.contextmanager
    def lock(self, site: str, deadline: float) -> Iterator[None]:
        key, fences = self._key(f"lock:{site}"), self._backend.fences
        if key in fences:
            yield
            return
        token = secrets.token_hex(16)
        keys = [key, f"{key}:waiting", f"{key}:asked"]
        try:
            while not self._server.run(scripts.TAKE, keys, [
                    token, _ms(self._seconds), _ms(_PATIENCE_SECONDS)]):
                if time.monotonic() >= deadline:
                    raise StoreError(f"{self._server.address}: another worker holds {site!r} still")
                self._pause.wait(_ASK_SECONDS)
            with self._changing:
                self._held[key] = token
            fences[key] = token
            yield
        finally:
            fences.pop(key, None)
            with self._changing:
                self._held.pop(key, None)
            with contextlib.suppress(StoreError):  # then it expires
                self._server.run(scripts.RELEASE, keys, [token])

    def is_ours(self, duty: str, seconds: float) -> bool:
        return bool(self._server.run(scripts.HOLD, [self._key(f"duty:{duty}")],
                                     [self.run, _ms(seconds)]))

    def is_echo(self, of: str, word: str, seconds: float) -> bool:
        return bool(self._server.run(scripts.ECHO, [self._key(f"echo:{of}")],
                                     [word, _ms(seconds)], again=False))

    def gone(self) -> tuple[str, ...]:
        listed = sorted(run.decode() for run in self._server.ask(
            lambda client: client.smembers(self._runs)))
        return tuple(run for run in listed if not self._is_alive(run))

    def _is_alive(self, run: str) -> bool:
        return bool(self._server.ask(lambda client: client.exists(self._alive(run))))

    def forget(self, run: str) -> None:
        self._server.ask(lambda client: client.srem(self._runs, run))

    def close(self) -> None:
        self._ended.set()
        self._keeper.join()
        with contextlib.suppress(StoreError):  # then others see that we are gone
            self.forget(self.run)
            self._server.ask(lambda client: client.delete(self._alive(self.run)))

    def _list(self) -> None:
        self._server.ask(lambda client: client.sadd(self._runs, self.run))

    def _hold(self, key: str, token: str) -> None:
        self._server.run(scripts.HOLD, [key], [token, _ms(self._seconds)])

    def _keep(self) -> None:
        while not self._ended.wait(self._seconds / _RENEWALS):
            with self._changing:
                held = dict(self._held)
            try:
                self._hold(self._alive(self.run), self.run)
                self._list()  # we may have been taken for gone while the server was away
                for key, token in held.items():
                    if not self._server.run(scripts.RENEW, [key], [token, _ms(self._seconds)]) and (
                            key in self._held):
                        _log.warning("lease.lost", key=key)
            except StoreError as error:
                _log.warning("leases.not_held", reason=str(error))

    def _alive(self, run: str) -> str:
        return self._key(f"alive:{run}")

    def _key(self, name: str) -> str:
        return f"{self._server.base}{name}"


def _ms(seconds: float) -> int:
    return max(1, round(1000 * seconds))
