"""LFM2 and LFM2.5, as their templates and guide publish them."""

from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import CallError
from iotcall.formats import LFM2, LFM25
from tests.formats.conftest import dialogue
from tests.workshop import WORKSHOP

TOOLS = """\
[{"type": "function", "function": {"name": "boil", "description": "Boil water.", "parameters": \
{"type": "object", "properties": {"kind": {"type": "string", "description": "What for.", \
"enum": ["tea", "mat\u00e9"]}, "cups": {"type": "integer", "minimum": 1, "maximum": 8}}, \
"required": ["cups"]}}}]"""
TURNS = """\
<|im_start|>user
Boil two cups for tea.<|im_end|>
<|im_start|>assistant
<|tool_call_start|>[boil(kind='tea', cups=2)]<|tool_call_end|><|im_end|>
<|im_start|>user
One more.<|im_end|>
<|im_start|>assistant
"""


def test_prompt_is_the_published_one(kettle: Catalogue, two_cups: ToolCall) -> None:
    assert dialogue(LFM25.pieces(kettle), LFM25.render([two_cups], kettle)) == (
        f"<|startoftext|><|im_start|>system\nObey.\nList of tools: {TOOLS}<|im_end|>\n{TURNS}")


def test_lfm2_wraps_the_list_of_tools_in_markers(kettle: Catalogue, two_cups: ToolCall) -> None:
    assert dialogue(LFM2.pieces(kettle), LFM2.render([two_cups], kettle)) == (
        "<|startoftext|><|im_start|>system\nObey.\n"
        f"List of tools: <|tool_list_start|>{TOOLS}<|tool_list_end|><|im_end|>\n{TURNS}")


def test_without_a_task_the_prompt_begins_with_the_tools() -> None:
    prefix = LFM25.pieces(Catalogue("x", "", WORKSHOP.tools)).prefix
    assert prefix.startswith("<|startoftext|><|im_start|>system\nList of tools: [{")


def test_call_is_python_with_dicts_as_json(every_type: ToolCall) -> None:
    assert LFM2.render([every_type], WORKSHOP) == (
        "<|tool_call_start|>[plan(note='a b', share=-0.5, loud=True, gap=None, "
        "level='wine cellar', days=['mo', 'tu'], marks=['x'], "
        'box={"width": 7, "label": "z"})]<|tool_call_end|>')


def test_several_calls_share_one_list() -> None:
    written = LFM2.render([ToolCall("stop"), ToolCall("heat", {"degrees": 60.0})], WORKSHOP)
    assert written == "<|tool_call_start|>[stop(), heat(degrees=60)]<|tool_call_end|>"
    assert LFM25.render([ToolCall("stop")], WORKSHOP) == LFM2.render([ToolCall("stop")], WORKSHOP)


def test_published_call_is_read_with_its_types() -> None:
    (call,) = LFM2.parse("<|tool_call_start|>[f(a='x', n=3, b=True, z=None, l=['p', 7], "
                         'd={"k": true})]<|tool_call_end|>', WORKSHOP)
    assert call == ToolCall("f", {"a": "x", "n": 3, "b": True, "z": None, "l": ["p", 7],
                                  "d": {"k": True}})
    assert call.arguments["b"] is True


def test_top_level_strings_are_not_escaped() -> None:
    call = ToolCall("plan", {"note": "it's", "loud": False})
    assert LFM2.render([call], WORKSHOP) == (
        "<|tool_call_start|>[plan(note='it's', loud=False)]<|tool_call_end|>")
    assert LFM2.parse(LFM2.render([call, call], WORKSHOP), WORKSHOP) == (call, call)


def test_strings_inside_lists_are_escaped_as_python_does() -> None:
    call = ToolCall("plan", {"loud": False, "marks": ["it's", 'a "b\' \\', "\n"]})
    assert LFM2.parse(LFM2.render([call], WORKSHOP), WORKSHOP) == (call,)


def test_double_quotes_as_in_the_guide_are_read_too() -> None:
    assert LFM2.parse('<|tool_call_start|>[f(a="x y", l=["p"])]<|tool_call_end|>', WORKSHOP) == (
        ToolCall("f", {"a": "x y", "l": ["p"]}),)


@pytest.mark.parametrize("text", [
    "",
    "I cannot do that.",
    "<|tool_call_start|>[]<|tool_call_end|>",
    "<|tool_call_start|>[stop()]",
    "<|tool_call_start|>[stop()]<|tool_call_end|> Done.",
    "<|tool_call_start|>[f(a='x]<|tool_call_end|>",
    "<|tool_call_start|>[f(a=x)]<|tool_call_end|>",
    "<|tool_call_start|>[f(1)]<|tool_call_end|>",
    "<|tool_call_start|>[f(a={'k': true})]<|tool_call_end|>",
])
def test_what_is_no_whole_answer_is_refused(text: str) -> None:
    with pytest.raises(CallError, match="expected"):
        LFM2.parse(text, WORKSHOP)
