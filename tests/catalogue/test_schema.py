"""Schemas that are honoured and what becomes of them; those that are refused, and where."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from iotcall.catalogue import (
    Array,
    Boolean,
    Enumeration,
    Field,
    Integer,
    Mapping,
    Node,
    Null,
    Number,
    Object,
    Source,
    Text,
    Union,
    misfit,
    read_schema,
)
from iotcall.catalogue.check import check_value
from iotcall.errors import CallError, SchemaError

A_AND_B = {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}


@pytest.mark.parametrize(("schema", "node"), [
    ({"type": "string"}, Text(0, 256)),
    ({"type": "string", "minLength": 2, "maxLength": 5.0}, Text(2, 5)),
    ({"type": "string", "minLength": 300}, Text(300, 300)),
    ({"type": "string", "pattern": "a|b", "format": "date"}, Text(0, 256, "a|b", "date")),
    ({"type": "string", "format": "password"}, Text(0, 256)),
    ({"type": "string", "format": "phone"}, Text(0, 256)),
    ({"type": "string", "x-grounded": True}, Text(0, 256, source=Source("said"))),
    ({"type": "string", "x-registry": "areas"}, Text(0, 256, source=Source("registry", "areas"))),
    ({"type": "integer", "minimum": 0, "maximum": 9, "x-grounded": True,
      "x-derived": {"half": 5}}, Integer(0, 9, source=Source("said", "", (("half", 5),)))),
    ({"type": "string", "enum": ["a", "b"]}, Enumeration(("a", "b"))),
    ({"type": ["string", "null"], "enum": ["a", None, 1]}, Enumeration(("a", None))),
    ({"enum": [1, "a", True, [1], {"b": None}]}, Enumeration((1, "a", True, [1], {"b": None}))),
    ({"enum": [1, 1.0, 1]}, Enumeration((1,))),
    ({"enum": ["a", "bb", 3], "maxLength": 1}, Enumeration(("a", 3))),
    ({"const": 6}, Enumeration((6,))),
    ({"type": "integer", "minimum": 60, "maximum": 80}, Integer(60, 80)),
    ({"type": "integer", "minimum": 0.5, "maximum": 9.5}, Integer(1, 9)),
    ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9}, Integer(1, 8)),
    ({"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 9,
      "exclusiveMaximum": False}, Integer(1, 9)),
    ({"type": "integer", "minimum": 1, "maximum": 21, "multipleOf": 5}, Integer(5, 20, 5)),
    ({"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 1.5}, Integer(3, 9, 3)),
    ({"type": "integer"}, Integer(-(10**15) + 1, 10**15 - 1)),
    ({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25},
     Number(Decimal(0), Decimal(1), Decimal("0.25"))),
    ({"type": "number", "minimum": 0, "exclusiveMaximum": 1, "x-digits": 1},
     Number(Decimal(0), Decimal("0.9"), Decimal("0.1"))),
    ({"type": "boolean", "description": "said", "title": "t", "default": 1}, Boolean()),
    ({"type": "null"}, Null()),
    ({"type": "array", "items": {"type": "null"}}, Array(Null(), 0, 8)),
    ({"type": "array", "items": {"type": "null"}, "minItems": 9}, Array(Null(), 9, 9)),
    ({"type": "array", "items": False}, Array(Null(), 0, 0)),
    ({"type": "array", "items": {"type": "null"}, "maxItems": 1, "uniqueItems": True},
     Array(Null(), 0, 1)),
    ({"type": "object", "additionalProperties": False}, Object(())),
    ({"type": "object", "additionalProperties": {"type": "null"}}, Mapping(Null(), 0)),
    ({"type": ["integer", "null"], "minimum": 0, "maximum": 1}, Union((Integer(0, 1), Null()))),
    ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, Union((Null(), Boolean()))),
    ({"oneOf": [{"type": "null"}, False]}, Null()),
    ({"not": {"type": ["string", "array", "object", "number", "integer"]}},
     Union((Boolean(), Null()))),
    ({"enum": [1, 2, 3], "not": {"enum": [2]}}, Enumeration((1, 3))),
    ({"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 4}]}, Integer(1, 4)),
    ({"$ref": "#/$defs/d", "$defs": {"d": {"type": "null"}}}, Null()),
    ({"$ref": "#/$defs/a~1b%25", "minimum": 3,
      "$defs": {"a/b%": {"type": "integer", "maximum": 5}}}, Integer(3, 5)),
    ({"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "boolean"}},
      "required": ["a"]},
     Object((Field("b", Null(), False), Field("a", Boolean(), True)))),
])
def test_a_schema_is_read_with_its_bounds_and_in_declared_order(schema: Any, node: Node) -> None:
    assert read_schema(schema) == node


@pytest.mark.parametrize(("rules", "allowed"), [
    ({"dependentRequired": {"a": ["b"]}}, ["", "b", "c", "ab", "bc", "abc"]),
    ({"dependencies": {"a": ["b", "c"]}}, ["", "b", "c", "bc", "abc"]),
    ({"dependencies": {"a": {"required": ["b"]}}}, ["", "b", "c", "ab", "bc", "abc"]),
    ({"dependentSchemas": {"a": {"not": {"required": ["b"]}}}}, ["", "a", "b", "c", "ac", "bc"]),
    ({"not": {"required": ["a", "b"]}}, ["", "a", "b", "c", "ac", "bc"]),
    ({"not": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}}, ["", "c"]),
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
     ["a", "b", "ab", "ac", "bc", "abc"]),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, ["a", "b", "ac", "bc"]),
    ({"minProperties": 2}, ["ab", "ac", "bc", "abc"]),
    ({"maxProperties": 1}, ["", "a", "b", "c"]),
    ({"minProperties": 1, "maxProperties": 2, "required": ["c"]}, ["c", "ac", "bc"]),
])
def test_properties_stand_together_as_the_rules_say(rules: Any, allowed: list[str]) -> None:
    node = read_schema({"type": "object", "properties": A_AND_B, **rules})
    subsets = ["", "a", "b", "c", "ab", "ac", "bc", "abc"]
    assert [names for names in subsets if not misfit(node, dict.fromkeys(names), "")] == allowed


@pytest.mark.parametrize(("schema", "pointer", "named"), [
    ({"type": "string", "charset": "x"}, "/charset", "the keyword 'charset' cannot"),
    ({"type": "object", "patternProperties": {}}, "/patternProperties", "'patternProperties'"),
    ({"type": "object", "if": {}, "then": {}}, "/if", "the keyword 'if'"),
    ({"type": "object", "propertyNames": {}}, "/propertyNames", "'propertyNames'"),
    ({"type": "array", "items": {"type": "null"}, "uniqueItems": True}, "/uniqueItems",
     "'uniqueItems'"),
    ({"type": "array", "prefixItems": []}, "/prefixItems", "'prefixItems'"),
    ({"type": "array", "contains": {}}, "/contains", "'contains'"),
    ({"type": "array", "items": [{"type": "null"}]}, "/items", "a schema for each place"),
    ({"type": "string", "x-iotcall-new": 1}, "/x-iotcall-new", "'x-iotcall-new'"),
    ({"type": "object", "unevaluatedProperties": False}, "/unevaluatedProperties",
     "'unevaluatedProperties'"),
    ({"$ref": "http://x/y.json"}, "/$ref", "inside the same file"),
    ({"$ref": "#/$defs/no"}, "/$ref", "leads nowhere: no '\\$defs'"),
    ({"type": "object", "properties": {"next": {"$ref": "#"}}},
     "/properties/next/properties/next/$ref", "cannot recurse|leads back"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "/oneOf",
     "alternatives 0 and 1 may both hold"),
    ({"oneOf": []}, "/oneOf", "at least one schema"),
    ({"anyOf": 1}, "/anyOf", "expected a list of schemas, found 1"),
    ({"not": {"minimum": 3}}, "/not", "only 'not' of"),
    ({"type": "string", "format": "regex"}, "/format", "the format 'regex' cannot"),
    ({"type": "string", "format": "datetime"}, "/format", "the format 'datetime' cannot"),
    ({"type": "string", "pattern": "["}, "/pattern", "expected a regular expression, found '\\['"),
    ({"type": "date"}, "/type", "expected one of array, boolean, .* found 'date'"),
    ({"type": "integer", "minimum": "3"}, "/minimum", "expected a number, found '3'"),
    ({"type": "integer", "maximum": float("inf")}, "/maximum", "expected a number, found inf"),
    ({"type": "integer", "multipleOf": 0}, "/multipleOf", "a number above 0"),
    ({"type": "string", "maxLength": -1}, "/maxLength", "expected a count, found -1"),
    ({"type": "string", "maxLength": True}, "/maxLength", "expected a count, found True"),
    ({"enum": []}, "/enum", "expected a list of values, found \\[\\]"),
    ({"enum": [float("nan")]}, "/enum", "finite numbers, found nan"),
    ({"enum": ["a\n"]}, "/enum", "printable text"),
    ({"type": "string", "enum": [1]}, "/enum", "fits the other keywords"),
    ({"type": "number", "multipleOf": 1, "x-digits": 2}, "/x-digits", "keep one"),
    ({"type": "string", "x-grounded": 1}, "/x-grounded", "true or false"),
    ({"type": "integer", "x-registry": "areas"}, "/x-registry", "for a string"),
    ({"type": "string", "x-registry": "The areas"}, "/x-registry", "found 'The areas'"),
    ({"type": "integer", "x-derived": {"half": 5}}, "/x-derived", "beside x-grounded"),
    ({"type": "object", "properties": {"a": {"type": "array", "items": {"if": {}}}}},
     "/properties/a/items/if", "the keyword 'if'"),
    ({"type": "object", "minProperties": 2}, "/minProperties", "declare them"),
    ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, "/allOf/1/pattern", "say 'pattern'"),
])
def test_what_cannot_be_honoured_is_refused_by_name_at_its_pointer(
    schema: Any, pointer: str, named: str
) -> None:
    with pytest.raises(SchemaError, match=named) as caught:
        read_schema(schema)
    assert caught.value.pointer == pointer
    assert str(caught.value).startswith(f"{pointer}: ")


@pytest.mark.parametrize(("schema", "complaint"), [
    ("string", "expected a schema object, found 'string'"),
    (False, "nothing satisfies"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "no value lies between 3 and 2"),
    ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no value lies between"),
    ({"type": "number", "minimum": 0.1, "maximum": 0.2, "multipleOf": 0.25}, "in steps of 0.25"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 is above maxLength 2"),
    ({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 1},
     "minItems 2 is above maxItems 1"),
    ({"type": "object", "properties": []}, "expected properties as an object"),
    ({"type": "object", "required": [["a"]]}, "required as a list of names"),
    ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "nothing satisfies"),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, "no type is left"),
])
def test_a_schema_that_admits_nothing_or_is_no_schema_is_refused(
    schema: Any, complaint: str
) -> None:
    with pytest.raises(SchemaError, match=complaint):
        read_schema(schema)


def test_schemas_may_not_nest_without_end() -> None:
    schema: Any = {"type": "null"}
    for _ in range(40):
        schema = {"type": "array", "items": schema}
    with pytest.raises(SchemaError, match="more than 32 deep"):
        read_schema(schema)


def test_an_alternative_that_nothing_satisfies_drops_out() -> None:
    assert read_schema({"anyOf": [{"type": "integer", "enum": ["a"]}, {"type": "null"}]}) == Null()
    assert read_schema({"type": "object", "properties": {"a": False, "b": {"type": "null"}}}) == (
        Object((Field("b", Null(), False),)))


# ------------------------------------------------------------------ values

@pytest.mark.parametrize(("schema", "inside", "outside"), [
    ({"type": "number"}, [0, -0.5, 12.34, 999_999_999, 0.000001],
     [0.0000001, 10**9, 10**400, float("inf"), float("nan"), True, "1"]),
    ({"type": "number", "multipleOf": 0.1, "minimum": -1, "maximum": 1}, [0.3, -1, 0.7, 1.0],
     [0.35, 1.1, -1.1]),
    ({"type": "integer", "minimum": 0, "maximum": 5}, [0, 5, 3.0],
     [10**400, float("inf"), float("nan"), 1.5, True, "3", -1, 6]),
    ({"const": 1}, [1, 1.0], [True, "1", 2]),
    ({"enum": [False, None, {"a": [1]}]}, [False, None, {"a": [1.0]}], [0, {"a": [True]}, {}]),
    ({"type": "string", "minLength": 1, "maxLength": 2}, ["\U0001f600", "ab"], ["", "abc", 1]),
    ({"type": "string", "pattern": "^[0-9]{4}$"}, ["0412"], ["412", "04125", "", "a0412"]),
    ({"type": "string", "format": "date"}, ["2024-02-29", "1999-12-31"],
     ["2023-02-29", "2024-13-01", "2024-1-1", "today"]),
    ({"type": "object", "additionalProperties": {"type": "boolean"}}, [{}, {"a": True}],
     [{"a": 1}, {"a": True, "b": True}, {"a b": True}, []]),
    ({"type": ["boolean", "null"]}, [True, None], [0, "true"]),
])
def test_a_value_fits_or_not(schema: Any, inside: list[Any], outside: list[Any]) -> None:
    node = read_schema(schema)
    assert [value for value in inside if misfit(node, value, "")] == []
    assert [value for value in outside if not misfit(node, value, "")] == []


@pytest.mark.parametrize(("value", "complaint"), [
    ({"rooms": ["attic"], "at": {"hour": 24}}, r"f/at/hour: expected an integer 0\.\.23, found 24"),
    ({"rooms": ["attic", "moon"]}, "f/rooms/1: expected one of 'attic', 'cellar', found 'moon'"),
    ({"rooms": []}, r"f/rooms: expected an array of 1\.\.2 items, found \[\]"),
    ({"at": {"hour": 3}}, "f: missing key 'rooms'"),
    ({"rooms": ["attic"], "hour": 3}, "f: unknown key 'hour', expected 'rooms', 'at'"),
    ([], "f: expected an object"),
])
def test_a_misfit_is_located_with_what_was_found_and_expected(value: Any, complaint: str) -> None:
    node = read_schema({"type": "object", "required": ["rooms"], "properties": {
        "rooms": {"type": "array", "minItems": 1, "maxItems": 2,
                  "items": {"type": "string", "enum": ["attic", "cellar"]}},
        "at": {"type": "object", "properties": {
            "hour": {"type": "integer", "minimum": 0, "maximum": 23}}}}})
    with pytest.raises(CallError, match=complaint):
        check_value(node, value, "f")


_INTEGER, _STRING = {"type": "integer"}, {"type": "string"}


@pytest.mark.parametrize(("schema", "value"), [
    ({"allOf": [{"type": "object", "properties": {"x": _STRING}},
                {"additionalProperties": _INTEGER}]}, {"x": "a"}),
    ({"type": "object", "properties": {"e": _INTEGER}, "required": ["a", "d"],
      "maxProperties": 2}, {"a": 1, "d": 1, "e": 1}),
    ({"minLength": 3, "not": {"required": ["a"]}}, {"a": 1}),
    ({"type": "object", "dependentRequired": {"a": ["b"]}, "properties": {"a": _INTEGER}},
     {"a": 1}),
    ({"type": "object", "properties": {"a": False, "b": _INTEGER}}, {"a": 1}),
    ({"type": "object", "maxProperties": 0}, {"a": 1}),
], ids=str)
def test_what_once_slipped_through_is_not_in_the_language(schema: Any, value: Any) -> None:
    assert not jsonschema.Draft202012Validator(schema).is_valid(value)
    assert misfit(read_schema(schema), value, "")
