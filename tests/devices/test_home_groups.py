"""Groups in a home: their names, rooms and members, and what the file says of them."""

from __future__ import annotations

import json

import pytest

from iotcall.devices import Device, Entry, Home, Room, assemble
from iotcall.devices.device import Source
from iotcall.devices.discovery.homeassistant import HomeAssistantDiscovery
from iotcall.devices.discovery.zigbee2mqtt import ZigbeeDiscovery
from iotcall.devices.home_file import Discovery, Floor, HomeFile
from tests.devices.discovery.zigbee_models import (
    DESK,
    DIMMER,
    DOOR,
    LAMP,
    LOCK,
    SHELF,
    announced,
    device,
    group,
)


def home(discovery: ZigbeeDiscovery, *entries: Entry, hide: tuple[str, ...] = (),
         sources: tuple[Source, ...] = ("zigbee2mqtt",), more: tuple[Device, ...] = (),
         rooms: dict[str, str] | None = None) -> Home:
    file = HomeFile(name="", devices=entries, rooms={"kitchen": Room(), "den": Room()},
                    floors={"downstairs": Floor()}, discovery=Discovery(
                        sources=sources, hide=hide, rooms=rooms or {}))
    return assemble(file, (*discovery.devices(), *more))


@pytest.fixture
def kitchen() -> ZigbeeDiscovery:
    """A lamp and a shelf in the kitchen, a desk in the den; two groups of them."""
    return announced(
        [device(LAMP, "kitchen/lamp", DIMMER), device(SHELF, "kitchen/shelf", DIMMER),
         device(DESK, "den/desk", DIMMER)],
        group(LAMP, SHELF, name="kitchen/both"), group(LAMP, DESK, id=6))


def test_a_group_has_no_room_and_is_not_counted_beside_its_members(
    kitchen: ZigbeeDiscovery
) -> None:
    found = home(kitchen)
    assert [(each.name, each.room) for each in found.devices if each.members] == [
        ("downstairs group", ""), ("kitchen/both", "")]
    assert len(found.of_kind("light")) == 3
    assert [each.name for each in found.of_kind("light", "kitchen")] == [
        "kitchen/lamp", "kitchen/shelf"]
    assert len(found.counted()) == 3


def test_a_group_of_which_no_member_is_known_is_one_all_the_same() -> None:
    (found,) = home(announced([], group(LAMP, name="kitchen things"))).devices
    assert (found.is_group, found.room, found.members) == (True, "", ())


def test_a_group_can_be_named(kitchen: ZigbeeDiscovery) -> None:
    found = home(kitchen)
    for said in ("kitchen/both", "kitchen both", "the kitchen both group"):
        both = found.device(said)
        assert both is not None
        assert both.id == "zigbee2mqtt:group/5"
    assert found.device("downstairs") is None  # that is a floor here
    assert found.device("the downstairs group") is not None


def test_the_file_gives_a_group_its_room_and_name(kitchen: ZigbeeDiscovery) -> None:
    found = home(kitchen, Entry(name="reading lights", room="den",
                                discovered="zigbee2mqtt:group/6"), rooms={"*both": "kitchen"})
    assert [(each.name, each.room) for each in found.devices if each.members] == [
        ("reading lights", "den"), ("kitchen/both", "kitchen")]
    assert [each.name for each in found.of_kind("light", "den")] == ["den/desk"]
    nowhere = home(kitchen, Entry(name="reading lights", room="", discovered="zigbee2mqtt:group/6"))
    assert nowhere.devices[0].room == ""


def test_members_are_what_the_home_calls_them(kitchen: ZigbeeDiscovery) -> None:
    found = home(kitchen, Entry(name="counter", room="den", discovered=f"zigbee2mqtt:{LAMP}"))
    (both,) = [each for each in found.devices if each.name == "kitchen/both"]
    assert [(each.name, each.room) for each in both.members] == [
        ("counter", "den"), ("kitchen/shelf", "kitchen")]
    by_hand = home(kitchen, Entry(name="counter", room="den", driver="zigbee2mqtt", kind="light",
                                  address="kitchen/lamp"))
    (both,) = [each for each in by_hand.devices if each.name == "kitchen/both"]
    assert [each.name for each in both.members] == ["counter", "kitchen/shelf"]


