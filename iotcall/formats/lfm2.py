"""The pythonic format of LFM2 and LFM2.5. Source: the templates and guide published with them.

Top-level strings are written unescaped between single quotes, lists as Python writes them, dicts
as JSON. The pattern forbids ``'`` and ``\\`` inside strings.
"""

from __future__ import annotations

import json
import re
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
from iotcall.formats.writing import MAPPING_KEY, QUOTED, Slots

_OPEN, _CLOSE, _END = "<|tool_call_start|>", "<|tool_call_end|>", "<|im_end|>"
_LIST_OPEN, _LIST_CLOSE = "<|tool_list_start|>", "<|tool_list_end|>"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_STRING_ENDS = re.compile(r"'(?=\)[,\]]|, [A-Za-z_][A-Za-z0-9_.-]*=)")
_CONSTANTS = {"True": True, "False": False, "None": None}


class Lfm2:
    """``<|tool_call_start|>[f(a='x', n=3, b=True)]<|tool_call_end|>``."""

    markers = (_OPEN, _CLOSE, _END)
    special_tokens = ("<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", _END,
                      _LIST_OPEN, _LIST_CLOSE, _OPEN, _CLOSE,
                      "<|tool_response_start|>", "<|tool_response_end|>")

    def __init__(self, name: str, *, wrap_tools: bool) -> None:
        self.name = name
        self._wrap_tools = wrap_tools

    def pieces(self, catalogue: Catalogue) -> PromptPieces:
        tools = json.dumps([tool.shown for tool in catalogue.tools], ensure_ascii=False)
        if self._wrap_tools:
            tools = f"{_LIST_OPEN}{tools}{_LIST_CLOSE}"
        system = catalogue.task + "\n" if catalogue.task else ""
        return PromptPieces(
            prefix=f"<|startoftext|><|im_start|>system\n{system}List of tools: {tools}{_END}\n",
            user_open="<|im_start|>user\n",
            user_close=f"{_END}\n",
            call_open="<|im_start|>assistant\n",
            past_call_open="<|im_start|>assistant\n",
            end=_END,
            past_call_close=f"{_END}\n",
        )

    def render(self, calls: Sequence[ToolCall], catalogue: Catalogue) -> str:
        return f"{_OPEN}[{', '.join(_call(catalogue.in_declared_order(c)) for c in calls)}]{_CLOSE}"

    def parse(self, text: str, catalogue: Catalogue) -> tuple[ToolCall, ...]:
        scan = Scanner(text)
        if scan.done and catalogue.may_decline:
            return ()
        scan.take(f"{_OPEN}[")
        calls = scan.items("]", ", ", lambda: _parse_call(scan))
        scan.take(_CLOSE)
        if not scan.done or not calls:
            raise scan.error("one list of calls")
        return tuple(calls)

    def pattern(self, catalogue: Catalogue, slots: Slots) -> str:
        head, tail = (pattern.marker(self.markers, text) for text in (_OPEN, _CLOSE))
        calls = []
        for tool in catalogue.tools:
            written = [pattern.FieldPattern(
                field.name, f"{pattern.literal(field.name)}={_top_pattern(field.node, slots)}",
                field.required) for field in tool.parameters.fields]
            calls.append(f"{pattern.literal(tool.name)}\\("
                         f"{pattern.fields(written, ', ', tool.parameters.presence)}\\)")
        several = pattern.answers(pattern.one_of(calls), ", ", most=catalogue.max_calls,
                                  may_decline=False)
        answer = f"{head}\\[{several}\\]{tail}"
        return f"(?:{answer})?" if catalogue.may_decline else answer


def _call(call: ToolCall) -> str:
    written = ", ".join(f"{key}={_top(value)}" for key, value in call.arguments.items())
    return f"{call.name}({written})"


def _top(value: object) -> str:
    """An argument: its string is unescaped, its dict is JSON."""
    if isinstance(value, str):
        return f"'{value}'"
    return json_text.render(value) if isinstance(value, dict) else _python(value)


def _python(value: object) -> str:
    """As Python's repr, but for numbers, which are written in full."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_python(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return json_text.number_text(value)
    return repr(value)


def _top_pattern(node: Node, slots: Slots) -> str:
    match node:
        case Enumeration(values):
            return pattern.mapped(values, _top)
        case Object() | Mapping():
            return json_text.value_pattern(node, slots)
        case Union(options):
            return pattern.one_of([_top_pattern(option, slots) for option in options])
        case _:
            return _python_pattern(node, slots)


def _python_pattern(node: Node, slots: Slots) -> str:
    """Inside lists: Python's own writing."""
    match node:
        case Enumeration(values):
            return pattern.mapped(values, _python)
        case Text():
            return "'" + slots.text(node, QUOTED) + "'"
        case Array(items, low, high):
            inner = _python_pattern(items, slots)
            return r"\[" + pattern.repeated(inner, low, high, ", ") + r"\]"
        case Boolean():
            return "(?:True|False)"
        case Null():
            return "None"
        case Object(fields, presence):
            written = [pattern.FieldPattern(
                field.name,
                f"{pattern.literal(repr(field.name))}: {_python_pattern(field.node, slots)}",
                field.required) for field in fields]
            return r"\{" + pattern.fields(written, ", ", presence) + r"\}"
        case Mapping(values, low):
            entry = f"'{slots.text(MAPPING_KEY, QUOTED)}': {_python_pattern(values, slots)}"
            return r"\{" + pattern.repeated(entry, low, 1, ", ") + r"\}"
        case Union(options):
            return pattern.one_of([_python_pattern(option, slots) for option in options])
        case Integer() | Number():
            return slots.number(node)


def _parse_call(scan: Scanner) -> ToolCall:
    def argument() -> tuple[str, Any]:
        key = scan.match(_NAME, "an argument's name")
        scan.take("=")
        return key, _parse_top(scan)

    name = scan.match(_NAME, "a tool's name")
    scan.take("(")
    return ToolCall(name, dict(scan.items(")", ", ", argument)))


def _parse_top(scan: Scanner) -> Any:
    if scan.accept("'"):
        # subtle: unescaped, so it ends at the quote that an argument or the call's end follows
        end = _STRING_ENDS.search(scan.text, scan.position)
        if not end:
            raise scan.error("the end of a string")
        value, scan.position = scan.text[scan.position:end.start()], end.end()
        return value
    if scan.at('"') or scan.at("{"):
        return scan.json_value()
    return _parse_python(scan)


def _parse_python(scan: Scanner) -> Any:
    def pair() -> tuple[str, Any]:
        key = _parse_python(scan)
        scan.take(": ")
        return key, _parse_python(scan)

    for word, value in _CONSTANTS.items():
        if scan.accept(word):
            return value
    if scan.accept("["):
        return scan.items("]", ", ", lambda: _parse_python(scan))
    if scan.accept("{"):
        return dict(scan.items("}", ", ", pair))
    if scan.at("'") or scan.at('"'):
        return _python_string(scan)
    return scan.json_scalar()


def _python_string(scan: Scanner) -> str:
    import ast

    quote = scan.text[scan.position]
    string = re.compile(rf"{quote}(?:[^{quote}\\]|\\.)*{quote}", re.DOTALL)
    return str(ast.literal_eval(scan.match(string, "a string")))


LFM2 = Lfm2("lfm2", wrap_tools=True)
LFM25 = Lfm2("lfm2.5", wrap_tools=False)
