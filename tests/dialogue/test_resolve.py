from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.devices import Entry, Home, HomeFile, Room, assemble
from iotcall.dialogue import Answer, Plan, Question, Refusal

LIGHTS = ["living room ceiling light", "living room lamp", "bedroom light", "kitchen light",
          "bathroom light", "office light", "hallway light"]


def lights(**arguments: str) -> ToolCall:
    return ToolCall("toggle_lights", arguments)


def door(**arguments: str) -> ToolCall:
    return ToolCall("lock_door", arguments)


def status(**arguments: str) -> ToolCall:
    return ToolCall("get_device_status", arguments)


def thermostat(**arguments: Any) -> ToolCall:
    return ToolCall("set_thermostat", arguments)


def test_a_room_that_is_said_decides(talk: Any) -> None:
    assert talk.plans("bedroom light on", lights(room="bedroom", state="on"), site="kitchen") == [
        ("bedroom light", "state", "on")]


def test_all_lights_of_a_room_are_meant(talk: Any) -> None:
    outcome = talk.says("living room lights off", lights(room="living_room", state="off"))
    assert [each.device.name for each in outcome.commands] == LIGHTS[:2]
    assert outcome.reply == "The living room lights are off."


@pytest.mark.parametrize("utterance", [
    "turn off all the lights", "lights out everywhere", "Every light off!", "kill both lights"])
def test_a_word_for_everywhere_means_all_wherever_it_is_said(talk: Any, utterance: str) -> None:
    said = talk.plans(utterance, lights(state="off"), site="kitchen")
    assert [name for name, _, _ in said] == LIGHTS


@pytest.mark.parametrize("utterance", [
    "all right, lights off", "that's all, lights off", "That\u2019s all, lights off",
    "lights off, it's over after all", "call it a day, lights off"])
def test_idioms_and_parts_of_words_do_not_mean_everywhere(talk: Any, utterance: str) -> None:
    assert talk.plans(utterance, lights(state="off"), site="kitchen") == [
        ("kitchen light", "state", "off")]


def test_without_a_place_the_satellites_room_is_meant(talk: Any) -> None:
    assert talk.plans("lights on", lights(state="on"), site="living_room") == [
        (name, "state", "on") for name in LIGHTS[:2]]


@pytest.mark.parametrize("site", ["default", "a satellite that the home does not know"])
def test_without_place_and_satellite_room_it_is_asked_for(talk: Any, site: str) -> None:
    outcome = talk.says("lights on", lights(state="on"), site=site)
    assert isinstance(outcome, Question)
    assert outcome.reply == "In which room?"


def test_the_only_device_of_a_kind_needs_no_place(
    talk_in: Callable[[Home], Any], home: Home
) -> None:
    only = tuple(device for device in home.devices if device.name != "living room lamp"
                 and (device.kind != "light" or device.room == "living_room"))
    small = msgspec.structs.replace(home, devices=only)
    assert talk_in(small).plans("light on", lights(state="on")) == [
        ("living room ceiling light", "state", "on")]


def test_a_room_without_such_a_device_is_refused(
    talk_in: Callable[[Home], Any], home: Home
) -> None:
    dark = msgspec.structs.replace(
        home, devices=tuple(d for d in home.devices if d.name != "office light"))
    outcome = talk_in(dark).says("office light on", lights(room="office", state="on"))
    assert isinstance(outcome, Refusal)
    assert outcome.reply == "There is no light in the office."


def test_a_home_without_the_room_or_the_kind_says_so(
    talk_in: Callable[[Home], Any], home: Home
) -> None:
    hut = assemble(HomeFile(name="hut", rooms={"hut": Room()}, devices=(
        Entry(name="lamp", room="hut", kind="light", driver="tasmota", address="lamp"),)))
    talk = talk_in(hut)
    for call, says in [
        (lights(room="office", state="on"), "I know of no office light here."),
        (door(door="side", state="lock"), "I know of no side door here."),
        (door(state="lock"), "There is no door here."),
        (thermostat(temperature=70), "There is no thermostat here."),
        (status(device_type="door"), "There is no door here."),
        (ToolCall("set_scene", {"scene": "movie_night"}), "There is no movie night scene here."),
    ]:
        outcome = talk.says("do it", call)
        assert (type(outcome), outcome.reply) == (Refusal, says)


