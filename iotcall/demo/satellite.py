"""The demo's satellite: says utterances on the broker and hears the hub's turn records.

Leaves out: speech. Speaks MQTT 3.1.1, which every broker does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from iotcall.errors import BrokerError
from iotcall.hub.settings import Broker
from iotcall.hub.topics import TEXT_CAPTURED, status_topic, turn_topic
from iotcall.hub.turn import TurnRecord, read_turn

_POLL_SECONDS = 0.1  # how soon we notice that the hub has ended


class Satellite:
    """One voice of one site; a context manager."""

    def __init__(self, broker: Broker, hub_client_id: str, site_id: str) -> None:
        self._broker = broker
        self._site_id = site_id
        self._turn_topic = turn_topic(hub_client_id)
        self._status_topic = status_topic(hub_client_id)
        self._changed = threading.Condition()
        self._ready = False
        self._online = False
        self._turns: list[TurnRecord] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        if broker.username is not None:
            self._client.username_pw_set(broker.username, broker.password)
        self._client.on_connect = self._connack
        self._client.on_subscribe = self._suback
        self._client.on_message = self._message

    def connect(self, deadline: float) -> None:
        """Connect and subscribe, until the (monotonic) deadline.

        Raises:
            BrokerError: the broker is not there or does not let us.
        """
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerError(f"cannot reach the MQTT broker at {self._broker} ({error}); start it "
                              "or leave --broker out") from error
        self._client.loop_start()
        if not self._wait(lambda: self._ready, deadline, lambda: True):
            raise BrokerError(f"{self._broker} does not let the demo in; check the user and "
                              "password in --broker mqtt://user:password@host")

    def wait_online(self, deadline: float, alive: Callable[[], bool]) -> bool:
        """Whether the hub says that it is online, in time and while it is alive."""
        return self._wait(lambda: self._online, deadline, alive)

    def say(self, utterance: str, deadline: float, alive: Callable[[], bool], *,
            site_id: str | None = None) -> TurnRecord | None:
        """What became of the utterance; None when the hub did not tell in time."""
        with self._changed:
            self._turns.clear()
        site = site_id or self._site_id
        body = {"text": utterance, "siteId": site, "sessionId": None, "likelihood": 1.0}
        self._client.publish(TEXT_CAPTURED, msgspec.json.encode(body), qos=1)
        if not self._wait(lambda: self._answer(utterance, site) is not None, deadline, alive):
            return None
        return self._answer(utterance, site)

    def __enter__(self) -> Satellite:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _answer(self, utterance: str, site_id: str) -> TurnRecord | None:
        return next((turn for turn in self._turns if turn.site_id == site_id
                     and (turn.utterance == utterance or turn.outcome == "malformed")), None)

    def _wait(self, condition: Callable[[], bool], deadline: float,
              alive: Callable[[], bool]) -> bool:
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or not alive():
                    return False
                self._changed.wait(min(left, _POLL_SECONDS))
            return True

    def _connack(self, client: Client, userdata: Any, flags: Any, reason: ReasonCode,
                 _: Any) -> None:
        if not reason.is_failure:
            client.subscribe([(self._turn_topic, 1), (self._status_topic, 1)])

    def _suback(self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode],
                _: Any) -> None:
        with self._changed:
            self._ready = not any(reason.is_failure for reason in reasons)
            self._changed.notify_all()

    def _message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        with self._changed:
            if message.topic == self._status_topic:
                self._online = payload == b'{"state":"online"}'
            elif not message.retain:
                try:
                    self._turns.append(read_turn(payload))
                except msgspec.DecodeError:
                    return  # somebody else's; our own hub writes what we read
            self._changed.notify_all()
