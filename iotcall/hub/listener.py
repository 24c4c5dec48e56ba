"""A tiny HTTP server for GET /metrics and GET /healthz. Leaves out: what they say.

One thread, one request after the other, each bounded in size and time: whoever talks slowly delays
the next scrape, and nothing else. No TLS and no password: listen where only those who may read can
connect. HTTP/1.1 as far as that needs (RFC 9112); each connection serves one request.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

import structlog

from iotcall.errors import InputError
from iotcall.hub.exposition import CONTENT_TYPE
from iotcall.hub.logs import fault

_REQUEST_LIMIT_BYTES = 8192
_REQUEST_SECONDS = 2.0
"""From the connection to the last byte of the answer."""
_BACKLOG = 8
_PAUSE_SECONDS = 0.1
_STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
           500: "Internal Server Error", 503: "Service Unavailable"}
_TEXT = "text/plain; charset=utf-8"

_log = structlog.get_logger(__name__)


class MetricsListener:
    """Serves from `start` to `close`."""

    def __init__(self, address: tuple[str, int], *, metrics: Callable[[], str],
                 healthy: Callable[[], bool] = lambda: True) -> None:
        """Take the address; with port 0 the system chooses one.

        Args:
            metrics: the body of /metrics.
            healthy: whether /healthz answers 200 or 503. Both run on this server's thread.

        Raises:
            InputError: the address is in use, or not one of this machine's.
        """
        host, port = address
        self._metrics, self._healthy = metrics, healthy
        self._closing = threading.Event()
        try:
            family, *_, place = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._server = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
        except OSError as error:
            raise InputError(f"metrics cannot listen at {host}:{port}: {error.strerror or error}; "
                             "name another address") from error
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens at."""
        host, port = self._server.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Let go of the address; a request in hand is finished."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(2 * _REQUEST_SECONDS)
        self._server.close()

    def __enter__(self) -> MetricsListener:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closing; or the process has no more files, or it was gone at once
                if self._closing.wait(_PAUSE_SECONDS):
                    return
                continue
            with connection, contextlib.suppress(OSError):  # slow, or gone
                self._answer(connection, time.monotonic() + _REQUEST_SECONDS)

    def _answer(self, connection: socket.socket, deadline: float) -> None:
        head = _read_head(connection, deadline)
        status, kind, body = self._response(head)
        allow = "Allow: GET\r\n" if status == 405 else ""
        told = (f"HTTP/1.1 {status} {_STATUS[status]}\r\nContent-Type: {kind}\r\n{allow}"
                f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n"
                "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n").encode() + body
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        connection.sendall(told)
        connection.shutdown(socket.SHUT_WR)

    def _response(self, head: bytes | None) -> tuple[int, str, bytes]:
        line = head.split(b"\r\n", 1)[0].split(b" ") if head else []
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
            return 400, _TEXT, b"bad request\n"
        path = line[1].split(b"?", 1)[0]
        if path not in (b"/metrics", b"/healthz"):
            return 404, _TEXT, b"there are /metrics and /healthz\n"
        if line[0] != b"GET":
            return 405, _TEXT, b"GET only\n"
        try:
            if path == b"/metrics":
                return 200, CONTENT_TYPE, self._metrics().encode()
            good = self._healthy()
        except Exception as error:  # another part's fault; it must not end this thread
            _log.error("metrics.failed", fault=fault(error))
            return 500, _TEXT, b"failed\n"
        state = json.dumps({"status": "ok" if good else "unhealthy"}).encode() + b"\n"
        return (200 if good else 503), "application/json", state


def _read_head(connection: socket.socket, deadline: float) -> bytes | None:
    """The request up to its empty line; None: too long, or it ended early.

    Raises:
        OSError: not there by the (monotonic) deadline.
    """
    head = b""
    while b"\r\n\r\n" not in head:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(4096)
        if not chunk or len(head) + len(chunk) > _REQUEST_LIMIT_BYTES:
            return None
        head += chunk
    return head
