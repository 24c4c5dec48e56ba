"""Personal data in what people said: where it stands and of which kind it is.

E-mail addresses (also spoken), card and IBAN numbers by their checksums, telephone numbers by the
numbering plans of countries, addresses of the network, names and passwords in URLs, what follows
"PIN" or "code", and long runs of digits, typed or spoken. Leaves out: names and addresses of
people, other than those it is told; what to put in their place (see fakes).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec
import phonenumbers
from stdnum import iban, luhn

from iotcall.speech import said_numbers

KINDS = ("credentials", "email", "iban", "ip", "mac", "name", "card", "phone", "secret", "number")
"""Where two overlap, the earlier kind wins."""
LONG = 7
"""Digits of a number from which on it is taken for somebody's: an account, a telephone."""
SHORTEST_SECRET = 3
"""Digits after a word such as "PIN"."""

_FLAGS = re.IGNORECASE
_URL = re.compile(r"(?<=://)[^\s/@]{1,200}(?=@)")
_QUERY = re.compile(r"(?<=[?&])(?:access_?token|api_?key|auth|key|pass(?:word)?|pwd|secret|"
                    r"sig(?:nature)?|token)=([^&\s#]{1,400})", _FLAGS)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}\b", _FLAGS)
_SPOKEN_EMAIL = re.compile(
    r"\b(?!(?:look|order|buy|shop|it|is) )[a-z]\w*(?: (?:dot|underscore|dash|hyphen) \w+){0,5}"
    r" at \w+(?: dot \w+){0,3} dot "
    r"(?:com|org|net|edu|gov|info|biz|io|co|uk|de|fr|es|it|nl|eu|ca|au|ch|at)\b", _FLAGS)
_IBAN = re.compile(r"\b[a-z]{2}[ -]?[0-9]{2}(?:[ -]?[a-z0-9]){11,30}\b", _FLAGS)
_IP = re.compile(r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.[0-9])"
                 r"|[0-9a-f:]{0,39}::?[0-9a-f:]{1,39}(?![\w:]))", _FLAGS)
_MAC = re.compile(r"(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])", _FLAGS)
_DIGITS = re.compile(r"(?<![\w.,/])[0-9](?:[ -]?[0-9])+(?![\w/]|[.,][0-9])")
_CARD = re.compile(r"(?<!\w)[0-9]{4}(?:[ .\-/][0-9]{4}){3}(?!\w)")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-?[01][0-9]-?[0-3][0-9]|[0-3][0-9]-[01][0-9]-(?:19|20)\d\d")
_MONEY_BEFORE = re.compile(r"[$\u20ac\u00a3\u00a5]\s?\Z")
_UNIT_AFTER = re.compile(
    r"[.,]?\d*\s?(?:%|\u00b0|[$\u20ac\u00a3]|(?:percent|degrees?|dollars?|bucks|cents?|euros?|"
    r"pounds?|pence|quid|minutes?|seconds?|hours?|days?|lumens?|kelvin|watts?)\b)", _FLAGS)
_SCALE = re.compile(r"\b(?:hundred|thousand|million|billion)\b", _FLAGS)
_SECRET_WORD = re.compile(
    r"\b(?:pin|pass ?code|password|pass ?phrase|pass ?word|code|cvv|cvc|ssn|social security|"
    r"security number|account number|routing number|sort code|zip|postcode|licen[sc]e)\b", _FLAGS)
_SECRET_GAP = re.compile(r"[^\d%$]{0,40}\Z")
_NO_SECRET = re.compile(r"\b(?:ending|ends|card|percent|degrees?|channel|minutes?)\b", _FLAGS)
_IS = re.compile(r"(?:\bis|\bto|['\u2019]s|[=:])\s*\Z", _FLAGS)
_SECRET_AFTER = re.compile(
    r"\W{0,3}\s*(?:is|as|was|for|'s|to be)\s(?:\w+\s){0,3}?"
    r"(?:pin|pass ?code|password|code|cvv|cvc)\b", _FLAGS)
_PASSWORD = re.compile(r"\b(?:password|pass ?phrase|pass ?code|pass ?word)\s*(?:is|to|:|=)\s*"
                       r"[\"']?([^\s\"',;!?]{2,60})", _FLAGS)
_NO_PASSWORD = re.compile(
    "a|an|the|my|our|your|it|its|not|no|being|been|wrong|incorrect|invalid|right|correct|expired|"
    "working|locked|blocked|gone|lost|forgotten|stolen|too|very|still|again|old|new|weak|strong|"
    "reset|changed|what|that|this|something|log|get|enter|open|unlock", _FLAGS)


class Found(msgspec.Struct, frozen=True):
    """A place in a text."""

    kind: str
    start: int
    end: int
    digits: str = ""
    """What its digits are, typed or spoken; empty where it is more than digits."""


