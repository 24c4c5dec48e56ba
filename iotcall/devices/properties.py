"""What a device of each kind can be told, in normalised units. Leaves out: its wire form.

    light       state on|off, brightness 0-100 %
    plug        state on|off
    thermostat  setpoint in degrees Celsius, mode heat|cool|auto|off
    lock        lock locked|unlocked
    cover       position 0-100 %, 100 is open
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["light", "plug", "thermostat", "lock", "cover"]
Value = str | int | float
"""A word (on, locked, heat), a percentage (int) or degrees Celsius (float)."""

WORDS: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("light", "state"): ("on", "off"),
    ("plug", "state"): ("on", "off"),
    ("thermostat", "mode"): ("heat", "cool", "auto", "off"),
    ("lock", "lock"): ("locked", "unlocked"),
}
"""(kind, property) -> its words."""
RANGES: dict[tuple[Kind, str], tuple[float, float]] = {
    ("light", "brightness"): (0, 100),
    ("cover", "position"): (0, 100),
    ("thermostat", "setpoint"): (0.0, 40.0),
}
"""(kind, property) -> inclusive range; one thermostat may allow less (`Device`)."""


def properties_of(kind: Kind) -> tuple[str, ...]:
    """The properties of the kind, sorted."""
    return tuple(sorted(name for of, name in (*WORDS, *RANGES) if of == kind))


def check_value(kind: Kind, name: str, value: Value) -> Value:
    """The value, percentages as int and degrees as float.

    Raises:
        ValueError: the kind has no such property or the property no such value.
    """
    words, limits = WORDS.get((kind, name)), RANGES.get((kind, name))
    if words:
        if value not in words:
            raise ValueError(f"{name} of a {kind} is one of {', '.join(words)}, found {value!r}")
        return value
    if not limits:
        known = ", ".join(properties_of(kind))
        raise ValueError(f"a {kind} has no property `{name}`; it has: {known}")
    low, high = limits
    if isinstance(value, (str, bool)) or not low <= value <= high:
        raise ValueError(f"{name} of a {kind} is a number {low:g}..{high:g}, found {value!r}")
    return float(value) if name == "setpoint" else round(value)
