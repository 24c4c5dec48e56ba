"""JSON values as text and pattern, spaced as ``json.dumps`` does: what Hermes and others nest.

Leaves out: escapes inside free strings, which the pattern never needs because it forbids ``"``
and ``\\`` there.
"""

from __future__ import annotations

import json

from iotcall.catalogue import Array, Boolean, Enumeration, Integer, Node, Null, Number, Object, Text
from iotcall.formats import pattern


def render(value: object) -> str:
    """The value's JSON text; a whole float is written as an integer."""
    return json.dumps(whole(value), ensure_ascii=False)


def whole(value: object) -> object:
    """The value with 250.0 written as 250, so that equal values have one text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return value


def value_pattern(node: Node) -> str:
    """Pattern of the JSON texts of every value of the node."""
    match node:
        case Enumeration(values):
            return pattern.mapped(values, render)
        case Integer(low, high):
            return pattern.integer(low, high)
        case Number():
            return pattern.number(node)
        case Boolean():
            return "(?:true|false)"
        case Null():
            return "null"
        case Text():
            return '"' + pattern.text(node, r'"\\') + '"'
        case Array(items, low, high):
            return r"\[" + pattern.repeated(value_pattern(items), low, high, ", ") + r"\]"
        case Object(fields):
            written = [(f"{pattern.literal(render(field.name))}: {value_pattern(field.node)}",
                        field.required) for field in fields]
            return r"\{" + pattern.fields(written, ", ") + r"\}"
