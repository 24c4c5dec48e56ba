"""JSON Schema of a parameter -> a small tree of nodes that can be honoured exactly.

Leaves out: any text form (see formats) and keywords that we cannot honour, which are refused by
name and JSON pointer rather than ignored. Source of the keywords: JSON Schema 2020-12.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

import msgspec

from iotcall.errors import CallError, SchemaError

Scalar = str | int | float | bool | None
_SCALARS = ["string", "integer", "number", "boolean", "null"]

DEFAULT_TEXT_LENGTH = 32
"""Characters of a string without maxLength."""
DEFAULT_INTEGER = 999_999_999
"""Largest magnitude of an integer or number without bounds."""
DEFAULT_DIGITS = 2
"""Digits after the point of a number."""
DEFAULT_ITEMS = 4
"""Items of an array without maxItems."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
"""Of tools and parameters: what every wire format can write."""
NAME_RULE = "use letters, digits, '_', '.' and '-', beginning with a letter or '_'"

_UNPRINTABLE = {"Cc", "Co", "Cs"}
"""Control, private use (special tokens stand there in grammars) and surrogate characters."""
_ANNOTATIONS = {"description", "title", "default", "examples", "$comment", "deprecated"}


class Enumeration(msgspec.Struct, frozen=True, tag=True):
    """One of some given scalars (enum, const)."""

    values: tuple[Scalar, ...]


class Integer(msgspec.Struct, frozen=True, tag=True):
    minimum: int
    """Inclusive."""
    maximum: int
    """Inclusive."""


class Number(msgspec.Struct, frozen=True, tag=True):
    """A decimal of at most `digits` digits after the point; integers are numbers too."""

    digits: int
    whole_digits: int
    """Digits before the point, at most."""


class Boolean(msgspec.Struct, frozen=True, tag=True):
    pass


class Null(msgspec.Struct, frozen=True, tag=True):
    pass


class Text(msgspec.Struct, frozen=True, tag=True):
    min_length: int
    """Unicode characters."""
    max_length: int
    """Unicode characters."""


class Array(msgspec.Struct, frozen=True, tag=True):
    items: Node
    min_items: int
    max_items: int


class Field(msgspec.Struct, frozen=True):
    name: str
    node: Node
    required: bool


class Object(msgspec.Struct, frozen=True, tag=True):
    """An object that is closed: only declared fields, in declared order."""

    fields: tuple[Field, ...]


Node = Enumeration | Integer | Number | Boolean | Null | Text | Array | Object


def read_schema(schema: Any, pointer: str = "") -> Node:
    """The node of a JSON Schema.

    Raises:
        SchemaError: a keyword or type that cannot be honoured, by name and JSON pointer.
    """
    if not isinstance(schema, dict):
        raise SchemaError(pointer, f"expected a schema object, found {schema!r}")
    keys = set(schema) - _ANNOTATIONS
    if "const" in keys or "enum" in keys:
        return _enumeration(schema, keys, pointer)
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise SchemaError(
            f"{pointer}/type",
            f"expected one of {', '.join(sorted(_READERS))}, found {kind!r}",
        )
    allowed, reader = _READERS[kind]
    _refuse(keys - {"type"} - allowed, pointer)
    node: Node = reader(schema, pointer)
    return node


def check_value(node: Node, value: Any, place: str) -> None:
    """Nothing if the value fits the node.

    Raises:
        CallError: names the place, what was found and what was expected.
    """
    reason = _misfit(node, value, place)
    if reason:
        raise CallError(f"{place}: {reason}, found {value!r}")


def _misfit(node: Node, value: Any, place: str) -> str:
    """Why the value does not fit, or an empty string."""
    match node:
        case Enumeration(values):
            fits = any((type(v) is type(value) and v == value) or _equal_number(v, value)
                       for v in values)
            return "" if fits else f"expected one of {', '.join(map(repr, values))}"
        case Integer(low, high):
            fits = _is_of("integer", value) and low <= value <= high
            return "" if fits else f"expected an integer {low}..{high}"
        case Number(digits, whole_digits):
            fits = (_is_number(value) and abs(value) < 10**whole_digits
                    and round(value, digits) == value)
            return "" if fits else (
                f"expected a number below 10^{whole_digits} of at most {digits} decimals")
        case Boolean():
            return "" if isinstance(value, bool) else "expected true or false"
        case Null():
            return "" if value is None else "expected null"
        case Text(low, high):
            fits = isinstance(value, str) and low <= len(value) <= high
            return "" if fits else f"expected a string of {low}..{high} characters"
        case Array(items, low, high):
            if not isinstance(value, list) or not low <= len(value) <= high:
                return f"expected an array of {low}..{high} items"
            for index, item in enumerate(value):
                check_value(items, item, f"{place}/{index}")
            return ""
        case Object(fields):
            return _misfit_object(fields, value, place)


def _misfit_object(fields: tuple[Field, ...], value: Any, place: str) -> str:
    if not isinstance(value, dict):
        return "expected an object"
    known = {field.name: field for field in fields}
    for name in value:
        if name not in known:
            return f"unknown key {name!r}, expected {', '.join(map(repr, known)) or 'none'}"
    for field in fields:
        if field.name in value:
            check_value(field.node, value[field.name], f"{place}/{field.name}")
        elif field.required:
            return f"missing key {field.name!r}"
    return ""


