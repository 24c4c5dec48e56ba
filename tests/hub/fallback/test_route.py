"""From an utterance to checked calls, over a real server."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from iotcall.catalogue import ToolCall
from iotcall.devices import DeviceStates, Home
from iotcall.dialogue import Conversation, Question, SessionStore, read_dialogue
from iotcall.errors import InputError
from iotcall.evaluate import read_dialogues
from iotcall.hub.fallback import (
    Breaker,
    BreakerSettings,
    Fallback,
    Grounding,
    Routed,
    Router,
    http_transport,
    open_router,
    read_endpoint,
)
from iotcall.hub.topics import Message
from iotcall.runtime import Decoding, Turn
from iotcall.shipped import shipped
from tests.hub.fallback.service import Service, answering, completion, status, trickling

ON = ToolCall("toggle_lights", {"room": "kitchen", "state": "on"})
UNLOCK = ToolCall("lock_door", {"door": "front", "state": "unlock"})


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Asking:
    """A router to the test's service."""

    def __init__(self, service: Service, home: Home, grounding: Grounding, **changed: Any) -> None:
        self.clock, self._home = Clock(), home
        self.settings = Fallback(url=service.url, model="big", **changed)
        self.router = Router(
            self.settings, grounding, http_transport(read_endpoint(service.url)),
            breaker=Breaker(self.settings.breaker, clock=self.clock))

    def ask(self, utterance: str = "kitchen lights on", *history: Turn,
            seconds: float = math.inf) -> Routed:
        return self.router.ask(history, utterance, self._home, time.monotonic() + seconds)


@pytest.fixture
def asking(service: Service, home: Home, smart: Grounding) -> Asking:
    return Asking(service, home, smart)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def test_a_good_answer_becomes_calls(service: Service, asking: Asking) -> None:
    service.behave = answering(completion(("toggle_lights", {"state": "on", "room": "kitchen"})))
    found = asking.ask()
    assert (found.calls, found.text, found.reason) == ((ON,), "", None)
    assert list(found.calls[0].arguments) == ["room", "state"]
    sent = service.bodies[0]
    assert sent["model"] == "big"
    assert sent["messages"][-1] == {"role": "user", "content": "kitchen lights on"}
    assert "kitchen" in sent["messages"][0]["content"]


def test_earlier_turns_are_told_as_many_as_the_student_sees(
    service: Service, asking: Asking, smart: Grounding
) -> None:
    service.behave = answering(completion(("toggle_lights", {"state": "on"})))
    asking.ask("and on", *(Turn(f"lights {index}", (ON,)) for index in range(40)))
    told = [message["content"] for message in service.bodies[0]["messages"]
            if message["role"] == "user"]
    assert told[-2:] == ["lights 39", "and on"]
    assert len(told) - 1 == len(smart.shown([Turn("x", ())] * 40))


def test_an_unlock_of_the_bigger_model_is_a_call_like_any_other_and_the_gate_asks(
    service: Service, asking: Asking, home: Home, smart: Grounding
) -> None:
    service.behave = answering(completion(("lock_door", UNLOCK.arguments)))
    found = asking.ask("let me in at the front")
    assert found.calls == (UNLOCK,)
    path = shipped("grammars") / "smart_home" / "dialogue.toml"
    settings = read_dialogue(path.read_text(), smart.catalogue, path)
    conversation = Conversation(home, DeviceStates(home), settings, smart.catalogue)
    outcome = conversation.conclude(
        SessionStore(settings).of("hall"), "let me in at the front", None,
        Decoding(calls=found.calls, text="", confidence=1.0, outcome="call", decisions=0,
                 tokens=0, passes=0, prefill_ms=0.0, decode_ms=0.0))
    assert isinstance(outcome, Question)
    assert outcome.confirms


@pytest.mark.parametrize(("body", "reason"), [
    (b"{", "unreadable"), (b'{"choices": []}', "unreadable"), (completion(), "no_calls"),
    (completion(text="Which room?"), "only_text"), (completion(text="<|x|>"), "no_calls"),
    (completion(("open_airlock", {})), "invalid_call"),
    (completion(("toggle_lights", {"room": "moon"})), "invalid_call"),
    (completion(("toggle_lights", "{")), "invalid_call"),
    (completion(*[("toggle_lights", {"state": "on"})] * 9), "too_many_calls"),
])
def test_a_bad_answer_is_a_reason_and_nothing_to_do(
    service: Service, asking: Asking, body: bytes, reason: str
) -> None:
    service.behave = answering(body)
    found = asking.ask()
    assert (found.calls, found.text, found.reason) == ((), "", reason)


