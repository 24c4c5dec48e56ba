"""The simulated home's connections: one client for zigbee2mqtt and one for each Tasmota device.

Leaves out: what is said (see zigbee and tasmota).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import Any, Literal

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from iotcall.devices.home import Home
from iotcall.devices.properties import Value
from iotcall.devices.simulated.base import Simulated
from iotcall.devices.simulated.devices import simulated_devices
from iotcall.errors import BrokerError

log = structlog.get_logger()

START_SECONDS = 10.0
"""All clients must be connected and have said what they are by then."""
_PROTOCOLS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class SimulatedHome:
    """Every device of a home, saying on a broker what the real ones would say.

    A context manager; retained commands are ignored. `lock_reports` makes locks report a change by
    themselves; devices named in `unreachable` take no command and say nothing.
    """

    def __init__(
        self, home: Home, host: str = "127.0.0.1", port: int = 1883, *,
        username: str | None = None, password: str | None = None,
        mqtt_version: Literal["5", "3.1.1"] = "3.1.1",
        lock_reports: bool = False, unreachable: Collection[str] = (),
    ) -> None:
        protocol = _PROTOCOLS[mqtt_version]
        self._lock = threading.Lock()
        self._address = host, port
        self._simulated = simulated_devices(
            home, lock_reports=lock_reports, unreachable=frozenset(unreachable))
        self._connections = [_Connection(simulated, self._lock, protocol, username, password)
                             for simulated in self._simulated]

    def start(self) -> None:
        """Connect all clients; returns when each is subscribed and says what it is.

        Raises:
            BrokerError: the broker cannot be reached or refuses them.
        """
        deadline = time.monotonic() + START_SECONDS
        try:
            for connection in self._connections:
                connection.start(*self._address)
            for connection in self._connections:
                connection.wait_until_ready(deadline)
        except BrokerError:
            self.stop()
            raise

    def stop(self) -> None:
        """Say goodbye (offline, retained) and disconnect; harmless when not started."""
        for connection in self._connections:
            connection.stop()

    def states(self) -> dict[str, dict[str, Value]]:
        """Entry name -> what it really is in normalised units, whether or not it said so."""
        with self._lock:
            found = {name: state for simulated in self._simulated
                     for name, state in simulated.states().items()}
        return dict(sorted(found.items()))

    def __enter__(self) -> SimulatedHome:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


class _Connection:
    """One paho client that speaks for one `Simulated`."""

    def __init__(self, simulated: Simulated, lock: threading.Lock, protocol: MQTTProtocolVersion,
                 username: str | None, password: str | None) -> None:
        self._simulated = simulated
        self._lock = lock
        self._ready = threading.Event()
        self._refused = ""
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=simulated.client_id,
                              protocol=protocol)
        self._client.username_pw_set(username, password)
        self._client.will_set(simulated.will.topic, simulated.will.payload, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self, host: str, port: int) -> None:
        try:
            self._client.connect(host, port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerError(f"simulated home: no broker at {host}:{port} ({error}); "
                              "start one or give another address") from error
        self._client.loop_start()

    def wait_until_ready(self, deadline: float) -> None:
        ready = self._ready.wait(max(0.0, deadline - time.monotonic()))
        if self._refused or not ready:
            raise BrokerError(f"simulated home: {self._simulated.client_id} was not accepted by "
                              f"the broker ({self._refused or 'no answer'})")

    def stop(self) -> None:
        if self._client.is_connected():
            with self._lock:
                farewell = self._simulated.farewell()
            for said in farewell:
                # subtle: disconnect() overtakes what is still queued, so wait for each.
                info = self._client.publish(said.topic, said.payload, qos=1, retain=said.retain)
                info.wait_for_publish(START_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()
        self._ready.clear()

    def _on_connect(self, client: Client, userdata: Any, flags: ConnectFlags,
                    reason: ReasonCode, properties: Properties | None) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            self._ready.set()
            return
        client.subscribe([(topic, 0) for topic in self._simulated.subscriptions])

    def _on_subscribe(self, client: Client, userdata: Any, mid: int,
                      reasons: list[ReasonCode], properties: Properties | None) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refused = str(reasons)
        else:
            with self._lock:
                birth = self._simulated.birth()
            for said in birth:
                client.publish(said.topic, said.payload, qos=int(said.retain), retain=said.retain)
        self._ready.set()

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        if message.retain:
            log.debug("retained_message_ignored", topic=message.topic)
            return
        with self._lock:
            said = self._simulated.receive(message.topic, bytes(message.payload))
        for each in said:
            client.publish(each.topic, each.payload, retain=each.retain)
