"""How much more or less: "two degrees", "a bit", "by half", "twice as". Leaves out: which way.

Up or down is the tool's word; "more", "brighter" and the like beside an amount say nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from iotcall.speech.tokens import HOMOPHONES
from iotcall.speech.values import fraction, heard, number, quantity

Size = Literal["little", "some", "much"]
AmountUnit = Literal["", "percent", "degrees", "celsius", "fahrenheit", "kelvin", "steps", "part",
                     "times"]

_LARGEST = 10_000.0
_FEW = 3.0
_UNITS: dict[str, AmountUnit] = {
    **dict.fromkeys(("percent", "percents", "percentage"), "percent"),
    **dict.fromkeys(("degree", "degrees", "deg"), "degrees"),
    **dict.fromkeys(("kelvin", "kelvins"), "kelvin"),
    **dict.fromkeys(("celsius", "centigrade", "c"), "celsius"),
    **dict.fromkeys(("fahrenheit", "f"), "fahrenheit"),
    **dict.fromkeys(("step", "steps", "notch", "notches", "level", "levels", "click", "clicks",
                     "increment", "increments", "stage", "stages", "setting", "settings", "speed",
                     "speeds", "peg", "pegs", "point", "points", "bar", "bars"), "steps"),
}
_SINGULAR = frozenset({"degree", "step", "notch", "level", "click", "increment", "stage", "peg"})
_SIZES: dict[Size, str] = {
    "little": "shade, bit, little, little bit, tiny bit, tiny little bit, wee bit, wee little bit, "
              "small bit, teeny bit, bit of, slightly, ever so slightly, very slightly, touch, "
              "slight touch, tad, tiny tad, tad bit, smidge, smidgen, smidgeon, hair, fraction, "
              "whisker, jot, slight bit, small amount, little amount, tiny amount, tiny, "
              "marginally, minimally, ever so little, not much, not a lot, not by much",
    "some": "some, somewhat, moderately, noticeably, reasonable amount",
    "much": "much, lot, lots, whole lot, whole bunch, way, far, loads, tons, ton, heaps, masses, "
            "bunch, great deal, good deal, good bit, fair bit, fair amount, good amount, "
            "quite a bit, quite a lot, quite a few, quite some, considerably, significantly, "
            "substantially, massively, hugely, drastically, dramatically, greatly, "
            "very much, so much, big time, really, awful lot, load",
}
_SIZE_OF: dict[str, Size] = {phrase: size for size, phrases in _SIZES.items()
                             for phrase in phrases.split(", ")}
_TIMES = {"double": 2.0, "twice": 2.0, "triple": 3.0, "treble": 3.0, "thrice": 3.0,
          "quadruple": 4.0, "halve": 0.5}
_DIRECTIONS = frozenset({
    "up", "down", "more", "less", "further", "higher", "lower", "brighter", "dimmer", "darker",
    "lighter", "warmer", "cooler", "hotter", "colder", "louder", "quieter", "softer", "faster",
    "slower", "stronger", "weaker", "too", "bigger", "smaller", "yellower", "bluer", "whiter",
    "increase", "decrease", "again"})
_COMPARISON = re.compile(
    r"\b(?:half|twice|(?:two|three|four|five|ten) times) as "
    r"(?:bright|loud|fast|high|strong|much|far|open)\b(?! as (?!now|before|it|that|they))")
_AFTER_TIMES = frozenset({"as", "the", "it", "that", "its", "what", "this"})


class Amount(msgspec.Struct, frozen=True):
    """A number of something, or a word for a size, or ("a notch") both."""

    number: float | None = None
    """Above 0, up to 10000."""
    unit: AmountUnit = ""
    """Of `number`. degrees: the unit was not said; part: that part of what there is now is put on
    or taken off ("by half"); times: there shall be so many times what there is now ("double", 0.5:
    "half as bright"); "": only a number was said."""
    size: Size | None = None
    """By a word: the caller knows how much that is of what."""


def amount(text: str) -> Amount | None:
    """An amount, with or without "more" or "brighter" beside it; None for anything else."""
    said = heard(re.sub(r"\ba(bit|lot|little|notch|touch)\b", r"a \1", text))
    if len(said) == 2 and said[0] in HOMOPHONES and said[1] in _UNITS:  # "too degrees"
        said = [str(HOMOPHONES[said[0]]), said[1]]
    start, stop = 0, len(said)
    while start < stop - 1 and said[start] in (*_DIRECTIONS, "by", "the", "just", "only"):
        start += 1
    while stop > start + 1 and said[stop - 1] in _DIRECTIONS:
        stop -= 1
    said = said[start:stop]
    if not said:
        return None
    bare = said[1:] if said[0] in ("a", "an") else said
    size = _SIZE_OF.get(" ".join(bare))
    if size:
        return Amount(size=size)
    return _times(said) or _with_unit(said) or _bare(said)


def comparison(text: str) -> str:
    """The words that compare with what is now, "half as bright", "twice as loud"; empty: none, or
    they compare with something else ("as the lamp")."""
    found = _COMPARISON.search(text.casefold())
    return found[0] if found else ""


def _times(said: Sequence[str]) -> Amount | None:
    """"double", "twice as bright", "three times the volume", "half as much"."""
    first = said[0]
    if first in _TIMES and (len(said) == 1 or said[1] in _AFTER_TIMES):
        return _amount(_TIMES[first], "times")
    if "times" in said:
        at = said.index("times")
        if at + 1 == len(said) or said[at + 1] in _AFTER_TIMES:
            return _amount(number(said[:at]), "times")
    if "as" in said:
        return _amount(fraction(said[:said.index("as")]), "times")
    return None


def _with_unit(said: Sequence[str]) -> Amount | None:
    """"two degrees celsius", "a degree and a half", "a couple of notches", "ten percent"."""
    at = next((at for at, word in enumerate(said) if word in _UNITS
               and (word != "point" or at + 1 == len(said))), -1)
    if at < 0:
        return None
    unit, rest = _UNITS[said[at]], list(said[at + 1:])
    before = [word for word in said[:at] if word not in ("more", "less", "further")]
    value = _FEW if before in (["a", "few"], ["few"]) else quantity(before)
    if not before and said[at] in _SINGULAR:
        value = 1.0
    if value is None:
        return None
    if unit == "percent" and rest in (["points"], ["point"]):
        rest = []
    if unit == "degrees" and rest and _UNITS.get(rest[-1]) in ("celsius", "fahrenheit"):
        unit = _UNITS[rest.pop()]
    if rest:
        part = fraction(rest[1:]) if rest[0] == "and" else None
        if part is None:
            return None
        value += part
    return _amount(value, unit, "little" if unit == "steps" and value == 1 else None)


def _bare(said: Sequence[str]) -> Amount | None:
    """A part, or a number of nobody says what."""
    part = fraction(said)
    return _amount(number(said), "") if part is None else _amount(part, "part")


def _amount(value: float | None, unit: AmountUnit, size: Size | None = None) -> Amount | None:
    if value is None or not 0 < value <= _LARGEST:
        return None
    return Amount(value, unit, size)
