"""FunctionGemma's format. Source: the formatting guide and template published with it.

Bounds never reach the prompt, enum only for strings; keys are sorted without regard to case. The
pattern forbids ``<`` inside free strings, so that no ordinary tokens spell ``<escape>`` there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iotcall.catalogue import (
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
    ToolCall,
    Union,
)
from iotcall.formats import json_text, pattern
from iotcall.formats.base import PromptPieces
from iotcall.formats.scanner import Scanner
from iotcall.formats.writing import DELIMITED, MAPPING_KEY, Slots

_ESCAPE = "<escape>"
_OPEN, _CLOSE, _END = "<start_function_call>", "<end_function_call>", "<end_of_turn>"
_DEVELOPER = "You are a model that can do function calling with the following functions"


class FunctionGemma:
    """``<start_function_call>call:f{a:<escape>x<escape>,b:72}<end_function_call>``."""

    name = "functiongemma"
    markers = (_OPEN, _CLOSE, _ESCAPE, _END)
    special_tokens = (
        "<pad>", "<eos>", "<bos>", "<start_of_turn>", _END, "<start_function_declaration>",
        "<end_function_declaration>", _OPEN, _CLOSE, "<start_function_response>",
        "<end_function_response>", _ESCAPE,
    )

    def pieces(self, catalogue: Catalogue) -> PromptPieces:
        tools = "".join(
            f"<start_function_declaration>{_declaration(tool.shown['function'])}"
            "<end_function_declaration>" for tool in catalogue.tools
        )
        return PromptPieces(
            prefix=f"<bos><start_of_turn>developer\n{_DEVELOPER}{tools}{_END}\n",
            user_open="<start_of_turn>user\n",
            user_close=f"{_END}\n",
            call_open="<start_of_turn>model\n",
            past_call_open="<start_of_turn>model\n",
            end=_END,
            past_call_close=f"{_END}\n",
        )

    def render(self, calls: Sequence[ToolCall], catalogue: Catalogue) -> str:
        return "".join(f"{_OPEN}call:{call.name}{_value(call.arguments)}{_CLOSE}"
                       for call in calls)

    def parse(self, text: str, catalogue: Catalogue) -> tuple[ToolCall, ...]:
        scan = Scanner(text)
        calls: list[ToolCall] = []
        while not scan.done or not (calls or catalogue.may_decline):
            scan.take(f"{_OPEN}call:")
            name = scan.until("{")
            calls.append(ToolCall(name, _parse_object(scan)))
            scan.take(_CLOSE)
        return tuple(calls)

    def pattern(self, catalogue: Catalogue, slots: Slots) -> str:
        head, tail = (pattern.marker(self.markers, text) for text in (_OPEN, _CLOSE))
        call = pattern.one_of([
            f"{head}call:{pattern.literal(tool.name)}{self._pattern(tool.parameters, slots)}{tail}"
            for tool in catalogue.tools
        ])
        return pattern.answers(call, "", most=catalogue.max_calls,
                               may_decline=catalogue.may_decline)

    def _pattern(self, node: Node, slots: Slots) -> str:
        escape = pattern.marker(self.markers, _ESCAPE)
        match node:
            case Enumeration(values):
                return pattern.mapped(values, _value).replace(_ESCAPE, escape)
            case Text():
                return escape + slots.text(node, DELIMITED) + escape
            case Array(items, low, high):
                inner = self._pattern(items, slots)
                return r"\[" + pattern.repeated(inner, low, high, ",") + r"\]"
            case Object(fields, presence):
                written = [pattern.FieldPattern(
                    field.name, f"{pattern.literal(field.name)}:{self._pattern(field.node, slots)}",
                    field.required) for field in sorted(fields, key=lambda f: f.name.lower())]
                return r"\{" + pattern.fields(written, ",", presence) + r"\}"
            case Mapping(values, low):
                entry = f"{slots.text(MAPPING_KEY, DELIMITED)}:{self._pattern(values, slots)}"
                return r"\{" + pattern.repeated(entry, low, 1, ",") + r"\}"
            case Union(options):
                return pattern.one_of([self._pattern(option, slots) for option in options])
            case Integer() | Number() | Boolean() | Null():
                return json_text.value_pattern(node, slots)


def _value(value: object) -> str:
    if isinstance(value, str):
        return f"{_ESCAPE}{value}{_ESCAPE}"
    if isinstance(value, list):
        return f"[{','.join(map(_value, value))}]"
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].lower())
        return "{" + ",".join(f"{key}:{_value(inner)}" for key, inner in items) + "}"
    return json_text.render(value)


def _parse_value(scan: Scanner) -> Any:
    if scan.accept(_ESCAPE):
        value = scan.until(_ESCAPE)
        scan.take(_ESCAPE)
        return value
    if scan.at("{"):
        return _parse_object(scan)
    if scan.accept("["):
        return scan.items("]", ",", lambda: _parse_value(scan))
    return scan.json_scalar()


def _parse_object(scan: Scanner) -> dict[str, Any]:
    def field() -> tuple[str, Any]:
        key = scan.until(":")
        scan.take(":")
        return key, _parse_value(scan)

    scan.take("{")
    return dict(scan.items("}", ",", field))


def _declaration(function: dict[str, Any]) -> str:
    parts = [f"description:{_value(function.get('description', ''))}"]
    if function.get("parameters"):
        parts.append(f"parameters:{_schema(function['parameters'])}")
    return f"declaration:{function['name']}{{{','.join(parts)}}}"


def _schema(schema: dict[str, Any]) -> str:
    """A schema as the template writes it: description, enum, properties, items, required, type."""
    kind = str(schema.get("type", "string")).upper()
    parts = []
    if "description" in schema:
        parts.append(f"description:{_value(schema['description'])}")
    if kind == "STRING" and "enum" in schema:
        parts.append(f"enum:{_value(list(schema['enum']))}")
    if schema.get("properties"):
        inner = sorted(schema["properties"].items(), key=lambda item: item[0].lower())
        parts.append("properties:{" + ",".join(f"{k}:{_schema(v)}" for k, v in inner) + "}")
    if "items" in schema:
        parts.append(f"items:{_schema(schema['items'])}")
    if schema.get("required"):
        parts.append(f"required:{_value(list(schema['required']))}")
    parts.append(f"type:{_value(kind)}")
    return "{" + ",".join(parts) + "}"


FUNCTIONGEMMA = FunctionGemma()
