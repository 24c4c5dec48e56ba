"""Prove that no value of a node satisfies a JSON Schema: what ``oneOf`` needs.

"Not proven" is the answer wherever it is not plain. ``format`` is taken as an annotation here, as
validators do. Leaves out: reading schemas.
"""

from __future__ import annotations

from typing import Any

from iotcall.catalogue.check import misfit
from iotcall.catalogue.combine import References
from iotcall.catalogue.nodes import (
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
from iotcall.catalogue.values import is_number, is_of, same


def excludes(node: Node, schema: Any, references: References, pointer: str,
             seen: frozenset[str] = frozenset()) -> bool:
    """Whether every value of the node surely fails the schema."""
    try:
        return _excludes(node, schema, references, pointer, seen)
    except (TypeError, AttributeError):
        return False  # a keyword of the wrong type: reading the schema names it


def _excludes(node: Node, schema: Any, references: References, pointer: str,
              seen: frozenset[str]) -> bool:
    if isinstance(schema, dict) and "$ref" in schema:
        schema, seen = references.resolve(schema, pointer, seen)
    if not isinstance(schema, dict):
        return schema is False
    if isinstance(node, Union):
        return all(excludes(option, schema, references, pointer, seen) for option in node.options)
    if any(excludes(node, part, references, pointer, seen) for part in schema.get("allOf", ())):
        return True
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if parts and all(excludes(node, part, references, pointer, seen) for part in parts):
            return True
    if isinstance(node, Enumeration):
        return all(_rejects(value, schema) for value in node.values)
    kinds = schema.get("type")
    if kinds is not None and not (_KINDS[type(node)]
                                  & set(kinds if isinstance(kinds, list) else [kinds])):
        return True
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(listed, list) and all(misfit(node, value, "") for value in listed):
        return True
    match node:
        case Integer(low, high) | Number(low, high):
            return _outside(float(low), float(high), schema)
        case Text(low, high):
            return _lengths_apart(low, high, schema, "Length")
        case Array(items, low, high):
            return _lengths_apart(low, high, schema, "Items") or (
                low > 0 and excludes(items, schema.get("items", True), references, pointer, seen))
        case Object(fields):
            names = {field.name for field in fields}
            properties = schema.get("properties", {})
            return (any(name not in names for name in schema.get("required", ()))
                    or any(field.required and (
                        (field.name in properties and excludes(
                            field.node, properties[field.name], references, pointer, seen))
                        or (field.name not in properties
                            and schema.get("additionalProperties") is False))
                        for field in fields))
        case _:
            return False


_KINDS: dict[type, set[str]] = {
    Integer: {"integer", "number"}, Number: {"integer", "number"}, Boolean: {"boolean"},
    Null: {"null"}, Text: {"string"}, Array: {"array"}, Object: {"object"}, Mapping: {"object"},
}


def _outside(low: float, high: float, schema: dict[str, Any]) -> bool:
    def bound(name: str) -> float | None:
        value = schema.get(name)
        return value if is_number(value) else None

    minimum, maximum = bound("minimum"), bound("maximum")
    above, below = bound("exclusiveMinimum"), bound("exclusiveMaximum")
    return ((minimum is not None and high < minimum) or (maximum is not None and low > maximum)
            or (above is not None and high <= above) or (below is not None and low >= below))


def _lengths_apart(low: int, high: int, schema: dict[str, Any], of: str) -> bool:
    least, most = schema.get(f"min{of}", 0), schema.get(f"max{of}")
    return high < least or (most is not None and low > most)


def _rejects(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the schema surely refuses the value."""
    kinds = schema.get("type")
    if kinds is not None and not any(
            is_of(kind, value) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        return True
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(listed, list) and not any(same(value, other) for other in listed):
        return True
    if is_number(value):
        return _outside(value, value, schema)
    if isinstance(value, str):
        return _lengths_apart(len(value), len(value), schema, "Length")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return any(name not in value for name in schema.get("required", ())) or any(
            name in properties and isinstance(properties[name], dict)
            and _rejects(inner, properties[name]) for name, inner in value.items())
    return False