def test_a_group_with_a_hidden_member_is_hidden_unless_the_file_names_it(
    kitchen: ZigbeeDiscovery
) -> None:
    found = home(kitchen, hide=("*shelf",))
    assert [each.name for each in found.hidden] == ["kitchen/both", "kitchen/shelf"]
    assert [each.name for each in found.devices if each.members] == ["downstairs group"]


def test_a_group_whose_members_are_hidden_stands_in_their_place(kitchen: ZigbeeDiscovery) -> None:
    chandelier = Entry(name="chandelier", room="kitchen", discovered="zigbee2mqtt:group/5")
    found = home(kitchen, chandelier, hide=("kitchen/*",))
    assert [each.name for each in found.of_kind("light", "kitchen")] == ["chandelier"]


def test_a_group_that_the_file_describes_by_hand_is_one(kitchen: ZigbeeDiscovery) -> None:
    both = Entry(name="both", room="kitchen", driver="zigbee2mqtt", kind="light",
                 address="kitchen/both")
    found = home(kitchen, both)
    assert [each.name for each in found.devices[0].members] == ["kitchen/lamp", "kitchen/shelf"]
    assert [each.name for each in found.of_kind("light", "kitchen")] == [
        "kitchen/lamp", "kitchen/shelf"]
    assert [each.name for each in found.hidden] == ["kitchen/both"]


@pytest.mark.parametrize("sources", [
    ("zigbee2mqtt", "homeassistant"), ("homeassistant", "zigbee2mqtt")])
def test_what_home_assistant_is_told_of_a_group_is_the_same_group(
    kitchen: ZigbeeDiscovery, sources: tuple[Source, ...]
) -> None:
    other = HomeAssistantDiscovery("homeassistant")
    for path, config in (("k", {"name": "K", "cmd_t": "zigbee2mqtt/kitchen/lamp/set"}),
                         ("g", {"name": "G", "cmd_t": "zigbee2mqtt/kitchen/both/set"})):
        assert other.take(f"homeassistant/light/{path}/config", json.dumps({
            "schema": "json", "uniq_id": path, **config}).encode())
    found = home(kitchen, sources=sources, more=other.devices())
    assert len(found.of_kind("light")) == 3
    (both,) = [each for each in found.devices if each.name in ("G", "kitchen/both")]
    first = "kitchen/lamp" if sources[0] == "zigbee2mqtt" else "K"
    assert sorted(each.name for each in both.members) == sorted([first, "kitchen/shelf"])


def test_a_group_of_what_may_not_be_told_is_not_told_by_another_announcement() -> None:
    discovery = announced([device(LAMP, "lamp", DIMMER), device(DOOR, "door", LOCK)],
                          group(LAMP, DOOR))
    other = HomeAssistantDiscovery("homeassistant")
    for kind in ("light", "lock"):  # as zigbee2mqtt announces both of a mixed group
        assert other.take(f"homeassistant/{kind}/g/config", json.dumps({
            "name": "both", "uniq_id": kind, "cmd_t": "zigbee2mqtt/downstairs/set"}).encode())
    found = home(discovery, sources=("zigbee2mqtt", "homeassistant"), more=other.devices())
    assert {each.source for each in found.hidden} == {"homeassistant"}
    turned = home(discovery, sources=("homeassistant", "zigbee2mqtt"), more=other.devices())
    (both,) = [each for each in turned.devices if each.source == "homeassistant"]
    assert both.kind == "lock"
    assert [each.name for each in both.members] == ["lamp", "door"]


def test_a_group_that_is_called_as_a_device_does_not_make_the_device_its_own_member() -> None:
    found = home(announced([device(LAMP, "lamp", DIMMER)], group(LAMP, name="lamp")))
    assert all(not each.members for one in found.devices for each in one.members)
