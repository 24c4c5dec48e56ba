"""What models say of themselves, written after zigbee-herdsman-converters 26.105.0.

Leaves out: what is asserted, and the bridge.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from iotcall.devices import Device, DeviceStates, command_for
from iotcall.devices.discovery.zigbee2mqtt import ZigbeeDiscovery
from iotcall.devices.home import Home
from iotcall.devices.home_file import HomeFile
from iotcall.devices.properties import Value

TOPIC, GROUPS = "zigbee2mqtt/bridge/devices", "zigbee2mqtt/bridge/groups"
LAMP, PLUG, STRIP, DESK, SHELF, DOOR = (f"0x00158d000000000{digit}" for digit in "123456")


def feature(name: str, type: str, access: int, *, endpoint: str = "", property: str = "",
            **more: Any) -> dict[str, Any]:
    key = property or (f"{name}_{endpoint}" if endpoint else name)
    return {"type": type, "name": name, "property": key, "label": key, "access": access,
            **({"endpoint": endpoint} if endpoint else {}), **more}


def state(access: int = 7, *, on: Any = "ON", off: Any = "OFF", **more: Any) -> dict[str, Any]:
    return feature("state", "binary", access, value_on=on, value_off=off, value_toggle="TOGGLE",
                   **more)


def numeric(name: str, access: int, unit: str, low: float | None = None,
            high: float | None = None, **more: Any) -> dict[str, Any]:
    bounds = {} if low is None else {"value_min": low, "value_max": high}
    return feature(name, "numeric", access, unit=unit, **bounds, **more)


def binary(name: str, on: Any, off: Any, access: int = 1, **more: Any) -> dict[str, Any]:
    return feature(name, "binary", access, value_on=on, value_off=off, **more)


def enum(name: str, access: int, *values: Any, **more: Any) -> dict[str, Any]:
    return feature(name, "enum", access, values=list(values), **more)


def of(type: str, *features: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": type, "features": list(features), **more}


BRIGHTNESS = feature("brightness", "numeric", 7, value_min=0, value_max=254)
COLOR_TEMP = numeric("color_temp", 7, "mired", 250, 454, presets=[{"name": "warm", "value": 454}])
COLOR_XY = feature("color_xy", "composite", 7, property="color", features=[
    feature("x", "numeric", 7), feature("y", "numeric", 7)])
COLOR_HS = feature("color_hs", "composite", 7, property="color", features=[
    feature("hue", "numeric", 7), feature("saturation", "numeric", 7)])
QUALITY = numeric("linkquality", 1, "lqi", 0, 255)
DIMMER = of("light", state(), BRIGHTNESS)
COLORED = of("light", state(), BRIGHTNESS, COLOR_TEMP, COLOR_XY)
LOCK = of("lock", state(on="LOCK", off="UNLOCK"))


def device(address: str, name: str, *exposes: Any, **more: Any) -> dict[str, Any]:
    return {"ieee_address": address, "friendly_name": name, "type": "Router", "disabled": False,
            "interview_completed": True, "definition": {
                "vendor": "Maker", "model": "M-1", "description": more.pop("description", ""),
                "exposes": list(exposes), "options": []}, **more}


COORDINATOR = {"ieee_address": "0x00124b0000000000", "friendly_name": "Coordinator",
               "type": "Coordinator", "disabled": False, "interview_completed": True,
               "definition": None}


def found(*devices: Any, base: str = "zigbee2mqtt") -> tuple[Device, ...]:
    discovery = ZigbeeDiscovery(base)
    discovery.take(f"{base}/bridge/devices", json.dumps([COORDINATOR, *devices]).encode())
    return discovery.devices()


def group(*members: tuple[str, int] | str, id: int = 5, name: str = "downstairs") -> dict[str, Any]:
    """As bridge/groups says it; a member without an endpoint is its first."""
    return {"id": id, "friendly_name": name, "description": None, "scenes": [], "members": [
        {"ieee_address": each, "endpoint": 1} if isinstance(each, str)
        else {"ieee_address": each[0], "endpoint": each[1]} for each in members]}


def announced(devices: list[Any], *groups: Any) -> ZigbeeDiscovery:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    discovery.take(GROUPS, json.dumps(groups).encode())
    discovery.take(TOPIC, json.dumps(devices).encode())
    return discovery


def only(*exposes: Any, name: str = "thing", **more: Any) -> Device:
    (one,) = found(device(LAMP, name, *exposes, **more))
    return one


def sent(one: Device, name: str, value: Value) -> list[tuple[str, Any]]:
    """(topic, payload) of the messages; JSON is parsed."""
    made = []
    for each in command_for(one, name, value).publications():
        assert not each.retain
        bare = each.topic.rpartition("/")[2] != "set"
        made.append((each.topic,
                     each.payload.decode() if bare else msgspec.json.decode(each.payload)))
    return made


def heard(one: Device, **said: Any) -> dict[str, Value]:
    states = DeviceStates(Home(name="", rooms={}, devices=(one,), file=HomeFile(name="")))
    states.feed("zigbee2mqtt/thing", json.dumps(said).encode())
    return states.of(one)
