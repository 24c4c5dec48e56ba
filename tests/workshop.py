"""A catalogue with every kind of node, strategies for its valid calls, and how to try them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from iotcall.catalogue import (
    MAPPING_NAME,
    Array,
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Mapping,
    Node,
    Null,
    Number,
    Object,
    Text,
    Tool,
    ToolCall,
    Union,
    catalogue_from_json,
    holds,
)
from iotcall.catalogue.text_formats import FORMATS
from iotcall.grammar.ecma import whole_expression

steadily = settings(max_examples=60, deadline=None, derandomize=True)
"""The same examples every time, however busy the machine is."""
briefly = settings(steadily, max_examples=15)
"""For what is tried in every format with every tokenizer."""


def _tool(name: str, required: list[str], rules: dict[str, Any] | None = None,
          **properties: Any) -> dict[str, Any]:
    return {"type": "function", "function": {
        "name": name, "description": f"To {name}.",
        "parameters": {"type": "object", "properties": properties, "required": required,
                       **(rules or {})}}}


TOOLS = [
    _tool("heat", ["degrees"], degrees={"type": "integer", "minimum": 60, "maximum": 80}),
    _tool(
        "plan", ["loud"],
        note={"type": "string", "maxLength": 6},
        share={"type": "number", "minimum": -999.99, "maximum": 999.99, "x-digits": 2},
        loud={"type": "boolean"},
        gap={"type": "null"},
        level={"enum": ["auto", "wine cellar", "true", 6, 60, 0.5, True, None]},
        days={"type": "array", "maxItems": 3, "items": {"type": "string", "enum": ["mo", "tu"]}},
        marks={"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 2}},
        box={"type": "object", "required": ["label"], "properties": {
            "width": {"type": "integer", "minimum": -3, "maximum": 12},
            "label": {"type": "string", "minLength": 1, "maxLength": 3}}},
    ),
    _tool("stop", []),
    _tool(
        "cut", ["length"],
        length={"type": "number", "minimum": -1, "maximum": 10, "multipleOf": 0.25},
        weight={"type": "number"},
        board={"type": "string", "pattern": "^[A-C][0-9]{2}$"},
        day={"type": "string", "format": "date"},
        angle={"anyOf": [{"type": "integer", "minimum": 5, "maximum": 45, "multipleOf": 5},
                         {"type": "string", "enum": ["square", "mitre"]}, {"type": "null"}]},
        parts={"type": "object", "additionalProperties": {"type": "integer", "minimum": 1,
                                                          "maximum": 3}},
    ),
    _tool("glue", [], {"anyOf": [{"required": ["left"]}, {"required": ["right"]}],
                       "dependentRequired": {"clamp": ["left", "right"]}},
          left={"const": "oak"}, right={"const": "ash"}, clamp={"type": "boolean"}),
]
WORKSHOP = catalogue_from_json({"task_description": "Run the workshop.", "tools": TOOLS},
                               "workshop")
BUSY = catalogue_from_json({"tools": [TOOLS[0], TOOLS[2], TOOLS[4]], "max_tool_calls": 3,
                            "tool_choice": "auto"}, "busy")
"""Up to three calls at once, or none."""

# every format writes these without escapes; Python's repr escapes what is not printable
_PLAIN = st.characters(codec="utf-8", exclude_categories=["C", "Z"],
                       exclude_characters="\"'\\<") | st.just(" ")


def calls(catalogue: Catalogue = WORKSHOP, text: st.SearchStrategy[str] = _PLAIN,
          ) -> st.SearchStrategy[ToolCall]:
    """Every valid call of the catalogue, its strings made of characters of `text`."""
    def of(tool: Tool) -> st.SearchStrategy[ToolCall]:
        return values(tool.parameters, text).map(lambda arguments: ToolCall(tool.name, arguments))

    return st.sampled_from(catalogue.tools).flatmap(of)


def answers(catalogue: Catalogue) -> st.SearchStrategy[tuple[ToolCall, ...]]:
    """Every valid answer: as many calls as the catalogue allows."""
    return st.lists(calls(catalogue), min_size=0 if catalogue.may_decline else 1,
                    max_size=catalogue.max_calls).map(tuple)


def values(node: Node, text: st.SearchStrategy[str] = _PLAIN) -> st.SearchStrategy[Any]:
    """Every value that fits the node."""
    match node:
        case Enumeration(options):
            return st.sampled_from(options)
        case Integer(low, high, step):
            return st.integers(low // step, high // step).map(lambda steps: steps * step)
        case Number(low, high, step):
            return st.integers(int(low / step), int(high / step)).map(
                lambda steps: _as_json(steps * step))
        case Boolean():
            return st.booleans()
        case Null():
            return st.none()
        case Text():
            return _texts(node, text)
        case Array(items, low, high):
            return st.lists(values(items, text), min_size=low, max_size=high)
        case Mapping(inner, low):
            names = st.from_regex(MAPPING_NAME, fullmatch=True)
            return st.dictionaries(names, values(inner, text), min_size=low, max_size=1)
        case Union(options):
            return st.one_of([values(option, text) for option in options])
        case Object(fields, presence):
            return st.fixed_dictionaries(
                {each.name: values(each.node, text) for each in fields if each.required},
                optional={each.name: values(each.node, text)
                          for each in fields if not each.required},
            ).filter(lambda value: holds(presence, value))


def _texts(node: Text, text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    if node.pattern is None and node.format is None:
        return st.text(text, min_size=node.min_length, max_size=node.max_length)
    expression = FORMATS[node.format] if node.format else whole_expression(str(node.pattern))
    return st.from_regex(expression, fullmatch=True).filter(
        lambda found: node.min_length <= len(found) <= node.max_length)


def _as_json(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
