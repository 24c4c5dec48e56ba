"""Whether a value fits a node, and why not. Leaves out: how nodes are read."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from iotcall.catalogue.nodes import (
    MAPPING_NAME,
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
from iotcall.catalogue.presence import holds
from iotcall.catalogue.text_formats import FORMATS
from iotcall.catalogue.values import is_number, is_of, same
from iotcall.errors import CallError


def check_value(node: Node, value: Any, place: str) -> None:
    """Nothing if the value fits the node.

    Raises:
        CallError: names the place, what was found and what was expected.
    """
    reason = misfit(node, value, place)
    if reason:
        raise CallError(reason)


def ordered(node: Node, value: Any) -> Any:
    """The value with its keys in the order of the schema; unknown ones come last."""
    if isinstance(node, Object) and isinstance(value, dict):
        known = {field.name: ordered(field.node, value[field.name])
                 for field in node.fields if field.name in value}
        return {**known, **{name: inner for name, inner in value.items() if name not in known}}
    if isinstance(node, Array) and isinstance(value, list):
        return [ordered(node.items, item) for item in value]
    if isinstance(node, Mapping) and isinstance(value, dict):
        return {name: ordered(node.values, item) for name, item in value.items()}
    if isinstance(node, Union):
        return next((ordered(option, value) for option in node.options
                     if not misfit(option, value, "")), value)
    return value


def misfit(node: Node, value: Any, place: str) -> str:
    """Why the value does not fit, or an empty string."""
    match node:
        case Array(items, low, high) if isinstance(value, list) and low <= len(value) <= high:
            reasons = (misfit(items, item, f"{place}/{index}") for index, item in enumerate(value))
            return next(filter(None, reasons), "")
        case Object() if isinstance(value, dict):
            return _misfit_object(node, value, place)
        case Mapping(values, low) if isinstance(value, dict) and low <= len(value) <= 1:
            if not all(re.fullmatch(MAPPING_NAME, name) for name in value):
                return f"{place}: expected a name of letters, digits and '_', found {value!r}"
            reasons = (misfit(values, item, f"{place}/{name}") for name, item in value.items())
            return next(filter(None, reasons), "")
        case Union(options):
            reasons_of = [misfit(option, value, place) for option in options]
            return "" if "" in reasons_of else " or ".join(dict.fromkeys(reasons_of))
        case _:
            return "" if _fits(node, value) else (
                f"{place}: expected {_expected(node)}, found {value!r}")


def _fits(node: Node, value: Any) -> bool:
    match node:
        case Enumeration(values):
            return any(same(value, known) for known in values)
        case Integer(low, high, step):
            return is_of("integer", value) and low <= value <= high and int(value) % step == 0
        case Number(low, high, step):
            return is_number(value) and _on_grid(Decimal(str(value)), low, high, step)
        case Boolean():
            return isinstance(value, bool)
        case Null():
            return value is None
        case Text(low, high, pattern, format):
            return (isinstance(value, str) and low <= len(value) <= high
                    and (pattern is None or _compiled(pattern).search(value) is not None)
                    and (format is None or _compiled(FORMATS[format]).fullmatch(value) is not None))
        case _:
            return False


def _expected(node: Node) -> str:
    match node:
        case Enumeration(values):
            return f"one of {', '.join(map(repr, values))}"
        case Integer(low, high, step):
            return f"an integer {low}..{high}" + (f" in steps of {step}" if step > 1 else "")
        case Number(low, high, step):
            return f"a number {low:f}..{high:f} in steps of {step:f}"
        case Boolean():
            return "true or false"
        case Null():
            return "null"
        case Text(low, high, pattern, format):
            return (f"a string of {low}..{high} characters"
                    + (f" that matches {pattern}" if pattern else "")
                    + (f" in the format {format}" if format else ""))
        case Array(_, low, high):
            return f"an array of {low}..{high} items"
        case Mapping(_, low):
            return f"an object with {low}..1 entries"
        case _:
            return "an object"


def _misfit_object(node: Object, value: dict[str, Any], place: str) -> str:
    known = {field.name: field for field in node.fields}
    for name in value:
        if name not in known:
            return (f"{place}: unknown key {name!r}, expected "
                    f"{', '.join(map(repr, known)) or 'none'}, found {value!r}")
    for field in node.fields:
        if field.name in value:
            reason = misfit(field.node, value[field.name], f"{place}/{field.name}")
            if reason:
                return reason
        elif field.required:
            return f"{place}: missing key {field.name!r}, found {value!r}"
    if not holds(node.presence, value):
        return f"{place}: these keys may not stand together, found {', '.join(value) or 'none'}"
    return ""


def _on_grid(value: Decimal, low: Decimal, high: Decimal, step: Decimal) -> bool:
    if not (value.is_finite() and low <= value <= high):
        return False
    steps = value / step
    return steps == steps.to_integral_value()


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
