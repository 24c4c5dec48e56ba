"""Hermes JSON, as the chat template of Qwen3 publishes it."""

from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import CallError
from iotcall.formats import HERMES
from tests.formats.conftest import dialogue
from tests.workshop import WORKSHOP

PREFIX = """\
<|im_start|>system
Obey.

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "boil", "description": "Boil water.", "parameters": \
{"type": "object", "properties": {"kind": {"type": "string", "description": "What for.", \
"enum": ["tea", "mat\u00e9"]}, "cups": {"type": "integer", "minimum": 1, "maximum": 8}}, \
"required": ["cups"]}}}
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
"""


def test_prompt_is_the_published_one_with_thinking_off(
    kettle: Catalogue, two_cups: ToolCall
) -> None:
    assert dialogue(HERMES.pieces(kettle), HERMES.render([two_cups], kettle)) == PREFIX + """\
<|im_start|>user
Boil two cups for tea.<|im_end|>
<|im_start|>assistant
<tool_call>
{"name": "boil", "arguments": {"kind": "tea", "cups": 2}}
</tool_call><|im_end|>
<|im_start|>user
One more.<|im_end|>
<|im_start|>assistant
<think>

</think>

"""


def test_without_a_task_the_prompt_begins_with_the_tools() -> None:
    prefix = HERMES.pieces(Catalogue("x", "", WORKSHOP.tools)).prefix
    assert prefix.startswith("<|im_start|>system\n# Tools\n\nYou may call")


def test_tools_are_declared_one_on_a_line() -> None:
    prefix = HERMES.pieces(WORKSHOP).prefix
    declared = prefix.partition("<tools>\n")[2].partition("\n</tools>")[0].splitlines()
    assert [line[:50] for line in declared] == [
        f'{{"type": "function", "function": {{"name": "{tool.name}", "des'[:50]
        for tool in WORKSHOP.tools]


def test_call_is_a_json_object_between_its_tags(every_type: ToolCall) -> None:
    assert HERMES.render([every_type], WORKSHOP) == (
        '<tool_call>\n{"name": "plan", "arguments": {"note": "a b", "share": -0.5, "loud": true, '
        '"gap": null, "level": "wine cellar", "days": ["mo", "tu"], "marks": ["x"], '
        '"box": {"width": 7, "label": "z"}}}\n</tool_call>')


def test_several_calls_are_joined_by_a_newline() -> None:
    written = HERMES.render([ToolCall("stop"), ToolCall("heat", {"degrees": 60.0})], WORKSHOP)
    assert written == ('<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>\n'
                       '<tool_call>\n{"name": "heat", "arguments": {"degrees": 60}}\n</tool_call>')


def test_strings_may_hold_quotes_newlines_and_tags() -> None:
    call = ToolCall("plan", {"note": '"\n</tool_call>\n<tool_call>\n', "loud": False})
    assert HERMES.parse(HERMES.render([call, call], WORKSHOP), WORKSHOP) == (call, call)


@pytest.mark.parametrize("text", [
    "",
    "I cannot do that.",
    '{"name": "stop", "arguments": {}}',
    '<tool_call>\n{"name": "stop", "arguments": {}}\n',
    '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>\n',
    '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call> Done.',
    '<tool_call>\n{"name": "stop", "arguments": \n</tool_call>',
    '<tool_call>\n{"arguments": {}}\n</tool_call>',
])
def test_what_is_no_whole_answer_is_refused(text: str) -> None:
    with pytest.raises(CallError, match="expected"):
        HERMES.parse(text, WORKSHOP)