def test_a_missing_value_is_asked_for(talk: Any) -> None:
    for call, says in [(lights(room="kitchen"), "Should I turn it on or off?"),
                       (door(door="front"), "Should I lock it or unlock it?"),
                       (thermostat(), "To what temperature?"),
                       (ToolCall("set_scene", {}), "Which scene: movie night, bedtime, morning, "
                                                   "away or party?"),
                       (status(), "What would you like to know about?")]:
        outcome = talk.says("do it", call, session=says)
        assert (type(outcome), outcome.reply) == (Question, says)


def test_fahrenheit_becomes_the_devices_celsius(talk: Any) -> None:
    outcome = talk.says("72 and cool", thermostat(temperature=72, mode="cool"))
    assert [(each.property, each.value) for each in outcome.commands] == [
        ("mode", "cool"), ("setpoint", 22.0)]
    assert outcome.reply == "The thermostat is set to 72 degrees and in cool mode."


def test_every_temperature_of_the_catalogue_is_said_back_as_it_was_said(talk: Any) -> None:
    for fahrenheit in range(60, 81):
        outcome = talk.says("warmer", thermostat(temperature=fahrenheit))
        assert outcome.reply == f"The thermostat is set to {fahrenheit} degrees."


def test_a_door_is_a_device(talk: Any) -> None:
    assert talk.plans("lock the garage", door(door="garage", state="lock")) == [
        ("garage door", "lock", "locked")]


@pytest.mark.parametrize("utterance", ["lock all doors", "lock the doors", "lock up please"])
def test_doors_in_the_plural_are_all_doors(talk: Any, utterance: str) -> None:
    outcome = talk.says(utterance, door(state="lock"))
    assert len(outcome.commands) == 4
    assert outcome.reply == "All doors are locked."


def test_a_scene_becomes_its_commands_and_the_last_step_wins(talk: Any) -> None:
    said = talk.plans("goodnight", ToolCall("set_scene", {"scene": "bedtime"}))
    assert ("bedroom light", "brightness", 10) in said
    assert ("bedroom light", "state", "off") not in said
    assert ("coffee maker", "state", "off") in said
    assert ("bedroom blinds", "position", 0) in said


def test_a_status_says_what_was_heard_and_what_was_not(talk: Any) -> None:
    talk.states.feed("zigbee2mqtt/kitchen light", b'{"state":"ON"}')
    talk.states.feed("zigbee2mqtt/bedroom light", b'{"state":"OFF"}')
    outcome = talk.says("is the kitchen light on", status(device_type="lights", room="kitchen"))
    assert isinstance(outcome, Answer)
    assert outcome.reply == "The kitchen light is on."
    outcome = talk.says("any lights on", status(device_type="lights"), site="kitchen")
    assert outcome.reply == (
        "I have not heard from the living room ceiling light, the living room lamp, the bathroom "
        "light and 2 more yet. The bedroom light is off. The kitchen light is on.")


def test_a_status_of_a_door_of_the_thermostat_and_of_a_room(talk: Any) -> None:
    talk.states.feed("zigbee2mqtt/back_door_lock", b'{"state":"LOCK"}')
    talk.states.feed("zigbee2mqtt/thermostat",
                     b'{"occupied_heating_setpoint":22,"system_mode":"heat"}')
    talk.states.feed("zigbee2mqtt/kitchen light", b'{"state":"ON"}')
    talk.states.feed("stat/coffee_maker/RESULT", b'{"POWER":"OFF"}')
    assert talk.says("x", status(device_type="door", room="back")).reply == (
        "The back door is locked.")
    assert talk.says("x", status(device_type="thermostat")).reply == (
        "The thermostat is set to 72 degrees and in heat mode.")
    assert talk.says("x", status(device_type="all", room="the kitchen")).reply == (
        "The kitchen light is on. The back door is locked. The coffee maker is off.")
    assert talk.says("x", status(room="coffee machine")).reply == "The coffee maker is off."


