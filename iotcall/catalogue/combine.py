"""JSON Schemas as dictionaries: local references followed, two schemas merged into one.

A merged schema holds for a value exactly where both parts hold. What cannot be merged exactly is
refused. Leaves out: what the keywords mean for a value (see schema).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iotcall.catalogue.presence import Presence
from iotcall.catalogue.values import same
from iotcall.errors import SchemaError

RULES = "\0rules"
"""Key of a schema's presence rules, as read: a tuple that merging joins. No user's file has it."""
ANNOTATIONS = {
    "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description",
    "example", "examples", "readOnly", "title", "writeOnly",
}
"""Keywords that constrain nothing by themselves."""

_LARGEST = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_SMALLEST = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_MAPS = {"dependencies", "dependentRequired", "dependentSchemas"}
Schema = dict[str, Any]


class References:
    """Follows ``$ref`` inside one document; knows which are being followed."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def resolve(self, schema: Schema, pointer: str, seen: frozenset[str],
                ) -> tuple[Schema | bool, frozenset[str]]:
        """The schema with its reference replaced, and the references followed so far.

        Raises:
            SchemaError: it leads outside, nowhere or back to where it came from.
        """
        found: Any = schema
        while isinstance(found, dict) and "$ref" in found:
            reference = found["$ref"]
            if not isinstance(reference, str) or not (
                    reference == "#" or reference.startswith("#/")):
                raise SchemaError(f"{pointer}/$ref", "expected a reference inside the same file "
                                                     f"(#/...), found {reference!r}")
            if reference in seen:
                raise SchemaError(f"{pointer}/$ref", f"{reference} leads back to itself; a finite "
                                                     "grammar cannot recurse")
            seen = seen | {reference}
            others = {key: value for key, value in found.items() if key != "$ref"}
            target = self._target(reference, f"{pointer}/$ref")
            if isinstance(target, dict) and "$id" in target and reference != "#":
                raise SchemaError(f"{pointer}/$ref", "a schema with an $id of its own cannot be "
                                                     "referred to here")
            found = (target if others.keys() <= ANNOTATIONS
                     else merge(target, others, pointer))
        return found, seen

    def _target(self, reference: str, pointer: str) -> Any:
        found = self._root
        for part in reference.split("/")[1:]:
            key = _unquoted(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise SchemaError(pointer, f"{reference} leads nowhere: no {key!r} there")
        return found


def merge(a: Schema | bool, b: Schema | bool, pointer: str) -> Schema | bool:
    """A schema that holds where `a` and `b` hold.

    Raises:
        SchemaError: a keyword of both that cannot be merged.
    """
    if isinstance(a, bool) or isinstance(b, bool):
        return b if a is True else a if b is True else False
    for schema in (a, b):
        if not isinstance(schema, dict):
            raise SchemaError(pointer, f"expected a schema object, found {schema!r}")
    a, b = _closed(a, b, pointer), _closed(b, a, pointer)
    merged = dict(a)
    for key, value in b.items():
        if key not in merged:
            merged[key] = value
        elif key not in ANNOTATIONS and not same(merged[key], value):
            merged[key] = _merged(key, merged[key], value, f"{pointer}/{key}")
    return merged


def rules_of(schema: Schema) -> tuple[Presence, ...]:
    """The presence rules that were put into a schema."""
    found = schema.get(RULES, ())
    return found if isinstance(found, tuple) else ()


def with_rule(schema: Schema, rule: Presence) -> Schema:
    """The schema under one more presence rule."""
    return {**schema, RULES: (*rules_of(schema), rule)}


def _closed(schema: Schema, by: Schema, pointer: str) -> Schema:
    """The schema with the properties that `by` does not declare under its additionalProperties."""
    properties, declared = schema.get("properties"), by.get("properties", {})
    others = by.get("additionalProperties", True)
    if others is True or not isinstance(properties, dict) or not isinstance(declared, dict):
        return schema
    return {**schema, "properties": {
        name: inner if name in declared
        else merge(inner, others, f"{pointer}/properties/{name}")
        for name, inner in properties.items()}}


def _merged(key: str, a: Any, b: Any, pointer: str) -> Any:
    if key in _LARGEST and _numbers(a, b):
        return max(a, b)
    if key in _SMALLEST and _numbers(a, b):
        return min(a, b)
    match key:
        case "properties" if isinstance(a, dict) and isinstance(b, dict):
            return {name: merge(a[name], b[name], f"{pointer}/{name}")
                    if name in a and name in b else a.get(name, b.get(name))
                    for name in [*a, *(name for name in b if name not in a)]}
        case "required" if isinstance(a, list) and isinstance(b, list):
            return [*a, *(name for name in b if name not in a)]
        case "type":
            return _types(_listed(a), _listed(b))
        case "enum" if isinstance(a, list) and isinstance(b, list):
            return [value for value in a if any(same(value, other) for other in b)]
        case "items":
            return merge(a, b, pointer)
        case "additionalProperties":
            return False if a is False or b is False else merge(a, b, pointer)
        case "allOf" if isinstance(a, list) and isinstance(b, list):
            return [*a, *b]
        case _ if key == RULES and isinstance(a, tuple) and isinstance(b, tuple):
            return (*a, *b)
        case _ if key in _MAPS and isinstance(a, dict) and isinstance(b, dict) and not (
                a.keys() & b.keys()):
            return {**a, **b}
    name = key if key != RULES else "required"
    raise SchemaError(pointer, f"two schemas that both hold say {name!r} differently, which cannot "
                               "be honoured here; write one schema")


def _types(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    kept = [kind for kind in a if kind in b]
    if "integer" not in kept and (("integer" in a and "number" in b)
                                  or ("number" in a and "integer" in b)):
        kept.append("integer")
    return kept


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _unquoted(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)
