"""Words and numerals that make up one number: "two hundred and five", "2.5 million".

Leaves out: numbers said digit by digit or in two halves ("two fifty"), which can be read in
several ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from iotcall.speech.tokens import ONES, SCALES, SMALL, TENS, UNITS, Token, joined_word, word

_A = frozenset({"a", "an"})
_PARTS = {"half": "0.5", "quarter": "0.25"}
_VAGUE = frozenset({"few", "several", "many", "some", "of"})  # "a few hundred" is no number
_UNFIT_ALONE = frozenset({"k", "grand", "hundreds", "thousands", "millions", "billions", "dozens"})
_LONGEST = 12
"""Digits of a numeral that is counted with: sums beyond a decimal's 28 digits are rounded."""


class Cardinal(msgspec.Struct, gc=False):
    """One number and the tokens it takes."""

    value: Decimal
    stop: int
    """Index of the token after it."""
    is_whole: bool = True
    """Whether it was said without a point and without parts."""
    is_scaled: bool = False
    """Whether a scale word made it."""
    halves: tuple[tuple[Decimal, int, int], ...] = ()
    """Value, first token and stop of what stands before and after a comma inside."""


def cardinal(said: Sequence[Token], at: int, below: int = 0) -> Cardinal | None:
    """The longest cardinal that begins here: "two and a half million", "a hundred and five".

    With `below` it is what follows a greater scale, of which it must not reach the size.
    """
    found = _hundreds(said, at)
    if found is None:
        return None
    _add_fraction(said, found)
    scale = SCALES.get(_next_word(said, at, found), 0)
    if below and scale >= below:
        return None  # "two thousand three thousand": the three goes with its own thousand
    if scale == 100 or (scale and not _can_count(said, at)):
        return found
    if scale:
        found.value, found.stop, found.is_scaled = found.value * scale, found.stop + 1, True
        if scale >= 1000 and said[found.stop - 1].text != "k":
            _add_rest(said, at, found, scale)
    return None if below and found.value >= below else found


def small(said: Sequence[Token], at: int) -> tuple[int, int]:
    """A number below a hundred in words, and its stop: the same as `at` where none begins."""
    first = word(said, at)
    if first not in SMALL:
        return 0, at
    if first in TENS and at + 1 < len(said) and (unit := _unit(said, at + 1)):
        return TENS[first] + unit, at + 2
    return SMALL[first], at + 1


def decimals(said: Sequence[Token], at: int) -> tuple[str, int]:
    """The digits after a point, "five oh", "25" or "twenty five", and their stop."""
    digits, stop = "", at
    while stop < len(said) and len(digits) < _LONGEST:
        token = said[stop]
        if token.gap not in ("", " ", "-") or token.has_currency:
            break
        if len(token.digits) == 1 or (token.digits and not digits):
            digits += token.digits
        elif token.text in ONES:
            digits += str(ONES[token.text])
        elif token.text in ("oh", "o"):
            digits += "0"
        else:
            break
        stop += 1
    if not digits and joined_word(said, at):
        value, stop = small(said, at)
        digits = str(value) if stop > at else ""
    return (digits, stop) if len(digits) <= _LONGEST else ("", at)


def _hundreds(said: Sequence[Token], at: int) -> Cardinal | None:
    """"twelve", "250", "a" and "couple" before a scale, "two hundred and five"."""
    token = said[at]
    follows = joined_word(said, at + 1)
    if token.value is not None:
        found = Cardinal(token.value, at + 1, is_whole=bool(token.digits))
        if not _can_count(said, at):
            return found
    elif token.text in SMALL:
        value, stop = small(said, at)
        if 0 < value < 10 and joined_word(said, stop):
            value, stop = _pair(said, stop, value)
        found = Cardinal(Decimal(value), stop)
    elif token.text in _A:
        if follows == "couple":
            return _hundreds(said, at + 1)
        if follows not in SCALES or follows == "k":
            return None
        found = Cardinal(Decimal(1), at + 1)
    elif token.text == "couple":
        found = Cardinal(Decimal(2), at + 1 + (follows == "of"))
        if joined_word(said, found.stop) not in SCALES and follows != "of" and (
                follows not in UNITS):
            return None
    elif token.text in SCALES and token.text not in _UNFIT_ALONE and (
            word(said, at - 1) not in _VAGUE):
        found = Cardinal(Decimal(1), at)
    else:
        return None
    if _next_word(said, at, found) in ("hundred", "hundreds") and 0 < found.value < 100:
        found.value, found.stop, found.is_scaled = found.value * 100, found.stop + 1, True
        after = found.stop + (joined_word(said, found.stop) == "and")
        value, stop = _small_or_numeral(said, after)
        if stop > after and joined_word(said, after) and not _starts_anew(said, after, stop):
            found.value, found.stop = found.value + value, stop
    return found


