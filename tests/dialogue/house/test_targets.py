"""Which devices the words mean, case by case, in the family's house."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.devices import Entry, HomeFile, Room, assemble
from tests.dialogue.house.talk import House, call

KITCHEN = {"kitchen light", "counter lights"}
LIVING = {"ceiling light", "floor lamp", "reading lamp"}
BEDROOM = {"bedroom ceiling light", "left bedside lamp", "right bedside lamp"}
UPSTAIRS_BLINDS = {"bedroom blinds", "nursery blind"}
UPSTAIRS = {"landing light", *BEDROOM, "night light", "guest lamp", "bathroom light"}


@pytest.mark.parametrize(("where", "names"), [
    ({"target": "floor lamp"}, {"floor lamp"}),
    ({"target": "Floor Lamp"}, {"floor lamp"}),
    ({"target": "lounge floor lamp"}, {"floor lamp"}),
    ({"target": "floor lamp", "room": "lounge"}, {"floor lamp"}),
    ({"target": "owl"}, {"night light"}),
    ({"target": "kitchen lights"}, KITCHEN),
    ({"target": "lights", "room": "kitchen"}, KITCHEN),
    ({"target": "lights in the kitchen"}, KITCHEN),
    ({"room": "kitchen"}, KITCHEN),
    ({"target": "kitchen"}, KITCHEN),
    ({"target": "upstairs lights"}, UPSTAIRS),
    ({"target": "lights", "room": "upstairs"}, UPSTAIRS),
    ({"target": "lights upstairs"}, UPSTAIRS),
    ({"target": "kitchen and hall lights"}, KITCHEN | {"hall light"}),
    ({"target": "floor lamp and the desk lamp"}, {"floor lamp", "desk lamp"}),
    ({"target": "kitchen lights and the owl"}, KITCHEN | {"night light"}),
    ({"target": "floor lamp, desk lamp and owl"}, {"floor lamp", "desk lamp", "night light"}),
    ({"target": "bedside lamps"}, {"left bedside lamp", "right bedside lamp"}),
    ({"target": "desk"}, {"desk lamp"}),
    ({"target": "pendant"}, {"pendant"}),
    ({"target": "lights", "room": "kitchen and the hall"}, KITCHEN | {"hall light"}),
    ({"target": "bathroom lights"}, {"bathroom light"}),
    ({"target": "espresso machine"}, {"coffee machine"}),
    ({"target": "flour lamp"}, {"floor lamp"}),
    ({"target": "kitchen lites"}, KITCHEN),
    ({"target": "light", "room": "hall and landing"}, {"hall light", "landing light"}),
    ({"target": "lamps", "room": "lounge"}, {"floor lamp", "reading lamp"}),
    ({"target": "living room lights", "except": "floor lamp"}, LIVING - {"floor lamp"}),
    ({"target": "lights", "room": "upstairs", "except": "bedroom"}, UPSTAIRS - BEDROOM),
    ({"target": "lights", "room": "lounge", "except": "ceiling light and the floor lamp"},
     {"reading lamp"}),
])
def test_the_words_mean_these_devices(house: House, where: dict[str, str], names: set[str]
                                      ) -> None:
    assert house.names(ToolCall("turn", {"state": "off", **where})) == names


@pytest.mark.parametrize(("site", "where", "names"), [
    ("bedroom", {"target": "blinds"}, {"bedroom blinds"}),
    ("default", {"target": "blinds", "room": "bedroom"}, {"bedroom blinds"}),
    ("default", {"target": "blinds", "room": "upstairs"}, UPSTAIRS_BLINDS),
    ("default", {"target": "blinds", "room": "bedroom and nursery"}, UPSTAIRS_BLINDS),
    ("default", {"target": "blinds", "room": "whole house"}, UPSTAIRS_BLINDS | {"study blind"}),
    ("bedroom", {"target": "blinds", "scope": "all"}, UPSTAIRS_BLINDS | {"study blind"}),
])
def test_several_rooms_mean_more_than_the_device_that_is_called_like_one_of_them(
    house: House, site: str, where: dict[str, str], names: set[str]
) -> None:
    assert house.names(ToolCall("cover", {"action": "close", **where}), site=site) == names


@pytest.mark.parametrize(("site", "where", "names"), [
    ("kitchen", {"target": "lights"}, KITCHEN),
    ("kitchen", {"target": "light"}, {"kitchen light"}),
    ("study", {"target": "lamp"}, {"desk lamp"}),
    ("study", {"target": "light"}, {"desk lamp"}),
    ("bedroom", {"target": "lights", "room": "kitchen"}, KITCHEN),
    ("bedroom", {"target": "lights", "scope": "all"}, None),
    ("hall", {"target": "lights", "room": "here"}, {"hall light"}),
    ("kitchen", {"target": "kettle"}, {"kettle"}),
])
def test_the_room_of_the_satellite_is_the_default(
    house: House, site: str, where: dict[str, str], names: set[str] | None
) -> None:
    found = house.names(ToolCall("turn", {"state": "off", **where}), site=site)
    lights = {device.name for device in house.home.of_kind("light")}
    assert found == (lights if names is None else names)


@pytest.mark.parametrize(("where", "asks"), [
    ({"target": "lights"}, "In which room?"),
    ({"target": "bedside lamp"}, "Which one: the left bedside lamp or the right bedside lamp?"),
    ({"target": "lamp", "room": "lounge"},
     "Which one: the floor lamp or the reading lamp?"),
    ({}, "What should I switch?"),
    ({"ref": "it"}, "What should I switch?"),
])
def test_what_could_be_several_is_asked(house: House, where: dict[str, str], asks: str) -> None:
    assert house.reply(ToolCall("turn", {"state": "on", **where})) == asks


@pytest.mark.parametrize(("where", "says"), [
    ({"target": "cellar lights"}, "I know of no cellar lights here."),
    ({"target": "lights", "room": "cellar"}, "I know of no cellar here."),
    ({"target": "fridge"}, "I know of no fridge here."),
    ({"target": "lights", "room": "garden", "except": "unicorn"}, "I know of no unicorn here."),
    ({"target": "patio lights", "except": "garden"}, "That leaves nothing to do."),
    ({"target": "fans"}, "I know of no fan here."),
    ({"target": "fan", "room": "kitchen"}, "There is no fan in the kitchen."),
])
def test_what_is_not_there_is_said_and_nothing_else_is_taken(
    house: House, where: dict[str, str], says: str
) -> None:
    assert house.reply(ToolCall("turn", {"state": "off", **where})) == says


def test_locks_are_never_guessed(house: House) -> None:
    asks = "Which one: the front door, the side door or the back gate?"
    assert house.reply(call("lock", action="lock", target="door"), site="hall") == asks
    assert house.reply(call("lock", action="unlock"), site="hall") == asks
    assert house.names(call("lock", action="lock", target="doors")) == {
        "front door", "side door", "back gate"}


def test_numbered_rooms_are_never_mistaken(house_of: Any) -> None:
    rooms = {f"room_{number}": Room() for number in ("two", "four", "nine")}
    entries = tuple(Entry(name=f"lamp of {key}", room=key, kind="light", driver="zigbee2mqtt",
                          address=key) for key in rooms)
    hotel = house_of(assemble(HomeFile(name="hotel", rooms=rooms, devices=entries)))
    assert hotel.names(call("turn", state="on", target="light", room="room 9")) == {
        "lamp of room_nine"}
    assert hotel.reply(call("turn", state="on", target="light", room="room five")) == (
        "I know of no room five here.")
    assert hotel.names(call("turn", state="on", target="room four lamp")) == {"lamp of room_four"}


def test_it_is_what_was_last_spoken_of_and_both_are_the_last_two(house: House) -> None:
    house.does(call("turn", state="on", target="floor lamp"))
    house.does(call("turn", state="on", target="desk lamp"))
    assert house.names(call("turn", state="off", ref="it")) == {"desk lamp"}
    house.does(call("turn", state="on", target="owl"))
    assert house.names(call("turn", state="off", ref="both")) == {"desk lamp", "night light"}
    assert house.names(call("turn", state="on", ref="it")) == {"desk lamp", "night light"}


def test_it_is_what_can_do_it_where_the_last_that_was_spoken_of_cannot(house: House) -> None:
    house.does(call("set", property="temperature", value="twenty", target="thermostat"))
    house.does(call("turn", state="on", target="kettle"))
    more = call("adjust", property="temperature", direction="up", ref="it")
    [(name, told, value)] = house.does(more, said="two degrees more")
    assert (name, told) == ("thermostat", "setpoint")
    assert value > 20


@pytest.mark.parametrize(("made", "said"), [
    (call("set", property="brightness", value="thirty", ref="it"), "dim it to thirty"),
    (call("set_color", value="red", ref="it"), "make it red"),  # a light that has no colours
    (call("lock", action="unlock", ref="it"), "unlock it"),
    (call("cover", action="close", ref="it"), "shut it"),
])
def test_it_is_nothing_else_where_what_is_meant_is_plain_or_would_move(
        house: House, made: ToolCall, said: str) -> None:
    house.does(call("cover", action="open", target="study blind"))
    house.does(call("lock", action="lock", target="front door"))
    house.does(call("turn", state="on", target="desk lamp"))
    house.does(call("turn", state="on", target="garage light"))
    assert "garage light" in house.reply(made, said=said)


def test_a_device_that_has_vanished_is_not_it(house: House) -> None:
    house.does(call("turn", state="on", target="floor lamp"))
    house.conversation.home = msgspec.structs.replace(house.home, devices=tuple(
        device for device in house.home.devices if device.name != "floor lamp"))
    assert house.reply(call("turn", state="off", ref="it")) == "What should I switch?"


@pytest.mark.parametrize(("said", "names"), [
    ("the left one", {"left bedside lamp"}),
    ("right bedside lamp please", {"right bedside lamp"}),
    ("both of them", {"left bedside lamp", "right bedside lamp"}),
])
def test_an_answer_to_which_one_completes_the_call(
    house: House, said: str, names: set[str]
) -> None:
    house.says(call("turn", state="on", target="bedside lamp"))
    outcome = house.does(said=said)
    assert {name for name, _, _ in outcome} == names


def test_all_of_them_are_all_that_were_offered(house: House) -> None:
    house.says(call("turn", state="on", target="lamp"), site="living_room")
    outcome = house.does(said="all of them", site="living_room")
    assert {name for name, _, _ in outcome} == {"floor lamp", "reading lamp"}


def test_never_mind_lets_go_of_a_question(house: House) -> None:
    house.says(call("turn", state="on", target="bedside lamp"))
    assert house.reply(said="oh never mind") == "All right, I leave it."
