"""Whether whoever the settings name answers: one question, as a hub would ask it.

Leaves out: whether the calls of the answer are right. It costs what one question costs.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from iotcall.catalogue import Catalogue
from iotcall.hub.exchange import Undelivered, Version
from iotcall.hub.fallback.answer import read_reply
from iotcall.hub.fallback.failure import Failed
from iotcall.hub.fallback.mqtt import OverMqtt
from iotcall.hub.fallback.prompt import request_body
from iotcall.hub.fallback.route import open_transport
from iotcall.hub.fallback.settings import Fallback, check_fallback
from iotcall.hub.mqtt_client import NO_MATCHING_SUBSCRIBERS, properties_for
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import Message
from iotcall.hub.visit import BAD_PROTOCOL, Refused, visit

_SAID = "turn on the lights"


def ask_once(settings: Fallback, catalogue: Catalogue, hub: HubSettings,
             environ: Mapping[str, str]) -> str | Failed:
    """What came of it, for people, or why nothing did.

    Raises:
        InputError: a setting is not one, or the key is not there.
        BrokerError: it would be asked over MQTT, and the broker is not there or refuses us.
    """
    check_fallback(settings)
    transport = open_transport(settings, environ=environ, client_id=hub.client_id)
    body = msgspec.json.encode(request_body(settings, catalogue, (), _SAID, {}))
    began = time.monotonic()
    if isinstance(transport, OverMqtt):
        answered = _over_mqtt(transport, body, hub, settings.deadline_seconds)
    else:
        answered = transport(body, began + settings.deadline_seconds)
    reply = answered if isinstance(answered, Failed) else read_reply(answered)
    if isinstance(reply, Failed):
        return reply
    seconds = time.monotonic() - began
    where = f" on {settings.topic}" if settings.topic else ""
    what = ", ".join(str(call["name"]) for call in reply.calls) or "words, and no call"
    return f"answers{where} within {seconds:.1f} s: {what}"


def _over_mqtt(transport: OverMqtt, body: bytes, hub: HubSettings, seconds: float
               ) -> bytes | Failed:
    """The answer over a connection of our own, where the hub would hear it."""
    versions: tuple[Version, ...] = (
        ("5", "3.1.1") if hub.mqtt_version == "auto" else (hub.mqtt_version,))
    for version in versions:
        try:
            with visit(hub, version) as client:
                return _asked(client, version, transport, body, hub.connect_seconds, seconds)
        except Refused as refused:
            if version == versions[-1] or str(refused) != BAD_PROTOCOL:
                raise
    raise AssertionError("there is a last version")


def _asked(client: paho.Client, version: Version, transport: OverMqtt, body: bytes,
           connect_seconds: float, seconds: float) -> bytes | Failed:
    told: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()  # of the one subscription, then
    # of the one publication

    def arrived(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        transport.heard(bytes(message.payload), retained=message.retain, correlation=getattr(
            getattr(message, "properties", None), "CorrelationData", None))

    def publish(message: Message, deadline: float) -> None:
        client.publish(message.topic, message.payload, qos=1,
                       properties=properties_for(message) if version == "5" else None)
        try:
            reason = told.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise Undelivered(f"the broker took no {message.topic} in time") from None
        if reason.is_failure:
            raise Undelivered(f"the broker refused {message.topic}: {reason}")
        if reason.value == NO_MATCHING_SUBSCRIBERS:
            raise Undelivered(f"nobody hears {message.topic}")

    client.on_message = arrived
    client.on_subscribe = lambda _, __, ___, reasons, ____: told.put(reasons[0])
    client.on_publish = lambda _, __, ___, reason, ____: told.put(reason)
    client.subscribe(transport.answers_on, qos=1)
    try:
        reason = told.get(timeout=connect_seconds)
    except queue.Empty:
        return Failed("unreachable", "the broker does not answer")
    if reason.is_failure:
        return Failed("unreachable", f"the broker lets us not hear {transport.answers_on}")
    transport.connect(publish, lambda: version)
    return transport(body, time.monotonic() + seconds)
