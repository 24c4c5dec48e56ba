"""Hermes JSON, the format of Qwen3. Source: the chat template published with Qwen3."""

from __future__ import annotations

import json
from collections.abc import Sequence

from iotcall.catalogue import Catalogue, ToolCall, call_from_json
from iotcall.formats import json_text, pattern
from iotcall.formats.base import PromptPieces
from iotcall.formats.scanner import Scanner
from iotcall.formats.writing import Slots

_OPEN, _CLOSE, _END = "<tool_call>", "</tool_call>", "<|im_end|>"

_TOOLS = """# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


class Hermes:
    """``<tool_call>\\n{"name": "f", "arguments": {"k": 1}}\\n</tool_call>``, calls on lines."""

    name = "hermes"
    markers = (_OPEN, _CLOSE, _END)
    special_tokens = ("<|endoftext|>", "<|im_start|>", _END, _OPEN, _CLOSE, "<think>", "</think>")

    def pieces(self, catalogue: Catalogue) -> PromptPieces:
        tools = "\n".join(json.dumps(tool.shown, ensure_ascii=False)
                          for tool in catalogue.tools)
        system = catalogue.task + "\n\n" if catalogue.task else ""
        return PromptPieces(
            prefix=f"<|im_start|>system\n{system}{_TOOLS.format(tools=tools)}{_END}\n",
            user_open="<|im_start|>user\n",
            user_close=f"{_END}\n",
            call_open="<|im_start|>assistant\n<think>\n\n</think>\n\n",  # thinking off
            past_call_open="<|im_start|>assistant\n",
            end=_END,
            past_call_close=f"{_END}\n",
        )

    def render(self, calls: Sequence[ToolCall], catalogue: Catalogue) -> str:
        return "\n".join(self._render(catalogue.in_declared_order(call)) for call in calls)

    def parse(self, text: str, catalogue: Catalogue) -> tuple[ToolCall, ...]:
        scan = Scanner(text)
        calls: list[ToolCall] = []
        while not scan.done or not (calls or catalogue.may_decline):
            scan.take(f"\n{_OPEN}\n" if calls else f"{_OPEN}\n")
            calls.append(call_from_json(scan.json_value()))
            scan.take(f"\n{_CLOSE}")
        return tuple(calls)

    def pattern(self, catalogue: Catalogue, slots: Slots) -> str:
        head = pattern.marker(self.markers, _OPEN) + r"\n"
        tail = r"\n" + pattern.marker(self.markers, _CLOSE)
        call = pattern.one_of([
            f'{head}\\{{"name": {pattern.literal(json_text.render(tool.name))}, "arguments": '
            f"{json_text.value_pattern(tool.parameters, slots)}\\}}{tail}"
            for tool in catalogue.tools
        ])
        return pattern.answers(call, r"\n", most=catalogue.max_calls,
                               may_decline=catalogue.may_decline)

    def _render(self, call: ToolCall) -> str:
        value = {"name": call.name, "arguments": call.arguments}
        return f"{_OPEN}\n{json_text.render(value)}\n{_CLOSE}"


HERMES = Hermes()
