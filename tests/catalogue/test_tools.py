from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json, load_catalogue
from iotcall.errors import CallError, CatalogueError, FileError
from tests.workshop import BUSY, TOOLS, WORKSHOP

LAMP = {"name": "lamp", "description": "Switch a lamp.", "parameters": {
    "type": "object", "properties": {"state": {"type": "string", "enum": ["on", "off"]}}}}


def test_tools_are_read_alone_or_beside_the_task() -> None:
    alone = catalogue_from_json(TOOLS, "workshop")
    assert alone.task == ""
    assert alone.tools == WORKSHOP.tools
    assert WORKSHOP.task == "Run the workshop."
    assert [tool.name for tool in WORKSHOP.tools] == ["heat", "plan", "stop", "cut", "glue"]


def test_a_catalogue_is_read_back_from_its_own_json() -> None:
    assert catalogue_from_json(WORKSHOP.to_json(), "workshop") == WORKSHOP


def test_a_bare_function_becomes_a_declared_tool() -> None:
    wrapped = catalogue_from_json([{"type": "function", "function": LAMP}], "x")
    assert catalogue_from_json([LAMP], "x") == wrapped
    assert wrapped.tool("lamp").declaration == {"type": "function", "function": LAMP}


def test_a_tool_without_parameters_takes_no_arguments() -> None:
    catalogue = catalogue_from_json([{"name": "stop"}], "x")
    catalogue.check(ToolCall("stop"))
    with pytest.raises(CallError, match="stop: unknown key 'now', expected none"):
        catalogue.check(ToolCall("stop", {"now": True}))


def test_a_call_of_an_unknown_tool_names_the_known_ones() -> None:
    with pytest.raises(CallError, match="'cool'; expected one of heat, plan, stop, cut, glue"):
        WORKSHOP.check(ToolCall("cool"))


def test_a_misfit_names_the_tool_and_the_argument() -> None:
    with pytest.raises(CallError, match=r"heat/degrees: expected an integer 60\.\.80, found 59"):
        WORKSHOP.check(ToolCall("heat", {"degrees": 59}))


def test_arguments_and_objects_in_them_are_put_in_declared_order() -> None:
    call = ToolCall("plan", {"box": {"label": "a", "width": 1}, "loud": True, "note": "b"})
    ordered = WORKSHOP.in_declared_order(call).arguments
    assert json.dumps(ordered) == '{"note": "b", "loud": true, "box": {"width": 1, "label": "a"}}'


def test_objects_in_arrays_are_put_in_declared_order_too() -> None:
    point = {"type": "object", "properties": {"x": {"type": "null"}, "y": {"type": "null"}}}
    catalogue = catalogue_from_json([{"name": "f", "parameters": {
        "type": "object", "properties": {"path": {"type": "array", "items": point}}}}], "x")
    ordered = catalogue.in_declared_order(ToolCall("f", {"path": [{"y": None, "x": None}]}))
    assert list(ordered.arguments["path"][0]) == ["x", "y"]


