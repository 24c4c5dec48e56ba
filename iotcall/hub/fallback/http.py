"""POST to an OpenAI-compatible service, bounded in time and bytes: the only module that opens a
connection of its own. Leaves out: what is asked (prompt) and what an answer means (answer).

One new connection a request, no redirects, no proxies, no cookies, no compression. The deadline
holds for the whole exchange: looking the name up, connecting, TLS, and every byte of the answer.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from iotcall.hub.fallback.failure import Failed
from iotcall.hub.fallback.settings import Endpoint

LARGEST_ANSWER = 262_144
"""Bytes of an answer's body; four calls are one kilobyte."""

Transport = Callable[[bytes, float], bytes | Failed]
"""Request body and monotonic deadline -> the answer's body; what goes wrong is a value."""


def http_transport(endpoint: Endpoint, key: str = "", *,
                   context: ssl.SSLContext | None = None) -> Transport:
    """Posts to the endpoint.

    Args:
        key: sent as a bearer token; empty: none is.
        context: the system's certificate authorities, or those of SSL_CERT_FILE, where it is left
            out.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json",
               "User-Agent": "iotcall", "Connection": "close"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if endpoint.tls and context is None:
        context = ssl.create_default_context()

    def post(body: bytes, deadline: float) -> bytes | Failed:
        try:
            return _exchange(endpoint, headers, context if endpoint.tls else None, body, deadline)
        except TimeoutError:
            return Failed("too_slow", "no whole answer in time")
        except ssl.SSLCertVerificationError as error:
            return Failed("untrusted", f"{endpoint}: {error.verify_message}; name its certificate "
                                       "authority in SSL_CERT_FILE")
        except (ConnectionError, socket.gaierror) as error:
            return Failed("unreachable", f"{endpoint}: {error.strerror or type(error).__name__}")
        except http.client.HTTPException as error:
            # subtle: by name only, as their messages quote the answer
            return Failed("unreadable", f"{endpoint}: {type(error).__name__}")
        except (OSError, UnicodeError) as error:
            return Failed("unreachable", f"{endpoint}: {error}")

    return post


def _exchange(endpoint: Endpoint, headers: Mapping[str, str], context: ssl.SSLContext | None,
              body: bytes, deadline: float) -> bytes | Failed:
    connected = _connected(endpoint, deadline)
    try:
        if context is not None:
            connected.settimeout(_left(deadline))
            connected = context.wrap_socket(connected, server_hostname=endpoint.host)
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port)
        connection.default_port = 443 if endpoint.tls else 80
        bounded: Any = _Bounded(connected, deadline)
        connection.sock = bounded
        connection.request("POST", endpoint.path, body, dict(headers))
        return _answer(connection.getresponse(), endpoint)
    finally:
        connected.close()


def _answer(response: http.client.HTTPResponse, endpoint: Endpoint) -> bytes | Failed:
    with response:
        if 300 <= response.status < 400:
            return Failed("redirected", f"HTTP {response.status}; name the address that {endpoint} "
                                        "redirects to in fallback.url")
        if response.status != 200:
            # subtle: its text is not looked at: services quote keys and questions there
            return Failed("refused", f"HTTP {response.status}{_advice(response.status)}")
        if (response.length or 0) > LARGEST_ANSWER:
            return Failed("too_large", f"{response.length} bytes; expected {LARGEST_ANSWER} at "
                                       "most")
        body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        return Failed("too_large", f"more than {LARGEST_ANSWER} bytes")
    return body


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return "; is the key in fallback.api_key_env right?"
        case 404:
            return "; are fallback.url and fallback.model right?"
        case 429:
            return "; the service is asked too often"
        case _:
            return ""


def _connected(endpoint: Endpoint, deadline: float) -> socket.socket:
    """A connection to the first of the host's addresses that takes one; each gets its share of the
    time that is left."""
    found = _addresses(endpoint, deadline)
    fault: OSError = ConnectionError("no address")
    for index, (family, kind, protocol, _, address) in enumerate(found):
        tried = socket.socket(family, kind, protocol)
        try:
            tried.settimeout(_left(deadline) / (len(found) - index))
            tried.connect(address)
            tried.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return tried
        except OSError as error:
            tried.close()
            fault = error
    raise fault


def _addresses(endpoint: Endpoint, deadline: float) -> list[Any]:
    """The host's addresses. subtle: a system's resolver knows no deadline and may take half a
    minute where the router is down, so it is asked on a thread that nobody has to wait for."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name="fallback-lookup", daemon=True).start()
    try:
        found = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


class _Bounded:
    """A connected socket whose every wait ends at the deadline: what http.client needs of one."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = connected, deadline

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(_left(self._deadline))
        self._socket.sendall(data)  # the timeout is of the whole call

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._socket, self._deadline))

    def close(self) -> None:
        """Nothing: http.client closes the socket before it has read from it."""


class _Incoming(io.RawIOBase):
    """Bytes of a socket until the deadline, however slowly they trickle."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = connected, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds to the deadline, more than none: a timeout of 0 would mean not to wait at all.

    Raises:
        TimeoutError: it has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
