"""Descriptions are written after the Homie convention 5."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iotcall.devices import Device, DeviceStates
from iotcall.devices.discovery.homie import HomieDiscovery
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

BASE = "homie/5/den"
WHOLE_PERCENT = {"datatype": "integer", "format": "0:100", "unit": "%"}
SWITCH = {"name": "Power", "datatype": "boolean", "settable": True}


def settable(**more: Any) -> dict[str, Any]:
    return {"settable": True, **more}


def node(type: str = "", name: str = "", **properties: Any) -> dict[str, Any]:
    return {"name": name, "type": type,
            "properties": {key.replace("_", "-"): each for key, each in properties.items()}}


def description(nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"homie": "5.0", "version": 7562567, "name": "Den", "nodes": nodes, **more}


def found(nodes: dict[str, Any], **more: Any) -> HomieDiscovery:
    discovery = HomieDiscovery("homie")
    discovery.take(f"{BASE}/$state", b"ready")
    discovery.take(f"{BASE}/$description", said(description(nodes, **more)))
    return discovery


def only(discovery: HomieDiscovery) -> Device:
    (device,) = discovery.devices()
    return device


def test_a_node_is_a_device() -> None:
    discovery = HomieDiscovery("homie")
    assert not discovery.take(f"{BASE}/$description", said(description(
        {"lamp": node("light", power=SWITCH, brightness=settable(**WHOLE_PERCENT))},
        type="Maker L1")))
    assert discovery.devices() == ()
    assert discovery.take(f"{BASE}/$state", b"ready")
    lamp = only(discovery)
    assert (lamp.id, lamp.name, lamp.kind, lamp.model) == (
        "homie:den/lamp", "Den", "light", "Maker L1")
    assert told(lamp, "state", "on") == [("homie/5/den/lamp/power/set", "true")]
    assert told(lamp, "brightness", 40) == [("homie/5/den/lamp/brightness/set", "40")]
    assert heard(discovery, (f"{BASE}/lamp/power", "false"), (f"{BASE}/lamp/brightness", "40")) == {
        "den/lamp": {"state": "off", "brightness": 40}}


def test_it_subscribes_to_states_and_descriptions_only() -> None:
    assert HomieDiscovery("house").subscriptions() == (
        "house/5/+/$description", "house/5/+/$state")


@pytest.mark.parametrize(
    ("type", "id", "described", "name", "value", "payload"),
    [("", "on", SWITCH, "state", "on", "true"),
     ("", "relay", settable(datatype="enum", format="ON,OFF"), "state", "off", "OFF"),
     ("light", "dimmer", settable(datatype="float", format="0:1"), "brightness", 50, "0.5"),
     ("light", "level", settable(datatype="integer", format="0:255"), "brightness", 100, "255"),
     ("light", "dimmer", settable(datatype="integer", format="0:10"), "brightness", 52, "5"),
     ("light", "color", settable(datatype="color", format="rgb,hsv"), "color", "#ff8800",
      "rgb,255,136,0"),
     ("light", "color", settable(datatype="color", format="xyz,hsv"), "color", "#ff8800",
      "hsv,32,100,100"),
     ("light", "color-temperature", settable(datatype="integer", format="2700:6500", unit="K"),
      "white", 3000, "3000"),
     ("light", "ct", settable(datatype="integer", format="153:500", unit="MK⁻¹"), "white", 2703,
      "370"),
     ("thermostat", "target-temperature", settable(datatype="float", format="5:30:0.5",
                                                   unit="°C"), "setpoint", 21.5, "21.5"),
     ("thermostat", "setpoint", settable(datatype="integer", format="40:86", unit="°F"),
      "setpoint", 20, "68"),
     ("thermostat", "temperature", settable(datatype="float", unit="°C"), "setpoint", 19.0, "19"),
     ("thermostat", "mode", settable(datatype="enum", format="heat,cool,Fan-Only,boost"), "mode",
      "fan_only", "Fan-Only"),
     ("thermostat", "preset", settable(datatype="enum", format="eco,away"), "preset", "eco",
      "eco"),
     ("lock", "locked", settable(datatype="boolean"), "lock", "locked", "true"),
     ("lock", "lock", settable(datatype="boolean", format="locked,unlocked"), "lock", "locked",
      "false"),
     ("", "state", settable(datatype="enum", format="lock,unlock"), "lock", "unlocked", "unlock"),
     ("shutter", "position", settable(**WHOLE_PERCENT), "position", 70, "70"),
     ("shutter", "shutter", settable(datatype="enum", format="up,down,stop"), "movement", "close",
      "down"),
     ("", "action", settable(datatype="enum", format="opening,closing,open,close,stop"),
      "movement", "open", "open"),
     ("speaker", "volume", settable(datatype="integer", format="0:30"), "volume", 50, "15"),
     ("speaker", "mute", settable(datatype="boolean"), "muted", "on", "true"),
     ("speaker", "playback", settable(datatype="enum", format="play,pause,stop"), "playback",
      "paused", "pause"),
     ("fan", "speed", settable(datatype="integer", format="0:3"), "speed", 67, "2"),
     ("vacuum", "action", settable(datatype="enum", format="clean,return-home,pause"), "activity",
      "dock", "return-home")],
)
def test_a_property_is_told_and_understood(
    type: str, id: str, described: dict[str, Any], name: str, value: Value, payload: str
) -> None:
    discovery = found({"node": node(type, **{id: described})})
    device = only(discovery)
    assert set(device.points) == {name}
    assert told(device, name, value) == [(f"{BASE}/node/{id}/set", payload)]
    state = heard(discovery, (f"{BASE}/node/{id}", payload))["den/node"][name]
    assert state == {"brightness": 50 if value == 52 else value}.get(name, value)


@pytest.mark.parametrize(
    ("id", "described", "payload", "name", "value"),
    [("temperature", {"datatype": "float", "unit": "°C"}, "21.37", "temperature", 21.37),
     ("temperature", {"datatype": "float", "unit": "°F"}, "68", "temperature", 20.0),
     ("humidity", {"datatype": "float", "unit": "%"}, "44.6", "humidity", 45),
     ("battery-level", WHOLE_PERCENT, "88", "battery", 88),
     ("power", {"datatype": "float", "unit": "W"}, "12.5", "power", 12.5),
     ("power", {"datatype": "float", "unit": "kW"}, "1.25", "power", 1250.0),
     ("energy", {"datatype": "float", "unit": "kWh"}, "3.5", "energy", 3.5),
     ("energy", {"datatype": "float", "unit": "Wh"}, "3500", "energy", 3.5),
     ("lux", {"datatype": "integer", "unit": "lx"}, "320", "illuminance", 320),
     ("motion", {"datatype": "boolean"}, "true", "occupancy", "yes"),
     ("leak", {"datatype": "boolean", "format": "dry,wet"}, "false", "leak", "no"),
     ("smoke", {"datatype": "enum", "format": "clear,alarm"}, "alarm", "smoke", "yes"),
     ("window", {"datatype": "enum", "format": "open,closed"}, "open", "contact", "open"),
     ("contact", {"datatype": "boolean", "format": "open,closed"}, "false", "contact", "open"),
     ("open", {"datatype": "boolean"}, "true", "contact", "open"),
     ("value", {"datatype": "float", "unit": "°C", "name": "Room temperature"}, "18",
      "temperature", 18.0)],
)
def test_a_reading_is_understood(
    id: str, described: dict[str, Any], payload: str, name: str, value: Value
) -> None:
    discovery = found({"node": node(**{id: described})})
    assert only(discovery).kind == "sensor"
    assert heard(discovery, (f"{BASE}/node/{id}", payload)) == {"den/node": {name: value}}


@pytest.mark.parametrize(
    ("id", "described"),
    [("contact", {"datatype": "boolean"}), ("state", {"datatype": "boolean"}),
     ("state", settable(datatype="enum", format="on")), ("rssi", {"datatype": "integer"}),
     ("brightness", settable(datatype="float")), ("volume", settable(datatype="string")),
     ("color", settable(datatype="color", format="xyz")),
     ("setpoint", settable(datatype="float", unit="bar")),
     ("setpoint", settable(datatype="float", format="90:95", unit="°C")),
     ("dimmer", settable(datatype="integer", format="9:3"))],
)
def test_what_is_not_understood_is_hidden(id: str, described: dict[str, Any]) -> None:
    discovery = found({"lamp": node("light", power=SWITCH), "other": node(**{id: described})})
    device = only(discovery)
    assert set(device.points) == {"state"}
    assert device.hidden == (f"other/{id}",)


@pytest.mark.parametrize(
    ("said_type", "properties", "kind", "label"),
    [("", {"power": SWITCH}, "plug", ""), ("Ceiling light", {"power": SWITCH}, "light", ""),
     ("garage-door", {"action": settable(datatype="enum", format="open,close")}, "cover",
      "garage"), ("outlet", {"power": SWITCH}, "plug", "outlet"),
     ("light", {"temperature": {"datatype": "float", "unit": "°C"}}, "sensor", ""),
     ("", {"setpoint": settable(datatype="float", unit="°C")}, "thermostat", ""),
     ("", {"position": settable(**WHOLE_PERCENT)}, "cover", ""),
     ("", {"dimmer": settable(**WHOLE_PERCENT), "power": SWITCH}, "light", "")],
)
def test_the_type_or_else_the_properties_say_what_it_is(
    said_type: str, properties: dict[str, Any], kind: str, label: str
) -> None:
    device = only(found({"node": node(said_type, **properties)}))
    assert (device.kind, device.label) == (kind, label)


def test_what_its_kind_cannot_be_told_is_hidden() -> None:
    device = only(found({"node": node("thermostat", power=SWITCH, setpoint=settable(
        datatype="float", format="5:30", unit="°C"))}))
    assert set(device.points) == {"setpoint"}
    assert device.hidden == ("power",)
    assert device.limits("setpoint") == (5, 30)


def test_a_lock_that_is_only_switched_is_no_plug() -> None:
    discovery = found({"door": node("lock", state=SWITCH), "lamp": node("light", power=SWITCH)})
    device = only(discovery)
    assert (device.address, device.hidden) == ("den/lamp", ("door/state",))


def test_nodes_of_one_device_are_called_by_both_names() -> None:
    discovery = found({"a": node(name="Left", power=SWITCH), "b": node(name="Den lamp",
                                                                       power=SWITCH)})
    assert [device.name for device in discovery.devices()] == ["Den Left", "Den lamp"]


def test_a_colour_is_understood_in_the_other_form_too() -> None:
    discovery = found({"node": node("light", color=settable(datatype="color", format="rgb,hsv"))})
    assert heard(discovery, (f"{BASE}/node/color", "hsv,32,100,50")) == {
        "den/node": {"color": "#ff8800"}}


@pytest.mark.parametrize(("state", "online"), [
    ("ready", True), ("init", False), ("disconnected", False), ("lost", False),
    ("sleeping", False)])
def test_only_a_ready_device_can_be_told_something(state: str, online: bool) -> None:
    discovery = found({"lamp": node("light", power=SWITCH)})
    states = DeviceStates(home_of(discovery))
    assert states.online(only(discovery)) is None
    for each in ("init", "lost", "ready", state):
        states.feed(f"{BASE}/$state", each.encode())
    assert states.online(only(discovery)) is online
    states.feed(f"{BASE}/$state", b"ready")
    assert states.online(only(discovery)) is True


def test_a_sensor_that_sleeps_is_there() -> None:
    discovery = found({"air": node(temperature={"datatype": "float", "unit": "°C"})})
    states = DeviceStates(home_of(discovery))
    states.feed(f"{BASE}/$state", b"ready")
    states.feed(f"{BASE}/$state", b"sleeping")
    assert states.online(only(discovery)) is True
    states.feed(f"{BASE}/$state", b"lost")
    assert states.online(only(discovery)) is False


def test_a_child_is_lost_with_its_root() -> None:
    discovery = found({"lamp": node("light", power=SWITCH)}, root="bridge", parent="hub")
    states = DeviceStates(home_of(discovery))
    states.feed(f"{BASE}/$state", b"ready")
    states.feed("homie/5/bridge/$state", b"ready")
    states.feed("homie/5/hub/$state", b"ready")
    assert states.online(only(discovery)) is True
    states.feed("homie/5/bridge/$state", b"lost")
    assert states.online(only(discovery)) is False


def test_a_new_name_keeps_the_id() -> None:
    discovery = found({"lamp": node("light", power=SWITCH)})
    before = only(discovery).id
    assert discovery.take(f"{BASE}/$description", said(description(
        {"lamp": node("light", power=SWITCH)}, name="Study")))
    assert (only(discovery).id, only(discovery).name) == (before, "Study")
    assert not discovery.take(f"{BASE}/$state", b"init")


@pytest.mark.parametrize("topic", ["$state", "$description"])
def test_an_empty_announcement_takes_the_device_away(topic: str) -> None:
    discovery = found({"lamp": node("light", power=SWITCH)})
    assert discovery.take(f"{BASE}/{topic}", b"")
    assert discovery.devices() == ()
    assert not discovery.take(f"{BASE}/{topic}", b"")


def test_devices_of_other_domains_and_versions_change_nothing() -> None:
    discovery = found({})
    for topic in ("other/5/x/$state", "homie/4/x/$state", "homie/x/$state", "homie/5/X/$state",
                  "homie/5/x/lamp/power", "homie/5/x/$description/y"):
        assert not discovery.take(topic, said(description({"lamp": node(power=SWITCH)})))
    assert discovery.devices() == ()


def test_ids_that_cannot_stand_in_a_topic_are_left_out() -> None:
    discovery = found({"a/b": node(power=SWITCH), "#": node(power=SWITCH), "ok": node(
        "light", **{"power": SWITCH, "a+": SWITCH})}, root="#", parent="x/y")
    assert list(by_address(discovery)) == ["den/ok"]
    assert {each.topic for each in only(discovery).availability} == {f"{BASE}/$state"}


@settings(deadline=None)
@given(st.data())
def test_no_description_breaks_it(data: st.DataObject) -> None:
    whole = description({
        "lamp": node("light", power=SWITCH, dimmer=settable(datatype="integer", format="0:10:1"),
                     color=settable(datatype="color", format="rgb"),
                     ct=settable(datatype="integer", format="153:500", unit="MK⁻¹")),
        "heat": node("thermostat", setpoint=settable(datatype="float", format="5:30:0.5")),
        "sense": node(window={"datatype": "boolean", "format": "closed,open"})},
        root="bridge", parent="bridge", children=["a"])
    discovery = HomieDiscovery("homie")
    discovery.take(f"{BASE}/$state", b"ready")
    discovery.take(f"{BASE}/$description", said(altered(whole, data)))
    use(discovery)
    discovery.take(f"{BASE}/$description", said(data.draw(MADE_UP)))
    discovery.take(f"{BASE}/$state", data.draw(st.binary(max_size=9)))
    use(discovery)


@settings(deadline=None)
@given(st.text(max_size=30), st.sampled_from(
    ["setpoint", "dimmer", "ct", "temperature", "volume", "mode", "preset", "lock", "power"]),
    st.sampled_from(["integer", "float", "enum", "boolean", "color"]),
    st.sampled_from(["", "%", "K", "MK⁻¹", "°C", "°F", "W"]))
def test_no_format_breaks_it(format: str, id: str, datatype: str, unit: str) -> None:
    for text in (format, f"{format}:{format}", f"0:100:{format}"):
        use(found({"node": node("light", **{id: settable(
            datatype=datatype, format=text, unit=unit)})}))


@settings(deadline=None)
@given(st.floats(), st.floats(), st.floats())
@example(0, 1, 2.225073858507e-311)
@example(0, 1, 5e-324)
@example(0, 5e-324, 1)
def test_no_range_breaks_it(low: float, high: float, step: float) -> None:
    for id in ("setpoint", "dimmer", "ct"):
        discovery = found({"node": node(**{id: settable(
            datatype="float", format=f"{low}:{high}:{step}")})})
        use(discovery)
        heard(discovery, *((f"{BASE}/node/{id}", "7") for _ in discovery.devices()))
