"""What can be told and known of devices, in normalised units. Leaves out: wire forms (points).

    light       state on|off, brightness 0-100 %, color #rrggbb, white in kelvin
    plug        state on|off
    fan         state on|off, speed 0-100 %, preset
    thermostat  setpoint in degrees Celsius, mode, preset (eco, away), temperature (read)
    lock        lock locked|unlocked
    cover       position 0-100 %, 100 is open; movement open|close|stop
    media       state on|off, playback, skip, volume 0-100 %, muted
    vacuum      activity start|pause|stop|dock
    sensor      what it measures (read)

A device has a part of these; a sensor's properties may stand on any device.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["light", "plug", "fan", "thermostat", "lock", "cover", "media", "vacuum", "sensor"]
Value = str | int | float
"""A word (on, locked, heat), a colour (#ff8800) or a number in the property's unit."""


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """What every device's property of that name is."""

    words: tuple[str, ...] = ()
    """All that may stand for it; empty: a number, or (free) words of the device's own."""
    free: bool = False
    """Words that each device has its own of."""
    low: float = 0.0
    high: float = 0.0
    """Inclusive range of a number; one device may allow less (`Point`)."""
    whole: bool = True
    """Numbers are rounded to whole ones."""
    tolerance: float = 0.0
    """How far a device may be off what it was told, in the property's unit."""
    measured: bool = False
    """It is only told, never set."""


_PERCENT = Property(high=100, tolerance=1)
_YES = Property(words=("yes", "no"), measured=True)

PROPERTIES: dict[str, Property] = {
    "state": Property(words=("on", "off")),
    "brightness": _PERCENT,
    "color": Property(free=True),
    "white": Property(low=1000, high=10000, tolerance=60),
    "setpoint": Property(high=40, whole=False, tolerance=0.25),
    "mode": Property(words=("heat", "cool", "auto", "off", "heat_cool", "dry", "fan_only")),
    "preset": Property(free=True),
    "speed": _PERCENT,
    "lock": Property(words=("locked", "unlocked")),
    "position": Property(high=100, tolerance=2),
    "movement": Property(words=("open", "close", "stop")),
    "playback": Property(words=("playing", "paused", "stopped")),
    "skip": Property(words=("next", "previous")),
    "volume": _PERCENT,
    "muted": Property(words=("on", "off")),
    "activity": Property(words=("start", "pause", "stop", "dock")),
    "temperature": Property(low=-60, high=120, whole=False, measured=True),
    "humidity": Property(high=100, measured=True),
    "battery": Property(high=100, measured=True),
    "contact": Property(words=("open", "closed"), measured=True),
    "occupancy": _YES,
    "leak": _YES,
    "smoke": _YES,
    "power": Property(low=-1e6, high=1e6, whole=False, measured=True),
    "energy": Property(low=-1e9, high=1e9, whole=False, measured=True),
    "illuminance": Property(high=1e6, measured=True),
}
"""Units: %, kelvin, degrees Celsius, watt, kilowatt hours, lux."""

_OF_KIND: dict[Kind, tuple[str, ...]] = {
    "light": ("state", "brightness", "color", "white"),
    "plug": ("state",),
    "fan": ("state", "speed", "preset"),
    "thermostat": ("setpoint", "mode", "preset"),
    "lock": ("lock",),
    "cover": ("position", "movement"),
    "media": ("state", "playback", "skip", "volume", "muted"),
    "vacuum": ("activity", "preset"),
    "sensor": (),
}
_COLOR = re.compile(r"#[0-9a-f]{6}")
_WORD_LENGTH = 32


def properties_of(kind: Kind) -> tuple[str, ...]:
    """What a device of the kind may be told, sorted."""
    return tuple(sorted(_OF_KIND[kind]))


def check_value(kind: Kind, name: str, value: Value) -> Value:
    """The value, rounded as the property is.

    Raises:
        ValueError: the kind has no such property or the property no such value.
    """
    if name not in _OF_KIND[kind]:
        known = ", ".join(properties_of(kind)) or "none that can be set"
        raise ValueError(f"a {kind} has no property `{name}`; it has: {known}")
    return checked(name, value, f"{name} of a {kind}")


def checked(name: str, value: Value, subject: str) -> Value:
    """The value of a property, rounded as the property is.

    Raises:
        ValueError: the property has no such value; `subject` is named.
    """
    rules = PROPERTIES[name]
    if name == "color":
        if not (isinstance(value, str) and _COLOR.fullmatch(value)):
            raise ValueError(f"{subject} is written #rrggbb, found {value!r}")
        return value
    if rules.words or rules.free:
        if not isinstance(value, str) or (rules.words and value not in rules.words) or not (
                0 < len(value) <= _WORD_LENGTH and value.isprintable()):
            raise ValueError(f"{subject} is one of {', '.join(rules.words) or 'its words'}, "
                             f"found {value!r}")
        return value
    if isinstance(value, (str, bool)) or not rules.low <= value <= rules.high:
        raise ValueError(f"{subject} is a number {rules.low:g}..{rules.high:g}, found {value!r}")
    return round(value) if rules.whole else float(value)