@pytest.mark.parametrize(("value", "complaint"), [
    ([], "expected a non-empty array of tools"),
    ({"task_description": "x"}, "expected a non-empty array of tools"),
    ({"tools": [LAMP], "task_description": 5}, "a text 'task_description'"),
    (["lamp"], "/0: expected a tool"),
    ([LAMP, {"function": None}], "/1: expected a tool"),
    ([LAMP, LAMP], "'lamp' is declared more than once"),
    ([{"name": "my lamp"}], "/0/function/name: 'my lamp' is no name"),
    ([{"name": "lamp\n"}], "is no name"),
    ([{"name": "f", "parameters": {"type": "string"}}], "/0/function/parameters: expected type"),
    ([{"name": "f", "parameters": {"type": "object", "properties": {"a b": {"type": "null"}}}}],
     "/0/function/parameters/properties/a b: 'a b' is no name"),
    ([LAMP, {"name": "f", "parameters": {"type": "object", "properties": {
        "x": {"type": "string", "charset": "a"}}}}],
     "/1/function/parameters/properties/x/charset: the keyword 'charset'"),
    ([{"name": "f", "parameters": {"type": "object", "required": ["stat"],
                                   "properties": {"state": {"type": "null"}}}}],
     "/0/function/parameters/required: 'stat' is not among .* did you mean 'state'"),
    ({"tools": [LAMP], "max_tool_call": 2}, "'max_tool_call'; did you mean 'max_tool_calls'"),
    ({"tools": [LAMP], "x": 2}, "unknown key 'x'; expected some of task_description, tools"),
    ({"tools": [LAMP], "max_tool_calls": 0}, r"/max_tool_calls: expected 1\.\.8, found 0"),
    ({"tools": [LAMP], "max_tool_calls": True}, "/max_tool_calls: .* found True"),
    ({"tools": [LAMP], "max_tool_calls": 9}, "/max_tool_calls: .* found 9"),
    ({"tools": [LAMP], "tool_choice": "none"}, "/tool_choice: .* found 'none'"),
    ({"tools": [LAMP], "skills": [{"name": "s"}]}, "/skills: expected a list of"),
    ({"tools": [LAMP], "skills": [{"name": "s", "description": "", "tools": ["lamp", "lamb"]}]},
     "/skills: no tool is called 'lamb'"),
    ({"tools": [LAMP, {"name": "stop"}], "skills": [
        {"name": "s", "description": "", "tools": ["lamp"]}]},
     "/skills: the tool 'stop' is in 0 skills"),
    ({"tools": [LAMP], "skills": [{"name": "s", "description": "", "tools": ["lamp"]},
                                  {"name": "t", "description": "", "tools": ["lamp"]}]},
     "/skills: the tool 'lamp' is in 2 skills"),
    ({"tools": [LAMP, {"name": "stop"}], "skills": [
        {"name": "s", "description": "", "tools": ["lamp"]},
        {"name": "s", "description": "", "tools": ["stop"]}]},
     "/skills: the skill 's' is declared more than once"),
    ({"tools": [LAMP], "skills": [{"name": "a b", "description": "", "tools": ["lamp"]}]},
     "/skills: the skill 'a b' .* is no name"),
])
def test_tools_that_cannot_be_read_are_refused_with_their_place(
    value: Any, complaint: str
) -> None:
    with pytest.raises(CatalogueError, match=complaint):
        catalogue_from_json(value, "x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workshop"
    folder.mkdir()
    (folder / "tools.json").write_text(json.dumps(WORKSHOP.to_json()))
    return folder


def test_a_catalogue_is_named_after_its_folder_or_file(folder: Path) -> None:
    assert load_catalogue(folder) == WORKSHOP
    file = folder / "garage.json"
    file.write_text(json.dumps([LAMP]))
    assert load_catalogue(file).name == "garage"


def test_a_shipped_catalogue_loads(lamp: Catalogue) -> None:
    assert lamp.name == "lamp"
    lamp.check(ToolCall("lamp", {"room": "attic", "state": "on"}))


@pytest.mark.parametrize(("content", "error", "complaint"), [
    (None, FileError, "cannot be read"),
    (b"\xff", FileError, "cannot be read"),
    (b"{", FileError, "is not valid JSON"),
    (b"[]", CatalogueError, "expected a non-empty array"),
])
def test_a_file_that_holds_no_catalogue_is_named(
    folder: Path, content: bytes | None, error: type[Exception], complaint: str
) -> None:
    path = folder / "tools.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=complaint) as caught:
        load_catalogue(folder)
    assert str(path) in str(caught.value)


def test_a_file_of_many_megabytes_is_not_even_read(folder: Path) -> None:
    path = folder / "tools.json"
    path.write_bytes(b" " * 10_000_000)
    with pytest.raises(FileError, match=r"has 10\.0 MB; expected a catalogue of 2 MB at most"):
        load_catalogue(folder)


# ------------------------------------------------------------------ several calls, skills

def test_options_are_read_and_written_back() -> None:
    assert (BUSY.max_calls, BUSY.may_decline) == (3, True)
    assert (WORKSHOP.max_calls, WORKSHOP.may_decline) == (1, False)
    assert catalogue_from_json(BUSY.to_json(), "busy") == BUSY


def test_a_skill_is_a_catalogue_of_its_tools_and_the_router_one_of_the_skills() -> None:
    skilled = catalogue_from_json({"tools": TOOLS, "task_description": "Work.", "skills": [
        {"name": "warmth", "description": "Heat.", "tools": ["heat", "stop"]},
        {"name": "wood", "description": "Saw.", "tools": ["plan", "cut", "glue"]}]}, "w")
    assert catalogue_from_json(skilled.to_json(), "w") == skilled
    warmth = skilled.of_skill(skilled.skills[0])
    assert (warmth.name, [tool.name for tool in warmth.tools]) == ("w/warmth", ["heat", "stop"])
    router = skilled.router()
    assert [(tool.name, tool.description) for tool in router.tools] == [
        ("warmth", "Heat."), ("wood", "Saw.")]
    router.check(ToolCall("wood"))


def test_prompts_show_declarations_without_our_own_keywords() -> None:
    catalogue = catalogue_from_json([{"name": "f", "parameters": {
        "type": "object", "properties": {"n": {
            "type": "number", "x-grounded": True, "x-digits": 2, "x-derived": {"half": 50}}}}}],
        "x")
    assert catalogue.tools[0].shown["function"]["parameters"]["properties"] == {
        "n": {"type": "number"}}
    assert "x-digits" in json.dumps(catalogue.to_json())
