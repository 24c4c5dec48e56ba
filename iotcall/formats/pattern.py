r"""Regular expressions that several formats share. Leaves out: quoting, which is a format's own.

The dialect is outlines-core's (Rust regex syntax; Python's ``re`` reads it too). Source of the
decimal range construction: split [low, high] where the common prefix ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from iotcall.catalogue import Integer, Number, Presence, decide
from iotcall.errors import InputError

MARKER_BASE = 0xF0000
"""First private-use character that stands for a special token (Private Use Area-A)."""

_LONGEST = 300_000
"""Characters of an expression."""
_NOT_TEXT = r"\x00-\x1f\x7f-\x9f\ue000-\uf8ff\U000c0000-\U0010ffff"


def marker(markers: Sequence[str], text: str) -> str:
    """The private-use character that stands for one special token."""
    return chr(MARKER_BASE + markers.index(text))


def literal(text: str) -> str:
    """A pattern for exactly that text."""
    return re.sub(r"([\\.+*?()|\[\]{}^$#&~-])", r"\\\1", text)


def one_of(patterns: Sequence[str]) -> str:
    """Any of the patterns."""
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def text_class(forbidden: str) -> str:
    """One character of text but for the `forbidden` ones; control characters are never text."""
    escaped = re.sub(r"([\\\]^-])", r"\\\1", forbidden)
    return f"[^{escaped}{_NOT_TEXT}]"


def values_between(node: Integer | Number) -> int:
    """How many numbers the node has."""
    return int((Decimal(node.maximum) - Decimal(node.minimum)) / Decimal(node.step)) + 1


def listed(node: Integer | Number) -> str:
    """Every number of the node, one by one (a plain range of integers by its digits)."""
    if isinstance(node, Integer) and node.step == 1:
        return integer(node.minimum, node.maximum)
    step, low = Decimal(node.step), Decimal(node.minimum)
    values = (low + step * index for index in range(values_between(node)))
    return one_of([literal(f"{value.normalize():f}") for value in values])


def number(node: Integer | Number) -> str:
    """Decimals as they are written here, without a trailing zero: 250, -0.5, 12.34.

    Raises:
        InputError: bounds or step that no short expression has.
    """
    if values_between(node) <= 1000 or (isinstance(node, Integer) and node.step == 1):
        return listed(node)
    whole = len(str(int(node.maximum)))
    if (isinstance(node, Integer) or node.step != Decimal(10) ** -node.digits
            or node.maximum not in (Decimal(10) ** whole - 1, Decimal(10) ** whole - node.step)
            or node.minimum not in (0, -node.maximum)):
        raise InputError("no short expression has numbers of these bounds")
    fraction = rf"(?:\.[0-9]{{0,{node.digits - 1}}}[1-9])?" if node.digits else ""
    if node.maximum == node.maximum.to_integral_value() and fraction:
        # 99 has no fraction behind it, 99.99 has every one
        raise InputError("no short expression has numbers of these bounds")
    sign = "-?" if node.minimum < 0 else ""
    numbers = [rf"(?:0|{sign}[1-9][0-9]{{0,{whole - 1}}}){fraction}"]
    if sign and fraction:
        numbers.append(f"-0{fraction.removesuffix('?')}")  # never "-0"
    return one_of(numbers)


def integer(low: int, high: int) -> str:
    """Integers low..high in decimal, without leading zeros."""
    parts = []
    if low < 0:
        # -7..-3 is "-" before 3..7
        parts.append("-" + one_of(_naturals(max(1, -min(high, -1)), -low)))
    if high >= 0:
        parts += _naturals(max(low, 0), high)
    return one_of(parts)


class FieldPattern(msgspec.Struct, frozen=True):
    """A field as a format writes it."""

    name: str
    expression: str
    required: bool


def fields(items: Sequence[FieldPattern], separator: str, presence: Presence = True) -> str:
    """Fields in this order; `separator` stands between written ones; `presence` holds."""
    known: dict[tuple[int, bool, Presence], str | None] = {}

    def rest(index: int, written: bool, rule: Presence) -> str | None:
        """Expression of the fields from index on; None where nothing satisfies the rule."""
        if rule is False:
            return None
        if index == len(items):
            return ""
        key = (index, written, rule)
        if key not in known:
            known[key] = _field(index, written, rule)
        return known[key]

    def _field(index: int, written: bool, rule: Presence) -> str | None:
        item = items[index]
        before = separator if written else ""
        after = rest(index + 1, True, decide(rule, item.name, True))
        without = None if item.required else rest(
            index + 1, written, decide(rule, item.name, False))
        if after is None or without is None:
            return without if after is None else before + item.expression + after
        if after == without:
            return f"(?:{before}{item.expression})?{after}"
        with_it = before + item.expression + after
        if sum(map(len, (with_it, without))) > _LONGEST:
            raise InputError(f"the combinations of {len(items)} optional properties are too many "
                             "to be written out; require some, or divide the object")
        return one_of([with_it, without]) if without else f"(?:{with_it})?"

    found = rest(0, False, presence)
    if found is None:
        raise InputError("no combination of the object's properties is allowed")
    return found


def repeated(item: str, low: int, high: int, separator: str) -> str:
    """From low to high items with a separator between them."""
    if high == 0:
        return ""
    some = f"{item}(?:{separator}{item}){{{max(low - 1, 0)},{high - 1}}}"
    return some if low else f"(?:{some})?"


def answers(call: str, separator: str, *, most: int, may_decline: bool) -> str:
    """Up to `most` calls with a separator between them, or none where that is allowed."""
    return repeated(f"(?:{call})", 0 if may_decline else 1, most, separator)


def mapped(values: Sequence[object], render: Callable[[object], str]) -> str:
    """Any of these values as `render` writes them."""
    return one_of([literal(render(value)) for value in values])


def _naturals(low: int, high: int) -> list[str]:
    """Patterns for low..high, 0 <= low <= high, one for each run of numbers of one shape."""
    patterns = []
    while low <= high:
        end = _shape_end(low, high)
        patterns.append(_same_shape(str(low), str(end)))
        low = end + 1
    return patterns


def _shape_end(low: int, high: int) -> int:
    """The last number reachable from low by letting one digit grow and the digits after it roam."""
    end, power = low, 1
    while True:
        power *= 10
        if low % power != 0 or low == 0:  # the digit of this power is where the run may grow
            bigger = (low // power + 1) * power - 1
            candidate = min(bigger, _grow(low, power // 10, high))
            return max(end, candidate)
        if low + power - 1 > high:
            return max(end, _grow(low, power // 10, high))
        end = low + power - 1


def _grow(low: int, unit: int, high: int) -> int:
    """Let the digit of `unit` grow to 9 as long as all below it can roam up to 9."""
    digit = low // unit % 10
    steps = min(9 - digit, (high - low + 1) // unit - 1)
    return low + (steps + 1) * unit - 1 if steps >= 0 else low


def _same_shape(low: str, high: str) -> str:
    pattern, free = "", 0
    for a, b in zip(low, high, strict=True):
        if a == b:
            pattern += a
        elif (a, b) == ("0", "9"):
            free += 1
        else:
            pattern += f"[{a}-{b}]"
    return pattern + (f"[0-9]{{{free}}}" if free > 1 else "[0-9]" * free)
