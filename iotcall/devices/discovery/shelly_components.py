"""A Shelly's components (switch:0, cover:0 ...) -> devices. Leaves out: the exchange of messages.

A component that is commanded is a device; all that only measures is one sensor, unless it measures
the same twice. Inputs, scripts and whatever else keeps house are left out.

Source: https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch, .../Light, .../RGB,
.../RGBW, .../CCT, .../Cover, .../Temperature, .../Humidity, .../EM, .../EM1, .../PM1
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from iotcall.devices.device import Availability, Device, Fault
from iotcall.devices.discovery.base import clean_name, number
from iotcall.devices.points import Path, Point, Publication, Read, Write, at_path
from iotcall.devices.properties import Kind

_COMPONENT = re.compile(r"([a-z][a-z0-9]{0,23})(?::(\d{1,4}))")
_MAX_COMPONENTS = 128
_MAX_HIDDEN = 32

_COMMANDED: dict[str, tuple[str, Kind]] = {
    "switch": ("Switch", "plug"), "light": ("Light", "light"), "rgb": ("RGB", "light"),
    "rgbw": ("RGBW", "light"), "cct": ("CCT", "light"), "cover": ("Cover", "cover")}
"""Component -> its methods' prefix, kind."""

_MEASURED: dict[str, tuple[str, dict[str, Path]]] = {
    "temperature": ("Temperature", {"temperature": ("tC",)}),
    "humidity": ("Humidity", {"humidity": ("rh",)}),
    "illuminance": ("Illuminance", {"illuminance": ("lux",)}),
    "devicepower": ("DevicePower", {"battery": ("battery", "percent")}),
    "smoke": ("Smoke", {"smoke": ("alarm",)}),
    "flood": ("Flood", {"leak": ("alarm",)}),
    "pm1": ("PM1", {"power": ("apower",), "energy": ("aenergy", "total")}),
    "em": ("EM", {"power": ("total_act_power",)}),
    "emdata": ("EMData", {"energy": ("total_act",)}),
    "em1": ("EM1", {"power": ("act_power",)}),
    "em1data": ("EM1Data", {"energy": ("total_act_energy",)})}
"""Component -> its methods' prefix, property -> where it stands in the status."""

_METERS = ("pm1", "em", "emdata", "em1", "em1data")
"""One sensor for each number of these: em:0 and emdata:0 are of one meter."""
_HOUSEKEEPING = ("input", "script", "schedule", "webhook", "wifi", "eth", "bthome", "ui", "sys",
                 "ble", "cloud", "mqtt", "ws", "voltmeter")


class Gadget(msgspec.Struct, frozen=True, kw_only=True):
    """One Shelly: where it is spoken to, and what it answered."""

    key: str
    topic: str
    """Before /rpc and /status."""
    replies: str
    """Before /rpc, and before /<component>/rpc."""
    info: dict[str, Any]
    config: dict[str, Any]
    status: dict[str, Any]

    def name(self) -> str:
        return (clean_name(self.info.get("name"))
                or clean_name(at_path(self.config, ("sys", "device", "name")))
                or clean_name(self.key))


class _Component(msgspec.Struct, frozen=True, kw_only=True):
    """switch:0 of a gadget."""

    gadget: Gadget
    type: str
    number: int
    method: str

    @property
    def key(self) -> str:
        return f"{self.type}:{self.number}"

    @property
    def config(self) -> dict[str, Any]:
        said = self.gadget.config.get(self.key)
        return said if isinstance(said, dict) else {}

    @property
    def status(self) -> dict[str, Any]:
        said = self.gadget.status.get(self.key)
        return said if isinstance(said, dict) else {}

    @property
    def source(self) -> str:
        """Each component is answered on a topic of its own: an error does not say whose it is."""
        return f"{self.gadget.replies}/{self.key}"

    @property
    def ask(self) -> Publication:
        return Publication(f"{self.gadget.topic}/rpc", msgspec.json.encode(
            self._request("GetStatus", {"id": self.number})))

    def reads(self, *path: str | int, words: dict[str, str] | None = None) -> tuple[Read, ...]:
        """Where a part of the status is said."""
        return tuple(Read(topic=topic, path=(*before, *path), words=words or {})
                     for topic, before in (
                         (f"{self.gadget.topic}/status/{self.key}", ()),
                         (f"{self.gadget.topic}/events/rpc", ("params", self.key)),
                         (f"{self.source}/rpc", ("result",))))

    def write(self, method: str, parameter: str, words: dict[str, str | bool | int | float] | None
              = None, **also: Any) -> Write:
        """A command with the value as a parameter."""
        return Write(topic=f"{self.gadget.topic}/rpc", path=("params", parameter),
                     fixed=self._request(method, {"id": self.number, **also}), words=words or {})

    def method_write(self, words: dict[str, str]) -> Write:
        """A command whose value is the method: our word -> Open."""
        return Write(topic=f"{self.gadget.topic}/rpc", path=("method",),
                     fixed=self._request("", {"id": self.number}),
                     words={word: f"{self.method}.{method}" for word, method in words.items()})

    def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"id": 1, "src": self.source, "method": f"{self.method}.{method}",
                "params": params}


