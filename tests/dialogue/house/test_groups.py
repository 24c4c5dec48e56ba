"""Groups beside their members: named, spared, guarded, undone, and never counted twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iotcall.devices import Device, Home, Room, assemble, command_for
from iotcall.devices.discovery.zigbee2mqtt import ZigbeeDiscovery
from iotcall.devices.home_file import Discovery, Floor, HomeFile, Safety
from iotcall.dialogue import Plan, Question, Refusal
from iotcall.dialogue.phrasing import subject
from iotcall.dialogue.safety import is_risky, opens
from iotcall.dialogue.settings import Confirm
from tests.devices.discovery.zigbee_models import (
    DIMMER,
    GROUPS,
    LOCK,
    TOPIC,
    device,
    enum,
    group,
    of,
    state,
)
from tests.dialogue.guarded import HASH, Guarded
from tests.dialogue.house.talk import House, call

COVER = of("cover", enum("state", 3, "OPEN", "CLOSE", "STOP"))
MODELS: dict[str, tuple[Any, ...]] = {
    "kitchen lamp": (DIMMER,), "kitchen spots": (DIMMER,), "hall lamp": (DIMMER,),
    "attic lamp": (DIMMER,), "kettle": (of("switch", state()),), "front door": (LOCK,),
    "back door": (LOCK,), "garage door": (COVER,), "blind": (COVER,)}
MEMBERS = {
    "downstairs": ("kitchen lamp", "kitchen spots", "hall lamp"),
    "kitchen lights": ("kitchen lamp", "kitchen spots"), "hall": ("hall lamp", "kettle"),
    "reading": ("attic lamp", "hall lamp"), "doors": ("front door", "back door"),
    "shades": ("garage door", "blind")}


def home_of(members: dict[str, tuple[str, ...]], **safety: Any) -> Home:
    addresses = {name: f"0x{index:016x}" for index, name in enumerate(MODELS)}
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    discovery.take(TOPIC, json.dumps([
        device(addresses[name], name, *exposes) for name, exposes in MODELS.items()]).encode())
    discovery.take(GROUPS, json.dumps([
        group(*(addresses[each] for each in those), id=index, name=name)
        for index, (name, those) in enumerate(members.items())]).encode())
    return assemble(HomeFile(
        name="", rooms={"kitchen": Room(floor="downstairs"), "hall": Room(floor="downstairs"),
                        "attic": Room()},
        floors={"downstairs": Floor()}, satellites={"k": "kitchen"}, safety=Safety(**safety),
        discovery=Discovery(sources=("zigbee2mqtt",))), discovery.devices())


@pytest.fixture
def house(house_of: Callable[[Home], House]) -> House:
    return house_of(home_of(MEMBERS))


LIGHTS = {"kitchen lamp", "kitchen spots", "hall lamp", "attic lamp"}


@pytest.mark.parametrize(("arguments", "names"), [
    ({"target": "lights", "scope": "all"}, LIGHTS),
    ({"target": "lights", "room": "whole house"}, LIGHTS),
    ({"scope": "all"}, {*LIGHTS, "kettle"}),
    ({"target": "everything"}, {*LIGHTS, "kettle"}),
    ({"target": "downstairs lights"}, {"kitchen lamp", "kitchen spots", "hall lamp"}),
    ({"target": "downstairs"}, {"kitchen lamp", "kitchen spots", "hall lamp"}),
    ({"target": "lights", "room": "downstairs"}, {"kitchen lamp", "kitchen spots", "hall lamp"}),
    ({"room": "hall"}, {"hall lamp"}),
    ({"target": "hall"}, {"hall lamp"}),
    ({"target": "hall lights"}, {"hall lamp"}),
    ({"target": "lights"}, {"kitchen lamp", "kitchen spots"}),
])
def test_a_group_is_not_meant_beside_its_members(
    house: House, arguments: dict[str, str], names: set[str]
) -> None:
    assert house.names(call("turn", state="on", **arguments), site="k") == names


@pytest.mark.parametrize(("target", "name"), [
    ("downstairs group", "downstairs group"), ("the downstairs group lights", "downstairs group"),
    ("all the downstairs group lights", "downstairs group"),
    ("downstares group", "downstairs group"), ("kitchen lights", "kitchen lights"),
    ("hall group", "hall group"), ("reading lights", "reading"), ("reading group", "reading"),
    ("reading", "reading"), ("kitchen lights group", "kitchen lights"),
])
def test_a_group_that_is_named_is_told_alone(house: House, target: str, name: str) -> None:
    assert house.names(call("turn", state="on", target=target), site="k") == {name}


def test_a_group_that_is_called_the_lights_of_a_room_must_hold_them_all(
    house_of: Callable[[Home], House]
) -> None:
    house = house_of(home_of({"kitchen lights": ("kitchen lamp", "hall lamp"),
                              "all lights": ("attic lamp",)}))
    on = {"state": "on"}
    assert house.names(call("turn", target="kitchen lights", **on)) == {
        "kitchen lamp", "kitchen spots"}
    assert house.names(call("turn", target="all lights", scope="all", **on)) == LIGHTS
    assert house.names(call("turn", target="kitchen lights group", **on)) == {"kitchen lights"}


def test_a_group_in_the_rooms_that_are_said_is_found_there(house: House) -> None:
    assert house.names(call("turn", state="on", target="reading lights", room="whole house")) == {
        "reading"}
    assert house.reply(call("turn", state="on", target="reading lights", room="kitchen"))


def test_a_part_of_a_name_means_a_device_before_a_group(house: House) -> None:
    assert house.names(call("turn", state="on", target="spots")) == {"kitchen spots"}


def test_what_is_spared_spares_the_members_of_a_group(house: House) -> None:
    def on(**arguments: str) -> set[str]:
        return house.names(call("turn", state="on", **arguments))

    assert on(target="lights", scope="all", but="downstairs group") == {"attic lamp"}
    assert on(target="downstairs group", but="hall lamp") == {"kitchen lamp", "kitchen spots"}
    assert on(target="downstairs group", but="kitchen") == {"hall lamp"}
    assert on(target="downstairs group", but="kitchen lights") == {"hall lamp"}
    assert on(target="downstairs group", but="attic lamp") == {"downstairs group"}


def test_a_group_is_dimmed_asked_about_and_spoken_of_as_one(house: House) -> None:
    house.tells("downstairs group", state="on", brightness=40)
    brighter = call("set", property="brightness", value="80", target="downstairs group")
    assert house.does(brighter) == [("downstairs group", "brightness", 80)]
    assert house.does(call("turn", state="off", ref="it")) == [("downstairs group", "state", "off")]
    assert "downstairs group" in house.reply(
        call("query", property="state", target="downstairs group"))


def test_what_was_done_to_a_group_is_undone_member_by_member(house: House) -> None:
    for name, said in (("kitchen lamp", "on"), ("kitchen spots", "off"), ("hall lamp", "on")):
        house.tells(name, state=said)
    house.does(call("turn", state="off", target="downstairs group"))
    assert house.does(call("undo")) == [
        ("kitchen lamp", "state", "on"), ("kitchen spots", "state", "off"),
        ("hall lamp", "state", "on")]


def test_a_group_whose_members_said_nothing_is_set_back_itself(house: House) -> None:
    house.tells("downstairs group", state="on")
    house.does(call("turn", state="off", target="downstairs group"))
    assert house.does(call("undo")) == [("downstairs group", "state", "on")]


def test_as_many_groups_as_lights_are_not_all_lights(house: House) -> None:
    home, settings = house.home, house.conversation._settings
    lights = [each for each in home.devices if each.members and each.kind == "light"]
    assert len(lights) == len(home.of_kind("light"))
    assert "all" not in subject(lights, home, settings).split()
    assert subject(home.of_kind("light"), home, settings) == "all lights"


# What is guarded


def the(home: Home, name: str) -> Device:
    found = home.device(name)
    assert found is not None, name
    return found


def guarded(**safety: Any) -> Guarded:
    return Guarded(home_of(MEMBERS), **safety)


def test_a_group_of_locks_is_asked_about_before_it_is_unlocked() -> None:
    house = guarded()
    asked = house.says(call("lock", action="unlock", target="doors group"))
    assert isinstance(asked, Question)
    assert isinstance(house.says(call("lock", action="lock", target="doors group")), Plan)


def test_a_group_with_a_garage_is_asked_about_before_it_is_opened() -> None:
    home = home_of(MEMBERS)
    shades = the(home, "shades")
    assert shades.label == ""
    assert opens(command_for(shades, "movement", "open"))
    assert not opens(command_for(shades, "movement", "close"))
    assert is_risky(shades, home.file.safety)
    assert isinstance(guarded().says(call("cover", action="open", target="shades group")), Question)


@pytest.mark.parametrize(("safety", "outcome"), [
    ({"never": ("kettle",)}, Refusal), ({"confirm": ("*kettle*",)}, Question),
    ({"confirm": ({"device": "kettle", "property": "state", "value": "on"},)}, Question),
    ({"quiet": ({"from": "00:00", "to": "24:00", "never": ("kettle",)},)}, Refusal),
    ({"pin": ("kettle",), "pin_hash": HASH}, Question),
    ({"confirm": ("attic lamp",)}, Plan)])
def test_what_guards_a_member_guards_the_group(safety: Any, outcome: type) -> None:
    found = guarded(**safety).says(call("turn", state="on", target="hall group"))
    assert isinstance(found, outcome), found


def test_a_pin_for_a_member_is_a_pin_for_the_group() -> None:
    asked = guarded(pin=("front door",), pin_hash=HASH).says(
        call("lock", action="unlock", target="doors group"))
    assert isinstance(asked, Question)
    assert asked.pin


def test_telling_a_group_is_telling_its_members_too_soon_and_the_other_way_round() -> None:
    for first, second in (("hall group", "kettle"), ("kettle", "hall group")):
        house = guarded(confirm=({"device": "kettle", "property": "state", "value": "off"},),
                        per_device_seconds=30)
        assert isinstance(house.says(call("turn", state="on", target=first)), Plan)
        assert isinstance(house.says(call("turn", state="on", target=second)), Refusal)
        house.now += 31
        assert isinstance(house.says(call("turn", state="on", target=second)), Plan)


def test_a_yes_to_a_group_is_none_to_other_members() -> None:
    house = guarded(confirm=("kettle",))
    assert isinstance(house.says(call("turn", state="on", target="hall group")), Question)
    group = the(house.home, "hall group")
    house.described("hall group", members=(*group.members, the(house.home, "front door")))
    assert isinstance(house.says(said="yes"), Refusal)


def test_a_catalogues_own_question_about_a_member_is_asked_about_the_group() -> None:
    told = command_for(the(home_of(MEMBERS), "hall group"), "state", "on")
    assert told.device.kind == "light"
    assert Confirm(kind="plug", property="state", value="on", ask="?").concerns(told)
    assert not Confirm(kind="plug", property="state", value="off", ask="?").concerns(told)
    assert not Confirm(kind="fan", property="state", value="on", ask="?").concerns(told)
