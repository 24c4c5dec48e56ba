"""JSON values as text and pattern, spaced as ``json.dumps`` does: what Hermes and others nest.

Numbers are written in full, without exponent or trailing zeros. Leaves out: other writings.
"""

from __future__ import annotations

import json
from decimal import Decimal

from iotcall.catalogue import (
    Array,
    Boolean,
    Enumeration,
    Integer,
    Mapping,
    Node,
    Null,
    Number,
    Object,
    Text,
    Union,
)
from iotcall.formats import pattern
from iotcall.formats.writing import JSON, MAPPING_KEY, Slots


def render(value: object) -> str:
    """The value's JSON text; equal values have one text (250.0 is written 250)."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {render(inner)}"
                               for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)


def number_text(value: int | float | Decimal) -> str:
    """The number in full: 250, -0.5, 0.000001."""
    if isinstance(value, int):
        return str(value)
    text = f"{value if isinstance(value, Decimal) else Decimal(repr(value)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def value_pattern(node: Node, slots: Slots) -> str:
    """Pattern of the JSON texts of every value of the node."""
    match node:
        case Enumeration(values):
            return pattern.mapped(values, render)
        case Integer() | Number():
            return slots.number(node)
        case Boolean():
            return "(?:true|false)"
        case Null():
            return "null"
        case Text():
            return '"' + slots.text(node, JSON) + '"'
        case Array(items, low, high):
            inner = value_pattern(items, slots)
            return r"\[" + pattern.repeated(inner, low, high, ", ") + r"\]"
        case Object(fields, presence):
            written = [pattern.FieldPattern(
                field.name,
                f"{pattern.literal(render(field.name))}: {value_pattern(field.node, slots)}",
                field.required) for field in fields]
            return r"\{" + pattern.fields(written, ", ", presence) + r"\}"
        case Mapping(values, low):
            entry = f'"{slots.text(MAPPING_KEY, JSON)}": {value_pattern(values, slots)}'
            return r"\{" + pattern.repeated(entry, low, 1, ", ") + r"\}"
        case Union(options):
            return pattern.one_of([value_pattern(option, slots) for option in options])
