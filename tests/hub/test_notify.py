"""What systemd hears, on real sockets."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotcall.hub.notify import Notifier
from tests.hub.actors import DEADLINE_SECONDS


class Manager:
    """Plays systemd: a datagram socket, on a path or abstract."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(DEADLINE_SECONDS)

    def environment(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, **more}

    def heard(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def heard_nothing(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(DEADLINE_SECONDS)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@iotcall-{uuid.uuid4()}"
    played = Manager(address)
    yield played
    played.close()


def test_it_tells_ready_status_and_stopping(manager: Manager) -> None:
    with Notifier(manager.environment()) as notifier:
        assert notifier.ready("17 devices")
        assert manager.heard() == ["READY=1", "STATUS=17 devices"]
        assert notifier.status("broker is away")
        assert manager.heard() == ["STATUS=broker is away"]
        assert notifier.stopping()
        assert manager.heard() == ["STOPPING=1"]


def test_a_status_is_one_bounded_line(manager: Manager) -> None:
    with Notifier(manager.environment()) as notifier:
        notifier.status("two\nREADY=1\n" + "x" * 500)
        [line] = manager.heard()
        assert line.startswith("STATUS=two READY=1 xx")
        assert len(line) == len("STATUS=") + 200
        assert not notifier.status("\n")


def test_the_watchdog_is_petted_while_the_hub_is_alive(manager: Manager) -> None:
    with Notifier(manager.environment(WATCHDOG_USEC="40000")) as notifier:
        assert notifier.watchdog_seconds == 0.04
        notifier.watch(lambda: True)
        assert [manager.heard() for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize("fails", [False, True])
def test_a_hub_that_is_not_alive_is_not_petted_until_it_is_again(manager: Manager, fails: bool
                                                                 ) -> None:
    alive, asked = threading.Event(), threading.Semaphore(0)

    def answer() -> bool:
        asked.release()
        if fails and not alive.is_set():
            raise RuntimeError("no answer")
        return alive.is_set()

    with Notifier(manager.environment(WATCHDOG_USEC="20000")) as notifier:
        notifier.watch(answer)
        for _ in range(4):
            assert asked.acquire(timeout=DEADLINE_SECONDS)
        assert manager.heard_nothing()
        alive.set()
        assert manager.heard() == ["WATCHDOG=1"]


def test_nothing_is_petted_after_stopping(manager: Manager) -> None:
    notifier = Notifier(manager.environment(WATCHDOG_USEC="20000"))
    notifier.watch(lambda: True)
    manager.heard()
    notifier.stopping()
    notifier.close()
    told = [manager.heard()]
    while told[-1] != ["STOPPING=1"]:
        told.append(manager.heard())
    assert manager.heard_nothing()
    assert "watchdog" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("environment", [
    {}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "-5"},
    {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}])
def test_where_systemd_does_not_watch_us_no_thread_is_started(
        manager: Manager, environment: dict[str, str]) -> None:
    with Notifier(manager.environment(**environment)) as notifier:
        assert notifier.watchdog_seconds is None
        notifier.watch(lambda: True)
        assert "watchdog" not in [thread.name for thread in threading.enumerate()]
        assert manager.heard_nothing()


def test_a_watchdog_of_this_process_is_served(manager: Manager) -> None:
    environment = manager.environment(WATCHDOG_USEC="2000000", WATCHDOG_PID=str(os.getpid()))
    with Notifier(environment) as notifier:
        assert notifier.watchdog_seconds == 2.0


@pytest.mark.parametrize("environment", [
    {}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"},
    {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "20000"},
    {"NOTIFY_SOCKET": "/" + "x" * 200}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    with Notifier(environment) as notifier:
        notifier.watch(lambda: True)
        assert not notifier.ready("up")
        assert not notifier.stopping()
