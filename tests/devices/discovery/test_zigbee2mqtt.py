from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from iotcall.devices import DeviceStates, Unable, command_for
from iotcall.devices.home import Home, assemble
from iotcall.devices.home_file import Discovery, HomeFile, Room
from iotcall.devices.properties import Value
from tests.devices.discovery.zigbee_models import (
    BRIGHTNESS,
    COLOR_HS,
    COLOR_TEMP,
    COLOR_XY,
    LAMP,
    QUALITY,
    STRIP,
    binary,
    device,
    enum,
    feature,
    found,
    heard,
    numeric,
    of,
    only,
    sent,
    state,
)


def test_a_colour_light_has_brightness_whites_and_colours() -> None:
    light = only(of("light", state(), BRIGHTNESS, COLOR_TEMP, COLOR_HS), QUALITY)
    assert light.kind == "light"
    assert sorted(light.points) == ["brightness", "color", "state", "white"]
    assert sent(light, "state", "off") == [("zigbee2mqtt/thing/set", {"state": "OFF"})]
    assert sent(light, "white", 4000) == [("zigbee2mqtt/thing/set", {"color_temp": 250})]
    assert sent(light, "color", "#ff0000") == [
        ("zigbee2mqtt/thing/set", {"color": {"hue": 0, "saturation": 100}})]
    assert heard(light, state="ON", brightness=127, color_temp=370,
                 color={"hue": 240, "saturation": 100, "x": 0.1, "y": 0.1}) == {
        "state": "on", "brightness": 50, "white": 2703, "color": "#0000ff"}
    assert light.hidden == ("linkquality",)


def test_a_brightness_carries_the_state_with_it() -> None:
    light = only(of("light", state(on="on", off="off"), BRIGHTNESS))
    assert sent(light, "brightness", 50) == [
        ("zigbee2mqtt/thing/set", {"state": "on", "brightness": 127})]
    assert sent(light, "brightness", 0) == [("zigbee2mqtt/thing/set", {"state": "off"})]


def test_a_brightness_has_the_range_that_is_announced() -> None:
    dim = feature("brightness", "numeric", 7, value_min=100, value_max=1000)
    light = only(of("light", state(), dim))
    assert sent(light, "brightness", 100)[0][1]["brightness"] == 1000
    assert light.limits("brightness") == (10, 100)
    without = feature("brightness", "numeric", 7)
    assert only(of("light", state(), without)).hidden == ("brightness",)


@pytest.mark.parametrize("kelvin", [2203, 2700, 4000])
def test_every_white_within_the_limits_is_one_of_the_lamp(kelvin: int) -> None:
    light = only(of("light", state(), COLOR_TEMP))
    assert light.limits("white") == (2203, 4000)
    assert 250 <= sent(light, "white", kelvin)[0][1]["color_temp"] <= 454
    with pytest.raises(Unable) as refused:
        command_for(light, "white", 6500)
    assert refused.value.limits == (2203, 4000)


def test_a_light_that_knows_x_and_y_only_is_told_red_green_and_blue() -> None:
    light = only(of("light", state(), COLOR_XY))
    assert sent(light, "color", "#ff8800") == [
        ("zigbee2mqtt/thing/set", {"color": {"r": 255, "g": 136, "b": 0}})]
    assert heard(light, color={"x": 0.1355, "y": 0.0399}) == {"color": "#0000ff"}
    assert heard(light, color={"x": 0.3127, "y": None}) == {}


def test_both_forms_of_a_colour_are_one() -> None:
    light = only(of("light", state(), COLOR_XY, COLOR_HS))
    assert light.points["color"].color == "hue_saturation"
    assert light.hidden == ()


@pytest.mark.parametrize(("description", "label"), [
    ("Smart plug with power monitoring", "outlet"), ("Wall switch", "switch")])
def test_a_switch_is_a_plug_that_measures(description: str, label: str) -> None:
    plug = only(of("switch", state()), numeric("power", 5, "W"), numeric("energy", 1, "kWh"),
                numeric("voltage", 5, "V"), description=description)
    assert (plug.kind, plug.label, plug.model) == ("plug", label, "Maker M-1")
    assert heard(plug, state="OFF", power=3.5, energy=12.25, voltage=230) == {
        "state": "off", "power": 3.5, "energy": 12.25}
    assert plug.hidden == ("voltage",)
    assert not plug.can("power")


def test_only_what_can_be_read_is_asked_for() -> None:
    plug = only(of("switch", state(3)), numeric("power", 5, "W"), numeric("energy", 1, "kWh"))
    (ask,) = plug.asks
    assert (ask.topic, msgspec.json.decode(ask.payload)) == (
        "zigbee2mqtt/thing/get", {"power": ""})
    assert only(of("switch", state(3))).asks == ()


def test_what_is_only_published_cannot_be_set_and_what_is_not_published_is_not_read() -> None:
    assert not only(of("switch", state(1))).can("state")
    assert only(of("switch", state(2))).points["state"].reads == ()
    assert only(of("switch", state(0))).hidden == ("state",)


