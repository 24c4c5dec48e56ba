"""What the tests of load, hostility and faults share: an asker, a cable, the hub's memory.

Leaves out: broker, satellite and hub process (actors).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.hub.actors import DEADLINE_SECONDS, HubProcess

ASK = "iotcall/iotcall-hub/ask"
QUERY = "hermes/nlu/query"
_END, _CONTINUE = (f"hermes/dialogueManager/{each}Session" for each in ("end", "continue"))
_NOT_RECOGNISED = "hermes/nlu/intentNotRecognized"
_TCP_CLOSE = 7  # of the kernel's tcp_states.h


class Asker:
    """Asks with an id of its own each time, on the plain pair or by Hermes, and keeps every answer.

    A plain question is known by its correlation data, a Hermes query by its session.
    """

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._answers: dict[str, list[str]] = {}
        self._reply_topic = f"reply/{uuid.uuid4().hex[:8]}"
        self._ready = threading.Event()
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval = 600
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5,
                                   client_id=f"asker-{uuid.uuid4().hex[:8]}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(topic, 1) for topic in (self._reply_topic, _END, _CONTINUE, _NOT_RECOGNISED)])
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self._client.loop_start()
        self.wait_ready()

    def wait_ready(self) -> None:
        assert self._ready.wait(DEADLINE_SECONDS), "the asker has no broker"

    def ask(self, asked: str, text: str) -> None:
        """On the plain topic; does not wait."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = self._reply_topic
        properties.CorrelationData = asked.encode()
        self._client.publish(ASK, json.dumps({"text": text, "id": asked}).encode(), 1,
                             properties=properties)

    def query(self, asked: str, text: str) -> None:
        """By Hermes; does not wait."""
        self._client.publish(QUERY, json.dumps(
            {"input": text, "id": asked, "sessionId": asked, "siteId": "default"}).encode(), 1)

    def wait_answered(self, asked: Collection[str], seconds: float = DEADLINE_SECONDS
                      ) -> dict[str, list[str]]:
        """Id -> answers, in words or an outcome, as soon as each of these has one."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers.keys() >= set(asked), seconds)
            missing = sorted(set(asked) - self._answers.keys())
            assert not missing, f"{len(missing)} of {len(asked)} unanswered: {missing[:5]} ..."
            return {each: list(self._answers[each]) for each in asked}

    def answered(self) -> int:
        with self._changed:
            return len(self._answers)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        said = json.loads(message.payload)
        if message.topic == _NOT_RECOGNISED:
            return  # its reply comes as well
        asked, told = said.get("sessionId"), said["text"]
        if message.topic == self._reply_topic:
            assert message.properties is not None
            asked, told = message.properties.CorrelationData.decode(), said["outcome"]
            assert said["id"] == asked
        with self._changed:
            self._answers.setdefault(asked, []).append(told)
            self._changed.notify_all()


class Cable:
    """A network before a broker: unplugged, nothing passes and nobody is told; plugged in again,
    what both ends still hold on to passes. Directions: `up` is to the broker."""

    def __init__(self, broker_port: int, *, breaks_at: bytes = b"") -> None:
        """`breaks_at`: unplugged before something that holds this reaches the broker, once."""
        self._broker_port, self._breaks_at = broker_port, breaks_at
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"
        self._plugged = {"up": threading.Event(), "down": threading.Event()}
        self._open: list[socket.socket] = []
        self.plug_in()
        threading.Thread(target=self._serve, daemon=True).start()

    def unplug(self, *directions: str) -> None:
        """All directions where none is named. No new connection comes about while any is."""
        for each in directions or self._plugged:
            self._plugged[each].clear()

    def plug_in(self) -> None:
        for each in self._plugged.values():
            each.set()

    def is_reset(self) -> bool:
        """Whether a client has reset a connection, and not just ended it."""
        return any(_is_reset(near) for near in self._open[::2])

    def close(self) -> None:
        self.plug_in()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                for plugged in self._plugged.values():
                    plugged.wait()
                try:
                    far = socket.create_connection(("127.0.0.1", self._broker_port))
                except OSError:  # no broker
                    near.close()
                    continue
                self._open += [near, far]
                for name, source, target in (("up", near, far), ("down", far, near)):
                    threading.Thread(target=self._carry, args=[name, source, target],
                                     daemon=True).start()

    def _carry(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        """subtle: what the sender wrote before it reset the connection has reached us, on one
        machine; over a network that was down it would not have."""
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536, socket.MSG_PEEK):
                if direction == "up" and self._breaks_at and self._breaks_at in chunk:
                    self._breaks_at = b""
                    self.unplug()
                self._plugged[direction].wait()
                if _is_reset(source):
                    break
                target.sendall(source.recv(len(chunk)))  # more may have come since the peek
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def _is_reset(connection: socket.socket) -> bool:
    """By its state (tcp(7), TCP_INFO): SO_ERROR says it to the first who asks, or writes, only."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE


def process_id(hub: HubProcess) -> int:
    return hub._process.pid


def memory_kib(hub: HubProcess) -> int:
    """Resident memory of the hub's process now (proc_pid_status(5), VmRSS)."""
    status = Path(f"/proc/{process_id(hub)}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


def open_files(hub: HubProcess) -> int:
    """Descriptors that the hub's process holds now."""
    return len(list(Path(f"/proc/{process_id(hub)}/fd").iterdir()))


def paced(count: int, per_second: float) -> Iterator[int]:
    """Numbers from 0, each when it is due; a late one at once."""
    pause, begun = threading.Event(), time.monotonic()
    for number in range(count):
        pause.wait(max(0.0, begun + number / per_second - time.monotonic()))
        yield number
