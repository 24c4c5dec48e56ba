"""A format's answers in the dialects of the other systems. Leaves out: lark (see expressions).

Answers end with their closing marker: what follows is the end alone, and no system need ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from iotcall.formats import MARKER_BASE
from tests.benchmarks.expressions import _PARSER, _Regex, _Writer

_BASE = chr(MARKER_BASE)


def without_end(expression: str, markers: Sequence[str]) -> str:
    """The expression up to the end, which is its last item."""
    end = chr(MARKER_BASE + len(markers) - 1)
    if not expression.endswith(end) or end in expression[:-1]:
        raise ValueError("expected an expression whose last marker stands at its end only")
    return expression[:-1]


def python_expression(expression: str, markers: Sequence[str]) -> str:
    """For ``re``, with markers spelt out."""
    for index, marker in enumerate(markers):
        expression = expression.replace(chr(MARKER_BASE + index), re.escape(marker))
    return expression


def rust_expression(expression: str, markers: Sequence[str]) -> str:
    """For Outlines, which knows special tokens by their texts only."""
    return _Spelt(markers).sequence(list(_PARSER.parse(expression)))


def gbnf(expression: str, ids: Sequence[int]) -> str:
    """For llama.cpp; `ids` are the markers', which it takes as tokens, not as texts."""
    return f"root ::= {_Gbnf(ids).sequence(list(_PARSER.parse(expression)))}\n"


class _Spelt(_Regex):
    def __init__(self, markers: Sequence[str]) -> None:
        self._markers = markers

    def text(self, code: int) -> str:
        if code < MARKER_BASE:
            return self.character(code)
        return "".join(self.character(ord(char)) for char in self._markers[code - MARKER_BASE])


class _Gbnf(_Writer):
    joint = " "
    empty = '""'

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def sequence(self, items: Sequence[object]) -> str:
        # letters in a row are one string
        return re.sub(r'(?<!\\)" "', "", super().sequence(items))

    def text(self, code: int) -> str:
        return f"<[{self._ids[code - MARKER_BASE]}]>" if code >= MARKER_BASE else \
            f'"{self.character(code)}"'

    def character(self, code: int) -> str:
        char = chr(code)
        return char if char.isascii() and (char.isalnum() or char in "_ :,.(){}=") \
            else rf"\U{code:08x}"