def test_each_endpoint_is_a_device_with_a_command_topic_of_its_own() -> None:
    left, right = found(device(STRIP, "hall/strip", *(
        of("switch", state(endpoint=end), endpoint=end) for end in ("left", "right")), QUALITY,
        numeric("power", 1, "W", endpoint="right")))
    assert [left.id, right.id] == [f"zigbee2mqtt:{STRIP}/left", f"zigbee2mqtt:{STRIP}/right"]
    assert (left.name, left.aliases) == ("hall/strip left", ("hall strip left",))
    assert sent(right, "state", "on") == [("zigbee2mqtt/hall/strip/right/set", {"state": "ON"})]
    assert not left.write_topics() & right.write_topics()
    (read,) = left.points["state"].reads
    assert (read.topic, read.path) == ("zigbee2mqtt/hall/strip", ("state_left",))
    assert sorted(right.points) == ["power", "state"]
    assert left.hidden == ("linkquality",)


def test_the_home_keeps_all_endpoints_of_a_device() -> None:
    devices = found(device(STRIP, "hall/strip", *(
        of("switch", state(endpoint=end), endpoint=end) for end in ("l1", "l2"))))
    home = assemble(HomeFile(name="", rooms={"hall": Room()},
                             discovery=Discovery(sources=("zigbee2mqtt",))), devices)
    assert [(each.name, each.room) for each in home.devices] == [
        ("hall/strip l1", "hall"), ("hall/strip l2", "hall")]


def test_a_meter_beside_endpoints_is_a_sensor() -> None:
    strip, socket = found(device(STRIP, "strip", numeric("power", 1, "W"), of(
        "switch", state(endpoint="l1"), endpoint="l1")))
    assert (strip.id, strip.kind, list(strip.points)) == (
        f"zigbee2mqtt:{STRIP}", "sensor", ["power"])
    assert socket.name == "strip l1"


def test_a_lock_is_known_by_its_state() -> None:
    lock = only(of("lock", state(on="LOCK", off="UNLOCK"),
                   enum("lock_state", 1, "not_fully_locked", "locked", "unlocked")),
                numeric("battery", 1, "%", 0, 100))
    assert lock.kind == "lock"
    assert sent(lock, "lock", "unlocked") == [("zigbee2mqtt/thing/set", {"state": "UNLOCK"})]
    assert heard(lock, state="LOCK", battery=80) == {"lock": "locked", "battery": 80}
    assert lock.hidden == ("lock_state",)


def test_a_cover_moves_and_goes_to_positions() -> None:
    cover = only(of("cover", enum("state", 3, "OPEN", "CLOSE", "STOP"),
                    numeric("position", 7, "%", 0, 100)), description="Roller blind")
    assert (cover.kind, cover.label) == ("cover", "blind")
    assert sent(cover, "movement", "stop") == [("zigbee2mqtt/thing/set", {"state": "STOP"})]
    assert sent(cover, "position", 30) == [("zigbee2mqtt/thing/set", {"position": 30})]
    assert heard(cover, state="CLOSE", position=0) == {"movement": "close", "position": 0}


def test_a_cover_has_the_words_and_the_range_that_are_announced() -> None:
    cover = only(of("cover", enum("state", 3, "open", "close"),
                    numeric("position", 7, "", 0, 50)))
    assert sent(cover, "movement", "open") == [("zigbee2mqtt/thing/set", {"state": "open"})]
    assert sent(cover, "position", 50) == [("zigbee2mqtt/thing/set", {"position": 25})]
    with pytest.raises(Unable):
        command_for(cover, "movement", "stop")


@pytest.mark.parametrize("setpoint", ["occupied_heating_setpoint", "current_heating_setpoint"])
def test_a_thermostat_has_the_setpoint_that_is_announced(setpoint: str) -> None:
    valve = only(
        of("climate", numeric(setpoint, 7, "°C", 5, 30, value_step=0.5),
           numeric("local_temperature", 5, "°C"),
           enum("system_mode", 7, "off", "heat", "emergency_heating"),
           enum("preset", 3, "schedule", "Eco")),
        of("lock", state(3, on="LOCK", off="UNLOCK", property="child_lock")),
        of("switch", state(3, property="window_detection")))
    assert valve.kind == "thermostat"
    assert sent(valve, "setpoint", 21.4) == [(f"zigbee2mqtt/thing/set/{setpoint}", "21.5")]
    assert valve.limits("setpoint") == (5, 30)
    assert sent(valve, "mode", "heat") == [("zigbee2mqtt/thing/set/system_mode", "heat")]
    assert sent(valve, "preset", "eco") == [("zigbee2mqtt/thing/set/preset", "Eco")]
    assert valve.points["mode"].allowed == ("off", "heat")
    assert heard(valve, **{setpoint: 20, "local_temperature": 19.5, "system_mode": "off"}) == {
        "setpoint": 20, "temperature": 19.5, "mode": "off"}
    assert valve.hidden == ("child_lock", "window_detection")