def test_an_invented_device_counts_as_no_answer(
    service: Service, home: Home, massive: Grounding
) -> None:
    asking = Asking(service, home, massive)
    service.behave = answering(completion(("iot_wemo_on", {"device_type": "light.porch_2"})))
    assert asking.ask("start the fan on the porch").reason == "not_grounded"
    service.behave = answering(completion(("iot_wemo_on", {"device_type": "fan"})))
    assert asking.ask("start the fan on the porch").calls == (
        ToolCall("iot_wemo_on", {"device_type": "fan"}),)


def test_words_are_said_only_where_the_settings_allow(
    service: Service, home: Home, smart: Grounding
) -> None:
    service.behave = answering(completion(text="I cannot dance."))
    speaking = Asking(service, home, smart, speak_text=True)
    assert speaking.ask("dance").text == "I cannot dance."
    service.behave = answering(completion(text='{"name": "lock_door", "arguments": {}}'))
    found = speaking.ask("dance")
    assert (found.calls, found.text, found.reason) == ((), "", "no_calls")


def test_a_slow_trickle_ends_at_the_deadline(
    service: Service, home: Home, smart: Grounding
) -> None:
    service.behave = trickling(b"HTTP/1.1 200 OK\r\n\r\n")
    asking = Asking(service, home, smart, deadline_seconds=0.5)
    assert asking.ask().reason == "too_slow"


def test_the_callers_deadline_counts_too(service: Service, asking: Asking) -> None:
    service.behave = trickling(b"HTTP/1.1 200 OK\r\n\r\n")
    assert asking.ask(seconds=0.5).reason == "too_slow"


def test_without_words_or_time_nobody_is_asked(service: Service, asking: Asking) -> None:
    assert asking.ask(" \x00<|im_end|>").reason == "no_text"
    assert asking.ask(seconds=0.05).reason == "no_time"
    assert asking.ask(seconds=-5).reason == "no_time"
    assert service.paths == []
    assert asking.router.breaker.state == "closed"


def test_the_breaker_opens_and_recovers(service: Service, home: Home, smart: Grounding) -> None:
    asking = Asking(service, home, smart, breaker=BreakerSettings(failures=2, seconds=30))
    service.behave = status(500)
    assert [asking.ask().reason for _ in range(4)] == ["refused", "refused", "open", "open"]
    assert len(service.paths) == 2
    asking.clock.now += 30
    assert [asking.ask().reason for _ in range(2)] == ["refused", "open"]
    asking.clock.now += 30
    service.behave = answering(completion(("toggle_lights", ON.arguments)))
    assert [asking.ask().calls for _ in range(2)] == [(ON,), (ON,)]
    assert asking.router.breaker.state == "closed"


def test_a_service_that_is_not_there_opens_the_breaker(home: Home, smart: Grounding) -> None:
    with Service() as gone:
        asking = Asking(gone, home, smart, breaker=BreakerSettings(failures=2))
    assert [asking.ask().reason for _ in range(3)] == ["unreachable", "unreachable", "open"]


def test_bad_answers_of_a_service_that_works_do_not_open_the_breaker(
    service: Service, home: Home, smart: Grounding
) -> None:
    asking = Asking(service, home, smart, breaker=BreakerSettings(failures=1))
    for body in (completion(), completion(("open_airlock", {})), completion(text="Hm.")):
        service.behave = answering(body)
        asking.ask()
    assert asking.router.breaker.state == "closed"


def test_an_answer_that_had_too_little_time_does_not_open_the_breaker(
    service: Service, home: Home, smart: Grounding
) -> None:
    asking = Asking(service, home, smart, breaker=BreakerSettings(failures=1))
    service.behave = trickling(b"HTTP/1.1 200 OK\r\n\r\n")
    assert asking.ask(seconds=0.5).reason == "too_slow"
    assert asking.router.breaker.state == "closed"


