"""Who plays along in these tests: a broker, a proxy before it, a satellite, a hub process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.mosquitto import mosquitto_program

DEADLINE_SECONDS = 20.0
ROOT = Path(__file__).parents[2]


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Poll something outside our process; fails the test at the deadline."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if result := condition():
            return result
        pause.wait(0.02)
    pytest.fail(f"waited in vain for {what}")


class Mosquitto:
    """A broker process with a persistent store; as root it stays root, to reach the store."""

    def __init__(self, folder: Path, *settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join([
            "user root", f"listener {self.port} 127.0.0.1", "persistence true",
            f"persistence_location {folder}/", *(settings or ["allow_anonymous true"]), ""]))
        self._log = folder / "mosquitto.log"

    def start(self) -> None:
        program = mosquitto_program()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)],
                                             stdout=log, stderr=log)
        wait_until(self._listens, "mosquitto to listen")

    def stop(self) -> None:
        """As the system does at shutdown: the store is written."""
        # mosquitto 2.0 forgets a signal that comes between its listen() and its main loop.
        wait_until(self._terminated, "mosquitto to end")

    def kill_and_forget(self) -> None:
        """As a crash of a broker without a store."""
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)
        for store in self._config.parent.glob("mosquitto.db*"):
            store.unlink()

    def _terminated(self) -> bool:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        return self._process.poll() is not None

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Satellite:
    """A client that hears everything and remembers it, over broker restarts."""

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._heard: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        # A session that the broker keeps: what is said while we reconnect is heard later.
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval = 600
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5,
                                   client_id=f"satellite-{uuid.uuid4().hex[:8]}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self._client.loop_start()
        self.wait_ready()

    def wait_ready(self) -> None:
        assert self._ready.wait(DEADLINE_SECONDS), "the satellite has no broker"

    def publish(self, topic: str, payload: bytes | dict[str, Any], *, qos: int = 1,
                retain: bool = False) -> None:
        """Returns when the broker has it."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, body, qos, retain).wait_for_publish(DEADLINE_SECONDS)

    def say(self, text: str, *, session: str | None = None, site: str = "default") -> None:
        self.publish("hermes/asr/textCaptured",
                     {"text": text, "siteId": site, "sessionId": session})

    def heard(self, topic: str) -> list[Any]:
        """The payloads on the topic so far, in order."""
        with self._changed:
            return [_body(payload) for name, payload, _ in self._heard if name == topic]

    def topics(self) -> list[str]:
        """The topics of all messages so far, in order."""
        with self._changed:
            return [name for name, _, _ in self._heard]

    def retained(self, topic: str) -> list[bool]:
        """Whether each message on the topic was a retained copy."""
        with self._changed:
            return [retain for name, _, retain in self._heard if name == topic]

    def wait(self, topic: str, count: int = 1) -> list[Any]:
        """The payloads on the topic, as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard(topic)) >= count,
                                          DEADLINE_SECONDS), \
                f"{topic}: {len(self.heard(topic))} of {count}; heard {self._heard[-12:]}"
        return self.heard(topic)

    def wait_for(self, topic: str, body: Any) -> None:
        """Wait until the last message on the topic says this."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.heard(topic)[-1:] == [body],
                                          DEADLINE_SECONDS), \
                f"{topic}: {self.heard(topic)[-3:]}, not {body}"

    def order(self, *topics: str) -> list[str]:
        """The topics of all messages on any of these, in order."""
        with self._changed:
            return [name for name, _, _ in self._heard if name in topics]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self._heard.append((message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()


class Proxy:
    """Stands before a broker; cuts connections, or hangs up on MQTT 5 as old brokers do."""

    def __init__(self, broker_port: int, *, refuses_mqtt_5: bool = False) -> None:
        self._broker_port = broker_port
        self._refuses_mqtt_5 = refuses_mqtt_5
        self._held: int | None = None
        self.holds, self._let_go = threading.Event(), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def hold(self, packet: int) -> None:
        """Keep back what begins with this byte, and all after it, from the broker: then `holds` is
        set."""
        self._held = packet
        self.holds.clear()
        self._let_go.clear()

    def let_go(self) -> None:
        """Hand on what is held, and hold nothing more."""
        self._held = None
        self._let_go.set()

    def cut(self) -> None:
        """End all connections; new ones are welcome."""
        connections, self._open = self._open, []
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def tell(self, packet: bytes) -> None:
        """Send the clients a packet, as if the broker did."""
        for near in self._open[::2]:
            near.sendall(packet)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                hello = near.recv(4096)
                # the protocol level is after the name; neither can be seen through TLS
                if self._refuses_mqtt_5 and hello[hello.index(b"MQTT") + 4] == 5:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._broker_port))
                far.sendall(hello)
                self._open += [near, far]
                for source, target, held in ((near, far, lambda _: None), (far, near, self._hold)):
                    threading.Thread(target=_pump, args=[source, target, held],
                                     daemon=True).start()

    def _hold(self, chunk: bytes) -> None:
        if chunk[0] == self._held:
            self.holds.set()
            self._let_go.wait(DEADLINE_SECONDS)


def _pump(source: socket.socket, target: socket.socket, held: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            held(chunk)
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class HubProcess:
    """The daemon in a process of its own; unless told, with a stand-in for the student."""

    def __init__(self, folder: Path, broker_url: str, *options: str,
                 command: Sequence[str] | None = None) -> None:
        self.log = folder / "hub.log"
        stand_in = (sys.executable, str(Path(__file__).with_name("stand_in.py")),
                    "--gates", str(folder))
        self._command = [*(command or stand_in), "--broker", broker_url, *options]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT)})

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)

    def wait(self) -> int:
        """Its exit status."""
        return self._process.wait(DEADLINE_SECONDS)

    def wait_logged(self, event: str) -> None:
        wait_until(lambda: event in self.log.read_text(), f"the hub to log {event}")

    def running(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()


class Gates:
    """Opens the utterances "hold <name>", which the stand-in student decodes until then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wait_reached(self, name: str) -> None:
        wait_until((self._folder / f"{name}.reached").exists, f"the hub to decode {name}")

    def open(self, name: str) -> None:
        (self._folder / f"{name}.open").touch()


def _body(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload
