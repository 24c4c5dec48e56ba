"""The words and numerals of a text, and what stands between them. Leaves out: how they add up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

ONES = {"zero": 0, "nought": 0, "naught": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
        "six": 6, "seven": 7, "eight": 8, "nine": 9}
TEENS = {"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
         "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
        "seventy": 70, "eighty": 80, "ninety": 90, "ninty": 90}
_RUN_ON = {tens + one: TENS[tens] + ONES[one]  # "seventytwo", as some recognisers write it
           for tens in TENS for one in ONES if ONES[one]}
SMALL = {**ONES, **TEENS, **TENS, **_RUN_ON}
"""Words of one number below a hundred."""
SCALES = {"hundred": 100, "hundreds": 100, "thousand": 1000, "thousands": 1000, "grand": 1000,
          "k": 1000, "million": 10**6, "millions": 10**6, "billion": 10**9, "billions": 10**9,
          "dozen": 12, "dozens": 12}
OH = frozenset({"oh", "o"})
"""A zero among other digits."""
HOMOPHONES = {"to": 2, "too": 2, "tree": 3, "free": 3, "for": 4, "fore": 4, "fife": 5, "sicks": 6,
              "ate": 8, "won": 1}
"""What a recogniser may write for a digit among other digits."""
_AS_SPOKEN = {
    "hundred": "hunderd hunder hunner hunnerd hunnert hundert hundrid hundret hundered hunnid",
    "thousand": "thousan thoosan thoosand tousand thousend thowsand",
    "one": "wan", "two": "twa", "four": "fower", "seven": "seeven sivin", "eight": "eicht aucht",
    "nine": "niner", "eleven": "eleeven elevin", "twelve": "twalve",
    "twenty": "twenny twinny twinty twunty", "thirty": "thurty therty thirdy",
    "forty": "fordy foarty", "fifty": "fifdy fitty fiddy", "sixty": "sixdy shixty",
    "seventy": "sevendy sivinty", "eighty": "eighdy eichty", "ninety": "ninedy"}
"""Number words as dialects and hurried mouths say them, and recognisers write them."""
_MEANT = {spoken: word for word, all in _AS_SPOKEN.items() for spoken in all.split()}
MINUS = frozenset({"minus", "negative"})
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
            "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
            "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
            "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30}
MONEY = frozenset({"dollar", "dollars", "buck", "bucks", "pound", "pounds", "quid", "euro",
                   "euros"})
CENTS = frozenset({"cent", "cents", "pence", "penny", "pennies"})
UNITS = MONEY | CENTS | {
    "degree", "degrees", "percent", "second", "seconds", "minute", "minutes", "hour", "hours",
    "day", "days", "week", "weeks", "month", "months", "year", "years", "time", "times"}
"""What numbers count: after one of these words no number goes on, but for cents."""

_FILLERS = frozenset({"uh", "um", "uhm", "er", "erm", "hm", "hmm", "mm", "ah"})
_CURRENCY = "$\u00a3\u20ac"
_HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2212")
_FRACTIONS = {"\u00bc": Decimal("0.25"), "\u00bd": Decimal("0.5"), "\u00be": Decimal("0.75")}
_LETTERS = r"[^\W\d_\u00bc\u00bd\u00be]+"
_TOKEN = re.compile(rf"""
      \d{{1,3}}(?:,\d{{3}})++(?:\.\d+)?(?!\d|,\d)        # 2,500.75
    | \d{{1,3}}(?:\.\d{{3}})++,\d+(?!\d)                 # 2.500,75
    | (?<!\d\.)\d+\.\d+(?!\.?\d)                         # 1.5, but not in 192.168.1.1
    | (?<!\d,)\d+,\d+(?!,?\d)                            # 1,5, but not in 4,5,6
    | (?<![^\s{_CURRENCY}-])\.\d+                        # .5
    | \d*[\u00bc\u00bd\u00be]                            # 2\u00bd
    | \d+
    | {_LETTERS}(?:['\u2019]{_LETTERS})*                # o'clock
""", re.VERBOSE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


class Token(msgspec.Struct, gc=False):
    """One word or one numeral."""

    text: str
    """Casefolded; a number word as dictionaries write it."""
    start: int
    end: int
    """Characters of the text; a sign belongs to its numeral, a currency does not."""
    gap: str
    """What stands before: "" nothing, " " space, "-" hyphen, "," comma or stop, "|" else."""
    value: Decimal | None = None
    """Of a numeral."""
    digits: str = ""
    """Of a whole numeral, as typed, without separators: "0412", "2500"."""
    is_signed: bool = False
    has_currency: bool = False


def tokens(text: str) -> list[Token]:
    """The tokens in order; hesitations are left out as if they had not been said."""
    found: list[Token] = []
    end, hesitated = 0, False
    for match in _TOKEN.finditer(text):
        start = match.start()
        between, written = text[end:start], match.group()
        end = match.end()
        gap = " " if between == " " else _gap(between)
        if hesitated and gap == ",":
            gap = " "  # "two hundred, uh, fifty"
        if not (written[-1].isdecimal() or written[-1] in _FRACTIONS):
            written = written.casefold()
            hesitated = written in _FILLERS
            if not hesitated:
                found.append(Token(_MEANT.get(written, written), start, end, gap))
            continue
        hesitated = False
        found.append(_numeral(written, text, start, end, gap))
    return found


def word(said: Sequence[Token], at: int) -> str:
    """The text of a token; "" beyond the last and before the first."""
    return said[at].text if 0 <= at < len(said) else ""


def joined_word(said: Sequence[Token], at: int) -> str:
    """The text of a token that goes on from the one before it: after a space or a hyphen."""
    return said[at].text if 0 <= at < len(said) and said[at].gap in ("", " ", "-") else ""


def plain(value: Decimal) -> Decimal:
    """The same number without an exponent and without zeros that say nothing: 2.50 -> 2.5."""
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else Decimal(text)


def _gap(between: str) -> str:
    mark = between.strip()
    if not mark:
        return " " if between else ""
    if between in _HYPHENS:
        return "-"
    return "," if mark in (",", ".") else "|"


def _numeral(written: str, text: str, start: int, end: int, gap: str) -> Token:
    before = start
    while before and text[before - 1] in _CURRENCY:
        before -= 1
    has_currency = before < start
    is_signed = bool(before) and text[before - 1] in "-\u2212" and (
        before == 1 or text[before - 2].isspace() or text[before - 2] in f"({_CURRENCY}")
    value, digits = _read(written if written.isascii() else "".join(
        str(int(each)) if each.isdecimal() else each for each in written))
    if is_signed:
        value = value.copy_negate() if value else value
        return Token(written, before - 1, end, "|", value, "", True, has_currency)
    return Token(written, start, end, "|" if has_currency else gap, value, digits, False,
                 has_currency)


def _read(written: str) -> tuple[Decimal, str]:
    if written.isdecimal():
        return Decimal(written), written
    if (part := _FRACTIONS.get(written[-1])) is not None:
        whole = written[:-1] or "0"  # subtle: put together as text, since sums are rounded
        return Decimal(f"{whole}{str(part)[1:]}"), ""
    if _THOUSANDS.fullmatch(written):
        written = written.replace(",", "")
        return plain(Decimal(written)), "" if "." in written else written
    if "," in written:
        written = written.replace(".", "").replace(",", ".")
    return plain(Decimal(written)), ""
