"""The compact format of students that are trained here."""

from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json
from iotcall.errors import CallError
from iotcall.formats import COMPACT
from tests.formats.conftest import dialogue
from tests.workshop import WORKSHOP


def test_prompt_holds_nothing_but_the_turns(kettle: Catalogue, two_cups: ToolCall) -> None:
    assert dialogue(COMPACT.pieces(kettle), COMPACT.render([two_cups], kettle)) == (
        "<|user|>Boil two cups for tea.<|call|>boil(kind=tea,cups=2)<|end|>"
        "<|user|>One more.<|call|>")


def test_names_are_bare_and_everything_else_is_json(every_type: ToolCall) -> None:
    assert COMPACT.render([every_type], WORKSHOP) == (
        'plan(note="a b",share=-0.5,loud=true,gap=null,level="wine cellar",'
        'days=["mo", "tu"],marks=["x"],box={"width": 7, "label": "z"})')


@pytest.mark.parametrize(("value", "written"), [
    ("auto", "auto"), ("true", '"true"'), (True, "true"), (None, "null"), (6, "6"),
])
def test_a_name_is_never_taken_for_a_json_word(value: object, written: str) -> None:
    call = ToolCall("plan", {"loud": True, "level": value})
    assert COMPACT.render([call], WORKSHOP) == f"plan(loud=true,level={written})"
    assert COMPACT.parse(COMPACT.render([call], WORKSHOP), WORKSHOP) == (call,)


def test_tools_and_arguments_may_be_called_like_json_words() -> None:
    catalogue = catalogue_from_json([{"name": "null", "parameters": {
        "type": "object", "properties": {"true": {"type": "boolean"}}}}], "x")
    call = ToolCall("null", {"true": False})
    assert COMPACT.parse(COMPACT.render([call], catalogue), catalogue) == (call,)


def test_several_calls_are_joined_by_a_semicolon() -> None:
    written = COMPACT.render([ToolCall("stop"), ToolCall("heat", {"degrees": 60.0})], WORKSHOP)
    assert written == "stop();heat(degrees=60)"


def test_strings_may_hold_whatever_separates_values() -> None:
    call = ToolCall("plan", {"note": '",);(', "loud": False})
    assert COMPACT.parse(COMPACT.render([call, call], WORKSHOP), WORKSHOP) == (call, call)


@pytest.mark.parametrize("text", [
    "", "I cannot do that.", "stop", "stop(", "stop();", "stop() ", "f(a)", "f(a=)", "f(a=1,)",
    "f(a=1 b=2)", 'f(a="x)', "f(1)",
])
def test_what_is_no_whole_answer_is_refused(text: str) -> None:
    with pytest.raises(CallError, match="expected"):
        COMPACT.parse(text, WORKSHOP)
