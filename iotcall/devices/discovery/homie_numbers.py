"""Homie's integers and floats -> numbers in our units. Leaves out: words and colours.

A format is "min:max:step", each part of which may be absent.

Source: https://homieiot.github.io/specification/ (formats, units).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from iotcall.devices.points import Point, Read, Unit, Write
from iotcall.devices.properties import PROPERTIES

_PERCENT = ("brightness", "speed", "position", "volume", "humidity", "battery")
_CELSIUS, _FAHRENHEIT = ("°C", "°", "C", ""), ("°F", "F")
_MIRED = ("MK⁻¹", "mired", "mireds")
_FINEST = 1e-6
"""Of steps."""


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    """A property's number as it is described."""

    whole: bool
    unit: str
    low: float | None
    high: float | None
    step: float | None


def number_point(ours: str, said: dict[str, Any], topic: str, *, settable: bool) -> Point | None:
    """The point of one of our properties that is a number; None: the property does not fit it."""
    if said.get("datatype") not in ("integer", "float"):
        return None
    unit = said.get("unit", "")
    low, high, step = _bounds(said.get("format"))
    described = _Number(whole=said["datatype"] == "integer",
                        unit=unit if isinstance(unit, str) else "?", low=low, high=high, step=step)
    if ours in _PERCENT:
        fitted = _percent(ours, described)
    elif ours in ("setpoint", "temperature"):
        fitted = _temperature(ours, described)
    elif ours == "white":
        fitted = _white(described)
    else:
        fitted = _measured(ours, described)
    if fitted is None:
        return None
    return msgspec.structs.replace(
        fitted, write=Write(topic=f"{topic}/set") if settable else None,
        reads=(Read(topic=topic),))


def _percent(ours: str, said: _Number) -> Point | None:
    if said.unit not in ("%", "", "#"):
        return None
    low, high = said.low, said.high
    if low is None or high is None:
        # A float without a range may go to 1 or to 100; a measured one is in percent.
        if said.unit != "%" and not said.whole and not PROPERTIES[ours].measured:
            return None
        return Point(step=_even(said.step, 0, 100))
    if not low < high:
        return None
    if high == 100 and 0 <= low <= 10:
        return Point(low=low, step=_even(said.step, low, high))
    per_percent = 100 / (high - low)
    step = said.step or (1 if said.whole else 0)
    return Point(scale=(low, high),
                 step=_even(step * per_percent if step * per_percent > 1 else None, 0, 100))


def _temperature(ours: str, said: _Number) -> Point | None:
    if said.unit not in (*_CELSIUS, *_FAHRENHEIT):
        return None
    per_degree, unit = 1.0, ""
    low, high = said.low, said.high
    if said.unit in _FAHRENHEIT:
        per_degree, unit = 5 / 9, "fahrenheit"
        low, high = (None if each is None else (each - 32) * per_degree for each in (low, high))
    known: Unit = "fahrenheit" if unit else ""
    if ours == "temperature":
        return Point(unit=known)
    rules = PROPERTIES[ours]
    low = max(rules.low, rules.low if low is None else low)
    high = min(rules.high, rules.high if high is None else high)
    step = said.step or (1.0 if said.whole else None)
    if not low < high:
        return None
    return Point(unit=known, low=low, high=high,
                 step=_even(step and step * per_degree, low, high))


def _white(said: _Number) -> Point | None:
    low, high = said.low, said.high
    mired = said.unit in _MIRED or (said.unit == "" and high is not None and high <= 1000)
    if not mired and said.unit not in ("K", ""):
        return None
    if mired:
        low, high = (1e6 / each if each else None for each in (high, low))
    rules = PROPERTIES["white"]
    low = max(rules.low, rules.low if low is None else low)
    high = min(rules.high, rules.high if high is None else high)
    if not low < high:
        return None
    return Point(unit="mired" if mired else "", low=math.ceil(low), high=math.floor(high),
                 step=None if mired else _even(said.step, low, high))


def _measured(ours: str, said: _Number) -> Point | None:
    """Watt, kilowatt hours and lux; a thousandth and a thousandfold of them are scaled."""
    match ours, said.unit:
        case ("power", "W") | ("energy", "kWh") | ("illuminance", "lx" | "lux" | ""):
            return Point()
        case "power", "kW":
            return Point(scale=(0, 0.1))  # 100 W
        case "energy", "Wh":
            return Point(scale=(0, 100_000))  # 100 kWh
    return None


def _even(step: float | None, low: float, high: float) -> float | None:
    """The step where both ends are multiples of it, as `Point.step` counts from 0 on; the device
    rounds to the others by itself. One that is too fine to be met is none."""
    if step is None or not _FINEST <= step < math.inf:
        return None
    even = all(abs(end / step - round(end / step)) < 1e-6 for end in (low, high))
    return step if even else None


def _bounds(said: Any) -> tuple[float | None, float | None, float | None]:
    """Lowest, highest and step of a format; None for what it does not say."""
    parts = said[:64].split(":") if isinstance(said, str) else []
    low, high, step = (*map(_number, parts[:3]), None, None, None)[:3]
    return low, high, step if step and step > 0 else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None
