"""How much of all there is: percents, parts and levels. Leaves out: the steps of a device.

"Two" of a fan with three speeds, and what "low" is there, the caller knows.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.speech.tokens import ORDINALS
from iotcall.speech.values import fraction, heard, number, quantity

Level = Literal["min", "low", "medium", "high", "max"]

PERCENT_OF: dict[Level, float] = {"min": 1, "low": 25, "medium": 50, "high": 75, "max": 100}
"""What a level is where it has no steps of its own; the least is still on."""

_MOST = 1000.0
_LARGEST = 1e6
_OPPOSITE: dict[Level, Level] = {"min": "max", "low": "high", "medium": "medium", "high": "low",
                                 "max": "min"}

_PHRASES: dict[Level, str] = {
    "min": "min, minimum, minimal, lowest, bottom, dimmest, faintest, quietest, softest, slowest, "
           "weakest, smallest, least",
    "low": "low, lo, dim, quiet, slow, soft, gentle, weak, faint, lowish, small",
    "medium": "medium, mid, middle, moderate, average, med, mid way",
    "high": "high, bright, fast, loud, strong, highish",
    "max": "max, maximum, maximal, full, fully, highest, top, brightest, loudest, fastest, "
           "strongest, greatest, most, all, all way, whole way, completely, entirely, totally, "
           "wide open, full blast, full whack, full tilt, full pelt, full throttle, full on, "
           "flat out, everything",
}
_LEVELS: dict[str, Level] = {phrase: level for level, phrases in _PHRASES.items()
                             for phrase in phrases.split(", ")}
_VERY = frozenset({"very", "really", "quite", "pretty", "fairly", "super", "nice", "nicely", "and",
                   "somewhere", "rather", "absolute", "absolutely"})
_OPEN = frozenset({"open", "opened", "up", "lit"})
_CLOSED = frozenset({"closed", "shut", "down"})
_STEPPED = frozenset({"speed", "setting", "level", "gear", "step", "notch", "stage"})
_NOUNS = _STEPPED | {"power", "volume", "brightness", "strength", "intensity", "capacity",
                     "position", "height", "mark", "value", "number", "mode", "point", "range",
                     "possible", "its", "of", "it", "way"}
_AS_IT_GOES = frozenset({"possible", "it", "you", "they", "can", "goes", "go", "gets", "get",
                         "will", "ever"})


class Share(msgspec.Struct, frozen=True):
    """What was said, one way or another."""

    percent: float | None
    """Of all: 0 to 100, or as much beyond as was said (up to 1000); None where only a number was
    said, which may be a step."""
    level: Level | None = None
    """The level that was named; `percent` is what it is by default."""
    number: float | None = None
    """Said without a percent: 0 to a million."""


def share(text: str, *, bare_percent: bool = False) -> Share | None:
    """"40 percent", "three quarters", "low", "all the way", "two"; None for anything else.

    With `bare_percent` a bare number is percent. One between 0 and 1 is a part of one always.
    Of what is "closed", "shut" or "down" the share is the rest: positions count from closed.
    """
    said = [word for word in heard(text) if word != "the"]
    said = said[next((at for at, word in enumerate(said) if word not in _VERY), 0):]
    if as_it_goes := _as_it_goes(said):
        return as_it_goes
    is_closed = False
    noun = ""
    while said:
        found = _level(" ".join(said)) or _of_step(said, noun) or _counted(said, bare_percent)
        if found is not None:
            return _rest_of(found) if is_closed else found
        if len(said) == 1:
            break
        if said[-1] in _CLOSED and not is_closed:
            is_closed = True
            said = said[:-1]
        elif said[-1] in _NOUNS or said[-1] in _OPEN:
            noun = said[-1]
            said = said[:-1]
        elif said[0] in _NOUNS:
            said = said[1:]
        else:
            break
    return None


def _level(phrase: str) -> Share | None:
    level = _LEVELS.get(phrase)
    return None if level is None else Share(PERCENT_OF[level], level)


def _as_it_goes(said: list[str]) -> Share | None:
    """"as low as possible", "as bright as it gets"."""
    if len(said) < 4 or said[0] != "as" or said[2] != "as" or not _AS_IT_GOES.issuperset(said[3:]):
        return None
    level = _LEVELS.get(said[1])
    return {"low": _level("min"), "high": _level("max")}.get(level or "")


def _of_step(said: list[str], noun: str) -> Share | None:
    """"second (speed)" is a number, where "a third" of nothing is a part."""
    if noun in _STEPPED and len(said) == 1 and said[0] in ORDINALS:
        return Share(None, number=float(ORDINALS[said[0]]))
    return None


def _counted(said: list[str], bare_percent: bool) -> Share | None:
    if said[-1] in ("percent", "percents"):
        return _percent(quantity(said[:-1]))
    if (part := fraction(said)) is not None:
        return _percent(part * 100)
    value = number(said)
    if value is None or not 0 <= value <= _LARGEST:
        return None
    if 0 < value < 1:
        return _percent(value * 100)
    return _percent(value) if bare_percent else Share(None, number=value)


def _percent(value: float | None) -> Share | None:
    return Share(round(value, 2)) if value is not None and 0 <= value <= _MOST else None


def _rest_of(found: Share) -> Share | None:
    """The share that is open of what is closed so far; a step or more than all has none."""
    if found.percent is None or found.percent > 100:
        return None
    return Share(round(100 - found.percent, 2), _OPPOSITE[found.level] if found.level else None)
