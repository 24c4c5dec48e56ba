"""Somebody who answers questions over MQTT: a real client of a real broker."""

from __future__ import annotations

import json
import threading
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_PATIENT_SECONDS = 20.0


class Responder:
    """Answers each question on a topic with the same body; keeps what it was asked."""

    def __init__(self, port: int, topic: str, answer: bytes, *,
                 version: Literal["5", "3.1.1"] = "5", silent: bool = False) -> None:
        self.bodies: list[Any] = []
        self.answered_on: list[str] = []
        self._answer, self._version, self._silent = answer, version, silent
        self._client = paho.Client(CallbackAPIVersion.VERSION2,
                                   protocol=paho.MQTTv5 if version == "5" else paho.MQTTv311)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._asked
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(topic, qos=1)
        assert subscribed.wait(_PATIENT_SECONDS)

    def __enter__(self) -> Responder:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _asked(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        self.bodies.append(body)
        if self._silent:
            return
        if self._version == "5":
            asked = message.properties
            self.answered_on.append(asked.ResponseTopic)
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = asked.CorrelationData
            client.publish(asked.ResponseTopic, self._answer, qos=1, properties=properties)
        else:
            self.answered_on.append(body["response_topic"])
            client.publish(body["response_topic"], json.dumps(
                {**json.loads(self._answer), "id": body["id"]}), qos=1)
