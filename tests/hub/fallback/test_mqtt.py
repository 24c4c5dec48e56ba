from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from iotcall.hub.exchange import Subscription, Undelivered, Version
from iotcall.hub.fallback import Answers, Failed, OverMqtt, answer_topic
from iotcall.hub.fallback.http import LARGEST_ANSWER
from iotcall.hub.fallback.mqtt import request
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings, read_broker
from iotcall.hub.topics import Message
from tests.hub.actors import Mosquitto
from tests.hub.fallback.responder import Responder
from tests.hub.fallback.service import completion

ASKED = b'{"model": "m", "messages": []}'
PATIENT = 20.0


def asked(version: Version) -> Message:
    _, made = request("models/ask", ASKED, answers_on=answer_topic("hub"), version=version,
                      seconds=7.6)
    assert made.correlation is not None
    return made


def test_mqtt_5_carries_topic_and_correlation_beside_the_body() -> None:
    made = asked("5")
    assert made.payload == ASKED
    assert (made.topic, made.retain, made.expiry_seconds) == ("models/ask", False, 8)
    assert made.response_topic == answer_topic("hub") == "iotcall/hub/fallback"
    assert made.correlation is not None
    assert len(made.correlation) == 16
    assert asked("5").correlation != made.correlation


def test_mqtt_3_1_1_carries_both_in_the_json() -> None:
    made = asked("3.1.1")
    assert json.loads(made.payload) == {
        **json.loads(ASKED), "id": (made.correlation or b"").hex(),
        "response_topic": "iotcall/hub/fallback"}


def expected(answers: Answers) -> bytes:
    correlation = asked("5").correlation
    assert correlation is not None
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


def transport(publish: Callable[[Message, float], None], version: Version = "5") -> OverMqtt:
    made = OverMqtt("models/ask", answers_on=answer_topic("hub"))
    made.connect(publish, lambda: version)
    return made


def test_silence_ends_at_the_deadline_and_leaves_nothing() -> None:
    sent: list[Message] = []
    asking = transport(lambda message, _: sent.append(message))
    found = asking(ASKED, time.monotonic() + 0.1)
    assert isinstance(found, Failed)
    assert found.reason == "too_slow"
    assert not asking.heard(b"late", correlation=sent[0].correlation)


def test_what_the_broker_does_not_take_is_unreachable() -> None:
    def refuse(made: Message, deadline: float) -> None:
        raise Undelivered("no connection")

    found = transport(refuse)(ASKED, time.monotonic() + PATIENT)
    assert found == Failed("unreachable", "no connection")


def test_before_there_is_a_connection_nobody_is_asked_and_nothing_waits() -> None:
    found = OverMqtt("models/ask", answers_on="a")(ASKED, time.monotonic() + PATIENT)
    assert isinstance(found, Failed)
    assert found.reason == "unreachable"


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Any:
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def linked(broker: Mosquitto, asking: OverMqtt, version: Version) -> Iterator[Link]:
    """A hub's link, on which is asked."""
    link = Link(
        HubSettings(broker=read_broker(broker.url), client_id="hub", mqtt_version=version),
        subscriptions=[Subscription(asking.answers_on, 1, retain_as_published=True)],
        on_session=lambda present: None, on_up=lambda: None,
        on_arrival=lambda arrival: (asking.heard(arrival.payload, correlation=arrival.correlation,
                                                 retained=arrival.retain), arrival.acknowledge()))
    link.open()
    asking.connect(link.publish, lambda: link.version)
    with closing(link):
        yield link


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_question_is_answered_over_a_real_broker(mosquitto: Mosquitto, version: Version) -> None:
    asking = OverMqtt("models/ask", answers_on=answer_topic("hub"))
    with Responder(mosquitto.port, "models/ask", completion(text="hello"), version=version) as (
            responder), linked(mosquitto, asking, version):
        found = asking(ASKED, time.monotonic() + PATIENT)
    assert isinstance(found, bytes)
    assert json.loads(found)["choices"][0]["message"]["content"] == "hello"
    assert responder.answered_on == ["iotcall/hub/fallback"]


def test_where_nobody_hears_the_question_nobody_waits_for_its_answer(mosquitto: Mosquitto) -> None:
    asking = OverMqtt("models/ask", answers_on=answer_topic("hub"))
    with linked(mosquitto, asking, "5"):
        # the deadline is beyond that of the test: it is the broker that says so
        found = asking(ASKED, time.monotonic() + 3600)
    assert found == Failed("unreachable", "nobody hears models/ask")
