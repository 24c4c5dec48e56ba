"""One expression of all answers, and the same language as other engines' grammars.

The expression is the format's own, with every slot spelt out. It is parsed by Python's ``re`` and
written again: for llguidance as Lark (regular expressions between special tokens), for xgrammar as
EBNF (a special token is one private-use character). So all engines are given one language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from iotcall.catalogue import Catalogue, Integer, Number, Text
from iotcall.errors import InputError
from iotcall.formats import MARKER_BASE, Format, SpeltOut, Writing
from iotcall.formats.pattern import literal
from iotcall.grammar.ecma import whole_expression

_PARSER = re._parser  # type: ignore[attr-defined]
_CONSTANTS = re._constants  # type: ignore[attr-defined]


class _Everything(SpeltOut):
    """Also patterns whose lengths they bound themselves, and amounts in cents."""

    def text(self, node: Text, writing: Writing) -> str:
        if node.pattern is None or node.format is not None:
            return super().text(node, writing)
        expression = whole_expression(node.pattern)
        low, high = _PARSER.parse(expression).getwidth()
        if not node.min_length <= low <= high <= node.max_length:
            raise InputError("the pattern does not bound its own length")
        return expression

    def number(self, node: Integer | Number) -> str:
        zeros = len(str(int(node.maximum))) - 1
        if isinstance(node, Number) and (
                node.minimum == node.step == Decimal("0.01") and node.maximum == 10**zeros):
            cents = r"\.[0-9]?[1-9]"  # never a zero at the end
            return f"(?:0{cents}|[1-9][0-9]{{0,{zeros - 1}}}(?:{cents})?|1{'0' * zeros})"
        return super().number(node)


def spelt_out(catalogue: Catalogue, format: Format) -> tuple[tuple[str, ...], str]:
    """Special tokens by index, and the expression of every answer with its end."""
    end = format.pieces(catalogue).end
    markers = tuple(dict.fromkeys((*format.markers, end)))
    return markers, format.pattern(catalogue, _Everything()) + literal(
        chr(MARKER_BASE + markers.index(end)))


def lark(expression: str, special: Sequence[int]) -> str:
    """The expression for llguidance; `special` are the ids of the special tokens."""
    return f"start: {_Lark(special).sequence(list(_PARSER.parse(expression)))}\n"


def ebnf(expression: str) -> str:
    """The expression for xgrammar."""
    return f"root ::= {_Ebnf().sequence(list(_PARSER.parse(expression)))}\n"


class _Writer:
    """Writes a parsed expression in a dialect."""

    empty = ""
    joint = ""

    def sequence(self, items: Sequence[Any]) -> str:
        return self.joint.join(filter(None, map(self.item, items))) or self.empty

    def item(self, item: Any) -> str:
        kind, value = str(item[0]), item[1]
        match kind:
            case "LITERAL":
                return self.text(value)
            case "NOT_LITERAL":
                return self.ranges([(value, value)], negated=True)
            case "IN":
                negated = str(value[0][0]) == "NEGATE"
                return self.ranges([_range(part) for part in value[negated:]], negated)
            case "BRANCH":
                between = " | " if self.joint else "|"
                return self.group(between.join(map(self.sequence, value[1])))
            case "SUBPATTERN":
                return self.group(self.sequence(value[3]))
            case "MAX_REPEAT":
                low, high, inner = value
                if high == 0:
                    return ""
                most = "" if high is _CONSTANTS.MAXREPEAT else str(high)
                times = "?" if (low, high) == (0, 1) else f"{{{low},{most}}}"
                return self.group(self.sequence(inner)) + times
        raise ValueError(f"expected no {kind} in an expression of answers")

    def group(self, inside: str) -> str:
        return f"({inside})"

    def text(self, code: int) -> str:
        raise NotImplementedError

    def character(self, code: int) -> str:
        raise NotImplementedError

    def ranges(self, ranges: Sequence[tuple[int, int]], negated: bool) -> str:
        inside = "".join(self.character(low) + (f"-{self.character(high)}" if high > low else "")
                         for low, high in ranges)
        return f"[{'^' if negated else ''}{inside}]"


class _Regex(_Writer):
    """Rust's dialect, without slashes."""

    def group(self, inside: str) -> str:
        return f"(?:{inside})"

    def text(self, code: int) -> str:
        return self.character(code)

    def character(self, code: int) -> str:
        char = chr(code)
        return char if char.isascii() and char.isalnum() else rf"\x{{{code:x}}}"


class _Lark(_Writer):
    """Longest parts without special tokens are terminals."""

    joint = " "
    empty = '""'

    def __init__(self, special: Sequence[int]) -> None:
        self._special = special
        self._regex = _Regex()

    def sequence(self, items: Sequence[Any]) -> str:
        parts: list[str] = []
        plain: list[Any] = []
        for item in [*items, None]:
            if item is not None and str(item[0]) == "MAX_REPEAT" and item[1][1] == 0:
                continue
            if item is not None and not _has_marker(item):
                plain.append(item)
                continue
            if plain:
                parts.append(f"/{self._regex.sequence(plain)}/")
                plain = []
            if item is not None:
                parts.append(self.item(item))
        return " ".join(parts) or self.empty

    def text(self, code: int) -> str:
        return f"<[{self._special[code - MARKER_BASE]}]>"


class _Ebnf(_Writer):
    joint = " "
    empty = '""'

    def sequence(self, items: Sequence[Any]) -> str:
        # letters in a row are one string
        return re.sub(r'(?<!\\)" "', "", super().sequence(items))

    def text(self, code: int) -> str:
        return f'"{self.character(code)}"'

    def character(self, code: int) -> str:
        char = chr(code)
        # subtle: its \x takes every hexadecimal digit that follows
        return char if char.isascii() and char.isalnum() else rf"\U{code:08x}"


def _range(part: Any) -> tuple[int, int]:
    kind, value = str(part[0]), part[1]
    if kind not in ("LITERAL", "RANGE"):
        raise ValueError(f"expected characters in a class, found {kind}")
    return (value, value) if kind == "LITERAL" else (value[0], value[1])


def _has_marker(item: Any) -> bool:
    kind, value = str(item[0]), item[1]
    match kind:
        case "LITERAL":
            return MARKER_BASE <= value < MARKER_BASE + 0x1000
        case "BRANCH":
            return any(_has_marker(inner) for branch in value[1] for inner in branch)
        case "SUBPATTERN":
            return any(map(_has_marker, value[3]))
        case "MAX_REPEAT":
            return any(map(_has_marker, value[2]))
    return False