def test_a_thermostat_in_fahrenheit_is_told_in_fahrenheit() -> None:
    stat = only(of("climate", numeric("occupied_heating_setpoint", 7, "°F", 41, 86)))
    assert stat.limits("setpoint") == (5, 30)
    assert sent(stat, "setpoint", 20) == [
        ("zigbee2mqtt/thing/set/occupied_heating_setpoint", "68")]
    assert only(of("climate", numeric("occupied_heating_setpoint", 7, "K"))).points == {}


def test_a_fan_has_its_modes_or_its_speed() -> None:
    modes = only(of("fan", state(property="fan_state"),
                    enum("mode", 7, "low", "high", "auto", property="fan_mode")))
    assert modes.kind == "fan"
    assert sent(modes, "state", "on") == [("zigbee2mqtt/thing/set/fan_state", "ON")]
    assert sent(modes, "preset", "low") == [("zigbee2mqtt/thing/set/fan_mode", "low")]
    assert heard(modes, fan_state="ON", fan_mode="auto") == {"state": "on", "preset": "auto"}
    speed = only(of("fan", state(), numeric("speed", 7, "", 1, 254)))
    assert sent(speed, "speed", 50) == [("zigbee2mqtt/thing/set/speed", "127")]


def test_a_fan_with_a_light_is_two_devices() -> None:
    light, fan = found(device(
        LAMP, "ceiling", of("fan", state(property="fan_state")), of("light", state(), BRIGHTNESS)))
    assert [(light.id, light.kind, light.name), (fan.id, fan.kind, fan.name)] == [
        (f"zigbee2mqtt:{LAMP}", "light", "ceiling"),
        (f"zigbee2mqtt:{LAMP}/fan", "fan", "ceiling fan")]
    assert not light.write_topics() & fan.write_topics()


@pytest.mark.parametrize(("expose", "said", "known"), [
    (numeric("temperature", 1, "°C"), -3.25, ("temperature", -3.25)),
    (numeric("temperature", 1, "°F"), 68, ("temperature", 20)),
    (numeric("humidity", 1, "%"), 55.4, ("humidity", 55)),
    (numeric("battery", 1, "%", 0, 100), 100, ("battery", 100)),
    (numeric("illuminance", 5, "lx"), 400, ("illuminance", 400)),
    (binary("contact", False, True), True, ("contact", "closed")),
    (binary("contact", False, True), False, ("contact", "open")),
    (binary("occupancy", True, False), True, ("occupancy", "yes")),
    (binary("presence", True, False), False, ("occupancy", "no")),
    (binary("water_leak", "leaking", "dry"), "leaking", ("leak", "yes")),
    (binary("smoke", True, False), False, ("smoke", "no")),
])
def test_a_sensor_tells_what_it_measures(
    expose: dict[str, Any], said: Any, known: tuple[str, Value]
) -> None:
    sensor = only(expose)
    assert sensor.kind == "sensor"
    assert heard(sensor, **{expose["property"]: said}) == dict([known])
    assert sensor.write_topics() == set()


@pytest.mark.parametrize("expose", [
    numeric("power", 1, "kW"), numeric("temperature", 1, "K"), numeric("humidity", 1, ""),
    binary("contact", "open", "closed"), enum("smoke", 1, "alarm", "silent"),
    binary("occupancy", True, True), enum("action", 1, "on", "off"), {"type": "numeric"},
    {"type": "switch", "features": [{"name": 7}]},
    of("switch", state(on={"not": "a word"})),
])
def test_what_is_not_understood_is_kept_by_name(expose: dict[str, Any]) -> None:
    unknown = only(expose)
    assert (unknown.kind, unknown.points) == ("sensor", {})
    assert unknown.hidden == (expose.get("property", expose["type"]),)


def test_the_bridge_and_the_device_say_whether_it_is_there() -> None:
    lamp = only(of("light", state()))
    states = DeviceStates(Home(name="", rooms={}, devices=(lamp,), file=HomeFile(name="")))
    states.feed("zigbee2mqtt/bridge/state", b'{"state":"online"}')
    assert states.online(lamp) is True
    states.feed("zigbee2mqtt/thing/availability", b'{"state":"offline"}')
    assert states.online(lamp) is False


def test_a_refused_command_is_a_fault() -> None:
    lamp = only(of("light", state()))
    states = DeviceStates(Home(name="", rooms={}, devices=(lamp,), file=HomeFile(name="")))
    mark = states.mark()
    states.feed("zigbee2mqtt/bridge/logging", json.dumps({
        "level": "error",
        "message": "z2m: Publish 'set' 'state' to 'thing' failed: 'no'"}).encode())
    assert "failed" in (states.fault(lamp, since=mark) or "")
