"""Answers are written after the documentation of the Gen2 API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotcall.devices import Device, DeviceStates
from iotcall.devices.discovery.shelly import ShellyDiscovery
from iotcall.devices.properties import Value
from tests.devices.discovery.announcing import (
    MADE_UP,
    altered,
    by_address,
    heard,
    home_of,
    said,
    told,
    use,
)

ID = "shellyplus1pm-a8032abe54dc"
REPLIES = f"iotcall/shelly/{ID}"
INFO = {"name": "Hallway", "id": ID, "mac": "A8032ABE54DC", "model": "SNSW-001P16EU", "gen": 2,
        "ver": "1.4.4", "app": "Plus1PM", "auth_en": False, "profile": "switch"}
SWITCH = {"id": 0, "source": "MQTT", "output": False, "apower": 8.9, "voltage": 232.0,
          "aenergy": {"total": 1500.5, "by_minute": [1, 2, 3], "minute_ts": 1},
          "temperature": {"tC": 48.1, "tF": 118.6}}


class Gadget:
    """A Shelly that answers what it is asked."""

    def __init__(self, status: dict[str, Any], config: dict[str, Any] | None = None,
                 info: dict[str, Any] | None = None) -> None:
        self.answers: dict[str, Any] = {
            "Shelly.GetDeviceInfo": INFO if info is None else info,
            "Shelly.GetConfig": config or {}, "Shelly.GetStatus": {"sys": {}, **status}}

    def answer_all(self, discovery: ShellyDiscovery) -> bool:
        """Answer all that is due; whether something has changed."""
        changed = False
        for asked in discovery.asks():
            request = json.loads(asked.payload)
            reply = {"id": request["id"], "src": ID, "dst": request["src"],
                     "result": self.answers[request["method"]]}
            changed |= discovery.take(f"{request['src']}/rpc", said(reply))
        return changed


def found(status: dict[str, Any], config: dict[str, Any] | None = None,
          info: dict[str, Any] | None = None) -> ShellyDiscovery:
    discovery = ShellyDiscovery("", "iotcall")
    discovery.take(f"{ID}/online", b"true")
    Gadget(status, config, info).answer_all(discovery)
    return discovery


def notice(component: str, **status: Any) -> tuple[str, Any]:
    return f"{ID}/events/rpc", {"src": ID, "dst": f"{ID}/events", "method": "NotifyStatus",
                                "params": {"ts": 1.5, component: {"id": 0, **status}}}


def request(device: Device, name: str, value: Value) -> tuple[str, dict[str, Any]]:
    """(method, params) of a command."""
    ((topic, payload),) = told(device, name, value)
    assert topic == f"{ID}/rpc"
    sent = json.loads(payload)
    assert isinstance(sent["id"], int)
    assert sent["src"] == f"{REPLIES}/{device.address.partition('/')[2]}"
    return sent["method"], sent["params"]


def test_whoever_comes_on_line_is_asked_three_questions_once() -> None:
    discovery = ShellyDiscovery("", "iotcall")
    assert not discovery.take(f"{ID}/online", b"true")
    asked = discovery.asks()
    assert {each.topic for each in asked} == {f"{ID}/rpc"}
    assert [json.loads(each.payload) for each in asked] == [
        {"id": 1, "src": REPLIES, "method": "Shelly.GetDeviceInfo"},
        {"id": 2, "src": REPLIES, "method": "Shelly.GetConfig"},
        {"id": 3, "src": REPLIES, "method": "Shelly.GetStatus"}]
    assert not any(each.retain for each in asked)
    assert discovery.asks() == ()
    assert "+/online" in discovery.subscriptions()
    assert "iotcall/shelly/+/rpc" in discovery.subscriptions()


def test_whoever_is_off_line_is_not_asked() -> None:
    discovery = ShellyDiscovery("", "iotcall")
    discovery.take(f"{ID}/online", b"false")
    assert discovery.asks() == ()


def test_a_switch_is_a_plug_with_its_meter() -> None:
    discovery = found({"switch:0": SWITCH}, {"switch:0": {"id": 0, "name": "Lamp socket"}})
    (plug,) = discovery.devices()
    assert (plug.id, plug.name, plug.kind, plug.model) == (
        f"shelly:{ID}/switch:0", "Lamp socket", "plug", "Shelly Plus1PM")
    assert set(plug.points) == {"state", "power", "energy"}
    assert request(plug, "state", "on") == ("Switch.Set", {"id": 0, "on": True})
    assert heard(discovery, notice("switch:0", output=True, apower=12.5)) == {
        plug.address: {"state": "on", "power": 12.5}}
    assert heard(discovery, (f"{ID}/status/switch:0", SWITCH)) == {
        plug.address: {"state": "off", "power": 8.9, "energy": 1.5}}


def test_a_question_is_answered_with_the_state() -> None:
    discovery = found({"switch:0": SWITCH})
    (plug,) = discovery.devices()
    (asked,) = plug.asks
    sent = json.loads(asked.payload)
    assert (asked.topic, sent["method"], sent["params"]) == (
        f"{ID}/rpc", "Switch.GetStatus", {"id": 0})
    assert heard(discovery, (f"{sent['src']}/rpc", {"id": sent["id"], "result": SWITCH}))[
        plug.address]["state"] == "off"


def test_an_error_is_a_fault_of_the_component_that_was_told() -> None:
    discovery = found({"switch:0": SWITCH, "switch:1": {"id": 1, "output": False}})
    first, second = home_of(discovery).devices
    states = DeviceStates(home_of(discovery))
    mark = states.mark()
    ((_, payload),) = told(second, "state", "on")
    states.feed(f"{json.loads(payload)['src']}/rpc", said(
        {"id": 1, "error": {"code": -109, "message": "Overtemperature!"}}))
    assert states.fault(second, since=mark) == "Overtemperature!"
    assert states.fault(first, since=mark) is None


def test_a_result_tells_no_state() -> None:
    discovery = found({"switch:0": SWITCH})
    assert heard(discovery, (f"{REPLIES}/switch:0/rpc", {
        "id": 1, "result": {"was_on": True}})) == {}


def test_all_components_of_a_device_are_in_the_home() -> None:
    discovery = found({"switch:0": SWITCH, "switch:1": {"id": 1, "output": True}})
    assert [device.name for device in home_of(discovery).devices] == ["Hallway", "Hallway 2"]


def test_a_switch_on_which_a_light_hangs_is_a_light() -> None:
    discovery = found({"switch:0": SWITCH, "switch:1": {"id": 1, "output": True}},
                      {"sys": {"ui_data": {"consumption_types": ["Lights", ""]}}})
    assert [device.kind for device in discovery.devices()] == ["light", "plug"]


@pytest.mark.parametrize(
    ("component", "name", "value", "method", "params", "status"),
    [("light:0", "state", "off", "Light.Set", {"on": False}, {"output": False}),
     ("light:0", "brightness", 40, "Light.Set", {"on": True, "brightness": 40},
      {"output": True, "brightness": 40}),
     ("rgb:0", "state", "on", "RGB.Set", {"on": True}, {"output": True}),
     ("rgb:0", "color", "#ff8800", "RGB.Set", {"on": True, "rgb": [255, 136, 0]},
      {"rgb": [255, 136, 0]}),
     ("rgb:0", "brightness", 7, "RGB.Set", {"on": True, "brightness": 7},
      {"output": True, "brightness": 7}),
     ("rgbw:0", "color", "#00ff00", "RGBW.Set", {"on": True, "rgb": [0, 255, 0]},
      {"rgb": [0, 255, 0]}),
     ("cct:0", "white", 3000, "CCT.Set", {"on": True, "ct": 3000}, {"ct": 3000}),
     ("cct:0", "brightness", 99, "CCT.Set", {"on": True, "brightness": 99},
      {"output": True, "brightness": 99}),
     ("cover:0", "position", 30, "Cover.GoToPosition", {"pos": 30}, {"current_pos": 30}),
     ("cover:0", "movement", "open", "Cover.Open", {}, {"state": "opening"}),
     ("cover:0", "movement", "close", "Cover.Close", {}, {"state": "closed"}),
     ("cover:0", "movement", "stop", "Cover.Stop", {}, {"state": "stopped"})],
)
def test_a_component_is_told_and_understood(
    component: str, name: str, value: Value, method: str, params: dict[str, Any],
    status: dict[str, Any],
) -> None:
    discovery = found({component: {"id": 0, "pos_control": True}})
    (device,) = discovery.devices()
    assert request(device, name, value) == (method, {"id": 0, **params})
    assert heard(discovery, notice(component, **status))[device.address][name] == value
    assert heard(discovery, (f"{ID}/status/{component}", status))[device.address][name] == value


def test_whites_go_as_far_as_the_device_says() -> None:
    (light,) = found({"cct:0": {"id": 0}}, {"cct:0": {"id": 0, "ct_range": [3000, 5000]}}).devices()
    assert light.limits("white") == (3000, 5000)


def test_a_cover_without_calibration_has_no_position() -> None:
    (cover,) = found({"cover:0": {"id": 0, "state": "stopped", "pos_control": False}}).devices()
    assert set(cover.points) == {"movement"}
    assert request(cover, "position", 100) == ("Cover.Open", {"id": 0})


def test_what_only_measures_is_one_sensor() -> None:
    discovery = found({
        "temperature:0": {"id": 0, "tC": 21.4, "tF": 70.5}, "humidity:0": {"id": 0, "rh": 44.8},
        "devicepower:0": {"id": 0, "battery": {"V": 5.6, "percent": 88}, "external": {}},
        "ht_ui": {}, "input:0": {"id": 0, "state": False}, "wifi": {}})
    (sensor,) = discovery.devices()
    assert (sensor.name, sensor.kind, sensor.hidden) == ("Hallway", "sensor", ())
    assert heard(discovery, notice("temperature:0", tC=21.4), notice("humidity:0", rh=44.8),
                 notice("devicepower:0", battery={"V": 5.6, "percent": 88})) == {
        sensor.address: {"temperature": 21.4, "humidity": 45, "battery": 88}}
    assert [json.loads(each.payload)["method"] for each in sensor.asks] == [
        "DevicePower.GetStatus", "Humidity.GetStatus", "Temperature.GetStatus"]


def test_a_second_thermometer_is_a_sensor_of_its_own() -> None:
    discovery = found({"temperature:100": {"tC": 40}, "temperature:101": {"tC": 60}},
                      {"temperature:101": {"id": 101, "name": "Boiler"}})
    assert sorted(device.name for device in discovery.devices()) == ["Boiler", "Hallway"]


@pytest.mark.parametrize(
    ("component", "status", "state"),
    [("pm1:0", {"apower": 100.5, "aenergy": {"total": 2000}}, {"power": 100.5, "energy": 2.0}),
     ("em:0", {"total_act_power": 420.0}, {"power": 420.0}),
     ("emdata:0", {"total_act": 12345.0}, {"energy": 12.35}),
     ("em1:0", {"act_power": -3.5}, {"power": -3.5}),
     ("em1data:0", {"total_act_energy": 500.0}, {"energy": 0.5}),
     ("illuminance:0", {"lux": 320}, {"illuminance": 320}),
     ("smoke:0", {"alarm": True}, {"smoke": "yes"}),
     ("flood:0", {"alarm": False}, {"leak": "no"})],
)
def test_readings_are_understood(
    component: str, status: dict[str, Any], state: dict[str, Value]
) -> None:
    discovery = found({component: {"id": 0}})
    (sensor,) = discovery.devices()
    assert heard(discovery, notice(component, **status)) == {sensor.address: state}


def test_a_meter_and_its_data_are_one_sensor() -> None:
    discovery = found({"em1:0": {}, "em1data:0": {}, "em1:1": {}, "em1data:1": {}})
    assert sorted(by_address(discovery)) == [f"{ID}/meter:0", f"{ID}/meter:1"]


def test_unknown_components_are_named() -> None:
    (plug,) = found({"switch:0": SWITCH, "thermostat:0": {"id": 0}, "script:1": {}}).devices()
    assert plug.hidden == ("thermostat:0",)


def test_the_device_is_called_as_its_owner_calls_it_or_by_its_id() -> None:
    nameless = INFO | {"name": None}
    (plug,) = found({"switch:0": SWITCH}, {"sys": {"device": {"name": "Porch"}}}, nameless
                    ).devices()
    assert plug.name == "Porch"
    (plug,) = found({"switch:0": SWITCH}, {}, nameless).devices()
    assert plug.name == ID


def test_a_new_name_is_asked_for_when_the_configuration_changes() -> None:
    discovery = found({"switch:0": SWITCH}, {"switch:0": {"id": 0, "name": "Old"}})
    before = discovery.devices()[0].id
    assert not discovery.take(f"{ID}/events/rpc", said(
        {"src": ID, "method": "NotifyEvent", "params": {"ts": 1, "events": [
            {"component": "switch:0", "id": 0, "event": "config_changed", "cfg_rev": 11}]}}))
    gadget = Gadget({"switch:0": SWITCH}, {"switch:0": {"id": 0, "name": "New"}})
    assert gadget.answer_all(discovery)
    (plug,) = discovery.devices()
    assert (plug.id, plug.name) == (before, "New")


def test_a_notice_of_a_state_asks_nothing() -> None:
    discovery = found({"switch:0": SWITCH})
    topic, payload = notice("switch:0", output=True)
    assert not discovery.take(topic, said(payload))
    assert discovery.asks() == ()


def test_it_goes_off_line_and_comes_back() -> None:
    discovery = found({"switch:0": SWITCH})
    (plug,) = discovery.devices()
    states = DeviceStates(home_of(discovery))
    states.feed(f"{ID}/online", b"false")
    assert states.online(plug) is False
    assert not discovery.take(f"{ID}/online", b"false")
    assert discovery.devices() == (plug,)
    states.feed(f"{ID}/online", b"true")
    assert states.online(plug) is True
    discovery.take(f"{ID}/online", b"true")
    assert not Gadget({"switch:0": SWITCH}).answer_all(discovery)


def test_an_empty_announcement_takes_the_device_away() -> None:
    discovery = found({"switch:0": SWITCH})
    assert discovery.take(f"{ID}/online", b"")
    assert discovery.devices() == ()
    assert not discovery.take(f"{ID}/online", b"")


def test_a_question_that_is_refused_hides_nothing_else() -> None:
    discovery = ShellyDiscovery("", "iotcall")
    discovery.take(f"{ID}/online", b"true")
    refusal = {"code": 404, "message": "No handler for Shelly.GetConfig"}
    discovery.take(f"{REPLIES}/rpc", said({"id": 2, "error": refusal}))
    discovery.take(f"{REPLIES}/rpc", said({"id": 1, "result": INFO}))
    assert discovery.devices() == ()
    assert discovery.take(f"{REPLIES}/rpc", said({"id": 3, "result": {"switch:0": SWITCH}}))
    assert [device.name for device in discovery.devices()] == ["Hallway"]


def test_a_prefix_stands_before_everything_but_the_answers() -> None:
    discovery = ShellyDiscovery("home/shellies", "hub")
    discovery.take(f"home/shellies/{ID}/online", b"true")
    (first, *_) = discovery.asks()
    assert first.topic == f"home/shellies/{ID}/rpc"
    assert json.loads(first.payload)["src"] == f"hub/shelly/{ID}"
    assert "home/shellies/+/online" in discovery.subscriptions()
    assert not discovery.take(f"{ID}/online", b"")


def test_answers_that_nobody_asked_for_change_nothing() -> None:
    discovery = ShellyDiscovery("", "iotcall")
    for number in (1, 2, 3, True, "1", None):
        assert not discovery.take(f"{REPLIES}/rpc", said({"id": number, "result": {}}))
    assert discovery.devices() == ()


@settings(deadline=None)
@given(st.data())
def test_no_answer_breaks_it(data: st.DataObject) -> None:
    discovery = ShellyDiscovery("", "iotcall")
    discovery.take(f"{ID}/online", b"true")
    results: dict[int, Any] = {
        1: INFO, 2: {"sys": {"device": {"name": "A"}, "ui_data": {"consumption_types": ["x"]}},
                     "cct:0": {"name": "B", "ct_range": [2700, 6500]}},
        3: {"switch:0": SWITCH, "cct:0": {}, "cover:0": {"pos_control": True}, "em:0": {},
            "temperature:100": {"tC": 1}, "temperature:101": {"tC": 1}}}
    for number, result in results.items():
        discovery.take(f"{REPLIES}/rpc", said(
            {"id": number, "result": altered(result, data)}))
    use(discovery)
    discovery.take(f"{REPLIES}/rpc", said(data.draw(MADE_UP)))
    discovery.take(f"{REPLIES}/rpc", data.draw(st.binary(max_size=40)))
    discovery.take(f"{ID}/events/rpc", b"config_changed" + data.draw(st.binary(max_size=40)))
    discovery.take(f"{ID}/online", data.draw(st.binary(max_size=9)))
    use(discovery)