def test_a_device_that_is_offline_is_not_said_to_be_on(talk: Any) -> None:
    talk.states.feed("zigbee2mqtt/kitchen light", b'{"state":"ON"}')
    talk.states.feed("zigbee2mqtt/kitchen light/availability", b'{"state":"offline"}')
    assert talk.says("x", status(device_type="lights", room="kitchen")).reply == (
        "The kitchen light cannot be reached.")


def test_a_place_that_does_not_exist_is_said_back_cleaned(talk: Any) -> None:
    outcome = talk.says("x", status(device_type="lights", room="at\u0007tic" + "x" * 18))
    assert isinstance(outcome, Refusal)
    assert outcome.reply == f"I know of no at tic{'x' * 18} light here."


@pytest.mark.parametrize(("reason", "kind"), [
    ("off_topic", Refusal), ("unsupported_device", Refusal), ("ambiguous", Question),
    ("incomplete", Question)])
def test_what_the_student_cannot_help_with(talk: Any, reason: str, kind: type) -> None:
    assert isinstance(talk.says("x", ToolCall("intent_unclear", {"reason": reason})), kind)
    assert isinstance(talk.says("x", ToolCall("intent_unclear", {})), Refusal)


def test_several_calls_are_one_plan_or_none(talk: Any) -> None:
    both = lights(room="kitchen", state="on"), door(door="front", state="lock")
    outcome = talk.says("x", *both)
    assert isinstance(outcome, Plan)
    assert len(outcome.commands) == 2
    assert outcome.reply == "The kitchen light is on. The front door is locked."
    outcome = talk.says("x", both[0], door(door="front"))
    assert isinstance(outcome, Question)
    assert outcome.calls == (both[0], door(door="front"))


def test_a_group_is_reported_and_told_only_when_it_is_named(
    talk_in: Callable[[Home], Any], home: Home
) -> None:
    lamps = home.of_kind("light", "kitchen")
    group = msgspec.structs.replace(
        lamps[0], name="counter", room="kitchen", address="group/1", members=lamps)
    talk = talk_in(msgspec.structs.replace(home, devices=(group, *home.devices)))
    talk.states.feed("zigbee2mqtt/kitchen light", b'{"state":"ON"}')
    talk.states.feed("zigbee2mqtt/back_door_lock", b'{"state":"LOCK"}')
    talk.states.feed("stat/coffee_maker/RESULT", b'{"POWER":"OFF"}')
    assert talk.says("x", status(device_type="all", room="kitchen")).reply == (
        "The kitchen light is on. The back door is locked. The coffee maker is off.")
    assert "counter" not in talk.says("x", status(device_type="all")).reply
    assert talk.says("x", status(device_type="lights", room="counter")).reply == (
        "The counter is on.")
    assert talk.plans("all lights off", lights(state="off")) == [
        (name, "state", "off") for name in LIGHTS]


def test_a_status_of_everything_passes_over_kinds_that_the_catalogue_does_not_know(
    talk_in: Callable[[Home], Any]
) -> None:
    entries = (Entry(name="ceiling fan", room="attic", kind="fan", driver="zigbee2mqtt",
                     address="fan"),
               Entry(name="attic light", room="attic", kind="light", driver="zigbee2mqtt",
                     address="light"))
    talk = talk_in(assemble(HomeFile(name="attic", rooms={"attic": Room()}, devices=entries)))
    talk.states.feed("zigbee2mqtt/fan", b'{"state":"ON"}')
    talk.states.feed("zigbee2mqtt/light", b'{"state":"ON"}')
    assert "The attic light is on." in talk.says("x", status(device_type="all")).reply