def _next_word(said: Sequence[Token], at: int, found: Cardinal) -> str:
    """The word that goes on; a bare "hundred" begins with its scale, whatever stands before."""
    return word(said, at) if found.stop == at else joined_word(said, found.stop)


def _pair(said: Sequence[Token], at: int, hundreds: int) -> tuple[int, int]:
    """"two fifty thousand" is 250 thousands; without the scale it is not read here."""
    value, stop = small(said, at)
    if value >= 10 and SCALES.get(joined_word(said, stop), 0) >= 1000:
        return hundreds * 100 + value, stop
    return hundreds, at


def _add_fraction(said: Sequence[Token], found: Cardinal) -> None:
    if not found.is_whole or found.value >= 10**_LONGEST:
        return
    fraction, stop = _fraction(said, found.stop)
    if fraction:
        found.value, found.stop, found.is_whole = found.value + Decimal(fraction), stop, False


def _fraction(said: Sequence[Token], at: int) -> tuple[str, int]:
    """"point five", "and a half", "and three quarters"; "" where none begins."""
    follows = joined_word(said, at)
    if follows == "point":
        digits, stop = decimals(said, at + 1)
        return (f"0.{digits}", stop) if digits else ("", at)
    if follows != "and":
        return "", at
    after = at + 1 + (joined_word(said, at + 1) in _A)
    part = joined_word(said, after)
    if part == "three" and joined_word(said, after + 1) == "quarters":
        return "0.75", after + 2
    return (_PARTS[part], after + 1) if part in _PARTS else ("", at)


def _add_rest(said: Sequence[Token], at: int, found: Cardinal, scale: int) -> None:
    """What follows a scale and is smaller: "two thousand" -> "two thousand, five hundred"."""
    after = found.stop
    has_comma = after < len(said) and said[after].gap == ","
    after += (has_comma and said[after].text == "and") or joined_word(said, after) == "and"
    if after >= len(said) or said[after].is_signed or said[after].has_currency or (
            said[after].text in SCALES):  # "a thousand, a million"
        return
    if not (joined_word(said, after) or (has_comma and after == found.stop)):
        return
    rest = cardinal(said, after, below=scale)
    if rest is None or rest.value == 0 or rest.stop == after or len(said[after].digits) > 3 or (
            said[after].digits.startswith("0") or _starts_anew(said, after, rest.stop)):
        return
    if has_comma:
        found.halves = ((found.value, at, found.stop), (rest.value, after, rest.stop))
    found.value, found.stop = found.value + rest.value, rest.stop
    found.is_whole = found.is_whole and rest.is_whole


def _small_or_numeral(said: Sequence[Token], at: int) -> tuple[int, int]:
    """As `small`, or a numeral of one or two digits: "2 hundred 50"."""
    if at < len(said) and 0 < len(said[at].digits) < 3 and not said[at].has_currency and (
            said[at].digits[0] != "0"):
        return int(said[at].digits), at + 1
    return small(said, at)


def _starts_anew(said: Sequence[Token], at: int, stop: int) -> bool:
    """Whether what follows a scale is of a next number: "one hundred two hundred", "four four"."""
    return joined_word(said, stop) in ("hundred", "hundreds") or (
        stop == at + 1 and _is_digit(said, at) and _is_digit(said, stop))


def _is_digit(said: Sequence[Token], at: int) -> bool:
    return joined_word(said, at) in ONES or (joined_word(said, at) != "" and (
        len(said[at].digits) == 1))


def _unit(said: Sequence[Token], at: int) -> int:
    """1..9 of "two" and, as some recognisers write "seventy 2", of "2"; else 0."""
    token = said[at]
    if token.gap not in ("", " ", "-") or token.has_currency:
        return 0
    return int(token.digits) if len(token.digits) == 1 else ONES.get(token.text, 0)


def _can_count(said: Sequence[Token], at: int) -> bool:
    """Whether a numeral is short enough to be multiplied exactly; words are."""
    return said[at].value is None or len(said[at].text) <= _LONGEST