def devices_of(gadget: Gadget) -> tuple[Device, ...]:
    """All that it is, by id."""
    made: list[Device] = []
    sensors: list[tuple[str, dict[str, Point], _Component]] = []
    hidden = []
    for each in _components(gadget):
        if each.type in _COMMANDED:
            made.append(_commanded(each))
        elif each.type in _MEASURED:
            group = f"meter:{each.number}" if each.type in _METERS else "sensor"
            sensors.append((group, _points_of(each, _MEASURED[each.type][1]), each))
        elif each.type not in _HOUSEKEEPING:
            hidden.append(each.key)
    made += _sensors(gadget, sensors)
    if made:
        made[0] = msgspec.structs.replace(made[0], hidden=tuple(hidden[:_MAX_HIDDEN]))
    return tuple(sorted(made, key=lambda device: device.id))


def _components(gadget: Gadget) -> Iterator[_Component]:
    """Those that it has now: a profile in use leaves others out of the status."""
    found = []
    for key in gadget.status or gadget.config:
        if matched := _COMPONENT.fullmatch(key):
            found.append((matched[1], int(matched[2])))
    for kind, place in sorted(found)[:_MAX_COMPONENTS]:
        prefix = (_COMMANDED.get(kind) or _MEASURED.get(kind) or ("",))[0]
        yield _Component(gadget=gadget, type=kind, number=place, method=prefix)


def _commanded(one: _Component) -> Device:
    kind = _COMMANDED[one.type][1]
    if one.type == "cover":
        points = _cover(one)
    else:
        on = {"true": "on", "false": "off"}
        points = {"state": Point(write=one.write("Set", "on", words={"on": True, "off": False}),
                                 reads=one.reads("output", words=on))}
        points |= _light(one) if kind == "light" else {}
    if one.type == "switch" and _switches_a_light(one):
        kind = "light"
    points |= {name: point for name, point in _points_of(
        one, {"power": ("apower",), "energy": ("aenergy", "total")}).items()
        if at_path(one.status, point.reads[0].path) is not None}
    return _device(one.gadget, one.key, clean_name(one.config.get("name")), kind, points, (one,))


def _light(one: _Component) -> dict[str, Point]:
    points = {"brightness": Point(write=one.write("Set", "brightness", on=True),
                                  reads=one.reads("brightness"))}
    if one.type in ("rgb", "rgbw"):
        points["color"] = Point(write=one.write("Set", "rgb", on=True), reads=one.reads("rgb"),
                                color="rgb_list")
    if one.type == "cct":
        low, high = 2700.0, 6500.0
        said = one.config.get("ct_range")
        if isinstance(said, list) and len(said) == 2:
            ends = [number(each) for each in said]
            if ends[0] and ends[1] and 1000 <= ends[0] < ends[1] <= 10000:
                low, high = ends[0], ends[1]
        points["white"] = Point(write=one.write("Set", "ct", on=True), reads=one.reads("ct"),
                                low=low, high=high)
    return points


def _cover(one: _Component) -> dict[str, Point]:
    """Its position is known only after a calibration."""
    said = {"opening": "open", "open": "open", "closing": "close", "closed": "close",
            "stopped": "stop"}
    points = {"movement": Point(
        write=one.method_write({"open": "Open", "close": "Close", "stop": "Stop"}),
        reads=one.reads("state", words=said))}
    if one.status.get("pos_control") is True:
        points["position"] = Point(write=one.write("GoToPosition", "pos"),
                                   reads=one.reads("current_pos"))
    return points


def _switches_a_light(one: _Component) -> bool:
    """What the owner said in Shelly's app that hangs on it."""
    said = at_path(one.gadget.config, ("sys", "ui_data", "consumption_types", one.number))
    return isinstance(said, str) and said.casefold().startswith("light")


def _points_of(one: _Component, paths: dict[str, Path]) -> dict[str, Point]:
    alarm = {"true": "yes", "false": "no"}
    return {name: Point(reads=one.reads(*path, words=alarm if path == ("alarm",) else None),
                        scale=(0, 100_000) if name == "energy" else None)  # Wh of 100 kWh
            for name, path in paths.items()}


def _sensors(gadget: Gadget, said: list[tuple[str, dict[str, Point], _Component]],
             ) -> Iterator[Device]:
    groups: dict[str, tuple[dict[str, Point], list[_Component]]] = {}
    for group, points, one in said:
        if group in groups and points.keys() & groups[group][0].keys():
            group = one.key  # a second thermometer
        known, ones = groups.setdefault(group, ({}, []))
        known |= points
        ones.append(one)
    for group, (known, ones) in groups.items():
        names = [clean_name(one.config.get("name")) for one in ones]
        yield _device(gadget, group, next(filter(None, names), ""), "sensor", known, tuple(ones))


def _device(gadget: Gadget, key: str, name: str, kind: Kind, points: dict[str, Point],
            components: tuple[_Component, ...]) -> Device:
    return Device(
        name=name or gadget.name(), room="", kind=kind, source="shelly",
        address=f"{gadget.key}/{key}", points=points,
        availability=(Availability(topic=f"{gadget.topic}/online", online="true",
                                   offline="false"),),
        asks=tuple(one.ask for one in components),
        faults=tuple(Fault(topic=f"{one.source}/rpc", path=("error", "message"))
                     for one in components if one.type in _COMMANDED),
        model=clean_name(f"Shelly {gadget.info.get('app') or gadget.info.get('model') or ''}"))
