"""A small home that fits on a page, the shipped one, and a real broker."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from iotcall.devices import Home, load_home
from iotcall.shipped import shipped
from tests.mosquitto import mosquitto_program

SMALL_HOME = """
name = "small"
rooms.den = { aliases = ["snug"] }
rooms.hall = {}
satellites = { den_satellite = "den", default = "" }

[[devices]]
name = "den light"
room = "den"
kind = "light"
driver = "zigbee2mqtt"
address = "den/a b"
[[devices]]
name = "den lamp"
room = "den"
kind = "light"
driver = "tasmota"
address = "lamp"
[[devices]]
name = "heater"
room = "hall"
kind = "thermostat"
driver = "zigbee2mqtt"
address = "trv"
attributes = { setpoint = "current_heating_setpoint" }
maximum_celsius = 25
[[devices]]
name = "front door"
room = "hall"
kind = "lock"
driver = "zigbee2mqtt"
address = "lock"
aliases = ["front"]
[[devices]]
name = "blind"
room = "den"
kind = "cover"
driver = "zigbee2mqtt"
address = "blind"
[[devices]]
name = "left socket"
room = "hall"
kind = "plug"
driver = "tasmota"
address = "strip"
[[devices]]
name = "right socket"
room = "hall"
kind = "plug"
driver = "tasmota"
address = "strip"
relay = 2

[scenes]
night = [
  { kind = "light", set = { state = "off" } },
  { device = "front", set = { lock = "locked" } },
]
"""


@pytest.fixture
def small_home_text() -> str:
    return SMALL_HOME


@pytest.fixture
def small_home(tmp_path: Path) -> Home:
    path = tmp_path / "small.toml"
    path.write_text(SMALL_HOME)
    return load_home(path)


@pytest.fixture(scope="session")
def demo_home() -> Home:
    return load_home(shipped("devices") / "homes" / "demo.toml")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """The port of a mosquitto of this test alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = mosquitto_program()
    running = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
    try:
        yield _when_listening(port)
    finally:
        running.terminate()
        running.wait(10)


def _when_listening(port: int) -> int:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return port
        except OSError:
            assert time.monotonic() < deadline, "mosquitto does not listen"


class Listener:
    """A client that keeps every message and waits for one."""

    def __init__(self, port: int, *topics: str, feed: Callable[..., Any] | None = None) -> None:
        self._messages: list[tuple[str, str]] = []  # (topic, payload)
        self._feed = feed
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._subscribed.wait(10)

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def wait_for(self, topic: str, *pieces: str) -> str:
        """The payload of the first message on the topic that holds all pieces."""
        def found() -> str | None:
            return next((payload for at, payload in self._messages
                         if at == topic and all(piece in payload for piece in pieces)), None)

        self.until(lambda: found() is not None)
        return found() or ""

    def until(self, holds: Callable[[], bool]) -> None:
        """Return when it holds, looking after every message."""
        with self._changed:
            assert self._changed.wait_for(holds, 10), f"heard only {self._messages}"

    def on(self, topic: str) -> list[str]:
        with self._changed:
            return [payload for at, payload in self._messages if at == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        with self._changed:
            self._messages.append((message.topic, message.payload.decode()))
            if self._feed:
                self._feed(message.topic, message.payload, retained=message.retain)
            self._changed.notify_all()


@pytest.fixture
def listen(broker: int) -> Iterator[Callable[..., Listener]]:
    """Make listeners of the topics given."""
    made: list[Listener] = []

    def listen(*topics: str, feed: Callable[..., Any] | None = None) -> Listener:
        made.append(Listener(broker, *topics, feed=feed))
        return made[-1]

    yield listen
    for listener in made:
        listener.close()
