"""Personal data out of a dialogue, everywhere alike: labels still match what was said.

What is found once is replaced wherever it comes again in the dialogue: in later turns without the
word that gave it away, in other writing ("4821", "four eight two one"), in part (the last four
digits of a card) and in the calls. Beside the dialogue with fakes there is one with placeholders,
by which rows are compared: two people's PINs make no difference. Leaves out: what to look for (see
detect), and whether the calls are still valid.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
from stdnum import iban

from iotcall.catalogue import ToolCall
from iotcall.distill.traces.detect import (
    LONG,
    Detector,
    Found,
    apart,
    asks_for_secret,
    written_email,
)
from iotcall.distill.traces.fakes import fake_digits, fake_text, in_place_of, in_shape
from iotcall.distill.traces.rows import Told
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.speech import said_numbers

SHORTEST_PART = 4
"""Digits by which a part of a longer number is known."""
_MOST_IN_FLOAT = 10 ** 19
"""No card or telephone has a number so high, and a float does not hold the digits of one."""


class Redacted(msgspec.Struct, frozen=True):
    """A dialogue without personal data."""

    dialogue: Dialogue
    """With fakes."""
    pattern: Dialogue
    """With placeholders."""
    counts: dict[str, int]
    """Kind -> how many places of utterances and calls were replaced."""


class _Value(msgspec.Struct, frozen=True):
    kind: str
    number: int
    """Of the values of its kind in this dialogue, counted from 1."""
    fake: str
    """Digits, or a text."""

    @property
    def placeholder(self) -> str:
        return f"_{self.kind}{self.number}_"


_Replace = Callable[[_Value, str, str], str]
"""Value, the text at its place, the digits that the text stands for -> what is written there."""


def redact(told: Told, detector: Detector, random: Random) -> Redacted:
    """The dialogue with fakes drawn from `random`."""
    values = _Values(random)
    places: list[tuple[str, list[Found]]] = []
    for turn, asked in zip(told.dialogue.turns, told.asked, strict=True):
        places.append((turn.utterance,
                       detector.find(turn.utterance, is_secret=asks_for_secret(asked))))
        places += [(str(leaf), _in_argument(leaf, told.dialogue, detector)) for call in turn.calls
                   for leaf in _leaves(call.arguments)]
    home = told.dialogue.home
    places.append((home, detector.find(home)))
    found_all = [(each, text[each.start:each.end]) for text, found in places for each in found]
    # subtle: the longest first, of which others may be parts: "+1 202 ..." and "202 ..."
    for each, span in sorted(found_all, key=lambda pair: -len(pair[0].digits)):
        values.add(each, span)
    if not values:
        return Redacted(told.dialogue, told.dialogue, {})
    known = {text: found for text, found in reversed(places)}
    counts: Counter[str] = Counter()

    def fake(value: _Value, text: str, digits: str) -> str:
        counts[value.kind] += 1
        return in_shape(text, digits) if digits else in_place_of(text, value.kind, value.fake)

    def placeholder(value: _Value, text: str, digits: str) -> str:
        return value.placeholder

    return Redacted(_replaced(told.dialogue, values, known, fake),
                    _replaced(told.dialogue, values, known, placeholder), dict(counts))


def _in_argument(leaf: str | int, dialogue: Dialogue, detector: Detector) -> list[Found]:
    """What is personal in a call's text or number.

    A long number that is no card's and no telephone's may be an amount: what was said with it tells
    so, and where it was not said, thousands ("an hour" -> 3600000 ms).
    """
    found = detector.find(str(leaf))
    if isinstance(leaf, str) or all(each.kind != "number" for each in found):
        return found
    is_amount = leaf % 1000 == 0 or any(number.value == leaf for turn in dialogue.turns
                                        for number in said_numbers(turn.utterance))
    return [] if is_amount else found


class _Values:
    """All values of one dialogue and what stands for them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._of: dict[str, _Value] = {}  # by `_key`
        self._spelt: set[str] = set()  # texts, as they were found
        self._numbers: Counter[str] = Counter()
        self._again: re.Pattern[str] | None = None

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, found: Found, text: str) -> None:
        key = found.digits or _key(text)
        if not found.digits:
            self._spelt.add(text)
            self._again = None
        if key in self._of or (found.digits and self.number(found.digits)):
            return
        taken = {value.fake for value in self._of.values()} | self._of.keys()
        made = ""
        for _ in range(20):  # another one than all that are there, if there are enough
            made = (fake_digits(found.kind, found.digits, self._random) if found.digits
                    else fake_text(found.kind, key if found.kind == "iban" else text,
                                   self._random))
            if made not in taken and made.casefold() not in taken:
                break
        self._numbers[found.kind] += 1
        self._of[key] = _Value(found.kind, self._numbers[found.kind], made)

    def number(self, digits: str) -> tuple[_Value, str] | None:
        """The value that the digits are, or are a part of, and the digits that stand for them."""
        if digits in self._of:
            return self._of[digits], self._of[digits].fake
        if len(digits) >= SHORTEST_PART:
            for key, value in self._of.items():
                # the last four of a card are meant where the same digits stand elsewhere in it too
                if key.isdecimal() and (at := key.rfind(digits)) >= 0:
                    return value, value.fake[at:at + len(digits)]
        return None

    def text(self, text: str) -> _Value | None:
        return self._of.get(_key(text))

    def again(self, text: str) -> Iterator[Found]:
        """Where known values come again."""
        for said in said_numbers(text):
            if said.digits and (found := self.number(said.digits)):
                yield Found(found[0].kind, said.start, said.end, said.digits)
        if self._again is None:
            texts = sorted(self._spelt, key=lambda text: (-len(text), text))
            self._again = re.compile(
                rf"(?<!\w)(?:{'|'.join(map(re.escape, texts))})(?!\w)" if texts else r"(?!)",
                re.IGNORECASE)
        for match in self._again.finditer(text):
            if value := self.text(match[0]):
                yield Found(value.kind, *match.span())


