"""Configs as zigbee2mqtt, ESPHome, Tasmota and others publish them, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotcall.devices.command import Unable, command_for
from iotcall.devices.device import Device
from iotcall.devices.discovery.abbreviations import ABBREVIATIONS
from iotcall.devices.discovery.base import MAX_DEVICES
from iotcall.devices.discovery.homeassistant import HomeAssistantDiscovery
from iotcall.devices.home import assemble
from iotcall.devices.home_file import Discovery as DiscoverySettings
from iotcall.devices.home_file import HomeFile
from iotcall.devices.properties import Value
from iotcall.devices.states import DeviceStates

ZIGBEE_AVAILABILITY = [
    {"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"},
    {"topic": "zigbee2mqtt/Lamp/availability", "value_template": "{{ value_json.state }}"}]


class Announced:
    """Announce configs, look at the devices, tell them things and hear what they say."""

    def __init__(self) -> None:
        self.discovery = HomeAssistantDiscovery("homeassistant")

    def say(self, path: str, config: Any) -> bool:
        payload = b"" if config is None else json.dumps(config).encode()
        return self.discovery.take(f"homeassistant/{path}/config", payload)

    @property
    def devices(self) -> dict[str, Device]:
        return {device.name: device for device in self.discovery.devices()}

    def only(self) -> Device:
        (device,) = self.discovery.devices()
        return device


def announced(component: str, config: Any) -> Device:
    """The device of a single config."""
    home = Announced()
    assert home.say(f"{component}/node/thing", {"name": "Thing", "uniq_id": "u1", **config})
    return home.only()


def told(device: Device, name: str, value: Value) -> list[tuple[str, str]]:
    """What is published, in order."""
    return [(each.topic, each.payload.decode())
            for each in command_for(device, name, value).publications()]


def heard(device: Device, *messages: tuple[str, str]) -> dict[str, Value]:
    """What is known after the messages."""
    states = states_of(device)
    for topic, payload in messages:
        assert states.feed(topic, payload.encode()), f"{topic} is not listened to"
    return states.of(device)


def states_of(device: Device) -> DeviceStates:
    file = HomeFile(name="test", discovery=DiscoverySettings(sources=("homeassistant",)))
    return DeviceStates(assemble(file, [device]))


# Lights


def test_a_json_light_is_told_and_says_one_object() -> None:
    lamp = announced("light", {
        "schema": "json", "brightness": True, "brightness_scale": 254, "cmd_t": "z/Lamp/set",
        "stat_t": "z/Lamp", "supported_color_modes": ["hs", "color_temp"],
        "min_mireds": 250, "max_mireds": 454, "effect": True, "effect_list": ["blink"]})
    assert lamp.kind == "light"
    assert told(lamp, "state", "off") == [("z/Lamp/set", '{"state":"OFF"}')]
    assert told(lamp, "brightness", 50) == [("z/Lamp/set", '{"state":"ON","brightness":127}')]
    assert told(lamp, "color", "#ff8000") == [
        ("z/Lamp/set", '{"state":"ON","color":{"h":30,"s":100}}')]
    assert told(lamp, "white", 2700) == [("z/Lamp/set", '{"state":"ON","color_temp":370}')]
    assert lamp.limits("white") == (2203, 4000)
    assert heard(lamp, ("z/Lamp", '{"state":"ON","brightness":254,"color_temp":370,'
                                  '"color_mode":"color_temp","color":{"h":120,"s":100}}')) == {
        "state": "on", "brightness": 100, "white": 2703, "color": "#00ff00"}
    assert lamp.hidden == ("effect",)


def test_an_esphome_light_counts_to_255_and_in_red_green_and_blue() -> None:
    lamp = announced("light", {
        "schema": "json", "stat_t": "bedroom/light/strip/state", "brightness": True,
        "cmd_t": "bedroom/light/strip/command", "supported_color_modes": ["rgb"]})
    assert told(lamp, "color", "#ff8000")[0][1] == '{"state":"ON","color":{"r":255,"g":128,"b":0}}'
    assert heard(lamp, ("bedroom/light/strip/state",
                        '{"color_mode":"rgb","state":"ON","brightness":51,'
                        '"color":{"r":255,"g":128,"b":0}}')) == {
        "state": "on", "brightness": 20, "color": "#ff8000"}


def test_kelvin_goes_as_it_is() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "color_temp_kelvin": True,
                               "supported_color_modes": ["color_temp"], "max_kelvin": 5000})
    assert told(lamp, "white", 3000)[0][1] == '{"state":"ON","color_temp":3000}'
    assert lamp.limits("white") == (2000, 5000)


def test_a_light_that_is_only_switched_has_no_brightness() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "supported_color_modes": ["onoff"]})
    assert list(lamp.points) == ["state"]


TASMOTA_LIGHT = {
    "stat_t": "tele/strip/STATE", "cmd_t": "cmnd/strip/POWER", "val_tpl": "{{value_json.POWER}}",
    "pl_on": "ON", "pl_off": "OFF", "on_cmd_type": "brightness",
    "bri_cmd_t": "cmnd/strip/Dimmer", "bri_stat_t": "tele/strip/STATE", "bri_scl": 100,
    "bri_val_tpl": "{{value_json.Dimmer}}", "clr_temp_cmd_t": "cmnd/strip/CT",
    "clr_temp_stat_t": "tele/strip/STATE", "clr_temp_val_tpl": "{{value_json.CT}}",
    "rgb_cmd_t": "cmnd/strip/Color2", "rgb_stat_t": "tele/strip/STATE",
    "rgb_val_tpl": "{{value_json.Color.split(',')[0:3]|join(',')}}",
    "fx_cmd_t": "cmnd/strip/Scheme"}


def test_a_light_of_topics_has_one_for_each_property() -> None:
    strip = announced("light", TASMOTA_LIGHT)
    assert told(strip, "state", "on") == [("cmnd/strip/POWER", "ON")]
    assert told(strip, "brightness", 40) == [("cmnd/strip/Dimmer", "40")]
    assert told(strip, "white", 2700) == [("cmnd/strip/CT", "370")]
    assert told(strip, "color", "#ff8000") == [("cmnd/strip/Color2", "255,128,0")]
    assert heard(strip, ("tele/strip/STATE", '{"POWER":"ON","Dimmer":40,"CT":370,'
                                             '"Color":"255,128,0,0"}')) == {
        "state": "on", "brightness": 40, "white": 2703}


def test_a_template_that_is_a_program_makes_its_topic_unreadable_and_is_named() -> None:
    strip = announced("light", TASMOTA_LIGHT)
    assert strip.points["color"].reads == ()
    assert strip.hidden == ("rgb_state_topic", "effect_command_topic")


@pytest.mark.parametrize("style", [{}, {"on_command_type": "first"}, {"on_command_type": "last"}])
def test_a_change_is_told_with_on_where_the_light_wants_it(style: dict[str, str]) -> None:
    lamp = announced("light", {
        "cmd_t": "l/set", "pl_on": "1", "pl_off": "0", "bri_cmd_t": "l/level", "hs_cmd_t": "l/hs",
        "hs_stat_t": "l/hs/is", **style})
    assert told(lamp, "brightness", 100) == [("l/set", "1"), ("l/level", "255")]
    assert told(lamp, "color", "#00ff00") == [("l/set", "1"), ("l/hs", "120,100")]
    assert heard(lamp, ("l/hs/is", "120,100")) == {"color": "#00ff00"}


def test_a_light_on_by_brightness_alone_is_told_full_brightness() -> None:
    lamp = announced("light", {"cmd_t": "l/set", "pl_off": 0, "bri_cmd_t": "l/set", "bri_scl": 99,
                               "on_command_type": "brightness"})
    assert told(lamp, "state", "on") == [("l/set", "99")]
    assert told(lamp, "state", "off") == [("l/set", "0")]


def test_a_light_on_by_brightness_elsewhere_can_only_be_told_off() -> None:
    lamp = announced("light", {"cmd_t": "l/set", "bri_cmd_t": "l/level",
                               "on_command_type": "brightness"})
    assert told(lamp, "state", "off") == [("l/set", "OFF")]
    assert told(lamp, "brightness", 100) == [("l/level", "255")]
    with pytest.raises(Unable):
        command_for(lamp, "state", "on")
    assert lamp.hidden == ("on_command_type",)


def test_a_coarse_brightness_has_steps_and_never_rounds_to_off() -> None:
    lamp = announced("light", {"cmd_t": "c", "bri_cmd_t": "b", "bri_scl": 10})
    assert told(lamp, "brightness", 34)[-1] == ("b", "3")
    with pytest.raises(Unable):
        command_for(lamp, "brightness", 3)


def test_a_light_of_templates_is_refused_by_name() -> None:
    lamp = announced("light", {"schema": "template", "cmd_t": "c", "cmd_on_tpl": "on"})
    assert lamp.points == {}
    assert lamp.kind == "light"
    assert lamp.hidden == ("light Thing: template schema",)


# Other components


def test_a_switch_takes_every_word_from_its_config() -> None:
    plug = announced("switch", {
        "cmd_t": "s/set", "stat_t": "s", "val_tpl": "{{ value_json['relay'][0] }}",
        "pl_on": "go", "pl_off": "halt", "stat_on": True, "stat_off": False, "dev_cla": "outlet"})
    assert (plug.kind, plug.label) == ("plug", "outlet")
    assert told(plug, "state", "on") == [("s/set", "go")]
    assert heard(plug, ("s", '{"relay":[true]}')) == {"state": "on"}
    assert heard(plug, ("s", '{"relay":[false]}')) == {"state": "off"}
    assert heard(plug, ("s", '{"relay":["go"]}')) == {}


def test_a_switch_without_words_has_the_documented_ones() -> None:
    plug = announced("switch", {"cmd_t": "s/set", "stat_t": "s"})
    assert told(plug, "state", "off") == [("s/set", "OFF")]
    assert heard(plug, ("s", "ON")) == {"state": "on"}


def test_an_optimistic_entity_is_never_read() -> None:
    plug = announced("switch", {"cmd_t": "s/set"})
    assert plug.points["state"].reads == ()
    assert plug.topics() == frozenset()


def test_a_payload_may_be_an_object() -> None:
    plug = announced("switch", {"cmd_t": "s/rpc", "pl_on": '{"method":"Switch.Set","on":true}'})
    assert told(plug, "state", "on") == [("s/rpc", '{"method":"Switch.Set","on":true}')]


def test_two_states_with_one_word_cannot_be_told_apart() -> None:
    plug = announced("switch", {"cmd_t": "c", "stat_t": "s", "stat_on": "X", "stat_off": "X"})
    assert plug.points["state"].reads == ()
    assert plug.hidden == ("state_topic",)


def test_a_siren_is_a_plug_that_is_told_json() -> None:
    alarm = announced("siren", {"cmd_t": "a/set", "stat_t": "a"})
    assert alarm.kind == "plug"
    assert told(alarm, "state", "on") == [("a/set", '{"state":"ON"}')]
    assert heard(alarm, ("a", '{"state":"ON","tone":"bell"}')) == {"state": "on"}
    assert heard(alarm, ("a", "OFF")) == {"state": "off"}


def test_a_siren_with_a_template_is_told_what_that_makes() -> None:
    alarm = announced("siren", {"cmd_t": "a/set", "cmd_tpl": "{{ value }}"})
    assert told(alarm, "state", "off") == [("a/set", "OFF")]


def test_a_lock_has_its_own_words() -> None:
    door = announced("lock", {"cmd_t": "d/set", "stat_t": "d", "val_tpl": "{{ value_json.state }}",
                              "pl_unlk": "OPEN_IT", "stat_locked": "LOCK", "stat_unlocked": "UNL"})
    assert told(door, "lock", "locked") == [("d/set", "LOCK")]
    assert told(door, "lock", "unlocked") == [("d/set", "OPEN_IT")]
    assert heard(door, ("d", '{"state":"LOCK"}')) == {"lock": "locked"}
    assert heard(door, ("d", '{"state":"UNL"}')) == {"lock": "unlocked"}


def test_a_lock_that_wants_a_code_is_only_read() -> None:
    door = announced("lock", {"cmd_t": "d/set", "stat_t": "d", "cod_form": "^\\d{4}$"})
    assert not door.can("lock")
    assert heard(door, ("d", "LOCKED")) == {"lock": "locked"}
    assert heard(door, ("d", "LOCKED"), ("d", "OPEN")) == {"lock": "unlocked"}
    assert heard(door, ("d", "LOCKED"), ("d", "UNLOCKING")) == {"lock": "locked"}
    assert door.hidden == ("code_format",)


def test_a_zigbee_cover_is_told_its_position_in_json() -> None:
    blind = announced("cover", {
        "cmd_t": "z/Blind/set", "stat_t": "z/Blind", "val_tpl": "{{ value_json.state }}",
        "stat_open": "OPEN", "stat_clsd": "CLOSE", "stat_stopped": "STOP", "pos_t": "z/Blind",
        "pos_tpl": "{{ value_json.position }}", "set_pos_t": "z/Blind/set",
        "set_pos_tpl": '{ "position": {{ position }} }', "dev_cla": "blind"})
    assert told(blind, "movement", "stop") == [("z/Blind/set", "STOP")]
    assert told(blind, "position", 30) == [("z/Blind/set", '{ "position": 30 }')]
    assert heard(blind, ("z/Blind", '{"state":"CLOSE","position":0}')) == {
        "movement": "close", "position": 0}
    assert blind.label == "blind"


def test_positions_may_be_inverted() -> None:
    blind = announced("cover", {"cmd_t": "c", "set_pos_t": "c/pos", "pos_t": "c/at",
                                "pos_open": 0, "pos_clsd": 100})
    assert told(blind, "position", 30) == [("c/pos", "70")]
    assert heard(blind, ("c/at", "100")) == {"position": 0}
    assert heard(blind, ("c/at", "20")) == {"position": 80}


def test_a_percentage_is_not_sent_where_the_device_counts_otherwise() -> None:
    blind = announced("cover", {"cmd_t": "c", "set_pos_t": "p", "pos_open": 0, "pos_clsd": 255,
                                "set_pos_tpl": "{{ position }}"})
    assert not blind.can("position")
    assert blind.hidden == ("set_position_topic",)


def test_a_cover_without_a_stop_cannot_be_stopped() -> None:
    door = announced("cover", {"cmd_t": "g", "pl_stop": None, "stat_t": "g/is",
                               "dev_cla": "garage"})
    assert told(door, "position", 100) == [("g", "OPEN")]
    assert heard(door, ("g/is", "opening")) == {"movement": "open"}
    assert heard(door, ("g/is", "closed")) == {"movement": "close"}
    with pytest.raises(Unable):
        command_for(door, "movement", "stop")


def test_a_valve_is_a_cover() -> None:
    tap = announced("valve", {"cmd_t": "v/set", "stat_t": "v", "dev_cla": "water"})
    assert (tap.kind, tap.label) == ("cover", "water")
    assert told(tap, "movement", "close") == [("v/set", "CLOSE")]
    assert heard(tap, ("v", '{"state":"open"}')) == {"movement": "open"}
    with pytest.raises(Unable):
        command_for(tap, "movement", "stop")


def test_a_valve_that_reports_positions_is_told_them() -> None:
    tap = announced("valve", {"cmd_t": "v/set", "stat_t": "v", "pos": True, "pos_open": 200,
                              "pl_stop": "HALT"})
    assert told(tap, "position", 25) == [("v/set", "50")]
    assert told(tap, "movement", "open") == [("v/set", "200")]
    assert told(tap, "movement", "stop") == [("v/set", "HALT")]
    assert heard(tap, ("v", "100")) == {"position": 50}
    assert heard(tap, ("v", '{"state":"opening","position":20}')) == {"position": 10}


ESPHOME_CLIMATE = {
    "curr_temp_t": "t/now", "mode_cmd_t": "t/mode/set", "mode_stat_t": "t/mode",
    "modes": ["off", "heat", "dance"], "temp_cmd_t": "t/want/set", "temp_stat_t": "t/want",
    "min_temp": 10, "max_temp": 25, "temp_step": 0.5, "temp_unit": "C", "act_t": "t/action",
    "pr_mode_cmd_t": "t/preset/set", "pr_mode_stat_t": "t/preset", "pr_modes": ["Eco", "Away"]}


def test_a_climate_has_its_own_modes_presets_and_limits() -> None:
    heater = announced("climate", ESPHOME_CLIMATE)
    assert heater.kind == "thermostat"
    assert told(heater, "setpoint", 21.3) == [("t/want/set", "21.5")]
    assert told(heater, "mode", "heat") == [("t/mode/set", "heat")]
    assert told(heater, "preset", "eco") == [("t/preset/set", "Eco")]
    assert heater.points["mode"].allowed == ("off", "heat")
    assert heater.limits("setpoint") == (10, 25)
    assert heard(heater, ("t/now", "19.26"), ("t/want", "21.5"), ("t/mode", "heat"),
                 ("t/preset", "Away")) == {
        "temperature": 19.26, "setpoint": 21.5, "mode": "heat", "preset": "away"}
    assert heater.hidden == ("action_topic",)


def test_fahrenheit_is_fahrenheit_on_the_wire_only() -> None:
    heater = announced("climate", {
        "temp_unit": "F", "temp_cmd_t": "w/set", "temp_stat_t": "w", "curr_temp_t": "n",
        "min_temp": 50, "max_temp": 86})
    assert heater.limits("setpoint") == (10, 30)
    assert told(heater, "setpoint", 21) == [("w/set", "70")]
    assert heard(heater, ("w", "70"), ("n", "68")) == {"setpoint": 21.11, "temperature": 20}


def test_a_zigbee_thermostat_says_limits_as_text_and_states_in_json() -> None:
    heater = announced("climate", {
        "temp_unit": "C", "temp_step": 0.5, "min_temp": "5", "max_temp": "30",
        "curr_temp_t": "z/T", "curr_temp_tpl": '{{ value_json["local_temperature"] }}',
        "temp_cmd_t": "z/T/set/occupied_heating_setpoint", "temp_stat_t": "z/T",
        "temp_stat_tpl": '{{ value_json["occupied_heating_setpoint"] }}'})
    assert heater.limits("setpoint") == (5, 30)
    assert told(heater, "setpoint", 19.5) == [("z/T/set/occupied_heating_setpoint", "19.5")]
    assert heard(heater, ("z/T", '{"local_temperature":18.2,"occupied_heating_setpoint":19.5}')
                 ) == {"temperature": 18.2, "setpoint": 19.5}


def test_a_value_template_holds_for_all_states_of_a_climate() -> None:
    heater = announced("climate", {
        "temp_cmd_t": "w/set", "temp_stat_t": "w", "val_tpl": "{{ value_json.v | float }}"})
    assert heard(heater, ("w", '{"v":20}')) == {"setpoint": 20}
    assert heater.limits("setpoint") == (7, 35)


def test_a_template_that_would_lose_half_degrees_is_not_used() -> None:
    config = {"temp_cmd_t": "w/set", "temp_cmd_tpl": "{{ value | int }}"}
    assert announced("climate", {**config, "temp_step": 0.5}).hidden == (
        "climate Thing: temperature_command_topic",)
    assert told(announced("climate", config), "setpoint", 20.6) == [("w/set", "21")]


def test_a_fan_counts_speeds_from_one_below_the_lowest() -> None:
    fan = announced("fan", {
        "cmd_t": "f/set", "stat_t": "f", "pct_cmd_t": "f/speed/set", "pct_stat_t": "f/speed",
        "spd_rng_max": 3, "pr_mode_cmd_t": "f/preset/set", "pr_mode_stat_t": "f/preset",
        "pr_modes": ["auto", "Smart Breeze"], "osc_cmd_t": "f/osc"})
    assert told(fan, "state", "off") == [("f/set", "OFF")]
    assert [told(fan, "speed", percent)[0][1] for percent in (0, 30, 60, 100)] == [
        "0", "1", "2", "3"]
    assert told(fan, "preset", "smart breeze") == [("f/preset/set", "Smart Breeze")]
    assert heard(fan, ("f", "ON"), ("f/speed", "2"), ("f/preset", "auto")) == {
        "state": "on", "speed": 67, "preset": "auto"}
    assert heard(fan, ("f/speed", "None")) == {}
    assert fan.hidden == ("oscillation_command_topic",)


def test_a_fan_whose_range_starts_higher_is_off_below_it() -> None:
    fan = announced("fan", {"cmd_t": "c", "pct_cmd_t": "p", "pct_stat_t": "s", "spd_rng_min": 11,
                            "spd_rng_max": 110})
    assert told(fan, "speed", 50) == [("p", "60")]
    assert heard(fan, ("s", "110")) == {"speed": 100}


def test_a_vacuum_says_what_it_does_in_json() -> None:
    robot = announced("vacuum", {
        "cmd_t": "v/cmd", "stat_t": "v/state", "sup_feat": ["start", "stop", "return_home",
                                                           "battery", "fan_speed"],
        "pl_ret": "HOME", "set_fan_spd_t": "v/fan", "fanspd_lst": ["min", "MAX"],
        "send_cmd_t": "v/send"})
    assert told(robot, "activity", "dock") == [("v/cmd", "HOME")]
    assert told(robot, "activity", "start") == [("v/cmd", "start")]
    assert told(robot, "preset", "max") == [("v/fan", "MAX")]
    assert heard(robot, ("v/state", '{"state":"cleaning","battery_level":61,"fan_speed":"MAX"}')
                 ) == {"activity": "start", "battery": 61, "preset": "max"}
    with pytest.raises(Unable):
        command_for(robot, "activity", "pause")
    assert robot.hidden == ("send_command_topic",)


def test_a_vacuum_of_the_old_schema_is_refused_by_name() -> None:
    assert announced("vacuum", {"schema": "legacy", "cmd_t": "v"}).hidden == (
        "vacuum Thing: legacy schema",)


# Sensors


@pytest.mark.parametrize(("kind", "unit", "said", "known"), [
    ("temperature", "°C", "21.37", 21.37), ("temperature", "°F", "68", 20),
    ("humidity", "%", "55.4", 55), ("battery", "%", "80", 80), ("illuminance", "lx", "120", 120),
    ("power", "W", "12.5", 12.5), ("power", "kW", "1.5", 1500), ("power", "mW", "2500", 2.5),
    ("energy", "kWh", "3.21", 3.21), ("energy", "Wh", "1500", 1.5), ("energy", "MWh", "2", 2000),
])
def test_a_sensor_is_known_by_its_class_and_unit(
    kind: str, unit: str, said: str, known: float
) -> None:
    sensor = announced("sensor", {"stat_t": "s", "dev_cla": kind, "unit_of_meas": unit})
    assert sensor.kind == "sensor"
    assert heard(sensor, ("s", said)) == {kind: known}
    assert heard(sensor, ("s", "unavailable")) == {}


@pytest.mark.parametrize("config", [
    {"dev_cla": "temperature", "unit_of_meas": "K"}, {"dev_cla": "voltage", "unit_of_meas": "V"},
    {"dev_cla": "temperature"}, {"unit_of_meas": "lqi"}, {}])
def test_a_sensor_of_another_class_or_unit_is_hidden(config: dict[str, str]) -> None:
    sensor = announced("sensor", {"stat_t": "s", **config})
    assert sensor.points == {}
    assert len(sensor.hidden) == 1


@pytest.mark.parametrize(("kind", "name", "on", "off"), [
    ("door", "contact", "open", "closed"), ("window", "contact", "open", "closed"),
    ("garage_door", "contact", "open", "closed"), ("opening", "contact", "open", "closed"),
    ("occupancy", "occupancy", "yes", "no"), ("motion", "occupancy", "yes", "no"),
    ("presence", "occupancy", "yes", "no"), ("moisture", "leak", "yes", "no"),
    ("smoke", "smoke", "yes", "no")])
def test_a_binary_sensor_is_known_by_its_class(kind: str, name: str, on: str, off: str) -> None:
    sensor = announced("binary_sensor", {"stat_t": "s", "dev_cla": kind})
    assert heard(sensor, ("s", "ON")) == {name: on}
    assert heard(sensor, ("s", "OFF")) == {name: off}


def test_the_contact_of_a_zigbee_door_is_on_when_it_is_false() -> None:
    door = announced("binary_sensor", {
        "stat_t": "z/Door", "dev_cla": "door", "val_tpl": "{{ value_json['contact'] }}",
        "pl_on": False, "pl_off": True})
    assert heard(door, ("z/Door", '{"contact":false}')) == {"contact": "open"}
    assert heard(door, ("z/Door", '{"contact":true}')) == {"contact": "closed"}
    assert door.label == "door"


# Templates


@pytest.mark.parametrize("template", [
    "{{ value_json.a.b }}", "{{value_json['a']['b']}}", '{{ value_json["a"].b }}',
    "{{ value_json.a.b | float | round(1) }}", "{{ value_json.a.b | default(0) | int }}",
    "{{- value_json.a.b -}}", "  {{ value_json.a.b | is_defined }}\n"])
def test_a_template_of_keys_is_a_path(template: str) -> None:
    sensor = announced("sensor", {"stat_t": "s", "dev_cla": "humidity", "unit_of_meas": "%",
                                  "val_tpl": template})
    assert heard(sensor, ("s", '{"a":{"b":44}}')) == {"humidity": 44}


@pytest.mark.parametrize("template", [
    "{{ value_json.a * 2 }}", "{{ value_json.a | multiply(2) }}", "{{ states('sensor.x') }}",
    "{% if value_json.a %}1{% endif %}", "{{ value_json.a }} {{ value_json.b }}", "x{{ value }}",
    "{{ value.a }}", "{{ value_json.a | int | }}", "{{ value_json" + ".a" * 9 + " }}",
    "{{ value_json." + "a" * 600 + " }}", 7, ["{{ value }}"], "{{ value_json.a if b else c }}"])
def test_any_other_template_is_never_guessed(template: object) -> None:
    sensor = announced("sensor", {"stat_t": "s", "dev_cla": "humidity", "unit_of_meas": "%",
                                  "val_tpl": template})
    assert sensor.points == {}
    assert sensor.hidden == ("sensor Thing: state_topic",)


def test_a_template_may_change_the_letters_of_a_word() -> None:
    plug = announced("switch", {"cmd_t": "c", "stat_t": "s", "pl_on": "on", "pl_off": "off",
                                "val_tpl": "{{ value | lower }}"})
    for said in ("on", "ON", "On"):
        assert heard(plug, ("s", said)) == {"state": "on"}
    never = announced("switch", {"cmd_t": "c", "stat_t": "s", "val_tpl": "{{ value | lower }}"})
    assert never.hidden == ("state_topic",)


@pytest.mark.parametrize(("template", "sent"), [
    ("{{ value }}", "ON"), ('{"id":1,"on":"{{ value }}"}', '{"id":1,"on":"ON"}'),
    ('{"a":{"b":{{ value }}}}', '{"a":{"b":ON}}'), (" {{ value | string }} ", "ON"),
    ("{{ value | default('') }}", "ON")])
def test_a_command_template_with_the_value_alone_is_a_text(template: str, sent: str) -> None:
    plug = announced("switch", {"cmd_t": "c", "cmd_tpl": template})
    assert told(plug, "state", "on") == [("c", sent)]


@pytest.mark.parametrize("template", [
    "on", "{{ 1 if value == 'ON' else 0 }}", "{{ value }}{{ value }}", "{{{ value }}}",
    "{% set x = value %}{{ value }}", "{{ value }}{}", "{{ code }}", "{{ value | upper }}", 3])
def test_any_other_command_template_is_never_guessed(template: object) -> None:
    plug = announced("switch", {"cmd_t": "c", "stat_t": "s", "cmd_tpl": template})
    assert not plug.can("state")
    assert plug.hidden == ("command_topic",)


# Announcements


def test_abbreviations_and_a_base_topic_are_spelled_out() -> None:
    plug = announced("switch", {
        "~": "tele/x", "cmd_t": "~/set", "stat_t": "is/~",
        "avty": [{"t": "~/LWT", "pl_avail": "Online", "pl_not_avail": "Offline"}],
        "dev": {"ids": "abc", "name": "Kettle", "mf": "Maker", "mdl": "M1", "sa": "Kitchen"}})
    assert told(plug, "state", "on") == [("tele/x/set", "ON")]
    assert heard(plug, ("is/tele/x", "ON")) == {"state": "on"}
    assert plug.availability[0].topic == "tele/x/LWT"
    assert (plug.name, plug.room, plug.model) == ("Kettle Thing", "Kitchen", "Maker M1")


def test_no_key_has_two_abbreviations_and_none_is_its_own() -> None:
    assert len(set(ABBREVIATIONS.values())) == len(ABBREVIATIONS)
    assert not set(ABBREVIATIONS) & set(ABBREVIATIONS.values())


@pytest.mark.parametrize(("entity", "name"), [
    ({"name": None}, "Kettle"), ({}, "Kettle"), ({"name": "Light"}, "Kettle Light"),
    ({"name": "Kettle lid"}, "Kettle lid"), ({"name": ""}, "Kettle"),
    ({"name": "<|im_start|>{{ x }}"}, "Kettle x")])
def test_a_name_is_the_devices_and_then_the_entitys(entity: dict[str, Any], name: str) -> None:
    home = Announced()
    home.say("switch/k", {"cmd_t": "c", "dev": {"ids": ["k"], "name": "Kettle"}, **entity})
    assert home.only().name == name


def test_without_names_the_topic_is_one() -> None:
    home = Announced()
    home.say("switch/node/hall_plug", {"cmd_t": "c"})
    assert home.only().name == "hall plug"
    assert home.only().id == "homeassistant:node/hall_plug"


def test_a_renamed_device_keeps_its_id() -> None:
    home = Announced()
    config = {"cmd_t": "c", "uniq_id": "u7", "dev": {"ids": ["k"], "name": "Kettle"}}
    assert home.say("switch/k", config)
    before = home.only()
    assert not home.say("switch/k", config)
    assert home.say("switch/k", {**config, "dev": {"ids": ["k"], "name": "Tea"}})
    assert (before.name, home.only().name) == ("Kettle", "Tea")
    assert before.id == home.only().id == "homeassistant:u7"


def test_an_empty_payload_takes_the_announcement_back() -> None:
    home = Announced()
    home.say("switch/k", {"cmd_t": "c", "name": "Kettle"})
    home.say("light/k", {"cmd_t": "d", "name": "Lamp"})
    assert home.say("switch/k", None)
    assert list(home.devices) == ["Lamp"]
    assert not home.say("switch/k", None)
    assert home.say("light/k", {"migrate_discovery": True})
    assert home.devices == {}


@pytest.mark.parametrize("topic", [
    "homeassistant/status", "homeassistant/switch/k", "homeassistant/switch/a b/config",
    "homeassistant/switch/a/b/c/config", "other/switch/k/config", "homeassistant/config", ""])
def test_other_topics_are_not_taken(topic: str) -> None:
    discovery = HomeAssistantDiscovery("homeassistant")
    assert not discovery.take(topic, b'{"cmd_t":"c","name":"Kettle"}')
    assert discovery.devices() == ()


def test_a_prefix_may_have_levels() -> None:
    discovery = HomeAssistantDiscovery("my/ha")
    assert discovery.subscriptions() == ("my/ha/+/+/config", "my/ha/+/+/+/config")
    assert discovery.take("my/ha/switch/k/config", b'{"cmd_t":"c","name":"Kettle"}')


DEVICE_FORM = {
    "dev": {"ids": "ea334450945afc", "name": "Utility", "mf": "Maker"}, "o": {"name": "maker2mqtt"},
    "avty_t": "u/status", "stat_t": "u/state", "qos": 1,
    "cmps": {
        "plug1": {"p": "switch", "name": "Pump", "uniq_id": "pump", "~": "u/pump", "cmd_t": "~/set",
                  "val_tpl": "{{ value_json.pump }}"},
        "temp": {"p": "sensor", "uniq_id": "temp", "dev_cla": "temperature", "unit_of_meas": "°C",
                 "val_tpl": "{{ value_json.t }}"},
        "gone": {"p": "light"}}}


def test_a_device_announces_its_components_together() -> None:
    home = Announced()
    assert home.say("device/ea33", DEVICE_FORM)
    pump, sensor = home.devices["Utility Pump"], home.devices["Utility temperature"]
    assert len(home.devices) == 2
    assert told(pump, "state", "on") == [("u/pump/set", "ON")]
    assert heard(pump, ("u/state", '{"pump":"ON"}')) == {"state": "on"}
    assert heard(sensor, ("u/state", '{"t":20.5}')) == {"temperature": 20.5}
    assert pump.availability[0].topic == "u/status"
    changed = {**DEVICE_FORM, "cmps": {**DEVICE_FORM["cmps"], "plug1": {"p": "switch"}}}
    assert home.say("device/ea33", changed)
    assert list(home.devices) == ["Utility"]
    assert home.say("device/ea33", None)
    assert home.devices == {}


def test_child_devices_are_devices_of_their_own() -> None:
    home = Announced()
    home.say("device/strip", {
        "device": {"identifiers": ["s"], "name": "Strip"}, "origin": {"name": "x"},
        "components": {"all": {"platform": "switch", "command_topic": "s/all", "unique_id": "a"}},
        "child_devices": [{"ids": ["s1"], "name": "Left", "cmps": {
            "one": {"p": "switch", "cmd_t": "s/1", "uniq_id": "b"}}}]})
    assert sorted(home.devices) == ["Left", "Strip"]


def test_sensors_without_a_sibling_that_can_be_told_are_one_device() -> None:
    home = Announced()
    device = {"ids": ["z_0x01"], "name": "Cellar", "sa": "Basement"}
    for name, unit in (("temperature", "°C"), ("humidity", "%"), ("battery", "%")):
        home.say(f"sensor/0x01/{name}", {
            "stat_t": "z/Cellar", "val_tpl": f"{{{{ value_json.{name} }}}}", "dev_cla": name,
            "unit_of_meas": unit, "uniq_id": f"0x01_{name}", "dev": device,
            **({"ent_cat": "diagnostic"} if name == "battery" else {})})
    cellar = home.only()
    assert (cellar.name, cellar.room, cellar.id) == ("Cellar", "Basement", "homeassistant:z_0x01")
    assert heard(cellar, ("z/Cellar", '{"temperature":9.5,"humidity":70,"battery":88}')) == {
        "temperature": 9.5, "humidity": 70, "battery": 88}


def test_several_sensors_of_a_sort_stay_apart() -> None:
    home = Announced()
    for name in ("Fridge", "Freezer"):
        home.say(f"sensor/{name}", {"name": name, "stat_t": name, "dev_cla": "temperature",
                                    "unit_of_meas": "°C", "dev": {"ids": "k", "name": "Kitchen"}})
    home.say("sensor/h", {"stat_t": "h", "dev_cla": "humidity", "unit_of_meas": "%",
                          "dev": {"ids": "k", "name": "Kitchen"}})
    assert sorted(home.devices) == ["Kitchen", "Kitchen Freezer", "Kitchen Fridge"]


def test_a_sensor_beside_a_plug_stays_a_device_of_its_own() -> None:
    home = Announced()
    device = {"ids": ["p"], "name": "Kettle"}
    power = {"stat_t": "p", "dev_cla": "power", "unit_of_meas": "W", "uniq_id": "w", "dev": device}
    home.say("sensor/p/power", power)
    assert home.only().name == "Kettle"
    home.say("switch/p/relay", {"cmd_t": "p/set", "name": None, "uniq_id": "r", "dev": device})
    assert {name: one.kind for name, one in home.devices.items()} == {
        "Kettle": "plug", "Kettle power": "sensor"}
    home.say("switch/p/relay", None)
    assert list(home.devices) == ["Kettle"]


def test_what_only_one_entity_says_of_their_device_holds_for_all() -> None:
    home = Announced()
    home.say("switch/a", {"cmd_t": "a", "name": "Left", "dev": {"ids": ["d"]}})
    home.say("switch/b", {"cmd_t": "b", "name": "Right", "dev": {"ids": ["d"], "name": "Strip",
                                                                 "sa": "Office"}})
    assert {name: one.room for name, one in home.devices.items()} == {
        "Strip Left": "Office", "Strip Right": "Office"}


def test_a_device_is_known_by_a_connection_too() -> None:
    home = Announced()
    for name, unit in (("temperature", "°C"), ("humidity", "%")):
        home.say(f"sensor/{name}", {"stat_t": name, "dev_cla": name, "unit_of_meas": unit, "dev": {
            "cns": [["mac", "02:5b:26:a8:dc:12"]], "name": "Attic"}})
    assert home.only().id == "homeassistant:mac/02:5b:26:a8:dc:12"


def test_numbers_selects_and_buttons_are_kept_out_but_counted() -> None:
    home = Announced()
    device = {"ids": ["p"], "name": "Kettle"}
    for component in ("number", "select", "button"):
        home.say(f"{component}/p/x", {"cmd_t": f"p/{component}", "name": "Extra", "dev": device})
    assert home.only().points == {}
    home.say("switch/p/relay", {"cmd_t": "p/set", "name": None, "dev": device})
    assert home.only().kind == "plug"
    assert home.only().hidden == ("button Extra", "number Extra", "select Extra")


@pytest.mark.parametrize("config", [
    {"ent_cat": "config"}, {"ent_cat": "diagnostic"}, {"en": False}, {"en": "false"}])
def test_what_is_for_specialists_is_left_out(config: dict[str, Any]) -> None:
    home = Announced()
    assert not home.say("switch/k", {"cmd_t": "c", "name": "LED", **config})
    assert home.devices == {}


def test_triggers_tags_and_unknown_components_are_no_devices() -> None:
    home = Announced()
    for component in ("device_automation", "tag", "frobnicator"):
        assert not home.say(f"{component}/k", {"cmd_t": "c", "t": "x", "name": "x"})
    assert home.devices == {}


def test_the_same_id_twice_is_told_apart() -> None:
    home = Announced()
    home.say("light/a", {"cmd_t": "a", "name": "A", "uniq_id": "u"})
    home.say("switch/b", {"cmd_t": "b", "name": "B", "uniq_id": "u"})
    assert sorted(device.id for device in home.devices.values()) == [
        "homeassistant:plug/u", "homeassistant:u"]


# Availability


def test_all_topics_must_say_online_where_the_config_wants_all() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "availability_mode": "all",
                               "availability": ZIGBEE_AVAILABILITY})
    states = states_of(lamp)
    states.feed("zigbee2mqtt/bridge/state", b'{"state":"online"}')
    states.feed("zigbee2mqtt/Lamp/availability", b'{"state":"offline"}')
    assert states.online(lamp) is False
    states.feed("zigbee2mqtt/Lamp/availability", b'{"state":"online"}')
    assert states.online(lamp) is True


@pytest.mark.parametrize(("mode", "said"), [
    ({"avty_mode": "any"}, [False, True, True]), ({"avty_mode": "all"}, [False, False, False]),
    ({"avty_mode": "latest"}, [False, True, False]), ({}, [False, True, False])])
def test_several_topics_count_as_the_config_says(mode: dict[str, str], said: list[bool]) -> None:
    lamp = announced("light", {"cmd_t": "c", **mode, "avty": [{"t": "a"}, {"t": "b"}]})
    states = states_of(lamp)
    found = []
    for topic, payload in (("a", b"offline"), ("b", b"online"), ("a", b"offline")):
        states.feed(topic, payload)
        found.append(states.online(lamp))
    assert found == said


def test_sensors_of_one_device_count_all_topics_where_they_differ() -> None:
    both = [{"t": "a"}, {"t": "b"}]
    home = Announced()
    for name, mode in (("temperature", "any"), ("humidity", "latest")):
        home.say(f"sensor/{name}", {"dev": {"ids": "s", "name": "S"}, "dev_cla": name, "avty": both,
                                    "stat_t": name, "avty_mode": mode, "uniq_id": name,
                                    "unit_of_meas": "%" if name == "humidity" else "°C"})
    assert home.only().availability_mode == "all"
    assert len(home.only().availability) == 2


# Groups


def test_a_group_of_entities_has_them_as_members() -> None:
    home = Announced()
    lamps = {"name": "Both", "uniq_id": "g", "cmd_t": "g", "group": ["a", "b"]}
    home.say("light/g", lamps)
    assert home.devices["Both"].points == {}
    assert home.devices["Both"].hidden == ("member a is not known", "member b is not known")
    for each in "ab":
        home.say(f"light/{each}", {"name": each, "uniq_id": each, "cmd_t": each})
    group = home.devices["Both"]
    assert [each.name for each in group.members] == ["a", "b"]
    assert told(group, "state", "on") == [("g", "ON")]
    assert home.say("light/g", {**lamps, "group": ["b"]})
    assert [each.name for each in home.devices["Both"].members] == ["b"]
    assert home.say("light/g", {**lamps, "group": "b"})
    assert home.devices["Both"].members == ()


def test_a_group_of_groups_can_be_told_nothing() -> None:
    home = Announced()
    for each, other in (("a", "b"), ("b", "a")):
        home.say(f"light/{each}", {"name": each, "uniq_id": each, "cmd_t": each, "group": [other]})
    assert {name: (device.points, device.members) for name, device in home.devices.items()} == {
        "a": ({}, ()), "b": ({}, ())}


def test_a_single_availability_has_its_own_words() -> None:
    plug = announced("switch", {"cmd_t": "c", "avty_t": "lwt", "pl_avail": True,
                                "pl_not_avail": False, "avty_tpl": "{{ value_json.up }}"})
    states = states_of(plug)
    states.feed("lwt", b'{"up":false}')
    assert states.online(plug) is False
    states.feed("lwt", b'{"up":true}')
    assert states.online(plug) is True


def test_an_availability_that_cannot_be_read_is_left_out() -> None:
    plug = announced("switch", {"cmd_t": "c", "avty": [
        {"t": "a", "val_tpl": "{{ 'online' if value_json.x > 3 else 'offline' }}"}, {"t": "b"},
        "x", {"t": "c/#"}]})
    assert [each.topic for each in plug.availability] == ["b"]


# Hostile announcements


@pytest.mark.parametrize("payload", [
    b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe", b'{"cmd_t":' + b"[" * 5000])
def test_what_is_no_config_changes_nothing(payload: bytes) -> None:
    home = Announced()
    home.say("switch/k", {"cmd_t": "c", "name": "Kettle"})
    assert not home.discovery.take("homeassistant/switch/k/config", payload)
    assert list(home.devices) == ["Kettle"]


@pytest.mark.parametrize("topic", ["#", "a/+/b", "$SYS/x", "", "x" * 5000, 7, None, "a\nb"])
def test_a_topic_that_cannot_be_used_is_never_one(topic: object) -> None:
    plug = announced("switch", {"cmd_t": topic, "stat_t": topic})
    assert plug.points == {}


def test_names_are_short_and_clean() -> None:
    plug = announced("switch", {"cmd_t": "c", "name": "a\u202e\n{{ b }} <|x|> " * 40})
    assert len(plug.name) <= 64
    assert plug.name.isprintable()
    assert "{{" not in plug.name


def test_no_more_devices_are_known_than_a_house_has() -> None:
    home = Announced()
    for block in range(6):
        home.say(f"device/d{block}", {"dev": {"ids": "same"} if block % 2 else {}, "cmps": {
            f"c{index}": {"p": "switch", "cmd_t": f"x/{block}/{index}", "name": f"n{index}"}
            for index in range(400)}})
    assert 0 < len(home.discovery.devices()) <= MAX_DEVICES


_KEYS = sorted({*ABBREVIATIONS, *ABBREVIATIONS.values(), "~", "schema", "modes", "brightness",
                "supported_color_modes", "min_temp", "max_temp"})
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["t", "a/b", "~/x", "json", "brightness", "rgb", "ON", "{{ value_json.a }}",
                     "{{ value }}", '{"a": {{ value }} }', "temperature", "°C", "battery", "F",
                     "-0", "1e999", "door", "any"]))
_VALUES = st.recursive(_SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)),
    max_leaves=6)
_CONFIGS = st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=12)
_COMPONENTS = st.sampled_from([
    "light", "switch", "lock", "cover", "climate", "fan", "vacuum", "valve", "siren", "sensor",
    "binary_sensor", "number", "device"])
_ANNOUNCEMENTS = st.tuples(_COMPONENTS, st.one_of(
    _CONFIGS, st.builds(lambda dev, parts: {"dev": dev, "cmps": {
        str(index): {"p": component, **config} for index, (component, config) in enumerate(parts)
    }}, _VALUES, st.lists(st.tuples(_COMPONENTS, _CONFIGS), max_size=3))))


@settings(max_examples=150, deadline=None)
@given(st.lists(_ANNOUNCEMENTS, max_size=4), st.binary(max_size=40),
       st.sampled_from([b"{}", b'{"a":1e308}', b"[[]]", b"ON", b"-1", b"1e400", b"\xff", b"true"]))
def test_no_announcement_and_no_state_raises(
    said: list[tuple[str, Any]], noise: bytes, state: bytes
) -> None:
    home = Announced()
    for index, (component, config) in enumerate(said):
        home.discovery.take(f"homeassistant/{component}/x{index}/config",
                            json.dumps(config).encode())
        home.discovery.take(f"homeassistant/{component}/n/config", noise)
    found = home.discovery.devices()
    assert len(found) <= 4 * 3
    for device in found:
        assert device.name
        assert device.name.isprintable()
        states = states_of(device)
        for topic in device.topics():
            states.feed(topic, state)
        for name, point in device.points.items():
            low, high = device.limits(name)
            for value in (*point.allowed[:3], low, high, "#102030"):
                try:
                    publications = command_for(device, name, value).publications()
                except Unable:
                    continue
                assert all(each.topic for each in publications)


def test_a_bridge_that_lets_strangers_join_is_no_plug() -> None:
    discovery = HomeAssistantDiscovery("homeassistant")
    discovery.take("homeassistant/switch/1221051039810110150109113116116_bridge/permit_join/config",
                   json.dumps({
                       "name": "Permit join", "unique_id": "bridge_permit_join_zigbee2mqtt",
                       "command_topic": "zigbee2mqtt/bridge/request/permit_join",
                       "state_topic": "zigbee2mqtt/bridge/info", "payload_on": '{"time": 254}',
                       "payload_off": '{"time": 0}',
                       "value_template": "{{ value_json.permit_join }}",
                       "device": {"identifiers": ["bridge"],
                                  "name": "Zigbee2MQTT Bridge"}}).encode())
    assert discovery.devices() == ()
