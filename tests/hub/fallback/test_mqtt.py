from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from iotcall.hub.exchange import Undelivered, Version
from iotcall.hub.fallback import Answers, Failed, Request, answer_topic, mqtt_transport
from iotcall.hub.fallback.http import LARGEST_ANSWER
from iotcall.hub.fallback.mqtt import request
from tests.hub.actors import Mosquitto
from tests.hub.fallback.service import completion

ASKED = b'{"model": "m", "messages": []}'
PATIENT = 20.0


def asked(version: Version) -> Request:
    return request("models/ask", ASKED, client_id="hub", version=version, seconds=7.6)


def test_mqtt_5_carries_topic_and_correlation_beside_the_body() -> None:
    made = asked("5")
    assert made.message.payload == ASKED
    assert (made.message.topic, made.message.retain, made.message.expiry_seconds) == (
        "models/ask", False, 8)
    assert made.response_topic == answer_topic("hub") == "iotcall/hub/fallback"
    assert len(made.correlation) == 16
    assert asked("5").correlation != made.correlation


def test_mqtt_3_1_1_carries_both_in_the_json() -> None:
    made = asked("3.1.1")
    assert json.loads(made.message.payload) == {
        **json.loads(ASKED), "id": made.correlation.hex(), "response_topic": "iotcall/hub/fallback"}


def expected(answers: Answers) -> bytes:
    correlation = asked("5").correlation
    answers.expect(correlation)
    return correlation


def test_an_answer_is_for_who_expects_it() -> None:
    answers = Answers()
    first, second = expected(answers), expected(answers)
    assert answers.heard(b"two", correlation=second)
    assert answers.heard(json.dumps({"id": first.hex()}).encode())
    assert answers.take(first, time.monotonic()) == json.dumps({"id": first.hex()}).encode()
    assert answers.take(second, time.monotonic()) == b"two"


@pytest.mark.parametrize("payload", [
    b"", b"nonsense", b"[]", b"{}", b'{"id": null}', b'{"id": 7}', b'{"id": "zz"}', b'{"id": ""}',
    b'{"id": "0011"}', b'{"id":' + b"[" * 100_000, b"\xff"])
def test_what_answers_nothing_is_not_kept(payload: bytes) -> None:
    answers = Answers()
    mine = expected(answers)
    assert not answers.heard(payload)
    assert not answers.heard(payload, correlation=b"another")
    assert not answers.heard(payload, correlation=mine, retained=True)
    assert isinstance(answers.take(mine, time.monotonic()), Failed)


def test_the_first_answer_counts_and_a_late_one_is_for_nobody() -> None:
    answers = Answers()
    mine = expected(answers)
    assert answers.heard(b"first", correlation=mine)
    assert not answers.heard(b"second", correlation=mine)
    assert answers.take(mine, time.monotonic()) == b"first"
    assert not answers.heard(b"third", correlation=mine)


def test_an_answer_that_is_too_large_is_a_reason() -> None:
    answers = Answers()
    mine = expected(answers)
    assert answers.heard(b"x" * (2 * LARGEST_ANSWER), correlation=mine)
    found = answers.take(mine, time.monotonic())
    assert isinstance(found, Failed)
    assert found.reason == "too_large"


def transport(answers: Answers, publish: Callable[[Request, float], None],
              version: Version = "5") -> Callable[[bytes, float], bytes | Failed]:
    return mqtt_transport("models/ask", answers, client_id="hub", version=lambda: version,
                          publish=publish)


def test_silence_ends_at_the_deadline_and_leaves_nothing() -> None:
    answers, sent = Answers(), []
    found = transport(answers, lambda made, _: sent.append(made))(ASKED, time.monotonic() + 0.1)
    assert isinstance(found, Failed)
    assert found.reason == "too_slow"
    assert not answers.heard(b"late", correlation=sent[0].correlation)


def test_what_the_broker_does_not_take_is_unreachable() -> None:
    def refuse(made: Request, deadline: float) -> None:
        raise Undelivered("no connection")

    found = transport(Answers(), refuse)(ASKED, time.monotonic() + PATIENT)
    assert found == Failed("unreachable", "no connection")


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Any:
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker
    broker.stop()


def client(broker: Mosquitto, version: Version, topic: str,
           on_message: Callable[..., None]) -> paho.Client:
    """Connected, and subscribed by the time it is returned."""
    made = paho.Client(CallbackAPIVersion.VERSION2,
                       protocol=paho.MQTTv5 if version == "5" else paho.MQTTv311)
    subscribed = threading.Event()
    made.on_subscribe = lambda *_: subscribed.set()
    made.on_message = on_message
    made.connect("127.0.0.1", broker.port)
    made.loop_start()
    made.subscribe(topic, qos=1)
    assert subscribed.wait(PATIENT)
    return made


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_question_is_answered_over_a_real_broker(
    mosquitto: Mosquitto, version: Version
) -> None:
    """The publications as a link would make them, and somebody who answers."""
    def answer(responder: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        if version == "5":
            properties = Properties(PacketTypes.PUBLISH)
            properties.CorrelationData = message.properties.CorrelationData
            responder.publish(message.properties.ResponseTopic, completion(text="hello"), qos=1,
                              properties=properties)
        else:
            told = {**json.loads(completion(text="hello")), "id": body["id"]}
            responder.publish(body["response_topic"], json.dumps(told), qos=1)

    def hear(_: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        answers.heard(message.payload, correlation=correlation, retained=message.retain)

    def publish(made: Request, deadline: float) -> None:
        properties = None
        if version == "5":
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = made.response_topic
            properties.CorrelationData = made.correlation
        hub.publish(made.message.topic, made.message.payload, qos=1, properties=properties)

    answers = Answers()
    responder = client(mosquitto, version, "models/ask", answer)
    hub = client(mosquitto, version, answer_topic("hub"), hear)
    found = transport(answers, publish, version)(ASKED, time.monotonic() + PATIENT)
    for each in (responder, hub):
        each.disconnect()
        each.loop_stop()
    assert isinstance(found, bytes)
    assert json.loads(found)["choices"][0]["message"]["content"] == "hello"
