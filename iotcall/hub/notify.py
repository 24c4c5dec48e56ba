"""Tell systemd that the hub is ready, alive, or ending. Leaves out: being alive (the caller knows).

The protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html and
sd_watchdog_enabled(3). Outside of systemd, where NOTIFY_SOCKET is unset, everything does nothing.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

import structlog

from iotcall.hub.logs import fault

_STATUS_LIMIT_CHARACTERS = 200
_SEND_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Notifier:
    """Thread-safe. Never raises: a hub that cannot be heard still serves."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog_seconds(environment) if self._address else None
        """Silence after which systemd ends us; None: it does not watch."""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def ready(self, status: str = "") -> bool:
        """The hub serves. Whether systemd was told, as of all that follow."""
        return self._send("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`; never what people said."""
        return self._send(*_status(text))

    def stopping(self) -> bool:
        """The hub ends; the watchdog is petted no more."""
        self.close()
        return self._send("STOPPING=1")

    def watch(self, alive: Callable[[], bool]) -> None:
        """Pet the watchdog at half of its interval, on a thread, while `alive` says so.

        `alive` must answer soon; one that fails or hangs counts as dead, and systemd ends us.
        """
        if self.watchdog_seconds is None or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._pet, args=[alive, self.watchdog_seconds / 2],
                                        name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread of `watch`."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_SEND_SECONDS + 1)

    def __enter__(self) -> Notifier:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _pet(self, alive: Callable[[], bool], interval_seconds: float) -> None:
        before = True
        while True:
            good = _says_so(alive)
            if good:
                self._send("WATCHDOG=1")
            elif before:
                _log.error("watchdog.not_alive", ends_in_seconds=self.watchdog_seconds)
            before = good
            if self._ended.wait(interval_seconds):
                return

    def _send(self, *lines: str) -> bool:
        if not self._address or not lines:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(_SEND_SECONDS)
                out.connect(self._address)
                out.sendall("\n".join(lines).encode(errors="replace"))
        except OSError as error:
            _log.warning("notify.failed", reason=str(error), told=lines[0].partition("=")[0])
            return False
        return True


def _says_so(alive: Callable[[], bool]) -> bool:
    try:
        return bool(alive())
    except Exception as error:  # whatever it is, it is no sign of life
        _log.error("watchdog.asked_in_vain", fault=fault(error))
        return False


def _status(text: str) -> list[str]:
    plain = " ".join(text.split())[:_STATUS_LIMIT_CHARACTERS]
    return [f"STATUS={plain}"] if plain else []


def _address(given: str) -> str:
    """A path, or an abstract name, for which systemd writes @ in place of the null byte."""
    if given.startswith("@"):
        return "\0" + given[1:]
    if given and not given.startswith("/"):  # vsock: of virtual machines, for one
        _log.warning("notify.unknown_socket", expected="a path or @name")
        return ""
    return given


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC in seconds, where it is meant for this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None
