r"""Regular expressions that several formats share. Leaves out: quoting, which is a format's own.

The dialect is outlines-core's (Rust regex syntax; Python's ``re`` reads it too). Source of the
decimal range construction: split [low, high] where the common prefix ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from iotcall.catalogue import Number, Text

MARKER_BASE = 0xF0000
"""First private-use character that stands for a special token (Private Use Area-A)."""

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


def text(node: Text, forbidden: str) -> str:
    """Text within its length, without the `forbidden` characters (as in a character class)."""
    return f"[^{forbidden}{_NOT_TEXT}]{{{node.min_length},{node.max_length}}}"


def number(node: Number) -> str:
    """Decimals as ``json.dumps`` writes them, without a trailing zero: 250, -0.5, 12.34."""
    fraction = rf"(?:\.[0-9]{{0,{node.digits - 1}}}[1-9])?" if node.digits else ""
    whole = rf"(?:0|-?[1-9][0-9]{{0,{node.whole_digits - 1}}}){fraction}"
    return one_of([whole, rf"-0{fraction.removesuffix('?')}"]) if fraction else whole  # never "-0"


def integer(low: int, high: int) -> str:
    """Integers low..high in decimal, without leading zeros."""
    parts = []
    if low < 0:
        # -7..-3 is "-" before 3..7
        parts.append("-" + one_of(_naturals(max(1, -min(high, -1)), -low)))
    if high >= 0:
        parts += _naturals(max(low, 0), high)
    return one_of(parts)


def fields(items: Sequence[tuple[str, bool]], separator: str) -> str:
    """Fields in this order, each (pattern, required); `separator` stands between written ones."""
    after = ""  # fields[i:] when something was already written
    alone: str | None = ""  # fields[i:] when nothing was; None: cannot be empty-handed
    for pattern, required in reversed(items):
        begins = pattern + after
        if required:
            after, alone = separator + pattern + after, begins
        else:
            after = f"(?:{separator}{pattern})?{after}"
            if alone is None:
                alone = begins
            else:
                alone = one_of([begins, alone]) if alone else f"(?:{begins})?"
    return alone or ""


def repeated(item: str, low: int, high: int, separator: str) -> str:
    """From low to high items with a separator between them."""
    if high == 0:
        return ""
    some = f"{item}(?:{separator}{item}){{{max(low - 1, 0)},{high - 1}}}"
    return some if low else f"(?:{some})?"


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
