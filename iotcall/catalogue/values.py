"""JSON values: when two are the same, and of which type one is. Leaves out: schemas."""

from __future__ import annotations

import math
from typing import Any


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: 250 equals 250.0, true does not equal 1, key order does not matter."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_endless(value: Any) -> bool:
    """Whether it is, or holds, one of the floats that JSON lacks."""
    if isinstance(value, dict):
        return any(map(is_endless, value.values()))
    if isinstance(value, list):
        return any(map(is_endless, value))
    return isinstance(value, float) and not math.isfinite(value)


def is_of(kind: Any, value: Any) -> bool:
    """Whether a value is of a JSON Schema type; 250.0 is an integer."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return is_number(value) and (isinstance(value, int) or value.is_integer())
        case "number":
            return is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return kind == "null" and value is None
