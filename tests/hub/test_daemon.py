"""What comes of an utterance, on a real broker with a hub process and a simulated home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iotcall.devices.simulated import SimulatedHome
from tests.hub.actors import Gates, HubProcess, Mosquitto, Satellite

TURN = "iotcall/iotcall-hub/turn"
SAY = "hermes/tts/say"
END = "hermes/dialogueManager/endSession"
CONTINUE = "hermes/dialogueManager/continueSession"
NOT_RECOGNISED = "hermes/nlu/intentNotRecognized"
VOICE = "hermes/asr/textCaptured"
QUERY = "hermes/nlu/query"
KITCHEN_SET = "zigbee2mqtt/kitchen light/set"
FRONT_SET = "zigbee2mqtt/front door lock/set"


def turns(satellite: Satellite, count: int) -> list[dict[str, Any]]:
    return satellite.wait(TURN, count)


def test_a_light_is_switched_and_done_is_said(
    hub: HubProcess, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    satellite.say("kitchen lights on", site="kitchen")
    [turn] = turns(satellite, 1)
    assert simulated_home.states()["kitchen light"]["state"] == "on"
    assert satellite.heard(SAY) == [{"text": turn["reply"], "siteId": "kitchen"}]
    [intent] = satellite.heard("hermes/intent/toggle_lights")
    assert intent["intent"] == {"intentName": "toggle_lights", "confidenceScore": 0.9}
    assert {slot["slotName"]: slot["value"]["value"] for slot in intent["slots"]} == {
        "room": "kitchen", "state": "on"}
    latency = turn.pop("latency_ms")
    assert sorted(latency) == ["command", "decode", "total"]
    # its brightness is asked for at the start, and may not be told yet
    assert turn["commands"][0].pop("state")["state"] == "on"
    assert turn == {
        "utterance": "kitchen lights on", "site_id": "kitchen", "session_id": None,
        "calls": [{"name": "toggle_lights", "arguments": {"room": "kitchen", "state": "on"}}],
        "confidence": 0.9, "outcome": "done", "reply": "The kitchen light is on.",
        "commands": [{"device": "kitchen light", "property": "state", "value": "on",
                      "topic": KITCHEN_SET, "payload": '{"state":"ON"}', "verdict": "confirmed",
                      "reason": ""}],
    }


def test_commands_and_turns_are_not_retained(
    hub: HubProcess, satellite: Satellite, mosquitto: Mosquitto
) -> None:
    satellite.say("kitchen lights on")
    turns(satellite, 1)
    late = Satellite(mosquitto.port)
    late.wait("iotcall/iotcall-hub/status")
    assert late.heard(KITCHEN_SET) == late.heard(TURN) == late.heard(SAY) == []
    late.close()


def test_a_query_is_answered_on_its_session_with_its_id(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish(QUERY, {"input": "bedroom lights on", "siteId": "kitchen", "id": "q1",
                              "sessionId": "s1", "customData": {"mine": 1}})
    turns(satellite, 1)
    [intent] = satellite.heard("hermes/intent/toggle_lights")
    assert (intent["id"], intent["sessionId"], intent["customData"]) == ("q1", "s1", {"mine": 1})
    [ended] = satellite.heard(END)
    assert ended == {"sessionId": "s1", "text": "The bedroom light is on.",
                     "customData": {"mine": 1}}
    assert satellite.heard(SAY) == []


def test_a_query_takes_only_the_intents_of_its_filter(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish(QUERY, {"input": "kitchen lights on", "intentFilter": ["set_scene"]})
    [turn] = turns(satellite, 1)
    assert turn["outcome"] == "not_recognised"
    assert satellite.heard(KITCHEN_SET) == []


def test_a_question_goes_on_with_the_session_and_its_answer_ends_it(
    hub: HubProcess, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    satellite.say("lights on", session="s1")
    [asked] = satellite.wait(CONTINUE)
    assert (asked["sessionId"], asked["text"]) == ("s1", "In which room?")
    satellite.say("the kitchen", session="s1")
    turns(satellite, 2)
    assert simulated_home.states()["kitchen light"]["state"] == "on"
    assert [ended["sessionId"] for ended in satellite.heard(END)] == ["s1"]


def test_the_satellites_room_is_meant_where_none_is_said(
    hub: HubProcess, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    satellite.say("lights on", site="living_room")
    [turn] = turns(satellite, 1)
    assert [told["device"] for told in turn["commands"]] == [
        "living room ceiling light", "living room lamp"]
    assert turn["outcome"] == "done"


def test_a_follow_up_uses_what_was_said_before(hub: HubProcess, satellite: Satellite) -> None:
    satellite.say("kitchen lights on")
    satellite.say("and bedroom")
    assert [turn["commands"][0]["device"] for turn in turns(satellite, 2)] == [
        "kitchen light", "bedroom light"]


def test_a_door_is_unlocked_after_a_yes_and_asked_whether_it_is(
    hub: HubProcess, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    satellite.say("lock front")
    assert turns(satellite, 1)[0]["outcome"] == "done"  # locks say nothing until they are asked
    satellite.wait("zigbee2mqtt/front door lock/get")
    satellite.say("unlock front")
    turns(satellite, 2)
    assert simulated_home.states()["front door"]["lock"] == "locked"
    satellite.say("yes")
    asked, opened = turns(satellite, 3)[1:]
    assert (asked["outcome"], asked["commands"], opened["outcome"]) == ("question", [], "done")
    assert simulated_home.states()["front door"]["lock"] == "unlocked"


def test_a_yes_of_another_session_unlocks_nothing(hub: HubProcess, satellite: Satellite) -> None:
    satellite.say("unlock front", session="s1")
    satellite.say("yes", session="s2")
    satellite.say("yes", session="s1", site="kitchen")
    turns(satellite, 3)
    assert satellite.heard(FRONT_SET) == []


def test_a_yes_that_was_said_before_the_question_unlocks_nothing(
    hub: HubProcess, satellite: Satellite, gates: Gates
) -> None:
    satellite.say("hold door unlock front")
    gates.wait_reached("door")
    satellite.say("yes")
    gates.open("door")
    assert [turn["outcome"] for turn in turns(satellite, 2)] == ["question", "refused"]
    satellite.say("yes")
    turns(satellite, 3)
    assert satellite.heard(FRONT_SET) == []


@pytest.mark.parametrize("utterance", ["mumble", "dither"])
def test_what_was_not_understood_is_said_before_the_session_ends(
    hub: HubProcess, satellite: Satellite, utterance: str
) -> None:
    satellite.say(utterance, session="s1")
    [turn] = turns(satellite, 1)
    assert turn["outcome"] == "not_recognised"
    assert satellite.order(END, NOT_RECOGNISED) == [END, NOT_RECOGNISED]
    [told] = satellite.heard(NOT_RECOGNISED)
    assert told == {"input": utterance, "siteId": "default", "id": None, "sessionId": "s1",
                    "customData": {"reason": "not_recognised", "text": turn["reply"]}}


def test_done_is_not_said_of_a_device_that_does_not_confirm(
    start_hub: Callable[..., HubProcess], satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    start_hub("--acknowledge-seconds", "0.2")
    satellite.say("office lights on")
    [turn] = turns(satellite, 1)
    assert turn["outcome"] == "refused"
    assert turn["commands"][0]["verdict"] == "refused"
    assert "Timeout" in turn["commands"][0]["reason"]
    assert turn["reply"] == "The office light cannot be reached."


def test_a_temperature_that_was_not_said_is_not_sent_nor_told_to_others(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.say("thermostat to ninety five")
    satellite.say("kitchen lights on")
    refused, done = turns(satellite, 2)
    assert (refused["outcome"], refused["commands"]) == ("refused", [])
    assert refused["reply"] == "The thermostat can be set from 60 to 80 degrees."
    assert done["outcome"] == "done"
    assert satellite.heard("hermes/intent/set_thermostat") == []
    assert satellite.heard("zigbee2mqtt/thermostat/set") == []


def test_a_fault_while_handling_is_answered_and_the_hub_goes_on(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.say("crash", session="s1")
    satellite.say("kitchen lights on")
    assert [turn["outcome"] for turn in turns(satellite, 2)] == ["failed", "done"]
    assert satellite.heard(NOT_RECOGNISED)[0]["customData"]["reason"] == "failed"
    assert satellite.heard(END)[0]["sessionId"] == "s1"


def test_malformed_messages_are_answered_where_a_site_is_readable(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish(VOICE, b"lights on")
    satellite.publish(VOICE, b'{"text": 5, "siteId": "kitchen", "sessionId": "s1"}')
    satellite.publish(QUERY, b'{"input": "on\\u0007", "siteId": "kitchen", "id": "q1"}')
    satellite.publish(VOICE, b'{"text": "\\u200b", "siteId": "office"}')
    satellite.publish(VOICE, b'{"text": "' + b"a" * 500 + b'"}')
    satellite.publish(VOICE, b"[" * 20000)
    satellite.say("kitchen lights on")
    assert [turn["outcome"] for turn in turns(satellite, 5)] == ["malformed"] * 4 + ["done"]
    assert [(told["siteId"], told["sessionId"], told["id"], told["customData"]["reason"])
            for told in satellite.heard(NOT_RECOGNISED)] == [
        ("kitchen", "s1", None, "malformed"), ("kitchen", None, "q1", "malformed"),
        ("office", None, None, "malformed"), ("default", None, None, "malformed")]
    assert hub.running()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_retained_voice_message_is_ignored(
    start_hub: Callable[..., HubProcess], satellite: Satellite, simulated_home: SimulatedHome,
    version: str,
) -> None:
    satellite.publish(VOICE, {"text": "kitchen lights on"}, retain=True)
    hub = start_hub("--mqtt-version", version)
    satellite.say("bedroom lights on")
    assert [turn["utterance"] for turn in turns(satellite, 1)] == ["bedroom lights on"]
    assert satellite.heard(KITCHEN_SET) == []
    assert "voice.retained_ignored" in hub.log.read_text()


def test_an_utterance_that_a_dialogue_manager_repeats_as_a_query_is_handled_once(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.say("kitchen lights on", session="s1")
    satellite.publish(QUERY, {"input": "kitchen  Lights on", "siteId": "default",
                              "sessionId": "s1", "id": "q1"})
    satellite.say("kitchen lights on", session="s1")
    satellite.say("bedroom lights on")
    assert [turn["utterance"] for turn in turns(satellite, 3)] == [
        "kitchen lights on", "kitchen lights on", "bedroom lights on"]


def test_nothing_that_was_said_is_logged(hub: HubProcess, satellite: Satellite) -> None:
    satellite.say("kitchen lights on")
    satellite.say("crash")
    satellite.publish(VOICE, b'{"text": "secret\\u0000", "siteId": "kitchen"}')
    turns(satellite, 3)
    log = hub.log.read_text()
    assert "utterance.handled" in log
    assert not [word for word in ("kitchen lights", "crash'", "secret") if word in log]
