from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import (
    Array,
    Boolean,
    Enumeration,
    Field,
    Integer,
    Node,
    Null,
    Number,
    Object,
    Text,
    read_schema,
)
from iotcall.catalogue.check import check_value
from iotcall.errors import CallError, SchemaError
from tests.workshop import steadily, values


@pytest.mark.parametrize(("schema", "node"), [
    ({"type": "string"}, Text(0, 32)),
    ({"type": "string", "minLength": 2, "maxLength": 5}, Text(2, 5)),
    ({"type": "string", "minLength": 40}, Text(40, 40)),
    ({"type": "string", "enum": ["a", "b"]}, Enumeration(("a", "b"))),
    ({"type": ["string", "null"], "enum": ["a", None]}, Enumeration(("a", None))),
    ({"enum": [1, "a", True]}, Enumeration((1, "a", True))),
    ({"const": 6}, Enumeration((6,))),
    ({"type": "integer", "minimum": 60, "maximum": 80}, Integer(60, 80)),
    ({"type": "integer", "minimum": 0.5, "maximum": 9.5}, Integer(1, 9)),
    ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9}, Integer(1, 8)),
    ({"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 8.5}, Integer(1, 8)),
    ({"type": "integer"}, Integer(-999_999_999, 999_999_999)),
    ({"type": "number"}, Number(2, 9)),
    ({"type": "boolean", "description": "said", "title": "t", "default": 1}, Boolean()),
    ({"type": "null"}, Null()),
    ({"type": "array", "items": {"type": "null"}}, Array(Null(), 0, 4)),
    ({"type": "array", "items": {"type": "null"}, "minItems": 6}, Array(Null(), 6, 6)),
    ({"type": "object"}, Object(())),
    ({"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "boolean"}},
      "required": ["a"]},
     Object((Field("b", Null(), False), Field("a", Boolean(), True)))),
])
def test_a_schema_is_read_with_its_bounds_and_in_declared_order(schema: Any, node: Node) -> None:
    assert read_schema(schema) == node


@pytest.mark.parametrize(("schema", "pointer"), [
    ({"type": "string", "pattern": "a|b"}, "/pattern"),
    ({"type": "string", "format": "date"}, "/format"),
    ({"type": "integer", "multipleOf": 5}, "/multipleOf"),
    ({"type": "number", "minimum": 0}, "/minimum"),
    ({"type": "array", "items": {"type": "null"}, "uniqueItems": True}, "/uniqueItems"),
    ({"type": "object", "patternProperties": {}}, "/patternProperties"),
    ({"type": "object", "dependentRequired": {}}, "/dependentRequired"),
    ({"type": "object", "if": {}, "then": {}}, "/if"),
    ({"type": "object", "additionalProperties": True}, "/additionalProperties"),
    ({"enum": ["a"], "maxLength": 1}, "/maxLength"),
    ({"enum": ["a"], "const": "a"}, "/const"),
    ({"anyOf": [{"type": "null"}]}, "/type"),
    ({"oneOf": [{"type": "null"}]}, "/type"),
    ({"$ref": "#/x"}, "/type"),
    ({"type": "integer", "properties": {}}, "/properties"),
    ({"type": "object", "properties": {"a": {"type": "array", "items": {"not": {}}}}},
     "/properties/a/items/type"),
])
def test_a_keyword_that_cannot_be_honoured_is_refused_at_its_pointer(
    schema: Any, pointer: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        read_schema(schema, "/0")
    assert caught.value.pointer == "/0" + pointer
    assert str(caught.value).startswith(f"/0{pointer}: ")


def test_a_refused_keyword_is_named_with_what_to_use_instead() -> None:
    with pytest.raises(SchemaError, match=r"the keyword 'pattern' cannot .* express it with enum"):
        read_schema({"type": "string", "pattern": "a+"})


@pytest.mark.parametrize(("schema", "complaint"), [
    ("string", "expected a schema object, found 'string'"),
    ({"type": "date"}, "expected one of array, boolean, .* found 'date'"),
    ({"type": ["string", "null"]}, "found \\['string', 'null'\\]"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "no integer lies between 3 and 2"),
    ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no integer lies between"),
    ({"type": "integer", "minimum": "3"}, "expected a number, found '3'"),
    ({"type": "integer", "maximum": float("inf")}, "expected a number, found inf"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 is above maxLength 2"),
    ({"type": "string", "maxLength": -1}, "expected a count, found -1"),
    ({"type": "string", "maxLength": True}, "expected a count, found True"),
    ({"type": "array"}, "/items: expected a schema object"),
    ({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 1},
     "minItems 2 is above maxItems 1"),
    ({"type": "object", "properties": []}, "expected properties as an object"),
    ({"type": "object", "required": ["a"]}, "'a' is not among the properties"),
    ({"type": "object", "required": [["a"]]}, "is not among the properties"),
    ({"enum": []}, "expected a list of values"),
    ({"enum": [[1]]}, r"expected scalars, found \[1\]"),
    ({"enum": [float("nan")]}, "expected scalars, found nan"),
    ({"type": "string", "enum": ["a", 1]}, "expected values of type 'string', found 1"),
    ({"type": "integer", "const": True}, "expected values of type 'integer', found True"),
])
def test_a_schema_that_admits_nothing_or_is_no_schema_is_refused(
    schema: Any, complaint: str
) -> None:
    with pytest.raises(SchemaError, match=complaint):
        read_schema(schema)


# ------------------------------------------------------------------ jsonschema as the oracle

_NAMES = st.sampled_from(["a", "b"])


def _bounds(low: str, high: str, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.lists(numbers, min_size=2, max_size=2).map(
        lambda pair: {low: min(pair), high: max(pair)})


_LEAVES = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 1.0},
                     {"enum": ["a", 1, True, None, 0.5]}, {"type": "string", "enum": ["", "ab"]}]),
    _bounds("minimum", "maximum", st.integers(-5, 5)).map(lambda b: {"type": "integer", **b}),
    _bounds("minLength", "maxLength", st.integers(0, 4)).map(lambda b: {"type": "string", **b}),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(lambda items, bounds: {"type": "array", "items": items, **bounds}, inner,
                       _bounds("minItems", "maxItems", st.integers(0, 3)))
    objects = st.dictionaries(_NAMES, inner).flatmap(lambda properties: st.builds(
        lambda required: {"type": "object", "properties": properties, "required": required,
                          "additionalProperties": False},
        st.lists(st.sampled_from(sorted(properties)), unique=True) if properties else st.just([])))
    return arrays | objects


