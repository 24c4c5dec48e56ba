"""How formats write strings between their quotes, and what of them an expression spells out.

An expression has a *placeholder*, one private-use character, where a value is not spelt out but
described by a slot: strings, and numbers of many values. Leaves out: what becomes of slots (see
grammar).
"""

from __future__ import annotations

import json
import re

import msgspec

from iotcall.catalogue import MAPPING_NAME, Integer, Number, Text
from iotcall.errors import InputError
from iotcall.formats import pattern

SLOT_BASE = 0xF1000
"""First private-use character that stands for a slot (Private Use Area-A)."""
SPELT_OUT = 100
"""Numbers of a range that an expression spells out; wider ranges are slots."""


class Writing(msgspec.Struct, frozen=True):
    """How strings are written between their quotes."""

    name: str
    forbidden: str
    """Characters that a string cannot hold unescaped."""
    escaped: bool = False
    """Whether JSON's escapes write them."""

    @property
    def character(self) -> str:
        """Regular expression of one character, as written."""
        plain = pattern.text_class(self.forbidden)
        return rf'(?:{plain}|\\["\\nt])' if self.escaped else plain

    def write(self, text: str) -> str | None:
        """The text as written; None where this format cannot write it."""
        if self.escaped:
            return json.dumps(text, ensure_ascii=False)[1:-1]
        return None if set(text) & set(self.forbidden) else text


JSON = Writing("json", '"\\', escaped=True)
QUOTED = Writing("quoted", "'\\")
"""Between single quotes, without escapes: LFM2."""
DELIMITED = Writing("delimited", "<")
"""Between special tokens: FunctionGemma. No ``<``, so that no text spells the special token."""


MAPPING_KEY = Text(1, 32, pattern=f"^{MAPPING_NAME}$")
"""The name of a mapping's entry."""


class Slot(msgspec.Struct, frozen=True):
    """A value that an expression does not spell out."""

    node: Text | Integer | Number
    writing: Writing


class Slots:
    """Collects the slots of an expression; each stands there as a placeholder."""

    def __init__(self) -> None:
        self.found: list[Slot] = []

    def text(self, node: Text, writing: Writing) -> str:
        """Expression of a string between its quotes."""
        return self._place(Slot(node, writing))

    def number(self, node: Integer | Number) -> str:
        """Expression of a number."""
        if node.source is None and pattern.values_between(node) <= SPELT_OUT:
            return pattern.listed(node)
        return self._place(Slot(node, DELIMITED))

    def _place(self, slot: Slot) -> str:
        if slot not in self.found:
            self.found.append(slot)
        return chr(SLOT_BASE + self.found.index(slot))


class SpeltOut(Slots):
    """Everything in the expression itself: for other engines, to compare with."""

    def text(self, node: Text, writing: Writing) -> str:
        if node.pattern is not None or node.format is not None:
            raise InputError("patterns and formats are not spelt out in one expression")
        return f"{writing.character}{{{node.min_length},{node.max_length}}}"

    def number(self, node: Integer | Number) -> str:
        return pattern.number(node)


def placeholders(expression: str) -> set[int]:
    """Indices of the slots in an expression."""
    return {ord(char) - SLOT_BASE
            for char in re.findall(f"[{chr(SLOT_BASE)}-{chr(SLOT_BASE + 0xFFF)}]", expression)}


WRITINGS = {writing.name: writing for writing in (JSON, QUOTED, DELIMITED)}
