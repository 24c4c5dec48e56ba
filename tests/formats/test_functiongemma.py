"""FunctionGemma, as its formatting guide and template publish it."""

from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json
from iotcall.errors import CallError
from iotcall.formats import FUNCTIONGEMMA, Slots
from tests.formats.conftest import dialogue
from tests.workshop import WORKSHOP

PREFIX = """\
<bos><start_of_turn>developer
You are a model that can do function calling with the following functions\
<start_function_declaration>declaration:boil{description:<escape>Boil water.<escape>,\
parameters:{properties:{cups:{type:<escape>INTEGER<escape>},\
kind:{description:<escape>What for.<escape>,enum:[<escape>tea<escape>,<escape>mat\u00e9<escape>],\
type:<escape>STRING<escape>}},required:[<escape>cups<escape>],type:<escape>OBJECT<escape>}}\
<end_function_declaration><end_of_turn>
"""


def test_prompt_is_the_published_one(kettle: Catalogue, two_cups: ToolCall) -> None:
    pieces = FUNCTIONGEMMA.pieces(kettle)
    assert dialogue(pieces, FUNCTIONGEMMA.render([two_cups], kettle)) == PREFIX + """\
<start_of_turn>user
Boil two cups for tea.<end_of_turn>
<start_of_turn>model
<start_function_call>call:boil{cups:2,kind:<escape>tea<escape>}<end_function_call><end_of_turn>
<start_of_turn>user
One more.<end_of_turn>
<start_of_turn>model
"""


def test_nested_schemas_are_declared_without_bounds_and_enum_for_strings_only() -> None:
    catalogue = catalogue_from_json([{"name": "f", "description": "F.", "parameters": {
        "type": "object", "properties": {
            "when": {"type": "object", "required": ["hour"], "properties": {
                "hour": {"type": "integer", "minimum": 0, "maximum": 23}}},
            "days": {"type": "array", "maxItems": 2, "items": {"type": "string", "enum": ["mo"]}},
            "level": {"type": "integer", "enum": [1, 2]}}}}], "x")
    assert FUNCTIONGEMMA.pieces(catalogue).prefix.partition("following functions")[2] == (
        "<start_function_declaration>declaration:f{description:<escape>F.<escape>,"
        "parameters:{properties:{"
        "days:{items:{enum:[<escape>mo<escape>],type:<escape>STRING<escape>},"
        "type:<escape>ARRAY<escape>},"
        "level:{type:<escape>INTEGER<escape>},"
        "when:{properties:{hour:{type:<escape>INTEGER<escape>}},required:[<escape>hour<escape>],"
        "type:<escape>OBJECT<escape>}},"
        "type:<escape>OBJECT<escape>}}<end_function_declaration><end_of_turn>\n")


def test_a_tool_without_parameters_declares_none() -> None:
    catalogue = catalogue_from_json([{"name": "stop", "description": "Stop."}], "x")
    assert "declaration:stop{description:<escape>Stop.<escape>}<end_function_declaration>" in \
        FUNCTIONGEMMA.pieces(catalogue).prefix


def test_call_has_sorted_keys_and_escaped_strings(every_type: ToolCall) -> None:
    assert FUNCTIONGEMMA.render([every_type], WORKSHOP) == (
        "<start_function_call>call:plan{box:{label:<escape>z<escape>,width:7},"
        "days:[<escape>mo<escape>,<escape>tu<escape>],gap:null,"
        "level:<escape>wine cellar<escape>,loud:true,marks:[<escape>x<escape>],"
        "note:<escape>a b<escape>,share:-0.5}<end_function_call>")


def test_keys_are_sorted_without_regard_to_case() -> None:
    catalogue = catalogue_from_json([{"name": "f", "description": "F.", "parameters": {
        "type": "object", "properties": {"b": {"const": 1}, "C": {"const": 2}, "a": {"const": 3}},
        "required": ["b", "C", "a"]}}], "x")
    call = ToolCall("f", {"b": 1, "C": 2, "a": 3})
    assert FUNCTIONGEMMA.render([call], catalogue) == (
        "<start_function_call>call:f{a:3,b:1,C:2}<end_function_call>")
    assert r"call:f\{a:3,b:1,C:2\}" in FUNCTIONGEMMA.pattern(catalogue, Slots())


def test_several_calls_follow_each_other() -> None:
    written = FUNCTIONGEMMA.render([ToolCall("stop"), ToolCall("heat", {"degrees": 60.0})],
                                   WORKSHOP)
    assert written == ("<start_function_call>call:stop{}<end_function_call>"
                       "<start_function_call>call:heat{degrees:60}<end_function_call>")


def test_published_call_is_read_with_its_types() -> None:
    (call,) = FUNCTIONGEMMA.parse(
        "<start_function_call>call:f{a:<escape>x<escape>,b:72,c:true,d:[<escape>p<escape>,1],"
        "e:{k:<escape>v<escape>}}<end_function_call>", WORKSHOP)
    assert call == ToolCall("f", {"a": "x", "b": 72, "c": True, "d": ["p", 1], "e": {"k": "v"}})
    assert call.arguments["c"] is True


def test_strings_may_hold_whatever_separates_values() -> None:
    call = ToolCall("plan", {"note": "},b:1]", "loud": False, "marks": ["a,", ":{"]})
    assert FUNCTIONGEMMA.parse(FUNCTIONGEMMA.render([call], WORKSHOP), WORKSHOP) == (call,)


@pytest.mark.parametrize("text", [
    "",
    "I cannot do that.",
    "<start_function_call>call:stop{}",
    "<start_function_call>call:stop{}<end_function_call> Done.",
    "<start_function_call>call:f{a:<escape>x}<end_function_call>",
    "<start_function_call>call:f{a:x}<end_function_call>",
    "<start_function_call>call:f{a:1,}<end_function_call>",
    "<start_function_call>call:f{a:1 b:2}<end_function_call>",
])
def test_what_is_no_whole_answer_is_refused(text: str) -> None:
    with pytest.raises(CallError, match="expected"):
        FUNCTIONGEMMA.parse(text, WORKSHOP)
