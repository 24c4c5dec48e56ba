"""Says utterances on the voice topic and takes the time to the command. Leaves out: judging it.

All times are of this process's monotonic clock, at the satellite's end: from handing the utterance
to the network to hearing the command, the broker's part and the way to the board included.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from iotcall.errors import BrokerError

VOICE = "hermes/asr/textCaptured"
_ECHO = "iotcall-hil/echo"
_KEPT_SECONDS = 600
_CONNECT_S = 30.0


class _Command(msgspec.Struct, frozen=True):
    topic: str


class Turn(msgspec.Struct, frozen=True):
    """What the hub tells of an utterance, as far as the bench reads it (docs/hub.md)."""

    utterance: str
    site_id: str
    outcome: str
    commands: tuple[_Command, ...]
    reply: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance and what came of it."""

    utterance: str
    turn: Turn
    command_ms: float | None
    """From utterance to its first command; None: it led to none."""
    turn_ms: float
    """From utterance to the record of the turn: reply spoken, devices heard."""


class NoAnswer(BrokerError):
    """The hub did not answer an utterance in time."""


class Satellite:
    """A client that says and hears everything, over restarts of the broker; a context manager."""

    def __init__(self, host: str, port: int, *, hub: str, patience: float = 1.0) -> None:
        """`hub`: the hub's client id; `patience`: multiplies every time that it waits."""
        self._patience = patience
        self._address = host, port
        self._status, self._turn = f"iotcall/{hub}/status", f"iotcall/{hub}/turn"
        self._changed = threading.Condition()
        self._heard: list[tuple[float, str, bytes]] = []  # when, topic, payload
        self._online = self._connected = False
        self._sites = 0
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5,
                              client_id=f"satellite-{uuid.uuid4().hex[:8]}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_socket_open = lambda client, _, connected: _hurry(connected, at_once=True)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._set_connected(True)
        self._client.on_disconnect = lambda *_: self._set_connected(False)
        self._client.on_message = self._take

    def __enter__(self) -> Satellite:
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval = _KEPT_SECONDS  # what is said while we reconnect is heard later
        try:
            self._client.connect(*self._address, clean_start=False, properties=kept)
        except OSError as error:
            raise BrokerError(f"no broker at {self._address[0]}:{self._address[1]} ({error}); is "
                              "the board's reachable from here?") from error
        self._client.loop_start()
        self.wait_connected(_CONNECT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_connected(self, seconds: float) -> None:
        """Until it hears; again after a restart of the broker.

        Raises:
            BrokerError: not in time.
        """
        if not self._wait(lambda: self._connected, seconds):
            raise BrokerError(f"the satellite has no broker after {seconds:g} s")

    def wait_online(self, seconds: float, alive: Callable[[], bool] = lambda: True) -> bool:
        """Whether the hub says that it is online, in time and while it is alive."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._wait(lambda: self._online, min(1.0, seconds)):
                return True
            if not alive():
                return False
        return False

    def forget_online(self) -> None:
        """Before a hub is started again: what was said of the last one counts no more."""
        with self._changed:
            self._online = False

    def ask(self, utterance: str, *, seconds: float, site: str | None = None) -> Asked:
        """Say an utterance, at a site of its own unless told, and wait for what comes of it.

        Raises:
            NoAnswer: the hub's record of the turn did not come in time.
        """
        at, place = self.say(utterance, site=site)
        return self.answer(utterance, at, place, seconds=seconds)

    def say(self, utterance: str, *, site: str | None = None) -> tuple[float, str]:
        """Only say it; the moment and the site, for `answer`."""
        self._sites += 1
        place = site or f"bench-{self._sites}"
        with self._changed:
            self._heard.clear()
        body = msgspec.json.encode({"text": utterance, "siteId": place, "sessionId": None})
        at = time.monotonic()
        self._client.publish(VOICE, body, qos=1)
        return at, place

    def answer(self, utterance: str, at: float, site: str, *, seconds: float) -> Asked:
        """What came of an utterance that was said.

        Raises:
            NoAnswer: the hub's record of the turn did not come in time.
        """
        found: list[tuple[float, Turn]] = []

        def told() -> bool:
            found[:] = [(when, turn) for when, topic, payload in self._heard
                        if topic == self._turn and (turn := _read(payload)) is not None
                        and turn.site_id == site]
            return bool(found)

        if not self._wait(told, seconds):
            raise NoAnswer(f"the hub told nothing of {utterance!r} within {seconds:g} s")
        (when, turn), moments = found[0], []
        if turn.commands:
            with self._changed:
                moments = [heard for heard, topic, _ in self._heard
                           if topic == turn.commands[0].topic and heard >= at]
        return Asked(utterance=utterance, turn=turn, turn_ms=1000 * (when - at),
                     command_ms=1000 * (moments[0] - at) if moments else None)

    def echo(self, *, seconds: float = 10) -> float:
        """Milliseconds of a message to the broker and back: the bench's own part of every time.

        Raises:
            NoAnswer: it did not come back.
        """
        body = uuid.uuid4().bytes
        at = time.monotonic()
        self._client.publish(_ECHO, body, qos=1)
        moments: list[float] = []

        def back() -> bool:
            moments[:] = [when for when, _, payload in self._heard if payload == body]
            return bool(moments)

        if not self._wait(back, seconds):
            raise NoAnswer(f"the broker gave a message not back within {seconds:g} s")
        return 1000 * (moments[0] - at)

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, seconds * self._patience)

    def _set_connected(self, connected: bool) -> None:
        with self._changed:
            self._connected = connected
            self._changed.notify_all()

    def _take(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        now = time.monotonic()
        _hurry(client.socket())
        with self._changed:
            if message.topic == self._status:
                self._online = bytes(message.payload) == b'{"state":"online"}'
            elif not message.retain:
                self._heard.append((now, message.topic, bytes(message.payload)))
            self._changed.notify_all()


def _hurry(connected: Any, *, at_once: bool = False) -> None:
    """Keep the kernel's timers out of what is measured.

    subtle: paho and most brokers leave Nagle's algorithm on, so that a packet waits for the
    acknowledgement of the last one, which the other kernel delays by 40 ms. `at_once`: send without
    that wait; always: acknowledge what has come at once, so that the broker does not wait for us.
    """
    with contextlib.suppress(OSError, AttributeError):  # it may be over; not every system has both
        if at_once:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _read(payload: bytes) -> Turn | None:
    try:
        return msgspec.json.decode(payload, type=Turn)
    except msgspec.DecodeError:
        return None
