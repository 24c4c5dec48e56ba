from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from iotcall.devices import Entry, Home, Point, assemble, load_home, spoken
from iotcall.devices.device import Device, Source
from iotcall.devices.home_file import Discovery
from iotcall.devices.points import Read, Write
from iotcall.errors import FileError
from iotcall.shipped import shipped


def test_a_device_is_found_by_name_and_alias_as_people_say_them(small_home: Home) -> None:
    for said in ("front door", "Front", "the  FRONT_door"):
        device = small_home.device(said)
        assert device is not None
        assert device.name == "front door"
    assert small_home.device("cellar door") is None


def test_a_room_is_found_by_key_and_alias(small_home: Home) -> None:
    assert small_home.room("the Snug") == "den"
    assert small_home.room("attic") is None


def test_a_scene_unfolds_to_its_devices_in_order(small_home: Home) -> None:
    assert [(device.name, name, value) for device, name, value in small_home.steps("night")] == [
        ("den light", "state", "off"), ("den lamp", "state", "off"),
        ("front door", "lock", "locked"),
    ]


def test_spoken_names_lose_underscores_case_and_article() -> None:
    assert spoken("  The Living_Room ") == "living room"


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ('room = "den"', 'room = "attic"', "devices[0].room",
         "there is no room 'attic'; known: den, hall"),
        ('kind = "plug"', 'kind = "lock"', "devices[5].kind", "tasmota has no lock"),
        ('"den lamp"', '"Den_Light"', "devices[1]", "is a name of devices[0] already"),
        ('"front"]', '"blind"]', "devices[4]", "is a name of devices[3] already"),
        ('"den/a b"', '"den/+"', "devices[0].address", "cannot be a part of a topic"),
        ('"den lamp"', '"den\\u0007lamp"', "devices[1]", "printable"),
        ("relay = 2", "relay = 1", "devices[6].address", "has the address of 'left socket'"),
        ("relay = 2", "rellay = 2", "devices[6]", "did you mean `relay`"),
        ("setpoint = ", "setpiont = ", "devices[2].attributes", "known: mode, setpoint"),
        ("maximum_celsius = 25", "maximum_celsius = 5", "devices[2].minimum_celsius",
         "below"),
        ('device = "front"', 'device = "cellar"', "scenes.night[1]", "no device 'cellar'"),
        ('kind = "light", set', 'kind = "light", room = "hall", set', "scenes.night[0]",
         "there is no light in the hall"),
        ('kind = "light", set', 'kind = "light", device = "blind", set', "scenes.night[0]",
         "either `device` or `kind`"),
        ('lock = "locked"', 'lock = "shut"', "scenes.night[1].set.lock", "locked, unlocked"),
        ('lock = "locked"', 'state = "off"', "scenes.night[1].set.state", "no property `state`"),
        ('den_satellite = "den"', 'den_satellite = "dne"', "satellites.den_satellite", "no room"),
        ('name = "small"', 'name = "small"\ntopics.tasmota = "tas/%topic%"', "topics.tasmota",
         "%prefix%"),
    ],
)
def test_a_wrong_home_is_refused_at_its_place(
    tmp_path: Path, small_home_text: str, old: str, new: str, place: str, says: str
) -> None:
    assert old in small_home_text
    path = tmp_path / "home.toml"
    path.write_text(small_home_text.replace(old, new, 1))
    with pytest.raises(FileError) as caught:
        load_home(path)
    assert caught.value.path == path
    assert caught.value.place == place
    assert says in str(caught.value)


def test_the_demo_home_has_what_the_catalogue_names(demo_home: Home) -> None:
    for room in ("living_room", "bedroom", "kitchen", "bathroom", "office", "hallway"):
        assert demo_home.of_kind("light", room)
    for door in ("front", "back", "garage", "side"):
        device = demo_home.device(door)
        assert device is not None
        assert device.kind == "lock"
    assert sorted(demo_home.scenes) == ["away", "bedtime", "morning", "movie_night", "party"]
    moved = {device.kind for scene in demo_home.scenes for device, _, _ in demo_home.steps(scene)}
    assert moved == {"light", "plug", "thermostat", "lock", "cover"}


def test_no_demo_scene_unlocks(demo_home: Home) -> None:
    steps = [step for scene in demo_home.scenes for step in demo_home.steps(scene)]
    assert "unlocked" not in [value for _, _, value in steps]


def test_the_names_of_a_home_are_what_parameters_may_be_bound_to() -> None:
    home = load_home(shipped("devices") / "homes" / "demo.toml")
    names = home.names()
    assert set(names) == {"areas", "devices", "aliases", "scenes"}
    assert "living room" in names["areas"]
    assert names["devices"] == [device.name for device in home.devices]
    assert set(names["devices"]) <= set(names["aliases"])
    assert names["scenes"] == list(home.scenes)


def _found(source: Source, name: str, **points: Point) -> Device:
    return Device(name=name, room="", kind="sensor", source=source, address=name, points=points)


def test_what_two_sources_describe_is_one_device(small_home: Home) -> None:
    reading = Point(reads=(Read(topic="zigbee2mqtt/cellar", path=("temperature",)),))
    lamp = Point(write=Write(topic="zigbee2mqtt/x/set", path=("state",)))
    file = msgspec.structs.replace(small_home.file, discovery=Discovery(
        sources=("zigbee2mqtt", "homeassistant")))
    home = assemble(file, [
        _found("homeassistant", "cellar sensor", temperature=reading),
        _found("homeassistant", "x light", state=lamp),
        _found("zigbee2mqtt", "cellar", temperature=reading),
        _found("zigbee2mqtt", "x", state=lamp)])
    new = [device.name for device in home.devices[len(small_home.devices):]]
    assert new == ["cellar", "x"]
    assert {device.name for device in home.hidden} == {"cellar sensor", "x light"}


def test_a_discovered_device_takes_the_name_that_the_file_gives_it(small_home: Home) -> None:
    entry = Entry(name="wine cellar", room="den", discovered="zigbee2mqtt:cellar",
                  aliases=("vault",))
    file = msgspec.structs.replace(
        small_home.file, devices=(*small_home.file.devices, entry),
        discovery=Discovery(sources=("zigbee2mqtt",), hide=("*attic*",)))
    assert assemble(file).missing == (entry,)
    home = assemble(file, [_found("zigbee2mqtt", "cellar"), _found("zigbee2mqtt", "attic lamp")])
    device = home.device("vault")
    assert device is not None
    assert (device.name, device.room, device.id) == ("wine cellar", "den", "zigbee2mqtt:cellar")
    assert [each.name for each in home.hidden] == ["attic lamp"]
    assert home.missing == ()


@pytest.mark.parametrize("topic", ["zigbee2mqtt/lock/set", "zigbee2mqtt/lock/set/state"])
@pytest.mark.parametrize("source", ["homeassistant", "zigbee2mqtt"])
def test_nothing_else_may_be_commanded_where_a_lock_is(
    small_home: Home, topic: str, source: Source
) -> None:
    fake = Device(name="disco ball", room="", kind="light", source=source, address="fake",
                  points={"state": Point(write=Write(topic=topic, words={"on": "UNLOCK"}))})
    file = msgspec.structs.replace(small_home.file, discovery=Discovery(
        sources=("zigbee2mqtt", "homeassistant")))
    assert assemble(file, [fake]).hidden == (fake,)
