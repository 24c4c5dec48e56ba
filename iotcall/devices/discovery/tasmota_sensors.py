"""What a Tasmota measures -> properties. Leaves out: everything that it is told.

    {"Time": ..., "DS18B20": {"Temperature": 19.3}, "ENERGY": {"Power": [3, 0]}, "TempUnit": "C"}

The same object is said on tele/SENSOR every few minutes and on stat/STATUS10 when asked for.

Source: https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Commands/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from iotcall.devices.device import Device
from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.tasmota_parts import Announced
from iotcall.devices.points import Path, Point, Publication, Read

_MAX_SENSORS = 32
_MAX_HIDDEN = 32
_MAX_CHANNELS = 8
_MAX_KEY = 48
_QUANTITIES = {"temperature": "Temperature", "humidity": "Humidity", "illuminance": "Illuminance",
               "battery": "Battery"}
_ENERGY = {"power": "Power", "energy": "Total"}
"""Watt and kilowatt hours; a list where each relay has a meter."""
_NO_SENSORS = ("Time", "TempUnit", "PressureUnit", "SpeedUnit", "ESP32")
"""Not of the room: a chip's own heat."""


def with_sensors(parts: Sequence[Device], one: Announced, sensors: dict[str, Any],
                 ) -> tuple[Device, ...]:
    """The parts with what is measured at them, then the sensors that are of no part."""
    made = list(parts)
    alone, hidden = [], []
    for key, said in sorted(sensors.items())[:_MAX_SENSORS]:
        if not isinstance(said, dict) or not (key.isprintable() and len(key) <= _MAX_KEY):
            if key not in _NO_SENSORS:
                hidden.append(clean_name(key))
            continue
        if key in _NO_SENSORS or re.fullmatch(r"Shutter\d+", key):
            continue
        channels = _channels(said) if key == "ENERGY" else 0
        for place in range(min(channels, len(made))):
            points = _energy_points(one, said, place)
            made[place] = _with_points(made[place], points, one)
        if channels:
            continue
        points = _energy_points(one, said, None) if key == "ENERGY" else _points(
            one, key, said, fahrenheit=sensors.get("TempUnit") == "F")
        if not points:
            hidden.append(clean_name(key))
        elif len(made) == 1 and not points.keys() & made[0].points.keys():
            made[0] = _with_points(made[0], points, one)
        else:
            alone.append((key, points))
    for key, points in alone:
        name = one.name if len(alone) == 1 and not parts else clean_name(f"{one.name} {key}")
        made.append(_with_points(one.device(f"sensor {key}", name, "sensor"), points, one))
    if made and hidden:
        made[0] = msgspec.structs.replace(
            made[0], hidden=(*made[0].hidden, *hidden)[:_MAX_HIDDEN])
    return tuple(made)


def _points(one: Announced, key: str, said: dict[str, Any], *, fahrenheit: bool,
            ) -> dict[str, Point]:
    return {name: Point(reads=_reads(one, (key, quantity)),
                        unit="fahrenheit" if fahrenheit and name == "temperature" else "")
            for name, quantity in _QUANTITIES.items() if quantity in said}


def _channels(said: dict[str, Any]) -> int:
    """How many meters there are; 0: one for all that is there."""
    power = said.get("Power")
    return len(power) if isinstance(power, list) and len(power) <= _MAX_CHANNELS else 0


def _energy_points(one: Announced, said: dict[str, Any], place: int | None) -> dict[str, Point]:
    points = {}
    for name, quantity in _ENERGY.items():
        listed = isinstance(said.get(quantity), list)
        if quantity in said and listed == (place is not None):
            path: Path = ("ENERGY", quantity, *(() if place is None else (place,)))
            points[name] = Point(reads=_reads(one, path))
    return points


def _reads(one: Announced, path: Path) -> tuple[Read, ...]:
    return (Read(topic=one.topic("tele", "SENSOR"), path=path),
            Read(topic=one.topic("stat", "STATUS10"), path=("StatusSNS", *path)))


def _with_points(device: Device, points: dict[str, Point], one: Announced) -> Device:
    asked = Publication(one.topic("cmnd", "Status"), b"10")
    return msgspec.structs.replace(
        device, points={**device.points, **points},
        asks=tuple(dict.fromkeys((*device.asks, asked))))
