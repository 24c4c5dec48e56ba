"""The compact format of students trained here: no tools in the prompt, few tokens in a call.

``toggle_lights(room=kitchen,state=on)``; calls are joined by ``;``. Enumerated values that look
like names are written bare, everything else as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from iotcall.catalogue import Catalogue, Enumeration, Node, ToolCall, Union, misfit
from iotcall.formats import json_text, pattern
from iotcall.formats.base import PromptPieces
from iotcall.formats.scanner import Scanner
from iotcall.formats.writing import Slots

_USER, _CALL, _END = "<|user|>", "<|call|>", "<|end|>"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BARE = re.compile(r"(?!(?:true|false|null)\b)[A-Za-z_][A-Za-z0-9_.-]*")


class Compact:
    """``<|user|>kitchen lights on<|call|>toggle_lights(room=kitchen,state=on)<|end|>``."""

    name = "compact"
    markers = (_END,)
    special_tokens = ("<|pad|>", _USER, _CALL, _END)

    def pieces(self, catalogue: Catalogue) -> PromptPieces:
        return PromptPieces(prefix="", user_open=_USER, user_close="", call_open=_CALL,
                            past_call_open=_CALL, end=_END, past_call_close=_END)

    def render(self, calls: Sequence[ToolCall], catalogue: Catalogue) -> str:
        return ";".join(_render(catalogue.in_declared_order(call), catalogue) for call in calls)

    def parse(self, text: str, catalogue: Catalogue) -> tuple[ToolCall, ...]:
        scan = Scanner(text)
        if scan.done and catalogue.may_decline:
            return ()
        calls = [_parse_call(scan)]
        while scan.accept(";"):
            calls.append(_parse_call(scan))
        if not scan.done:
            raise scan.error("';' or the end")
        return tuple(calls)

    def pattern(self, catalogue: Catalogue, slots: Slots) -> str:
        calls = []
        for tool in catalogue.tools:
            written = [pattern.FieldPattern(
                field.name, f"{pattern.literal(field.name)}={_pattern(field.node, slots)}",
                field.required) for field in tool.parameters.fields]
            calls.append(f"{pattern.literal(tool.name)}\\("
                         f"{pattern.fields(written, ',', tool.parameters.presence)}\\)")
        return pattern.answers(pattern.one_of(calls), ";", most=catalogue.max_calls,
                               may_decline=catalogue.may_decline)


def _render(call: ToolCall, catalogue: Catalogue) -> str:
    nodes = {field.name: field.node for field in catalogue.tool(call.name).parameters.fields}
    written = ",".join(f"{key}={_value(value, nodes[key])}"
                       for key, value in call.arguments.items())
    return f"{call.name}({written})"


def _value(value: object, node: Node) -> str:
    if isinstance(node, Union):
        node = next((option for option in node.options if not misfit(option, value, "")), node)
    if isinstance(node, Enumeration) and isinstance(value, str) and _BARE.fullmatch(value):
        return value
    return json_text.render(value)


def _pattern(node: Node, slots: Slots) -> str:
    match node:
        case Enumeration(values):
            return pattern.mapped(values, lambda value: _value(value, node))
        case Union(options):
            # a value is written as its first option that it fits writes it
            return pattern.one_of([_pattern(option, slots) for option in options])
        case _:
            return json_text.value_pattern(node, slots)


def _parse_call(scan: Scanner) -> ToolCall:
    def argument() -> tuple[str, Any]:
        key = scan.match(_NAME, "an argument's name")
        scan.take("=")
        bare = _BARE.match(scan.text, scan.position)
        return key, scan.match(_BARE, "a name") if bare else scan.json_value()

    name = scan.match(_NAME, "a tool's name")
    scan.take("(")
    return ToolCall(name, dict(scan.items(")", ",", argument)))


COMPACT = Compact()