class Detector:
    """Looks for all kinds; holds the names it was told."""

    def __init__(self, *, region: str = "US", names: Sequence[str] = ()) -> None:
        """`region`: ISO 3166 code of the country whose telephone numbers are said without the
        country's code; `names`: of people and whatever else must not stay, found in composed and
        in decomposed letters.
        """
        self._region = region
        composed = {unicodedata.normalize("NFC", name.strip()) for name in names}
        wanted = sorted(composed - {""}, key=len, reverse=True)
        self._names = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)", _FLAGS) if wanted else None

    def find(self, text: str, *, is_secret: bool = False) -> list[Found]:
        """Places that do not overlap, from left to right.

        Args:
            is_secret: whether the text answers a question for a PIN or a code.
        """
        found = [*_texts(text), *self._numbers(text, is_secret)]
        if self._names:
            composed, spans = _composed(text)
            found += [Found("name", spans[match.start()][0], spans[match.end() - 1][1])
                      for match in self._names.finditer(composed)]
        return apart(found)

    def _numbers(self, text: str, is_secret: bool) -> Iterator[Found]:
        runs = list(_runs(text))
        if sum(char.isdigit() for char in text) >= LONG:
            for match in phonenumbers.PhoneNumberMatcher(text, self._region):
                digits = "".join(filter(str.isdecimal, match.raw_string))
                yield Found("phone", match.start, match.end, digits)
        for card in _CARD.finditer(text):
            start, end = card.span()
            digits = "".join(filter(str.isdecimal, card[0]))
            # subtle: these may be four groups of a longer number, which goes as a whole
            if luhn.is_valid(digits) and not any(
                    run.start <= start and end <= run.end for run in runs):
                yield Found("card", start, end, digits)
        for run in runs:
            if 13 <= len(run.digits) <= 19 and luhn.is_valid(run.digits):
                yield Found("card", run.start, run.end, run.digits)
            elif len(run.digits) >= SHORTEST_SECRET and (
                    is_secret or _is_told(text, run.start, run.end)):
                yield Found("secret", run.start, run.end, run.digits)
            elif len(run.digits) >= LONG:
                yield run


def written_email(text: str) -> str:
    """An address as one types it: "ann dot lee at example dot com" -> "ann.lee@example.com"."""
    for word, sign in (("dot", "."), ("at", "@"), ("underscore", "_"), ("dash", "-"),
                       ("hyphen", "-")):
        text = text.replace(f" {word} ", sign)
    return text


def asks_for_secret(text: str) -> bool:
    """Whether what was asked is a PIN, a code and the like."""
    return _SECRET_WORD.search(text) is not None


def apart(found: Sequence[Found]) -> list[Found]:
    """Those of the earliest kinds, the longest first, that do not overlap; from left to right."""
    kept: list[Found] = []
    for each in sorted(found, key=lambda each: (KINDS.index(each.kind), each.start - each.end,
                                                each.start)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda each: each.start)


def _texts(text: str) -> Iterator[Found]:
    """Kinds that are more than digits."""
    yield from (Found("credentials", *match.span()) for match in _URL.finditer(text))
    yield from (Found("credentials", *match.span(1)) for match in _QUERY.finditer(text))
    yield from (Found("email", *match.span()) for match in _EMAIL.finditer(text))
    yield from (Found("email", *match.span()) for match in _SPOKEN_EMAIL.finditer(text))
    yield from (Found("mac", *match.span()) for match in _MAC.finditer(text))
    for match in _IP.finditer(text):
        if _is_address(match[0]):
            yield Found("ip", *match.span())
    for match in _IBAN.finditer(text):
        end = match.end()
        while end - match.start() > 14:  # subtle: words that follow look like groups of it
            if iban.is_valid(text[match.start():end], check_country=False):
                yield Found("iban", match.start(), end)
                break
            end = match.start() + len(text[match.start():end - 1].rstrip(" -"))
    for match in _PASSWORD.finditer(text):
        word = match[1].rstrip(".")
        if not _NO_PASSWORD.fullmatch(word) and not word.isdecimal():
            yield Found("secret", match.start(1), match.start(1) + len(word))


def _runs(text: str) -> Iterator[Found]:
    """Runs of digits, typed or spoken, that are no amount and no date."""
    places = [(number.start, number.end, number.digits) for number in said_numbers(text)
              if number.digits and not _SCALE.search(text, number.start, number.end)]
    places += [(*match.span(), "".join(filter(str.isdecimal, match[0])))
               for match in _DIGITS.finditer(text)]
    for start, end, digits in dict.fromkeys(places):
        is_amount = _MONEY_BEFORE.search(text[:start]) or _UNIT_AFTER.match(text, end)
        if not is_amount and "," not in text[start:end] and not _DATE.fullmatch(text[start:end]):
            yield Found("number", start, end, digits)


def _composed(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text in NFC, and for each of its characters where what became it stands in the text."""
    parts: list[str] = []  # which NFC composes each by itself
    for char in text:
        if parts and (unicodedata.combining(char) or _joins(parts[-1], char)):
            parts[-1] += char
        else:
            parts.append(char)
    composed, end = "", 0
    spans: list[tuple[int, int]] = []
    for part in parts:
        start, end = end, end + len(part)
        letters = unicodedata.normalize("NFC", part)
        composed += letters
        spans += [(start, end)] * len(letters)
    return composed, spans


def _joins(before: str, char: str) -> bool:
    """Whether NFC makes one of them, though the character is no mark: Korean syllables."""
    beside = unicodedata.normalize("NFC", before) + unicodedata.normalize("NFC", char)
    return not char.isascii() and unicodedata.normalize("NFC", before + char) != beside


def _is_told(text: str, start: int, end: int) -> bool:
    """Whether the digits stand near "PIN" or the like: "my pin is 1234", "1234 is my pin"."""
    for match in _SECRET_WORD.finditer(text, 0, start):
        gap = text[match.end():start]
        if _SECRET_GAP.match(gap) and (_IS.search(gap) or not _NO_SECRET.search(gap)):
            return True
    return _SECRET_AFTER.match(text, end) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
