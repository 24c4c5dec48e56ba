"""Another number of a schema, or as people say values. Leaves out: where it stands (exchange).

Numbers are drawn of about the size and the places of the old one, so that "lend me five" becomes no
mortgage.
"""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random
from typing import Any

from iotcall.catalogue import Integer, Node, Number
from iotcall.distill.restyle import number_like
from iotcall.speech import said_numbers

_SPOKEN = {"brightness": (1, 100), "volume": (0, 100), "position": (0, 100), "speed": (1, 100),
           "temperature": (5, 30)}
"""Of spoken values whose schema is free text: by the property that is set."""
_MOST = 5000
"""Largest number drawn, where the schema has no smaller limit."""
_FEW = 200
"""Of so many numbers that a schema allows, each is as likely."""


def another(node: Node, old: Any, random: Random) -> Any:
    """Another number that the schema allows, of about the same size and as many places; of digits
    (text) as many."""
    if isinstance(old, str):
        return "".join(str(random.randrange(10)) for _ in old)
    assert isinstance(node, Integer | Number)
    low, high = Decimal(str(node.minimum)), Decimal(str(node.maximum))
    step = Decimal(str(node.step))
    steps = int((high - low) / step)
    if steps <= _FEW:
        return _plain(low + random.randrange(steps + 1) * step)
    found = Decimal(str(_like(low, high, old, random)))
    if not low <= found <= high:
        found = low + random.randrange(steps + 1) * step
    return _plain(low + round((found - low) / step) * step)


def _like(low: Decimal, high: Decimal, old: Any, random: Random) -> float:
    """A number of the old one's size and places, whether or not the schema allows it."""
    least = max(1, int(low))
    most = max(least, min(int(high), max(_MOST, least), max(20, abs(int(old)) * 4)))
    whole = random.randint(least, most)
    if old != int(old):
        return round(whole % _FEW + random.randint(1, 99) / 100, 2)
    round_one = whole - whole % random.choice((1, 1, 5, 10, 50))
    return round_one if round_one >= least else whole


def _plain(value: Decimal) -> Any:
    return int(value) if value == int(value) else float(value)


def written(value: Any) -> str:
    """The number as JSON writes it, without an exponent; digits as they are."""
    return value if isinstance(value, str) else format(Decimal(str(value)), "f")


def is_ambiguous(words: str, value: str) -> bool:
    """Whether the words are that number or one of cents, as in "twelve fifty"."""
    found = {each.value for each in said_numbers(words)}
    return not {Decimal(value) * 100, Decimal(value) / 100}.isdisjoint(found)


def spoken_number(prop: str, words: str, random: Random) -> str | None:
    """Another number in the same style, now and then: "40 percent" -> "65 percent", "twenty" ->
    "eleven"; None where the property has no numbers, or the words none."""
    limits = _SPOKEN.get(prop)
    if limits is None or random.random() < 0.2:
        return None
    found = re.search(r"\d+", words)
    wholes = [each for each in said_numbers(words) if each.value == int(each.value)]
    if not found and not wholes:
        return None
    old = found[0] if found else str(int(max(
        wholes, key=lambda each: each.end - each.start).value))
    return number_like(words, old, str(random.randint(*limits)))
