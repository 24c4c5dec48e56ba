"""The numbers that an utterance says, in digits or English words. Leaves out: what they count.

Exact from zero to one hundred ninety nine and for decimals; larger words ("two thousand") come
out large, which is all that matters of them here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNITS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
          "eight": 8, "nine": 9}
_TEENS = {"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
          "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
         "eighty": 80, "ninety": 90}
_RUN_ON = {tens + unit: _TENS[tens] + _UNITS[unit]  # "seventytwo", as some recognisers write it
           for tens in _TENS for unit in _UNITS if unit != "zero"}
_SMALL = {**_UNITS, **_TEENS, **_TENS, **_RUN_ON}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_MINUS = {"minus", "negative"}

# "the bedroom one" counts nothing: a bare "one" is a number only beside one of these.
_BEFORE_ONE = {"to", "at", "by", "about", "around", *_MINUS}
_AFTER_ONE = {"degree", "degrees", "percent"}

_TOKEN = re.compile(r"(?:(?<!\S)[-\u2212])?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
                    r"|[^\W\d_]+|[.,;:!?]")
_THOUSANDS = re.compile(r"\D?\d+(?:,\d{3})+(?:\.\d+)?")


def numbers(text: str) -> tuple[float, ...]:
    """Every number in the text: "between 68.5 and seventy-two" -> (68.5, 72.0)."""
    tokens = _TOKEN.findall(text.casefold())
    found: list[float] = []
    at = 0
    while at < len(tokens):
        if tokens[at][-1].isdecimal():
            value, end = _digits(tokens[at]), at + 1
        else:
            value, end = _spoken(tokens, at)
        if end > at and not _is_pronoun(tokens, at, end):
            found.append(-value if at and tokens[at - 1] in _MINUS else value)
        at = max(end, at + 1)
    return tuple(found)


def is_number_word(word: str) -> bool:
    """Whether the word is, or is a part of, a number."""
    return word.isdecimal() or word in _SMALL or word in _SCALES or word in _MINUS or (
        word in ("and", "point", "a"))


def _digits(token: str) -> float:
    token = token.replace("\u2212", "-")
    return float(token.replace(",", "") if _THOUSANDS.fullmatch(token)
                 else token.replace(",", "."))


def _spoken(tokens: Sequence[str], at: int) -> tuple[float, int]:
    """The number in words that begins here and where it ends; it ends here where none does."""
    value, end = _below_hundred(tokens, at)
    if end == at and _at(tokens, at) in _SCALES:
        value = 1.0  # "a hundred"
    elif end == at:
        return 0.0, at
    while _at(tokens, end) in _SCALES:
        value *= _SCALES[tokens[end]]
        end += 1
        after = end + (_at(tokens, end) == "and")
        more, more_end = _below_hundred(tokens, after)
        if more_end > after:
            value, end = value + more, more_end
    if _at(tokens, end) == "point":
        place, after = 0.1, end + 1
        while _at(tokens, after) in _UNITS:
            value, place, after = value + _UNITS[tokens[after]] * place, place / 10, after + 1
        end = after if after > end + 1 else end
    return round(value, 6), end


def _below_hundred(tokens: Sequence[str], at: int) -> tuple[float, int]:
    first = _at(tokens, at)
    if first not in _SMALL:
        return 0.0, at
    if first in _TENS and (unit := _unit(_at(tokens, at + 1))):
        return float(_TENS[first] + unit), at + 2
    return float(_SMALL[first]), at + 1


def _unit(token: str) -> int:
    """1..9 of "two" and, as some recognisers write "seventy 2", of "2"; else 0."""
    if token.isdecimal() and len(token) == 1:
        return int(token)
    return _UNITS.get(token, 0)


def _is_pronoun(tokens: Sequence[str], at: int, end: int) -> bool:
    alone = len(tokens) == 1
    return tokens[at:end] == ["one"] and not (
        alone or _at(tokens, at - 1) in _BEFORE_ONE or _at(tokens, end) in _AFTER_ONE)


def _at(tokens: Sequence[str], index: int) -> str:
    return tokens[index] if 0 <= index < len(tokens) else ""