SCHEMAS = st.recursive(_LEAVES, _nested, max_leaves=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-6, 6) | st.sampled_from([0.5, 1.0, -2.0])
    | st.text("ab\u00e9\U0001f600", max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner), max_leaves=4)


def fits(node: Node, value: Any) -> bool:
    try:
        check_value(node, value, "")
    except CallError:
        return False
    return True


@given(SCHEMAS, JSON | SCHEMAS.flatmap(lambda schema: values(read_schema(schema))))
@steadily
def test_a_value_fits_exactly_where_jsonschema_says_so(schema: Any, value: Any) -> None:
    oracle = jsonschema.Draft202012Validator(schema)
    assert fits(read_schema(schema), value) == oracle.is_valid(value)


@given(SCHEMAS.flatmap(lambda schema: st.tuples(st.just(schema), values(read_schema(schema)))))
@steadily
def test_every_value_of_a_node_fits_its_schema(case: tuple[Any, Any]) -> None:
    schema, value = case
    jsonschema.validate(value, schema)
    check_value(read_schema(schema), value, "")


@pytest.mark.parametrize(("value", "fit"), [
    (0, True), (-0.5, True), (12.34, True), (999_999_999.99, True), (0.125, False),
    (10**9, False), (10**400, False), (float("inf"), False), (float("nan"), False),
    (True, False), ("1", False),
])
def test_a_number_has_two_decimals_and_nine_digits_before_them(value: Any, fit: bool) -> None:
    assert fits(read_schema({"type": "number"}), value) == fit


def test_a_constant_is_of_its_type_but_numbers_are_equal_by_value() -> None:
    assert fits(read_schema({"const": 1}), 1.0)
    assert fits(read_schema({"const": 1.0}), 1)
    assert not fits(read_schema({"const": 1}), True)
    assert not fits(read_schema({"enum": [False, None]}), 0)


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), 1.5, True, "3"])
def test_no_value_breaks_the_check_of_an_integer(value: Any) -> None:
    assert not fits(Integer(0, 5), value)


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
