"""How zigbee2mqtt is told a feature of a device, and tells it. Leaves out: which device that is.

    feature of the exposes -> point

Nothing is assumed: words, ranges and units are those of the exposes, and a feature that says none
makes no point. Source: https://www.zigbee2mqtt.io/guide/usage/exposes.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeGuard

import msgspec

from iotcall.devices.colors import ColorForm
from iotcall.devices.points import Point, Read, Scalar, Unit, Write
from iotcall.devices.properties import PROPERTIES

PUBLISHED, SETTABLE, GETTABLE = 1, 2, 4
"""Bits of `access`."""
_WORD_LENGTH = 32

Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,64}\Z")]
"""A key of a payload; it may become a part of a topic."""


class Expose(msgspec.Struct, frozen=True):
    """One of `exposes`, or one of the features of one."""

    type: Key = ""
    name: Key = ""
    property: Key = ""
    """Key in the payload: the name, often with the endpoint."""
    endpoint: Key = ""
    access: int = 0
    unit: str | None = None
    value_min: float | None = None
    value_max: float | None = None
    value_step: float | None = None
    value_on: Scalar | None = None
    value_off: Scalar | None = None
    values: tuple[Scalar, ...] = ()
    features: tuple[Expose, ...] = ()


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Topics of a part."""

    topic: str
    """Where the device says its state."""
    endpoint: str = ""
    apart: bool = False
    """Each key has a command topic of its own, so that two parts never share one."""

    def key(self, feature: Expose) -> str:
        """What the feature is called in a command to its endpoint."""
        return feature.property.removesuffix(f"_{self.endpoint}") if self.endpoint else (
            feature.property)

    def read(self, feature: Expose, words: Mapping[Scalar, str]) -> tuple[Read, ...]:
        """Where the feature is said; `words`: what is said -> our word."""
        if not feature.access & PUBLISHED:
            return ()
        return (Read(topic=self.topic, path=(feature.property,),
                     words={_text(said): word for said, word in words.items()}),)

    def write(self, feature: Expose, words: Mapping[Scalar, str]) -> Write | None:
        """Where the feature is told; None where it cannot be."""
        if not feature.access & SETTABLE:
            return None
        topic = "/".join(filter(None, (self.topic, self.endpoint, "set")))
        said = {word: raw for raw, word in words.items()}
        if self.apart:
            return Write(topic=f"{topic}/{self.key(feature)}", words=said)
        return Write(topic=topic, path=(self.key(feature),), words=said)


Table = Mapping[str, tuple[str, "Maker"]]
"""Name of a feature -> (our property, what makes its point); what is preferred first."""
Maker = Callable[[str, Expose, Where], Point | None]
"""(property, feature, where) -> its point; None where the exposes do not say enough."""

def _two_words(name: str, feature: Expose, where: Where) -> Point | None:
    """The two values of a binary feature."""
    on, off = feature.value_on, feature.value_off
    if feature.type != "binary" or on is None or off is None or on == off or (
            _text(on) == _text(off)):
        return None
    first, second = PROPERTIES[name].words[:2]
    return _point(name, feature, where, {on: first, off: second})


def _contact(name: str, feature: Expose, where: Where) -> Point | None:
    """True is closed ("Indicates if the contact is closed (= true) or open (= false)")."""
    if not (isinstance(feature.value_on, bool) and isinstance(feature.value_off, bool)):
        return None
    return _point(name, feature, where, {True: "closed", False: "open"})


def _own_words(name: str, feature: Expose, where: Where) -> Point | None:
    """The values of an enum, or of a binary one, of which we have the same word."""
    values = feature.values if feature.type == "enum" else (feature.value_on, feature.value_off)
    rules = PROPERTIES[name]
    words: dict[Scalar, str] = {}
    for value in values[:_WORD_LENGTH]:
        if isinstance(value, str) and 0 < len(value) <= _WORD_LENGTH and value.isprintable():
            word = value.casefold()
            if word not in words.values() and (rules.free or word in rules.words):
                words[value] = word
    return _point(name, feature, where, words) if words else None


def _level(name: str, feature: Expose, where: Where) -> Point | None:
    """Percent of the highest value; the lowest is what it may be told, not another zero."""
    high = feature.value_max
    if feature.type != "numeric" or not _sane(high) or high <= 0:
        return None
    low = feature.value_min if _sane(feature.value_min) else 0.0
    least = math.ceil(100 * low / high) if 0 < low < high else None
    return _point(name, feature, where, {}, scale=(0.0, high), low=least)


