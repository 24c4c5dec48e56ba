"""The other ways in: the plain pair of topics, Wyoming, dialogue managers that break off, keypads,
and devices that announce themselves while the hub runs."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from wyoming.asr import Transcript
from wyoming.client import AsyncTcpClient

from iotcall.devices.simulated import SimulatedHome
from iotcall.dialogue.pins import pin_hash
from iotcall.shipped import shipped
from tests.hub.actors import DEADLINE_SECONDS, Gates, HubProcess, Mosquitto, Satellite

TURN = "iotcall/iotcall-hub/turn"
ASK, ANSWER = "iotcall/iotcall-hub/ask", "iotcall/iotcall-hub/answer"
StartHub = Callable[..., HubProcess]


def test_a_plain_question_is_answered_on_the_plain_topic(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish(ASK, {"text": "kitchen lights on", "site": "kitchen", "id": "7"})
    (told,) = satellite.wait(ANSWER, 1)
    assert {key: told[key] for key in ("id", "site", "text", "outcome")} == {
        "id": "7", "site": "kitchen", "text": "The kitchen light is on.", "outcome": "done"}
    assert told["calls"] == [{"name": "toggle_lights",
                              "arguments": {"room": "kitchen", "state": "on"}}]
    assert told["commands"][0]["verdict"] == "confirmed"
    assert satellite.heard("hermes/tts/say") == []


def test_with_mqtt_5_the_answer_goes_where_the_asker_waits(
    hub: HubProcess, satellite: Satellite, mosquitto: Mosquitto
) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = "reply/app/1"
    properties.CorrelationData = b"\x00q1"
    found: list[Any] = []
    arrived = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def take(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        found.append((json.loads(message.payload), message.properties.CorrelationData))
        arrived.set()

    client.on_message = take
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe("reply/app/1", qos=1)
    client.loop_start()
    client.publish(ASK, b'{"text": "unlock front"}', qos=1, properties=properties)
    assert arrived.wait(DEADLINE_SECONDS)
    client.disconnect()
    client.loop_stop()
    ((told, correlation),) = found
    assert (told["outcome"], told["expects_answer"], correlation) == ("question", True, b"\x00q1")
    assert satellite.heard(ANSWER) == []


@pytest.mark.parametrize("topic", ["zigbee2mqtt/kitchen light/set", "iotcall/iotcall-hub/ask",
                                   "cmnd/coffee_maker/POWER", "reply/#"])
def test_nobody_makes_the_hub_speak_on_other_topics(
    hub: HubProcess, satellite: Satellite, mosquitto: Mosquitto, topic: str
) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if "#" not in topic:
        properties.ResponseTopic = topic
    else:
        properties.ResponseTopic = "reply/" + "x" * 400
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    client.publish(ASK, b'{"text": "bedroom lights on"}', qos=1,
                   properties=properties).wait_for_publish(DEADLINE_SECONDS)
    client.disconnect()
    client.loop_stop()
    satellite.say("kitchen lights on")
    assert satellite.wait(TURN, 1)[-1]["utterance"] == "kitchen lights on"
    assert satellite.heard("zigbee2mqtt/bedroom light/set") == []


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"text": 7}', b'{"text": ""}', b"\xff" * 99,
                                     b'{"text": "' + b"x" * 70000 + b'"}', b"[" * 9000])
def test_a_plain_question_that_is_none_is_told_so_or_ignored(
    hub: HubProcess, satellite: Satellite, payload: bytes
) -> None:
    satellite.publish(ASK, payload)
    satellite.publish(ASK, {"text": "kitchen lights on"})
    satellite.wait(TURN, 1)
    told = satellite.wait(ANSWER, 1)
    while told[-1]["outcome"] != "done":
        assert told[-1]["outcome"] == "malformed"
        told = satellite.wait(ANSWER, len(told) + 1)
    assert told[-1]["text"] == "The kitchen light is on."


def test_a_session_that_is_broken_off_does_nothing_any_more(
    hub: HubProcess, satellite: Satellite, gates: Gates
) -> None:
    satellite.say("hold a kitchen lights on", session="s1")
    gates.wait_reached("a")
    satellite.publish("hermes/dialogueManager/sessionEnded", {
        "sessionId": "s1", "siteId": "default", "termination": {"reason": "abortedByUser"}})
    satellite.say("bedroom lights on")
    gates.open("a")
    turns = satellite.wait(TURN, 1)
    assert [turn["utterance"] for turn in turns] == ["bedroom lights on"]
    assert satellite.heard("zigbee2mqtt/kitchen light/set") == []


def test_a_session_that_ended_as_it_should_breaks_nothing_off(
    hub: HubProcess, satellite: Satellite, gates: Gates
) -> None:
    satellite.say("hold a kitchen lights on", session="s1")
    gates.wait_reached("a")
    satellite.publish("hermes/dialogueManager/sessionEnded", {
        "sessionId": "s1", "siteId": "default", "termination": {"reason": "nominal"}})
    gates.open("a")
    assert satellite.wait(TURN, 1)[0]["outcome"] == "done"


def test_assist_hands_over_a_transcript_and_speaks_the_answer(
    start_hub: StartHub, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_hub("--wyoming", f"tcp://127.0.0.1:{port}")

    async def ask() -> str:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Transcript(text="kitchen lights on").event())
            event = await asyncio.wait_for(client.read_event(), DEADLINE_SECONDS)
            assert event is not None
            return f"{event.type}: {event.data['text']}"

    assert asyncio.run(ask()) == "handled: The kitchen light is on."
    assert satellite.wait(TURN, 1)[0]["outcome"] == "done"
    assert satellite.heard("hermes/tts/say") == []


def test_the_same_words_over_several_ways_are_several_wishes_and_each_is_answered(
    start_hub: StartHub, satellite: Satellite, simulated_home: SimulatedHome, gates: Gates
) -> None:
    """Who says no site is "default" on every way: these may be people in different rooms."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start_hub("--wyoming", f"tcp://127.0.0.1:{port}")
    text = "thermostat 70"
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")  # the others wait together

    async def ask() -> str:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Transcript(text=text).event())
            gates.open("a")
            event = await asyncio.wait_for(client.read_event(), DEADLINE_SECONDS)
            assert event is not None
            return event.type

    satellite.say(text)
    satellite.publish("hermes/nlu/query", {"input": text})
    satellite.publish(ASK, {"text": text})
    assert asyncio.run(ask()) == "handled"
    turns = satellite.wait(TURN, 5)[1:]
    assert [turn["outcome"] for turn in turns] == ["done"] * 4
    assert len(satellite.wait(ANSWER, 1)) == 1
    assert len(satellite.wait("hermes/tts/say", 3)) == 3