def _replaced(dialogue: Dialogue, values: _Values, known: dict[str, list[Found]],
              replace: _Replace) -> Dialogue:
    def text(said: str) -> str:
        first = known.get(said, [])
        more = [each for each in values.again(said)
                if all(each.end <= one.start or one.end <= each.start for one in first)]
        written, end = "", 0
        for each in sorted([*first, *apart(more)], key=lambda each: each.start):
            span = said[each.start:each.end]
            written += said[end:each.start] + _written(values, each, span, replace)
            end = each.end
        return written + said[end:]

    def value(given: Any) -> Any:
        if isinstance(given, str):
            return text(given)
        if isinstance(given, list):
            return [value(item) for item in given]
        if isinstance(given, dict):
            return {key: value(item) for key, item in given.items()}
        if (whole := _whole(given)) is not None and (found := values.number(str(whole))):
            written = replace(found[0], str(whole), found[1])
            return type(given)(written) if written.isdecimal() else written
        return given

    turns = tuple(
        LabelledTurn(text(turn.utterance), tuple(
            ToolCall(call.name, value(call.arguments)) for call in turn.calls))
        for turn in dialogue.turns)
    return Dialogue(turns, text(dialogue.home))


def _written(values: _Values, found: Found, span: str, replace: _Replace) -> str:
    if found.digits:
        stands_for = values.number(found.digits)
        return replace(stands_for[0], span, stands_for[1]) if stands_for else span
    value = values.text(span)
    return replace(value, span, "") if value else span


def _key(text: str) -> str:
    """The same for the same value, whichever way it is written."""
    plain = unicodedata.normalize("NFC", text).casefold()
    if " at " in plain and " dot " in plain:
        return written_email(plain)
    compact = plain.replace(" ", "").replace("-", "")
    return compact.upper() if iban.is_valid(compact, check_country=False) else plain


def _leaves(value: Any) -> Iterator[str | int]:
    """All texts in a call's arguments, and its long numbers: nothing there tells of others."""
    whole = _whole(value)
    if isinstance(value, str):
        yield value
    elif whole is not None and whole >= 10 ** (LONG - 1):
        yield whole
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)


def _whole(value: Any) -> int | None:
    """The integer that a JSON number is: Parquet has doubles where a column has nulls."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _MOST_IN_FLOAT else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
