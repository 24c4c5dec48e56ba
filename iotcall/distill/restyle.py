"""Another number, or another name, said the way the first one was. Leaves out: which one.

"twelve hundred fifty" for 1250 becomes "thirty one hundred" for 3100; "four five one two" for 4512
becomes "nine oh oh seven"; "groceries dot txt" for groceries.txt becomes "plan underscore b dot
md".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from num2words import num2words

from iotcall.speech import is_number_word

Style = Callable[[str], str | None]
"""From a number as JSON writes it, or digits, to how it is said; None: it is not said so."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SIGNS = {".": "dot", "_": "underscore", "-": "dash", "/": "slash"}


def number_like(words: str, old: str, new: str) -> str | None:
    """The words with the new number where they say the old one; None where nobody can tell how.

    Args:
        old, new: digits, with a point where the number has one; leading zeros count.
    """
    said = words.casefold()
    for style in _styles():
        form = style(old)
        if form is None:
            continue
        found = re.search(rf"(?<![\w.]){re.escape(form)}(?![\w]|\.\d)", said)
        if not found:
            continue
        rest = f"{said[:found.start()]} {said[found.end():]}"
        if any(part.isdigit() or is_number_word(part) for part in re.findall(r"\w+", rest)):
            continue
        other = style(new)
        if other is None:
            return None
        return f"{words[:found.start()]}{other}{words[found.end():]}"
    return None


def name_like(words: str, old: str, new: str) -> str | None:
    """The words with the new name, spelt as the old one is, or spoken sign by sign."""
    if words == old:
        return new
    if words.casefold() == spoken_name(old).casefold():
        return spoken_name(new)
    return None


def spoken_name(name: str) -> str:
    """ "notes.txt" -> "notes dot txt"; a leading sign is spoken too."""
    return " ".join(re.sub(r"[._/-]", lambda sign: f" {_SIGNS[sign[0]]} ", name).split())


def _styles() -> Iterator[Style]:
    """Longest ways first: "sixty four" must not be found inside "sixty four fifty"."""
    yield _dollars_and_cents
    yield _pair_words
    yield _hundreds
    yield _words
    yield lambda digits: (_words(digits) or "").replace(" and ", " ") or None
    yield lambda digits: (_words(digits) or "").replace("-", " ") or None
    yield lambda digits: (_words(digits) or "").replace(" and ", " ").replace("-", " ") or None
    yield lambda digits: _one_by_one(digits, "zero")
    yield lambda digits: _one_by_one(digits, "oh")
    yield lambda digits: " ".join(digits) if digits.isdigit() and len(digits) > 2 else None
    yield lambda digits: f"{Decimal(digits):,.2f}" if _plain(digits) else None
    yield lambda digits: f"{Decimal(digits):.2f}" if _plain(digits) else None
    yield lambda digits: f"{Decimal(digits):,}" if _plain(digits) else None
    yield lambda digits: digits


def _plain(digits: str) -> bool:
    return not (digits.startswith("0") and digits.isdigit())


def _words(digits: str) -> str | None:
    if not _plain(digits):
        return None
    number = Decimal(digits)
    if number == int(number):
        return str(num2words(int(number))).replace(",", "")
    return str(num2words(number))


def _one_by_one(digits: str, zero: str) -> str | None:
    if not digits.isdigit() or len(digits) < 3:
        return None
    return " ".join(zero if digit == "0" else _DIGITS[int(digit)] for digit in digits)


def _pair_words(digits: str) -> str | None:
    """ "4512" -> "forty five twelve"; "12.50" -> "twelve fifty"."""
    whole, point, cents = digits.partition(".")
    if point:
        first, second = whole, cents.ljust(2, "0")
    elif len(digits) in (3, 4):
        first, second = digits[:-2], digits[-2:]
    else:
        return None
    if not (first.isdigit() and second.isdigit()) or first.startswith("0") or (
            int(second) < 10 or not 1 <= int(first) < 100):
        return None
    return f"{_spaced(int(first))} {_spaced(int(second))}"


def _hundreds(digits: str) -> str | None:
    """ "1250" -> "twelve hundred fifty"."""
    if not digits.isdigit() or len(digits) != 4 or digits[1] == "0" or digits[0] == "0":
        return None
    rest = int(digits[2:])
    return f"{_spaced(int(digits[:2]))} hundred" + (f" {_spaced(rest)}" if rest else "")


def _dollars_and_cents(digits: str) -> str | None:
    whole, point, cents = digits.partition(".")
    if not point or not whole.isdigit() or not int(whole):
        return None
    return f"{_spaced(int(whole))} dollars and {_spaced(int(cents.ljust(2, '0')))} cents"


def _spaced(number: int) -> str:
    return str(num2words(number)).replace("-", " ").replace(",", "").replace(" and ", " ")
