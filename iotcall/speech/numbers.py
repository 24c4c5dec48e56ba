"""The numbers that people say, in digits or in English words. Leaves out: what they count.

`said_numbers` gives every plausible reading, so that a choice among them seldom lacks the one that
was meant; `numbers` gives one of each place, so that a sentence says no more than it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from iotcall.speech.runs import Reading, readings
from iotcall.speech.terms import terms
from iotcall.speech.tokens import (
    CENTS,
    HOMOPHONES,
    MINUS,
    MONEY,
    OH,
    SCALES,
    SMALL,
    Token,
    plain,
    tokens,
    word,
)

_BESIDE = frozenset({"a", "and", "couple", "double", "half", "of", "point", "triple"})
_DEGREES = frozenset({"degree", "degrees"})


class SaidNumber(msgspec.Struct, frozen=True):
    """One reading of a stretch of text as a number."""

    value: Decimal
    """Exact, without an exponent: 2.5, 1000, -3."""
    digits: str
    """Plain digits as one would type them, leading zeros kept: "0412"; "" where the number has a
    sign, a point or cents."""
    start: int
    end: int
    """Characters of the text: its number words or numeral, without a currency or a unit."""


def said_numbers(text: str) -> tuple[SaidNumber, ...]:
    """Every plausible reading, by start, end and value: "two fifty" -> 2.50 and 250."""
    said = tokens(text)
    found: dict[tuple[int, int, Decimal], SaidNumber] = {}
    for reading in _readings(said):
        start, end = said[reading.first].start, said[reading.stop - 1].end
        key = (start, end, reading.value)
        if key not in found or not found[key].digits:
            found[key] = SaidNumber(reading.value, reading.digits, start, end)
    return tuple(found[key] for key in sorted(found))


def numbers(text: str) -> tuple[float, ...]:
    """The likely numbers, one of each place: "between 68.5 and seventy-two" -> (68.5, 72.0)."""
    likely = [reading for reading in _readings(tokens(text)) if reading.is_likely]
    likely.sort(key=lambda reading: (reading.first, -reading.stop))
    found: list[float] = []
    end = 0
    for reading in likely:
        if reading.first >= end:
            found.append(float(reading.value))
            end = reading.stop
    return tuple(found)


def is_number_word(word: str) -> bool:
    """Whether a casefolded word is, or is a part of, a number."""
    return (word.isdecimal() or word in SMALL or word in SCALES or word in MINUS or word in OH
            or word in _BESIDE)


def _readings(said: Sequence[Token]) -> Sequence[Reading]:
    pieces = terms(said)
    if not pieces:
        return ()
    found = list(readings(said, pieces))
    return [*found, *_with_units(said, found), *_misheard_hundreds(said, found)]


def _misheard_hundreds(said: Sequence[Token], found: Sequence[Reading]) -> Iterator[Reading]:
    """"too hundred and five" -> 205 besides 105."""
    for reading in found:
        count = HOMOPHONES.get(word(said, reading.first - 1), 0)
        scale = SCALES.get(word(said, reading.first), 0)
        if count and scale in (100, 1000) and scale <= reading.value < 2 * scale:
            value = reading.value + (count - 1) * scale
            yield Reading(value, f"{value:f}" if reading.digits else "", reading.first - 1,
                          reading.stop, is_likely=False)


def _with_units(said: Sequence[Token], found: Sequence[Reading]) -> Iterator[Reading]:
    """"forty dollars and fifty cents", "forty bucks fifty", "fifty cents", "five below zero"."""
    begins: dict[int, list[Reading]] = {}
    for reading in found:
        begins.setdefault(reading.first, []).append(reading)
    for reading in found:
        unit = word(said, reading.stop)
        if unit in MONEY and reading.digits and len(reading.digits) < 13:
            after = reading.stop + 1
            after += word(said, after) == "and"
            for rest in begins.get(after, ()):
                has_cents = word(said, rest.stop) in CENTS
                if len(rest.digits) in (1, 2) and (has_cents or (
                        len(rest.digits) == 2 and word(said, rest.stop) not in MONEY)):
                    yield Reading(plain(reading.value + rest.value / 100), "", reading.first,
                                  rest.stop + has_cents)
        elif unit in CENTS and len(reading.digits) in (1, 2):
            yield Reading(plain(reading.value / 100), "", reading.first, reading.stop,
                          is_likely=False)
        below = reading.stop + (unit in _DEGREES)
        if word(said, below) == "below" and word(said, below + 1) in ("zero", "0") and (
                reading.value > 0):
            yield Reading(reading.value.copy_negate(), "", reading.first, below + 2)
