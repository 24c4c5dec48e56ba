"""Temperatures: "twenty one and a half", "72 fahrenheit", "minus two". Leaves out: how many
degrees more or less (amounts), and which unit was meant where none was said.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.speech.values import heard, number

Unit = Literal["celsius", "fahrenheit"]

COLDEST_C, HOTTEST_C = -100.0, 300.0
"""What a home may speak of, freezers and ovens with it; a device allows less."""

_UNITS: dict[str, Unit] = {
    **dict.fromkeys(("celsius", "celcius", "centigrade", "c"), "celsius"),
    **dict.fromkeys(("fahrenheit", "farenheit", "fahrenheits", "f"), "fahrenheit"),
}
_DEGREES = frozenset({"degree", "degrees", "deg"})
_PLAUSIBLE: dict[Unit, tuple[float, float]] = {"celsius": (5, 35), "fahrenheit": (41, 95)}
"""What a room may be asked to be: the same range in both units."""
_FREEZING: dict[Unit, float] = {"celsius": 0, "fahrenheit": 32}
_SIGN = {"below": -1, "under": -1, "above": 1, "over": 1}


class Degrees(msgspec.Struct, frozen=True):
    """A temperature, with what it was made of."""

    celsius: float
    """Degrees, to a hundredth."""
    said: float
    """The number, in `unit`."""
    unit: Unit
    """The one that was said, else the default."""
    is_doubtful: bool = False
    """No unit was said; no room is as warm in the default unit, but in the other: the caller may
    ask, or take the other. `celsius` is by the default one all the same."""


def degrees(text: str, default_unit: Unit) -> Degrees | None:
    """A temperature of -100 to 300 degrees Celsius; None where the text says none."""
    said = heard(text)
    said_unit: Unit | None = None
    said, sign, is_from_freezing = _from_zero(said)
    while len(said) > 1 and (said[-1] in _DEGREES or said[-1] in _UNITS):
        unit = _UNITS.get(said[-1])
        if unit and said_unit:
            return None
        said_unit = unit or said_unit
        said = said[:-1]
    value = number(_without_degrees(said))
    if value is None or (sign and value < 0):
        return None
    unit = said_unit or default_unit
    value = value * (sign or 1) + (_FREEZING[unit] if is_from_freezing else 0)
    celsius = round(to_celsius(value, unit), 2)
    if not COLDEST_C <= celsius <= HOTTEST_C:
        return None
    return Degrees(celsius, value, unit, said_unit is None and _is_doubtful(value, unit))


def to_celsius(value: float, unit: Unit) -> float:
    """Degrees of the unit in degrees Celsius."""
    return (value - 32) * 5 / 9 if unit == "fahrenheit" else value


def _is_doubtful(value: float, unit: Unit) -> bool:
    other: Unit = "celsius" if unit == "fahrenheit" else "fahrenheit"
    return not _is_plausible(value, unit) and _is_plausible(value, other)


def _is_plausible(value: float, unit: Unit) -> bool:
    low, high = _PLAUSIBLE[unit]
    return low <= value <= high


def _from_zero(said: list[str]) -> tuple[list[str], int, bool]:
    """"five degrees below zero": what is counted, the sign (0: none said), from freezing or not."""
    if len(said) > 2 and said[-2] in _SIGN and said[-1] in ("zero", "0", "freezing"):
        return said[:-2], _SIGN[said[-2]], said[-1] == "freezing"
    if len(said) > 1 and said[-1] == "below":
        return said[:-1], -1, False
    return said, 0, False


def _without_degrees(said: list[str]) -> list[str]:
    """"twenty one degrees and a half" -> "twenty one and a half"; "five degrees two" stays."""
    at = next((at for at, word in enumerate(said) if word in _DEGREES), len(said))
    return [*said[:at], *said[at + 1:]] if said[at + 1:at + 2] == ["and"] else said
