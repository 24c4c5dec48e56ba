"""A hub whose student is not sure, and a bigger model that helps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.actors import HubProcess, Mosquitto, Satellite, wait_until
from tests.hub.fallback.responder import Responder
from tests.hub.fallback.service import Service, answering, completion

TURN = "iotcall/iotcall-hub/turn"
LOCK = "zigbee2mqtt/front door lock/set"
UNSURE = "mumble"
"""The stand-in is not sure of it."""

pytestmark = pytest.mark.usefixtures("simulated_home")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


def test_a_bigger_model_is_asked_and_its_call_passes_the_same_gate(
    start_hub: Callable[..., HubProcess], satellite: Satellite, service: Service, tmp_path: Path
) -> None:
    service.behave = answering(completion(
        ("lock_door", {"door": "front", "state": "unlock"})))
    start_hub("--fallback", service.url)
    satellite.say(UNSURE)
    turn = satellite.wait(TURN, 1)[-1]
    assert (turn["outcome"], turn["reply"]) == ("question", "Should I unlock the front door?")
    assert service.bodies[0]["model"] == "big"
    assert service.bodies[0]["messages"][-1]["content"] == UNSURE
    assert satellite.heard("hermes/tts/say")[0]["text"] == "One moment."
    assert satellite.heard("zigbee2mqtt/front door lock/set") == []
    satellite.say("yes")
    assert satellite.wait(TURN, 2)[-1]["outcome"] == "done"
    traces = tmp_path / "traces.jsonl"
    wait_until(lambda: traces.is_file() and "lock_door" in traces.read_text(), "a trace")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_bigger_model_is_asked_over_mqtt_and_its_call_passes_the_same_gate(
    start_hub: Callable[..., HubProcess], satellite: Satellite, mosquitto: Mosquitto, version: str
) -> None:
    body = completion(("lock_door", {"door": "front", "state": "unlock"}))
    with Responder(mosquitto.port, "models/ask", body, version=version) as responder:
        start_hub("--fallback-topic", "models/ask", "--mqtt-version", version)
        satellite.say(UNSURE)
        turn = satellite.wait(TURN, 1)[-1]
        assert (turn["outcome"], turn["reply"]) == ("question", "Should I unlock the front door?")
        assert satellite.heard(LOCK) == []
        satellite.say("yes")
        assert satellite.wait(TURN, 2)[-1]["outcome"] == "done"
    assert responder.answered_on == ["iotcall/iotcall-hub/fallback"]
    assert responder.bodies[0]["model"] == "big"
    assert responder.bodies[0]["messages"][-1]["content"] == UNSURE


def test_a_retained_answer_and_one_that_nobody_asked_for_do_nothing(
    start_hub: Callable[..., HubProcess], satellite: Satellite, mosquitto: Mosquitto
) -> None:
    unlock = completion(("lock_door", {"door": "front", "state": "unlock"}))
    satellite.publish("iotcall/iotcall-hub/fallback", unlock, retain=True)
    with Responder(mosquitto.port, "models/ask", completion(
            ("toggle_lights", {"room": "kitchen", "state": "on"}))):
        start_hub("--fallback-topic", "models/ask")
        satellite.publish("iotcall/iotcall-hub/fallback", unlock)
        satellite.say(UNSURE)
        [turn] = satellite.wait(TURN, 1)
    assert [call["name"] for call in turn["calls"]] == ["toggle_lights"]
    assert satellite.heard(LOCK) == []


def test_a_model_that_fails_leaves_it_not_understood(
    start_hub: Callable[..., HubProcess], satellite: Satellite, service: Service
) -> None:
    start_hub("--fallback", service.url)
    satellite.say(UNSURE)
    assert satellite.wait(TURN, 1)[-1]["outcome"] == "not_recognised"
    satellite.say("kitchen lights on")
    assert satellite.wait(TURN, 2)[-1]["outcome"] == "done"
    assert len(service.bodies) == 1
