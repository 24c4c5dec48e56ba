"""Nodes against jsonschema: what a node takes, the schema takes."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import misfit, read_schema
from tests.catalogue.schemas import LEAVES, SCHEMAS
from tests.workshop import steadily, values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-6, 6) | st.sampled_from([0.5, 1.0, -2.0, 0.1])
    | st.text("abcx\u00e9\U0001f600", max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["a", "b", "Lamp"]), inner), max_leaves=4)


def valid(schema: Any, value: Any) -> bool:
    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    return bool(checker.is_valid(value))


@given(SCHEMAS, JSON | SCHEMAS.flatmap(lambda schema: values(read_schema(schema))))
@steadily
def test_a_value_that_fits_a_node_satisfies_its_schema(schema: Any, value: Any) -> None:
    assert misfit(read_schema(schema), value, "") or valid(schema, value)


@given(SCHEMAS.flatmap(lambda schema: st.tuples(st.just(schema), values(read_schema(schema)))))
@steadily
def test_every_value_of_a_node_fits_it_and_its_schema(case: tuple[Any, Any]) -> None:
    schema, value = case
    assert misfit(read_schema(schema), value, "") == ""
    assert valid(schema, value)


@given(LEAVES.filter(lambda leaf: leaf.get("type") in ("integer", "boolean", "null")
                     or "enum" in leaf or leaf.keys() == {"type", "minLength", "maxLength"}), JSON)
@steadily
def test_where_no_size_is_left_open_a_value_fits_exactly_where_jsonschema_says_so(
    schema: Any, value: Any
) -> None:
    assert (not misfit(read_schema(schema), value, "")) == valid(schema, value)


@given(st.lists(LEAVES, min_size=2, max_size=3), JSON)
@steadily
def test_both_schemas_of_an_all_of_hold(parts: list[Any], value: Any) -> None:
    from iotcall.errors import SchemaError

    try:
        node = read_schema({"allOf": parts})
    except SchemaError:
        return  # nothing is left, or it cannot be merged
    assert misfit(node, value, "") or valid({"allOf": parts}, value)


@given(st.lists(SCHEMAS, min_size=2, max_size=3), st.data())
@steadily
def test_exactly_one_schema_of_a_one_of_holds(parts: list[Any], data: st.DataObject) -> None:
    from iotcall.errors import SchemaError

    try:
        node = read_schema({"oneOf": parts})
    except SchemaError:
        return  # they may overlap
    value = data.draw(values(node))
    assert valid({"oneOf": parts}, value)