def _refuse(keys: set[str], pointer: str) -> None:
    if keys:
        raise SchemaError(f"{pointer}/{min(keys)}",
                          f"the keyword {min(keys)!r} cannot be honoured here; remove it or "
                          "express it with enum, bounds or lengths")


def _enumeration(schema: dict[str, Any], keys: set[str], pointer: str) -> Enumeration:
    _refuse(keys - {"type", "enum", "const"}, pointer)
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    if not isinstance(values, list) or not values:
        raise SchemaError(f"{pointer}/enum", f"expected a list of values, found {values!r}")
    if "const" in schema and "enum" in schema:
        raise SchemaError(f"{pointer}/const", "enum and const together; keep one of them")
    kinds = schema.get("type", _SCALARS)
    for value in values:
        if not isinstance(value, Scalar) or _is_endless(value):
            raise SchemaError(f"{pointer}/enum", f"expected scalars, found {value!r}")
        if isinstance(value, str) and _UNPRINTABLE & set(
                map(unicodedata.category, value)):
            raise SchemaError(f"{pointer}/enum", f"expected printable text, found {value!r}")
        if not any(_is_of(kind, value) for kind in (kinds if isinstance(kinds, list) else [kinds])):
            raise SchemaError(f"{pointer}/enum", f"expected values of type {kinds!r}, "
                                                 f"found {value!r}")
    return Enumeration(tuple(values))


def _integer(schema: dict[str, Any], pointer: str) -> Integer:
    low = _number(schema, "minimum", pointer, -DEFAULT_INTEGER)
    high = _number(schema, "maximum", pointer, DEFAULT_INTEGER)
    low, high = math.ceil(low), math.floor(high)
    if "exclusiveMinimum" in schema:
        low = max(low, math.floor(_number(schema, "exclusiveMinimum", pointer, 0)) + 1)
    if "exclusiveMaximum" in schema:
        high = min(high, math.ceil(_number(schema, "exclusiveMaximum", pointer, 0)) - 1)
    if low > high:
        raise SchemaError(pointer, f"no integer lies between {low} and {high}")
    return Integer(low, high)


def _text(schema: dict[str, Any], pointer: str) -> Text:
    low = _count(schema, "minLength", pointer, 0)
    high = _count(schema, "maxLength", pointer, max(low, DEFAULT_TEXT_LENGTH))
    if low > high:
        raise SchemaError(pointer, f"minLength {low} is above maxLength {high}")
    return Text(low, high)


def _array(schema: dict[str, Any], pointer: str) -> Array:
    low = _count(schema, "minItems", pointer, 0)
    high = _count(schema, "maxItems", pointer, max(low, DEFAULT_ITEMS))
    if low > high:
        raise SchemaError(pointer, f"minItems {low} is above maxItems {high}")
    return Array(read_schema(schema.get("items"), f"{pointer}/items"), low, high)


def _object(schema: dict[str, Any], pointer: str) -> Object:
    if schema.get("additionalProperties", False) is not False:
        raise SchemaError(f"{pointer}/additionalProperties",
                          "objects are closed; expected false or nothing")
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise SchemaError(pointer, "expected properties as an object and required as a list")
    for name in required:
        if not isinstance(name, str) or name not in properties:
            raise SchemaError(f"{pointer}/required", f"{name!r} is not among the properties")
    for name in properties:
        if not NAME.match(name):
            raise SchemaError(f"{pointer}/properties/{name}", f"{name!r} is no name; {NAME_RULE}")
    return Object(tuple(
        Field(name, read_schema(inner, f"{pointer}/properties/{name}"), name in required)
        for name, inner in properties.items()
    ))


def _number(schema: dict[str, Any], keyword: str, pointer: str, default: float) -> float:
    value = schema.get(keyword, default)
    if not _is_number(value) or _is_endless(value):
        raise SchemaError(f"{pointer}/{keyword}", f"expected a number, found {value!r}")
    return value  # type: ignore[no-any-return]


def _count(schema: dict[str, Any], keyword: str, pointer: str, default: int) -> int:
    value = schema.get(keyword, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SchemaError(f"{pointer}/{keyword}", f"expected a count, found {value!r}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_endless(value: Any) -> bool:
    """Whether it is one of the floats that JSON lacks."""
    return isinstance(value, float) and not math.isfinite(value)


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a scalar is of a JSON Schema type; 250.0 is an integer."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return _is_number(value) and (isinstance(value, int) or value.is_integer())
        case "number":
            return _is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return kind == "null" and value is None


def _equal_number(a: Any, b: Any) -> bool:
    return _is_number(a) and _is_number(b) and a == b


_READERS: dict[Any, tuple[set[str], Any]] = {
    "string": ({"minLength", "maxLength"}, _text),
    "integer": ({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}, _integer),
    "number": (set(), lambda schema, pointer: Number(DEFAULT_DIGITS, len(str(DEFAULT_INTEGER)))),
    "boolean": (set(), lambda schema, pointer: Boolean()),
    "null": (set(), lambda schema, pointer: Null()),
    "array": ({"items", "minItems", "maxItems"}, _array),
    "object": ({"properties", "required", "additionalProperties"}, _object),
}