def _range(name: str, feature: Expose, where: Where) -> Point | None:
    """Percent between the lowest and the highest value."""
    low, high = feature.value_min, feature.value_max
    if feature.type != "numeric" or not (_sane(low) and _sane(high) and low < high):
        return None
    return _point(name, feature, where, {}, scale=(low, high))


def _white(name: str, feature: Expose, where: Where) -> Point | None:
    """Mired; rounding a kelvin within the limits gives a mired within its range."""
    low, high = feature.value_min, feature.value_max
    if feature.type != "numeric" or feature.unit != "mired" or not (
            _sane(low) and _sane(high) and 0 < low < high):
        return None
    rules = PROPERTIES[name]
    warmest, coldest = max(rules.low, math.ceil(1e6 / high)), min(rules.high, 1e6 // low)
    if warmest > coldest:
        return None
    return _point(name, feature, where, {}, unit="mired", low=warmest, high=coldest)


def _color(name: str, feature: Expose, where: Where) -> Point | None:
    """A lamp of x and y only says just these, and gets another colour for a hue (zigbee2mqtt leaves
    out the sRGB curve there) than for the same red, green and blue."""
    if feature.type != "composite":
        return None
    form: ColorForm = "hue_saturation" if feature.name == "color_hs" else "rgb_object"
    return _point(name, feature, where, {}, color=form)


def _setpoint(name: str, feature: Expose, where: Where) -> Point | None:
    """Degrees within what both we and the device allow."""
    unit = _DEGREES.get(feature.unit or "")
    if feature.type != "numeric" or unit is None or not feature.access & SETTABLE:
        return None
    rules = PROPERTIES[name]
    low, high, step = feature.value_min, feature.value_max, feature.value_step
    least = max(rules.low, _celsius(low, unit)) if _sane(low) else None
    most = min(rules.high, _celsius(high, unit)) if _sane(high) else None
    if least is not None and most is not None and least >= most:
        return None
    size = 5 / 9 if unit else 1.0
    return _point(name, feature, where, {}, unit=unit, low=least, high=most,
                  step=round(step * size, 4) if _sane(step) and 0 < step * size <= 5 else None)


def _measure(name: str, feature: Expose, where: Where) -> Point | None:
    """A number in the property's unit."""
    if feature.type != "numeric" or not feature.access & PUBLISHED:
        return None
    if name == "temperature":
        unit = _DEGREES.get(feature.unit or "")
        return None if unit is None else Point(reads=where.read(feature, {}), unit=unit)
    if feature.unit != _UNITS[name]:
        return None
    return Point(reads=where.read(feature, {}))


def _point(name: str, feature: Expose, where: Where, words: Mapping[Scalar, str],
           **more: Any) -> Point | None:
    write = None if PROPERTIES[name].measured else where.write(feature, words)
    reads = where.read(feature, words)
    return Point(write=write, reads=reads, **more) if write or reads else None


def _sane(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) < 1e9


def _celsius(value: float, unit: Unit) -> float:
    return round((value - 32) * 5 / 9, 2) if unit == "fahrenheit" else value


def _text(raw: Scalar) -> str:
    """As `Point` compares what was said."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)


FEATURES: dict[str, Table] = {
    "light": {"state": ("state", _two_words), "brightness": ("brightness", _level),
              "color_temp": ("white", _white), "color_hs": ("color", _color),
              "color_xy": ("color", _color)},
    "climate": {"occupied_heating_setpoint": ("setpoint", _setpoint),
                "current_heating_setpoint": ("setpoint", _setpoint),
                "occupied_cooling_setpoint": ("setpoint", _setpoint),
                "system_mode": ("mode", _own_words), "preset": ("preset", _own_words),
                "local_temperature": ("temperature", _measure)},
    "cover": {"state": ("movement", _own_words), "position": ("position", _range)},
    "lock": {"state": ("lock", _two_words)},
    "fan": {"state": ("state", _two_words), "speed": ("speed", _level),
            "mode": ("preset", _own_words)},
    "switch": {"state": ("state", _two_words)},
}
"""Type of an expose -> what of its features is understood."""
SENSORS: Table = {
    "temperature": ("temperature", _measure), "humidity": ("humidity", _measure),
    "battery": ("battery", _measure), "contact": ("contact", _contact),
    "occupancy": ("occupancy", _two_words), "presence": ("occupancy", _two_words),
    "water_leak": ("leak", _two_words), "smoke": ("smoke", _two_words),
    "power": ("power", _measure), "energy": ("energy", _measure),
    "illuminance": ("illuminance", _measure),
}
"""What is understood of exposes that stand alone."""
_DEGREES: dict[str, Unit] = {"°C": "", "°F": "fahrenheit"}
_UNITS = {"humidity": "%", "battery": "%", "power": "W", "energy": "kWh", "illuminance": "lx"}
