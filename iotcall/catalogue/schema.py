"""JSON Schema -> a small tree of nodes that can be honoured exactly.

Every value of the node satisfies the schema; where the schema leaves a size open, the bounds below
apply, and objects hold declared properties only. A keyword that cannot be honoured is refused by
name and JSON pointer. Source of the keywords: JSON Schema 2020-12, and ``dependencies`` and boolean
exclusive bounds of its older drafts. Leaves out: references and merging (combine), text forms
(formats).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from iotcall.catalogue.check import misfit
from iotcall.catalogue.combine import (
    ANNOTATIONS,
    References,
    Schema,
    merge,
    rules_of,
    with_rule,
)
from iotcall.catalogue.disjoint import excludes
from iotcall.catalogue.logic import (
    OF_TYPE,
    list_of,
    names_in,
    negated,
    only_objects,
    presence_of,
    types_of,
    with_dependencies,
    without,
    without_their_keys,
)
from iotcall.catalogue.nodes import (
    Array,
    Boolean,
    Enumeration,
    Field,
    Mapping,
    Node,
    Null,
    Object,
    Union,
    weight,
)
from iotcall.catalogue.presence import (
    all_of,
    any_of,
    count_of,
    decide,
    one_of,
)
from iotcall.catalogue.scalars import KNOWN_EXTENSIONS, count, read_integer, read_number, read_text
from iotcall.catalogue.values import is_endless, is_of, same
from iotcall.errors import SchemaError

DEFAULT_ITEMS = (8, 4, 2)
"""Items of an array without maxItems: of an outer one, of one inside, of any further inside."""
HEAVIEST = 20_000
"""Values that an expression may write out, repetitions counted."""
DEPTH = 32
"""Schemas inside schemas."""

_UNPRINTABLE = {"Cc", "Co", "Cs"}
"""Control, private use (special tokens stand there in grammars) and surrogate characters."""
_COMBINING = {"$ref", "allOf", "anyOf", "oneOf", "not", "dependencies", "dependentRequired",
              "dependentSchemas", "enum", "const", "type"}
_KNOWN = _COMBINING.union(ANNOTATIONS, KNOWN_EXTENSIONS, *OF_TYPE.values())
_SCALARS = ("string", "number", "boolean", "null")


class NothingFits(SchemaError):
    """No value satisfies the schema: it drops out of an anyOf, and of optional properties."""


def read_schema(schema: Any, pointer: str = "") -> Node:
    """The node of a JSON Schema; references are looked up inside it.

    Raises:
        SchemaError: a keyword or type that cannot be honoured, by name and JSON pointer.
    """
    try:
        node = _Reader(References(schema)).read(schema, pointer, frozenset(), 0)
    except RecursionError as error:
        raise SchemaError(pointer, f"schemas or values are nested more than {DEPTH} deep"
                          ) from error
    if weight(node) > HEAVIEST:
        raise SchemaError(pointer, f"written out it holds {weight(node)} values, more than "
                                   f"{HEAVIEST}; lower maxItems or list fewer values")
    return node


class _Reader:
    def __init__(self, references: References) -> None:
        self._references = references
        self._read = 0

    def read(self, schema: Any, pointer: str, seen: frozenset[str], depth: int) -> Node:
        self._read += 1
        if self._read > HEAVIEST:
            raise SchemaError(pointer, f"written out it holds more than {HEAVIEST} schemas; refer "
                                       "less often to the same")
        if depth > DEPTH:
            raise SchemaError(pointer, f"schemas are nested more than {DEPTH} deep")
        if isinstance(schema, dict) and "$ref" in schema:
            schema, seen = self._references.resolve(schema, pointer, seen)
        if schema is True:
            schema = {}
        if schema is False:
            raise NothingFits(pointer, "nothing satisfies this schema")
        if not isinstance(schema, dict):
            raise SchemaError(pointer, f"expected a schema object, found {schema!r}")
        self._refuse_unknown(schema, pointer)

        def again(changed: Schema | bool) -> Node:
            return self.read(changed, pointer, seen, depth + 1)

        if "allOf" in schema:
            merged: Schema | bool = without(schema, "allOf")
            for index, part in enumerate(list_of(schema, "allOf", pointer)):
                if isinstance(part, dict) and "$ref" in part:
                    part, seen = self._references.resolve(part, f"{pointer}/allOf/{index}", seen)
                merged = merge(merged, part, f"{pointer}/allOf/{index}")
            return again(merged)
        if "not" in schema:
            return again(negated(schema, pointer))
        for keyword in ("dependentRequired", "dependencies", "dependentSchemas"):
            if keyword in schema:
                return again(with_dependencies(schema, keyword, pointer))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternatives(schema, keyword, pointer, seen, depth)
        if "enum" in schema or "const" in schema:
            return self._enumeration(schema, pointer, seen, depth)
        return self._typed(schema, pointer, seen, depth)

    def _refuse_unknown(self, schema: Schema, pointer: str) -> None:
        unknown = sorted(key for key in schema.keys() - _KNOWN
                         if not key.startswith("x-") or key.startswith("x-iotcall"))
        if unknown:
            raise SchemaError(f"{pointer}/{unknown[0]}",
                              f"the keyword {unknown[0]!r} cannot be honoured here; remove it or "
                              "express it with enum, bounds or lengths")
        if "$id" in schema and pointer and any("$ref" in str(value) for value in schema.values()):
            raise SchemaError(f"{pointer}/$id", "an $id inside a schema changes where references "
                                                "lead, which cannot be honoured here; remove it")

    # -------------------------------------------------------------- several schemas at once

    def _alternatives(self, schema: Schema, keyword: str, pointer: str, seen: frozenset[str],
                      depth: int) -> Node:
        base = without(schema, keyword)
        parts = list_of(schema, keyword, pointer)
        places = [f"{pointer}/{keyword}/{index}" for index in range(len(parts))]
        if not parts:
            raise SchemaError(f"{pointer}/{keyword}", "expected at least one schema, found none")
        resolved = [self._references.resolve(part, place, seen)
                    if isinstance(part, dict) and "$ref" in part else (part, seen)
                    for part, place in zip(parts, places, strict=True)]
        exactly_one = keyword == "oneOf" and len(parts) > 1
        rules = [presence_of(part) for part, _ in resolved]
        if only_objects(base) and all(rule is not None for rule in rules):
            wanted = [rule for rule in rules if rule is not None]
            rule = one_of(wanted) if keyword == "oneOf" else any_of(wanted)
            return self.read(with_rule(base | {"type": "object"}, rule), pointer, seen, depth + 1)
        merged = [merge(base, part, place)
                  for (part, _), place in zip(resolved, places, strict=True)]
        options: list[tuple[int, Node]] = []
        nothing: NothingFits | None = None
        for index, ((_, followed), place) in enumerate(zip(resolved, places, strict=True)):
            others = [(other, part) for other, part in enumerate(merged) if other != index]
            own = merged[index]
            if exactly_one:
                own = without_their_keys(own, [part for _, part in others])
            try:
                node = self.read(own, place, followed, depth + 1)
            except NothingFits as error:
                nothing = error
                continue
            options.append((index, node))
        for index, node in options if exactly_one else ():
            for other, part in enumerate(merged):
                if other != index and not excludes(node, part, self._references, places[index],
                                                   seen):
                    raise SchemaError(
                        f"{pointer}/oneOf", f"the alternatives {index} and {other} may both hold "
                        "for one value; make them disjoint (by type, bounds or a constant "
                        "property) or use anyOf")
        if not options:
            raise nothing or NothingFits(f"{pointer}/{keyword}", "no alternative can hold")
        return options[0][1] if len(options) == 1 else Union(tuple(node for _, node in options))

    def _enumeration(self, schema: Schema, pointer: str, seen: frozenset[str], depth: int,
                     ) -> Enumeration:
        values = schema.get("enum", [schema.get("const")])
        if not isinstance(values, list) or not values:
            raise SchemaError(f"{pointer}/enum", f"expected a list of values, found {values!r}")
        if "const" in schema:
            values = [value for value in values if same(value, schema["const"])]
        others = without(without(schema, "enum"), "const")
        constrained = others.keys() - ANNOTATIONS - KNOWN_EXTENSIONS
        kept: list[Any] = []
        texts: set[str] = set()
        for value in values:
            if is_endless(value) or _UNPRINTABLE & set(map(unicodedata.category, _texts(value))):
                raise SchemaError(f"{pointer}/enum", f"expected printable text and finite numbers, "
                                                     f"found {value!r}")
            if value in texts if isinstance(value, str) else any(
                    same(value, other) for other in kept):
                continue
            kinds = [kind for kind in OF_TYPE if is_of(kind, value)]
            if "type" in others and not set(kinds) & set(types_of(others, pointer)):
                continue
            # a value fits if the other keywords, read for its type alone, let it through
            if constrained - {"type"} and misfit(self._typed(
                    {**others, "type": kinds[0]}, pointer, seen, depth + 1), value, ""):
                continue
            kept.append(value)
            if isinstance(value, str):
                texts.add(value)
        if not kept:
            raise NothingFits(f"{pointer}/enum", f"none of {values!r} fits the other keywords")
        return Enumeration(tuple(kept))

    # -------------------------------------------------------------- one type

    def _typed(self, schema: Schema, pointer: str, seen: frozenset[str], depth: int) -> Node:
        kinds = types_of(schema, pointer)
        if not kinds and "type" in schema:
            raise NothingFits(f"{pointer}/type", "no type is left that satisfies all schemas")
        if not kinds:
            # untyped: the types that its keywords speak of, else any scalar
            spoken = [kind for kind, words in OF_TYPE.items()
                      if words & schema.keys() and kind != "integer"]
            kinds = spoken or list(_SCALARS)
        if "number" in kinds and "integer" in kinds:
            kinds = [kind for kind in kinds if kind != "integer"]
        options = tuple(self._of_kind(kind, schema, pointer, seen, depth) for kind in kinds)
        return options[0] if len(options) == 1 else Union(options)

    def _of_kind(self, kind: str, schema: Schema, pointer: str, seen: frozenset[str], depth: int,
                 ) -> Node:
        match kind:
            case "string":
                return read_text(schema, pointer)
            case "integer":
                return read_integer(schema, pointer)
            case "number":
                return read_number(schema, pointer)
            case "boolean":
                return Boolean()
            case "null":
                return Null()
            case "array":
                return self._array(schema, pointer, seen, depth)
            case _:
                return self._object(schema, pointer, seen, depth)

    def _array(self, schema: Schema, pointer: str, seen: frozenset[str], depth: int) -> Array:
        low = count(schema, "minItems", pointer, 0)
        inside = min(pointer.count("/items"), len(DEFAULT_ITEMS) - 1)
        high = count(schema, "maxItems", pointer, max(low, DEFAULT_ITEMS[inside]))
        if low > high:
            raise SchemaError(pointer, f"minItems {low} is above maxItems {high}")
        if schema.get("uniqueItems", False) is not False and high > 1:
            raise SchemaError(f"{pointer}/uniqueItems", "the keyword 'uniqueItems' cannot be "
                              "honoured here; remove it, or allow one item at most")
        items = schema.get("items", True)
        if isinstance(items, list):
            raise SchemaError(f"{pointer}/items", "a schema for each place cannot be honoured "
                                                  "here; expected one schema for all items")
        try:
            node = self.read(items, f"{pointer}/items", seen, depth + 1)
        except NothingFits:
            if low:
                raise
            return Array(Null(), 0, 0)
        return Array(node, low, high)

    def _object(self, schema: Schema, pointer: str, seen: frozenset[str], depth: int,
                ) -> Object | Mapping:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list) or not all(
                isinstance(name, str) for name in required):
            raise SchemaError(pointer, "expected properties as an object and required as a list of "
                                       "names")
        if schema.get("unevaluatedProperties", True) is not True:
            raise SchemaError(f"{pointer}/unevaluatedProperties", "the keyword "
                              "'unevaluatedProperties' cannot be honoured here; use "
                              "additionalProperties")
        low = count(schema, "minProperties", pointer, 0)
        high = count(schema, "maxProperties", pointer, max(low, len(properties) + len(required)))
        rules = [*rules_of(schema)]
        others = schema.get("additionalProperties", True)
        open_ended = others is not False and schema.get("maxProperties", 1) > 0
        if open_ended and not (properties or required or rules):
            if low > 1:
                raise SchemaError(f"{pointer}/minProperties", "an object without declared "
                                  "properties holds one entry at most here; declare them")
            return Mapping(self.read(others, f"{pointer}/additionalProperties", seen, depth + 1),
                           low)
        names = properties | dict.fromkeys(required)
        if low or high < len(names):
            rules.append(count_of(names, low, high))
        fields = []
        for name in [*properties, *(name for name in required if name not in properties)]:
            place = f"{pointer}/properties/{_escaped(name)}"
            try:
                node = self.read(properties.get(name, others), place, seen, depth + 1)
            except NothingFits:
                if name in required:
                    raise
                continue
            fields.append(Field(name, node, name in required))
        presence = all_of(rules)
        declared = {field.name for field in fields}
        for name in names_in(presence) - declared:
            presence = decide(presence, name, False)
        for name in required:
            presence = decide(presence, name, True)
        if presence is False:
            raise NothingFits(pointer, "no set of properties satisfies what is required and what "
                                       "is excluded")
        return Object(tuple(fields), presence)


def _texts(value: Any) -> str:
    """All text in a value."""
    if isinstance(value, dict):
        return "".join(map(_texts, [*value, *value.values()]))
    if isinstance(value, list):
        return "".join(map(_texts, value))
    return value if isinstance(value, str) else ""


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