def test_a_device_that_appears_can_be_named_at_once_and_one_that_vanishes_cannot(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path
) -> None:
    home = tmp_path / "found.toml"
    home.write_text('name = "found"\n[rooms.kitchen]\n[discovery]\nsources = ["homeassistant"]\n')
    hub = start_hub("--home", str(home), "--grammar", "home", "--acknowledge-seconds", "0.2")
    config = "homeassistant/light/x1/config"
    satellite.say("turn|state=on|target=disco ball")
    assert satellite.wait(TURN, 1)[-1]["reply"] == "I know of no disco ball here."
    satellite.publish(config, {"name": "disco ball", "unique_id": "x1", "command_topic": "x1/cmd",
                               "state_topic": "x1/state"}, retain=True)
    hub.wait_logged("device.appeared")
    satellite.say("turn|state=on|target=disco ball")
    assert satellite.wait("x1/cmd", 1) == [b"ON"]
    satellite.publish(config, b"", retain=True)
    hub.wait_logged("device.vanished")
    satellite.say("turn|state=off|target=disco ball")
    assert satellite.wait(TURN, 3)[-1]["outcome"] == "refused"
    assert len(satellite.heard("x1/cmd")) == 1


def test_a_door_with_a_pin_opens_by_the_keypad_and_by_no_yes(
    start_hub: StartHub, satellite: Satellite, simulated_home: SimulatedHome, tmp_path: Path
) -> None:
    home = tmp_path / "pin.toml"
    text = (shipped("devices") / "homes" / "demo.toml").read_text()
    home.write_text(f'{text}\n[safety]\npin = ["front door"]\npin_hash = "{pin_hash("2468")}"\n')
    hub = start_hub("--home", str(home))
    satellite.say("unlock front")
    assert satellite.wait(TURN, 1)[-1]["outcome"] == "question"
    satellite.say("yes")
    assert satellite.wait(TURN, 2)[-1]["outcome"] == "question"
    keypad = "iotcall/iotcall-hub/keypad/default"
    satellite.publish(keypad, b"1111")
    assert satellite.wait(TURN, 3)[-1]["outcome"] == "question"
    satellite.publish(keypad, b"2468")
    turn = satellite.wait(TURN, 4)[-1]
    assert (turn["outcome"], turn["utterance"]) == ("done", "")
    assert "2468" not in hub.log.read_text()
    assert "2468" not in json.dumps(satellite.heard(TURN))


def test_a_managers_query_counts_and_not_the_transcript_before_it(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish("hermes/dialogueManager/sessionStarted", {"sessionId": "m1", "siteId": "x"})
    satellite.say("kitchen lights on", session="m1", site="x")
    satellite.publish("hermes/nlu/query", {
        "input": "kitchen lights on", "siteId": "x", "sessionId": "m1", "id": "q1",
        "intentFilter": ["set_scene"], "customData": "mine"})
    (turn,) = satellite.wait(TURN, 1)
    assert turn["outcome"] == "not_recognised"
    satellite.say("bedroom lights on")
    assert [each["utterance"] for each in satellite.wait(TURN, 2)] == [
        "kitchen lights on", "bedroom lights on"]
    assert satellite.heard("zigbee2mqtt/kitchen light/set") == []


def test_a_transcript_whose_manager_never_asks_is_done_by_itself(
    hub: HubProcess, satellite: Satellite
) -> None:
    satellite.publish("hermes/dialogueManager/sessionStarted", {"sessionId": "m2", "siteId": "x"})
    satellite.say("kitchen lights on", session="m2", site="x")
    assert satellite.wait(TURN, 1)[0]["outcome"] == "done"
