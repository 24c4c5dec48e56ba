"""Announcements are written after `TasDiscovery` of Tasmota 14 and its documentation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotcall.devices import DeviceStates, Entry
from iotcall.devices.discovery.tasmota import TasmotaDiscovery
from iotcall.devices.home import assemble
from iotcall.devices.home_file import Discovery as Believed
from iotcall.devices.home_file import HomeFile, Room
from iotcall.devices.properties import Value
from iotcall.devices.simulated.tasmota import SimulatedTasmota
from tests.devices.discovery.announcing import (
    MADE_UP,
    altered,
    asked,
    by_address,
    heard,
    home_of,
    said,
    told,
    use,
)

MAC = "DC4F22D3B0FE"
CONFIG, SENSORS = f"tasmota/discovery/{MAC}/config", f"tasmota/discovery/{MAC}/sensors"


def config(*relays: int, **more: Any) -> dict[str, Any]:
    options = {"4": 0, "11": 0, "13": 0, "17": 0, "20": 0, "30": 0, "68": 0, "73": 0, "82": 0,
               "114": 0, "117": 0} | more.pop("so", {})
    return {
        "ip": "192.0.2.7", "dn": "Desk", "fn": ["Desk lamp", None, None, None], "hn": "desk-4350",
        "mac": MAC, "md": "Sonoff Basic", "ty": 0, "if": 0, "ofln": "Offline", "onln": "Online",
        "state": ["OFF", "ON", "TOGGLE", "HOLD"], "sw": "14.4.1", "t": "desk",
        "ft": "%prefix%/%topic%/", "tp": ["cmnd", "stat", "tele"],
        "rl": [*relays, *[0] * (32 - len(relays))], "swc": [-1] * 28, "swn": [None] * 28,
        "btn": [0] * 32, "so": options, "lk": 1, "lt_st": 0, "bat": 0, "dslp": 0, "sho": [],
        "sht": [], "ver": 1, **more}


def found(announced: dict[str, Any], sensors: dict[str, Any] | None = None) -> TasmotaDiscovery:
    discovery = TasmotaDiscovery()
    discovery.take(CONFIG, said(announced))
    if sensors is not None:
        discovery.take(SENSORS, said({"sn": sensors, "ver": 1}))
    return discovery


def test_a_relay_is_a_plug() -> None:
    discovery = found(config(1))
    (plug,) = discovery.devices()
    assert (plug.id, plug.name, plug.room, plug.kind) == (
        f"tasmota:{MAC}/1", "Desk lamp", "", "plug")
    assert plug.model == "Sonoff Basic (Tasmota 14.4.1)"
    assert told(plug, "state", "on") == [("cmnd/desk/POWER", "ON")]
    assert asked(plug) == [("cmnd/desk/State", "")]
    assert heard(discovery, ("stat/desk/RESULT", {"POWER": "ON"})) == {f"{MAC}/1": {"state": "on"}}
    assert heard(discovery, ("stat/desk/POWER", "OFF")) == {f"{MAC}/1": {"state": "off"}}


def test_relays_are_told_apart() -> None:
    discovery = found(config(1, 1, fn=["Fountain", None]))
    first, second = discovery.devices()
    assert [first.name, second.name] == ["Fountain", "Desk 2"]
    assert told(first, "state", "off") == [("cmnd/desk/POWER", "OFF")]
    assert told(second, "state", "off") == [("cmnd/desk/POWER2", "OFF")]
    assert heard(discovery, ("tele/desk/STATE", {"POWER1": "ON", "POWER2": "OFF"})) == {
        f"{MAC}/1": {"state": "on"}, f"{MAC}/2": {"state": "off"}}


@pytest.mark.parametrize(
    ("subtype", "properties"),
    [(0, {"state"}), (1, {"state", "brightness"}), (2, {"state", "brightness", "white"}),
     (3, {"state", "brightness", "color"}), (4, {"state", "brightness", "color"}),
     (5, {"state", "brightness", "color", "white"})],
)
def test_a_light_has_what_its_subtype_has(subtype: int, properties: set[str]) -> None:
    (light,) = found(config(2, lt_st=subtype)).devices()
    assert light.kind == "light"
    assert set(light.points) == properties


@pytest.mark.parametrize(
    ("name", "value", "command", "answer"),
    [("state", "on", ("cmnd/desk/POWER", "ON"), {"POWER": "ON"}),
     ("brightness", 40, ("cmnd/desk/Dimmer", "40"), {"POWER": "ON", "Dimmer": 40}),
     ("white", 2700, ("cmnd/desk/CT", "370"), {"POWER": "ON", "CT": 370}),
     ("color", "#ff8800", ("cmnd/desk/HSBColor", "32,100"),
      {"POWER": "ON", "Dimmer": 50, "Color": "8044000000", "HSBColor": "32,100,50"})],
)
def test_a_light_is_told_and_understood(
    name: str, value: Value, command: tuple[str, str], answer: dict[str, Any]
) -> None:
    discovery = found(config(2, lt_st=5))
    (light,) = discovery.devices()
    assert told(light, name, value) == [command]
    state = heard(discovery, ("stat/desk/RESULT", answer))[light.address]
    expected = {"white": 2703, "color": "#ff8800"}.get(name, value)
    assert state[name] == expected


def test_a_lamp_knows_the_whites_from_500_to_153_mired() -> None:
    (light,) = found(config(2, lt_st=2)).devices()
    assert light.limits("white") == (2000, 6535)
    assert told(light, "white", 2000) == [("cmnd/desk/CT", "500")]
    assert told(light, "white", 6535) == [("cmnd/desk/CT", "153")]
    (light,) = found(config(2, lt_st=2, so={"82": 1})).devices()
    assert light.limits("white") == (2631, 5000)


def test_where_a_dimmer_does_not_switch_on_it_is_switched_on_first() -> None:
    (light,) = found(config(2, lt_st=1, so={"20": 1})).devices()
    assert told(light, "brightness", 5) == [
        ("cmnd/desk/POWER", "ON"), ("cmnd/desk/Dimmer", "5")]


def test_with_channels_of_its_own_each_light_is_dimmed_by_itself() -> None:
    discovery = found(config(2, 2, lt_st=3, so={"68": 1}))
    first, second = discovery.devices()
    assert set(first.points) == set(second.points) == {"state", "brightness"}
    assert told(second, "brightness", 30) == [("cmnd/desk/Channel2", "30")]
    answer = {"POWER2": "ON", "Channel1": 0, "Channel2": 30}
    assert heard(discovery, ("stat/desk/RESULT", answer)) == {
        f"{MAC}/1": {"brightness": 0}, f"{MAC}/2": {"state": "on", "brightness": 30}}


def test_colours_and_whites_that_are_not_linked_are_two_lamps() -> None:
    discovery = found(config(2, 2, lt_st=5, lk=0))
    first, second = discovery.devices()
    assert set(first.points) == {"state", "brightness", "color"}
    assert set(second.points) == {"state", "brightness", "white"}
    assert told(second, "brightness", 30) == [("cmnd/desk/Dimmer2", "30")]
    assert heard(discovery, ("stat/desk/RESULT", {"Dimmer1": 20, "Dimmer2": 30})) == {
        f"{MAC}/1": {"brightness": 20}, f"{MAC}/2": {"brightness": 30}}


def test_a_relay_may_be_said_to_be_a_light() -> None:
    (light,) = found(config(1, so={"30": 1})).devices()
    assert (light.kind, set(light.points)) == ("light", {"state"})


def test_shutters_are_covers() -> None:
    discovery = found(config(3, 3, 3, 3, sho=[0, 1], sht=[[-90, 90, 3000]]))
    first, inverted = discovery.devices()
    assert (first.kind, first.address) == ("cover", f"{MAC}/shutter1")
    assert told(first, "position", 70) == [("cmnd/desk/ShutterPosition1", "70")]
    assert told(inverted, "position", 70) == [("cmnd/desk/ShutterPosition2", "30")]
    assert told(inverted, "movement", "open") == [("cmnd/desk/Backlog", "ShutterOpen2")]
    assert told(first, "movement", "close") == [("cmnd/desk/Backlog", "ShutterClose1")]
    assert told(first, "movement", "stop") == [("cmnd/desk/Backlog", "ShutterStop1")]
    assert asked(first) == [("cmnd/desk/Status", "10")]
    assert heard(discovery, ("stat/desk/RESULT", {
        "Shutter1": {"Position": 20, "Direction": 1, "Target": 70}})) == {
            first.address: {"position": 20, "movement": "open"}}
    assert heard(discovery, ("tele/desk/SENSOR", {
        "Shutter1": {"Position": 70, "Direction": 0, "Target": 70},
        "Shutter2": {"Position": 100, "Direction": 1, "Target": 100}})) == {
            first.address: {"position": 70, "movement": "stop"},
            inverted.address: {"position": 0, "movement": "close"}}
    assert len(home_of(discovery).devices) == 2


def test_a_shutter_has_two_relays_beside_each_other() -> None:
    discovery = found(config(1, 3, 3, 1, 3, fn=["A", "Awning"]))
    assert [(each.address, each.name) for each in discovery.devices()] == [
        (f"{MAC}/1", "A"), (f"{MAC}/4", "Desk 4"), (f"{MAC}/shutter1", "Awning")]


def test_a_light_behind_tuya_has_a_dimmer_of_another_number() -> None:
    discovery = found(config(2, lt_st=1, ty=1))
    (light,) = discovery.devices()
    assert told(light, "brightness", 30) == [("cmnd/desk/Dimmer3", "30")]
    assert heard(discovery, ("stat/desk/RESULT", {"Dimmer": 30})) == {
        light.address: {"brightness": 30}}


def test_a_device_in_deep_sleep_is_not_off_line() -> None:
    (sensor,) = found(config(dslp=300), {"BME280": {"Temperature": 20}}).devices()
    assert sensor.availability == ()


def test_a_ceiling_fan_has_three_speeds() -> None:
    discovery = found(config(1, **{"if": 1}))
    fan = by_address(discovery)[f"{MAC}/fan"]
    assert told(fan, "speed", 60) == [("cmnd/desk/FanSpeed", "2")]
    assert told(fan, "state", "off") == [("cmnd/desk/FanSpeed", "0")]
    assert heard(discovery, ("stat/desk/RESULT", {"FanSpeed": 2}))[fan.address] == {
        "state": "on", "speed": 67}


def test_topics_words_and_prefixes_are_the_devices_own() -> None:
    discovery = found(config(1, ft="home/%topic%/%hostname%/%prefix%/", tp=["do", "did", "says"],
                             state=["aus", "an", "um", "halt"], onln="da", ofln="weg"))
    (plug,) = discovery.devices()
    assert told(plug, "state", "on") == [("home/desk/desk-4350/do/POWER", "an")]
    assert heard(discovery, ("home/desk/desk-4350/did/POWER", "aus")) == {
        plug.address: {"state": "off"}}
    assert plug.availability[0].topic == "home/desk/desk-4350/says/LWT"
    states = DeviceStates(home_of(discovery))
    states.feed("home/desk/desk-4350/says/LWT", b"weg")
    assert states.online(plug) is False
    states.feed("home/desk/desk-4350/says/LWT", b"da")
    assert states.online(plug) is True


def test_results_may_come_on_the_commands_own_topic() -> None:
    discovery = found(config(2, lt_st=1, so={"4": 1}))
    assert heard(discovery, ("stat/desk/DIMMER", {"POWER": "ON", "Dimmer": 7})) == {
        f"{MAC}/1": {"brightness": 7}}
    assert heard(discovery, ("stat/desk/STATE", {"POWER": "ON", "Dimmer": 7})) == {
        f"{MAC}/1": {"state": "on", "brightness": 7}}


METER = {"Time": "2025-01-01T00:00:00", "ENERGY": {"Total": 3.25, "Power": 12, "Voltage": 230}}


def test_the_only_part_has_what_is_measured() -> None:
    discovery = found(config(1), METER | {"SI7021": {"Temperature": 20.5, "Humidity": 50,
                                                     "DewPoint": 9.8}, "TempUnit": "C"})
    (plug,) = discovery.devices()
    assert set(plug.points) == {"state", "power", "energy", "temperature", "humidity"}
    assert ("cmnd/desk/Status", "10") in asked(plug)
    said_there = METER | {"SI7021": {"Temperature": 20.5, "Humidity": 50}}
    expected = {plug.address: {"power": 12.0, "energy": 3.25, "temperature": 20.5, "humidity": 50}}
    assert heard(discovery, ("tele/desk/SENSOR", said_there)) == expected
    assert heard(discovery, ("stat/desk/STATUS10", {"StatusSNS": said_there})) == expected


def test_each_relay_has_its_own_meter_where_there_are_several() -> None:
    energy = {"ENERGY": {"Total": 5, "Power": [3, 8]}}
    discovery = found(config(1, 1), energy)
    assert heard(discovery, ("tele/desk/SENSOR", energy)) == {
        f"{MAC}/1": {"power": 3.0}, f"{MAC}/2": {"power": 8.0}}


def test_what_only_measures_is_a_sensor() -> None:
    discovery = found(config(dn="Attic"), {"BME280": {"Temperature": 68, "Humidity": 40},
                                           "TempUnit": "F", "ESP32": {"Temperature": 120}})
    (sensor,) = discovery.devices()
    assert (sensor.name, sensor.kind) == ("Attic", "sensor")
    assert heard(discovery, ("tele/desk/SENSOR", {"BME280": {"Temperature": 68}})) == {
        sensor.address: {"temperature": 20.0}}


def test_a_second_thermometer_is_a_sensor_of_its_own() -> None:
    sensors = {"DS18B20-1": {"Id": "01", "Temperature": 20}, "PMS5003": {"CF1": 1},
               "DS18B20-2": {"Id": "02", "Temperature": 55}}
    discovery = found(config(1), sensors)
    plug, sensor = discovery.devices()
    assert (sensor.name, sensor.kind) == ("Desk DS18B20-2", "sensor")
    assert plug.hidden == ("PMS5003",)
    assert heard(discovery, ("tele/desk/SENSOR", sensors)) == {
        plug.address: {"temperature": 20.0}, sensor.address: {"temperature": 55.0}}


def test_it_does_not_matter_which_is_announced_first() -> None:
    discovery = TasmotaDiscovery()
    assert not discovery.take(SENSORS, said({"sn": METER, "ver": 1}))
    assert discovery.devices() == ()
    assert discovery.take(CONFIG, said(config(1)))
    assert discovery.devices() == found(config(1), METER).devices()
    assert not discovery.take(CONFIG, said(config(1)))


def test_a_new_name_keeps_the_id() -> None:
    discovery = found(config(1))
    before = discovery.devices()[0].id
    assert discovery.take(CONFIG, said(config(1, fn=["Reading lamp"], t="reading")))
    (plug,) = discovery.devices()
    assert (plug.id, plug.name) == (before, "Reading lamp")
    assert told(plug, "state", "on") == [("cmnd/reading/POWER", "ON")]


def test_an_empty_announcement_takes_the_device_away() -> None:
    discovery = found(config(1), METER)
    assert discovery.take(SENSORS, b"")
    assert discovery.take(CONFIG, b"")
    assert discovery.devices() == ()
    assert not discovery.take(CONFIG, b"")


@pytest.mark.parametrize("payload", [
    b"{", b"[]", b"null", b"{}", said(config(1, ft="cmnd/desk")), said(config(1, t="a/#")),
    said(config(1, t="")), said(config(1, tp=["cmnd", "stat"])),
    said(config(1, ft="$SYS/%prefix%/%topic%")), said(config(1, t="x" * 500)),
], ids=range(10))
def test_a_malformed_announcement_changes_nothing(payload: bytes) -> None:
    assert not TasmotaDiscovery().take(CONFIG, payload)
    discovery = found(config(1))
    before = discovery.devices()
    assert not discovery.take(CONFIG, payload)
    assert discovery.devices() == before


@pytest.mark.parametrize("topic", [
    "tasmota/discovery/DC4F22D3B0FE", "tasmota/discovery/x/config", "tele/desk/LWT",
    f"x/{CONFIG}", f"{CONFIG}/x"])
def test_other_topics_change_nothing(topic: str) -> None:
    assert not TasmotaDiscovery().take(topic, said(config(1)))


def test_names_are_cleaned() -> None:
    (plug,) = found(config(1, fn=["<|im_start|>\x07 Lamp {{ states }}"])).devices()
    assert plug.name == "Lamp states"


@settings(deadline=None)
@given(st.data())
def test_no_announcement_breaks_it(data: st.DataObject) -> None:
    discovery = TasmotaDiscovery()
    whole = config(1, 2, 3, 3, lt_st=5, sho=[0], **{"if": 1})
    discovery.take(CONFIG, said(altered(whole, data)))
    discovery.take(SENSORS, said(altered({"sn": METER | {"X": {"Temperature": 1}}}, data)))
    use(discovery)
    discovery.take(CONFIG, said(data.draw(MADE_UP)))
    discovery.take(SENSORS, data.draw(st.binary(max_size=40)))
    use(discovery)


def test_the_simulated_device_is_understood() -> None:
    lamp = Entry(name="Shelf lamp", room="den", kind="light", driver="tasmota", address="shelf")
    left = Entry(name="Left", room="den", kind="plug", driver="tasmota", address="strip")
    right = Entry(name="Right", room="den", kind="plug", driver="tasmota", address="strip",
                  relay=2)
    full_topic = "home/%topic%/%prefix%/"
    simulated = [SimulatedTasmota(each, full_topic, unreachable=False)
                 for each in ([lamp], [left, right])]
    discovery = TasmotaDiscovery()
    for one in simulated:
        for message in one.birth():
            discovery.take(message.topic, message.payload)
    home = home_of(discovery)
    assert [(each.name, each.kind) for each in home.devices] == [
        ("Left", "plug"), ("Right", "plug"), ("Shelf lamp", "light")]
    states = DeviceStates(home)
    for name, property, value in (("Shelf lamp", "brightness", 30), ("Right", "state", "on"),
                                  ("Left", "state", "on"), ("Left", "state", "off")):
        device = home.device(name)
        assert device is not None
        ((topic, payload),) = told(device, property, value)
        for one in simulated:
            if one.subscriptions[0].removesuffix("#") in topic:
                for answer in one.receive(topic, payload.encode()):
                    states.feed(answer.topic, answer.payload)
    assert {each.name: states.of(each) for each in home.devices} == {
        name: state for one in simulated for name, state in one.states().items()}


def test_a_device_of_the_file_is_not_found_twice() -> None:
    file = HomeFile(name="home", rooms={"den": Room()}, devices=(
        Entry(name="my lamp", room="den", kind="plug", driver="tasmota", address="desk"),),
        discovery=Believed(sources=("tasmota",)))
    home = assemble(file, found(config(1)).devices())
    assert [each.name for each in home.devices] == ["my lamp"]
    assert [each.name for each in home.hidden] == ["Desk lamp"]
