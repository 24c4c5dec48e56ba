"""The real Redis or Valkey of the tests. Where there is none they are skipped, except in CI."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

_DEADLINE_SECONDS = 20.0
_MISSING = "needs a real Redis or Valkey: apt-get install redis-server (or valkey-server)"


def redis_program() -> str:
    """Path of the installed server; skips the test, or fails it in CI, where there is none."""
    for name in ("redis-server", "valkey-server"):
        if program := shutil.which(name):
            return program
    if os.environ.get("CI"):
        pytest.fail(_MISSING)
    pytest.skip(_MISSING)


class RedisServer:
    """A server process that keeps what it has in a folder, as a journal needs it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
                          "--save", "", "--appendonly", "yes", "--appendfsync", "always", *settings]
        self._log = folder / "redis.log"

    def url(self, prefix: str = "test") -> str:
        return f"redis://127.0.0.1:{self.port}/0?prefix={prefix}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([redis_program(), *self._settings], stdout=log,
                                             stderr=log)
        pause, deadline = threading.Event(), time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(
                    ("127.0.0.1", self.port), timeout=1) as asking:
                asking.sendall(b"PING\r\n")
                if asking.recv(64).startswith((b"+PONG", b"-NOAUTH")):
                    return
            pause.wait(0.02)
        pytest.fail("waited in vain for redis-server to listen")

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(_DEADLINE_SECONDS)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_DEADLINE_SECONDS)
