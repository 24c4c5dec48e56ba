"""A strategy for schemas of the keywords that are honoured. Leaves out: references."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_NAMES = ["a", "b", "Lamp"]


def _between(low: str, high: str, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(numbers, min_size=2, max_size=2).map(
        lambda pair: {low: min(pair), high: max(pair)})


_INTEGERS = st.builds(
    lambda bounds, step: {"type": "integer", **bounds, **step},
    _between("minimum", "maximum", st.integers(-120, 1200)),
    st.sampled_from([{}, {}, {"multipleOf": 1}]))
_STEPPED = st.builds(
    lambda low, steps, step: {"type": "number", "minimum": low * step,
                              "maximum": (low + steps) * step, "multipleOf": step},
    st.integers(-20, 20), st.integers(0, 60), st.sampled_from([0.5, 0.25, 5]))
_TEXTS = st.builds(
    lambda bounds: {"type": "string", **bounds},
    _between("minLength", "maxLength", st.integers(0, 4)))
LEAVES = st.one_of(
    st.sampled_from([
        {"type": "boolean"}, {"type": "null"}, {"const": 1.0}, {"type": ["boolean", "null"]},
        {"enum": ["a", 1, True, None, 0.5]}, {"type": "string", "enum": ["", "ab", "wine cellar"]},
        {"type": "string", "pattern": "^[a-c]{1,3}$"}, {"type": "string", "pattern": "x",
                                                        "maxLength": 3},
        {"type": "string", "format": "date"}, {"type": "string", "format": "ipv4"},
        {"type": "number", "minimum": 0, "maximum": 100, "x-digits": 1},
    ]), _INTEGERS, _STEPPED, _TEXTS)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(lambda items, bounds: {"type": "array", "items": items, **bounds}, inner,
                       _between("minItems", "maxItems", st.integers(0, 3)))
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
    mappings = inner.map(lambda values: {"type": "object", "additionalProperties": values})
    return st.one_of(arrays, unions, mappings, objects(inner))


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Closed objects, some with a rule of what stands together."""
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, min_size=1, max_size=3))
    schema: dict[str, Any] = {
        "type": "object", "properties": {name: draw(inner) for name in names},
        "required": draw(st.lists(st.sampled_from(names), unique=True, max_size=2)),
        "additionalProperties": False}
    rule = draw(st.sampled_from([
        {}, {}, {"minProperties": 1}, {"maxProperties": max(1, len(schema["required"]))},
        {"dependentRequired": {names[0]: [names[-1]]}},
        {"anyOf": [{"required": [name]} for name in names]}]))
    return {**schema, **rule}


SCHEMAS = st.recursive(LEAVES, _nested, max_leaves=4)
OBJECTS = objects(SCHEMAS)
