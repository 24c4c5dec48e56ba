"""A catalogue with every JSON type, strategies for its valid calls, and how to try them."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from iotcall.catalogue import (
    Array,
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Node,
    Null,
    Number,
    Object,
    Text,
    Tool,
    ToolCall,
    catalogue_from_json,
)

steadily = settings(max_examples=60, deadline=None, derandomize=True)
"""The same examples every time, however busy the machine is."""


def _tool(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "function", "function": {
        "name": name, "description": f"To {name}.",
        "parameters": {"type": "object", "properties": properties, "required": required}}}


TOOLS = [
    _tool("heat", ["degrees"], degrees={"type": "integer", "minimum": 60, "maximum": 80}),
    _tool(
        "plan", ["loud"],
        note={"type": "string", "maxLength": 6},
        share={"type": "number"},
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
]
WORKSHOP = catalogue_from_json({"task_description": "Run the workshop.", "tools": TOOLS},
                               "workshop")

# every format writes these without escapes; Python's repr escapes what is not printable
_PLAIN = st.characters(codec="utf-8", exclude_categories=["C", "Z"],
                       exclude_characters="\"'\\<") | st.just(" ")


def calls(catalogue: Catalogue = WORKSHOP, text: st.SearchStrategy[str] = _PLAIN,
          ) -> st.SearchStrategy[ToolCall]:
    """Every valid call of the catalogue, its strings made of characters of `text`."""
    def of(tool: Tool) -> st.SearchStrategy[ToolCall]:
        return values(tool.parameters, text).map(lambda arguments: ToolCall(tool.name, arguments))

    return st.sampled_from(catalogue.tools).flatmap(of)


def values(node: Node, text: st.SearchStrategy[str] = _PLAIN) -> st.SearchStrategy[Any]:
    """Every value that fits the node."""
    match node:
        case Enumeration(options):
            return st.sampled_from(options)
        case Integer(low, high):
            return st.integers(low, high)
        case Number(digits, whole_digits):
            shifted = st.integers(1 - 10 ** (whole_digits + digits),
                                  10 ** (whole_digits + digits) - 1)
            return shifted.map(lambda number: round(number / 10**digits, digits))
        case Boolean():
            return st.booleans()
        case Null():
            return st.none()
        case Text(low, high):
            return st.text(text, min_size=low, max_size=high)
        case Array(items, low, high):
            return st.lists(values(items, text), min_size=low, max_size=high)
        case Object(fields):
            return st.fixed_dictionaries(
                {each.name: values(each.node, text) for each in fields if each.required},
                optional={each.name: values(each.node, text)
                          for each in fields if not each.required})