def test_nothing_that_was_said_and_no_key_is_logged(
    service: Service, home: Home, smart: Grounding, logs: list[Any]
) -> None:
    router = open_router(Fallback(url=service.url, model="big", api_key_env="BIG_KEY"), smart,
                         environ={"BIG_KEY": "sk-geheim"})
    for behave in (status(401), answering(completion(("open_airlock", {"a": "kitchen"}))),
                   answering(completion(("toggle_lights", ON.arguments)))):
        service.behave = behave
        router.ask((), "kitchen lights on", home, time.monotonic() + 20, site="hall")
    assert service.headers[0]["Authorization"] == "Bearer sk-geheim"
    told = str([entry for entry in logs if entry["log_level"] != "debug"])
    assert "admitted" in told
    assert not [word for word in ("geheim", "kitchen", "hall") if word in told]


def test_what_is_recorded_can_be_trained_on(
    service: Service, home: Home, smart: Grounding, tmp_path: Path
) -> None:
    path = tmp_path / "traces.jsonl"
    router = open_router(Fallback(url=service.url, model="big", record=True), smart, environ={},
                         traces=path)
    for body in (completion(("toggle_lights", ON.arguments)), completion(("open_airlock", {})),
                 completion(text="Hm.")):
        service.behave = answering(body)
        router.ask((Turn("hello", ()),), "kitchen lights on", home, time.monotonic() + 20,
                   site="hall")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["verdict"] for row in rows] == ["admitted", "invalid_call", "only_text"]
    assert {row["source"] for row in rows} == {"fallback"}
    assert len({row["site"] for row in rows} | {"hall"}) == 2
    assert rows[1]["rejected"] == [{"name": "open_airlock", "arguments": "{}"}]
    assert [dialogue.turns[-1].calls for dialogue in read_dialogues(path)] == [(ON,), (), ()]


def test_nothing_is_recorded_unasked(
    service: Service, home: Home, smart: Grounding, tmp_path: Path
) -> None:
    service.behave = answering(completion(("toggle_lights", ON.arguments)))
    router = open_router(Fallback(url=service.url, model="big"), smart, environ={},
                         traces=tmp_path / "traces.jsonl")
    assert router.ask((), "kitchen lights on", home, time.monotonic() + 20).calls == (ON,)
    assert list(tmp_path.iterdir()) == []


def test_a_router_over_mqtt_asks_there(home: Home, smart: Grounding) -> None:
    asked: list[Message] = []
    router = open_router(Fallback(topic="models/ask"), smart, environ={}, client_id="hub")
    over_mqtt = router.over_mqtt
    assert over_mqtt is not None
    assert over_mqtt.answers_on == "iotcall/hub/fallback"

    def publish(message: Message, deadline: float) -> None:
        asked.append(message)
        over_mqtt.heard(completion(("toggle_lights", ON.arguments)),
                        correlation=message.correlation)

    over_mqtt.connect(publish, lambda: "5")
    assert router.ask((), "kitchen lights on", home, time.monotonic() + 20).calls == (ON,)
    assert asked[0].topic == "models/ask"
    assert json.loads(asked[0].payload)["messages"][-1]["content"] == "kitchen lights on"


def test_answers_come_on_the_topic_that_the_settings_name(smart: Grounding) -> None:
    router = open_router(Fallback(topic="models/ask", answer_topic="models/answer/1"), smart,
                         environ={}, client_id="hub")
    assert router.over_mqtt is not None
    assert router.over_mqtt.answers_on == "models/answer/1"


@pytest.mark.parametrize(("settings", "word"), [
    (Fallback(url="http://box", model="m", record=True), "fallback.record"),
    (Fallback(topic="models/#"), "fallback.topic"),
    (Fallback(topic="models/ask", answer_topic="models/ask"), "fallback.answer_topic"),
    (Fallback(topic="models/ask", answer_topic="hermes/nlu/query"), "fallback.answer_topic"),
    (Fallback(url="http://box", model="m", answer_topic="models/answer"), "goes with `topic`"),
    (Fallback(url="http://box", model="m", api_key_env="NO_KEY"), "NO_KEY"),
    (Fallback(), "fallback.url"),
])
def test_a_router_that_could_not_ask_is_not_opened(
    smart: Grounding, settings: Fallback, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        open_router(settings, smart, environ={})
