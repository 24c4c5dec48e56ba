"""A broker for the demo: the installed mosquitto, else amqtt. Leaves out: anything lasting."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.errors import BrokerError

BrokerName = Literal["mosquitto", "amqtt"]

_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # often not on PATH
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_ATTEMPTS = 3  # another process may take the free port before the broker does


class RunningBroker(msgspec.Struct, frozen=True):
    """A broker that listens."""

    name: BrokerName
    url: str


@contextlib.contextmanager
def running_broker(name: BrokerName | None = None) -> Iterator[RunningBroker]:
    """Start a broker on a free port of 127.0.0.1; it ends with the block.

    Args:
        name: which one; None takes mosquitto where it is installed.

    Raises:
        BrokerError: neither is installed, or it does not start.
    """
    chosen = name or ("mosquitto" if find_mosquitto() else "amqtt")
    with tempfile.TemporaryDirectory(prefix="iotcall-broker-") as folder:
        process, port = _start(chosen, Path(folder))
        try:
            yield RunningBroker(chosen, f"mqtt://127.0.0.1:{port}")
        finally:
            _stop(process)


def find_mosquitto() -> str | None:
    """Path of the installed mosquitto, also where distributions hide it from users."""
    return shutil.which("mosquitto", path=os.pathsep.join([os.defpath, *_SYSTEM_FOLDERS])) or (
        shutil.which("mosquitto"))


def _start(name: BrokerName, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "broker.log"
    for _ in range(_ATTEMPTS):
        port = _free_port()
        with log.open("wb") as output:
            # A session of its own: Ctrl-C in the terminal is for the prompt, not for the broker.
            process = subprocess.Popen(_command(name, folder, port), stdout=output, stderr=output,
                                       start_new_session=True)
        if _listens(process, port):
            return process, port
        _stop(process)
    said = log.read_text(errors="replace").strip().splitlines()
    raise BrokerError(f"{name} does not start: {said[-1] if said else 'it says nothing'}")


def _command(name: BrokerName, folder: Path, port: int) -> list[str]:
    if name == "amqtt":
        if importlib.util.find_spec("amqtt") is None:
            raise BrokerError("no broker for the demo: install mosquitto (apt install mosquitto), "
                              "or amqtt (pip install 'iotcall[demo]'), or name a running one with "
                              "--broker mqtt://host:port")
        return [sys.executable, "-m", "iotcall.demo.embedded", str(port)]
    program = find_mosquitto()
    if program is None:
        raise BrokerError("mosquitto is not installed: apt install mosquitto")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                      "set_tcp_nodelay true\npersistence false\n")
    folder.chmod(0o755)  # mosquitto leaves root behind before it reads everything
    return [program, "-c", str(config)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process.poll() is None
        pause.wait(_POLL_SECONDS)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
