"""A stretch of text that says one value: its words, and the number they are.

Leaves out: what the value is of (see durations, shares, degrees, amounts and colors), and guessing:
words that are no number, or two of them ("five to ten"), are none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from iotcall.speech.numbers import numbers, said_numbers
from iotcall.speech.tokens import CENTS, MONEY, ONES, ORDINALS, tokens

LONGEST = 120
"""Characters of a value; a longer text says none."""

_WRITTEN = str.maketrans({
    "%": " percent ", "\u00b0": " degrees ", "\u00ba": " degrees ", "\u2103": " degrees celsius ",
    "\u2109": " degrees fahrenheit ", "\u2153": " one third ", "\u2154": " two thirds ",
    "\u2044": "/", "_": " ", "\u2019": "'", "\u00a0": " ", "\u202f": " "})
_SLASHED = {"1/2": "\u00bd", "1/4": "\u00bc", "3/4": "\u00be", "1/3": " one third ",
            "2/3": " two thirds "}
_SLASH = re.compile(r"(?<![\d/.,])(?:(\d+) )?([123]/[234])(?![\d/])")
_PER_CENT = re.compile(r"(?<![^\W\d])(?:per cent|pct)\b")
_HALFWAY = re.compile(r"\bhalfway\b")

_BEFORE = frozenset({
    "to", "at", "by", "for", "in", "on", "with", "the", "about", "around", "approximately",
    "approx", "roughly", "exactly", "nearly", "almost", "just", "only", "maybe", "perhaps", "say",
    "like", "please"})
_AFTER = frozenset({
    "please", "now", "thanks", "thank", "you", "instead", "though", "then", "or", "so", "ish",
    "exactly", "altogether", "total", "roughly"})
_A = frozenset({"a", "an"})
_NO_NUMBER = frozenset(ORDINALS) | MONEY | CENTS | {"st", "nd", "rd", "th"}

_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4,
          "fourth": 4, "fourths": 4, "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6,
          "eighth": 8, "eighths": 8, "tenth": 10, "tenths": 10}
_PARTS_ALONE = frozenset({"half", "third", "quarter"})
"""Said without an article too: spans are copied without one."""


def heard(text: str) -> list[str]:
    """The words and numerals of a value: "To 40% please" -> ["40", "percent"].

    Small letters, signs as words, without hesitations, and without what leads to a value or
    is polite. Empty where the text is too long, a sum of money, or a range ("3-5").
    """
    if len(text) > LONGEST:
        return []
    text = _SLASH.sub(_slashed, text.casefold().translate(_WRITTEN))
    text = _HALFWAY.sub("half way", _PER_CENT.sub("percent", text))
    found: list[str] = []
    was_numeral = False
    for token in tokens(text):
        is_numeral = token.value is not None
        if token.has_currency or (is_numeral and was_numeral and token.gap != " "):
            return []
        was_numeral = is_numeral
        found.append(text[token.start:token.end])
    start, stop = 0, len(found)
    while start < stop - 1 and found[start] in _BEFORE:
        start += 1
    while stop > start + 1 and found[stop - 1] in _AFTER:
        stop -= 1
    return found[start:stop]


def number(said: Sequence[str]) -> float | None:
    """The one number that all of the words say: "twenty one and a half", "-2", "1,5"."""
    value = exact_number(said)
    return None if value is None else float(value)


def exact_number(said: Sequence[str]) -> Decimal | None:
    """As `number`, with all its digits."""
    if not said or not _NO_NUMBER.isdisjoint(said):
        return None
    text = " ".join(said)
    likely = numbers(text)
    if len(likely) == 1:
        for reading in said_numbers(text):
            if reading.start == 0 and reading.end == len(text) and (
                    float(reading.value) == likely[0]):
                return reading.value
    return None


def fraction(said: Sequence[str]) -> float | None:
    """A part of one in words: "half", "a third", "three quarters"; "a fourth" in America."""
    if not said or (count := _PARTS.get(said[-1])) is None or len(said) > 2:
        return None
    if len(said) == 1:
        return 1 / count if said[0] in _PARTS_ALONE else None
    above = 1 if said[0] in _A else ONES.get(said[0], 0)
    if len(said[0]) == 1 and said[0].isdecimal():
        above = int(said[0])
    return above / count if 0 < above <= count else None


def quantity(said: Sequence[str]) -> float | None:
    """How many of what is named next: "an", "ten", "half an", "a couple of", "a quarter of a"."""
    if len(said) > 1 and said[0] in ("another", "extra"):
        said = said[1:]
    if len(said) == 1 and said[0] in (*_A, "another"):
        return 1.0
    if said and said[-1] in (*_A, "the", "one") and len(said) > 1 and (
            said[-2] == "of" or fraction(said[:-1]) is not None):
        said = said[:-1]
    if said and said[-1] == "of":
        said = said[:-1]
    if [word for word in said if word not in _A] == ["couple"]:
        return 2.0
    part = fraction(said)
    if part is None and "and" in said:
        at = len(said) - 1 - said[::-1].index("and")
        whole, part = number(said[:at]), fraction(said[at + 1:])
        if whole is not None and part is not None and whole >= 0 and whole.is_integer():
            return whole + part  # "two and two thirds", "three and three quarter"
        part = None
    if part is not None:
        return part
    value = number(said)
    if value is None and len(said) > 1 and said[0] in _A:
        value = number(said[1:])  # "a five (minute timer)"
    return value


def _slashed(match: re.Match[str]) -> str:
    """"1 1/2" -> "1½"; any other, as "3/2", stays."""
    whole, part = match.group(1) or "", match.group(2)
    if part not in _SLASHED or (whole and len(_SLASHED[part]) > 1):
        return match.group()
    return whole + _SLASHED[part]
