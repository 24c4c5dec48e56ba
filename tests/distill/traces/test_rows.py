from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.distill.traces.rows import LeftOut, Told, read_row
from iotcall.evaluate import Dialogue, LabelledTurn, dialogue_to_json, read_dialogues
from iotcall.hub.fallback.traces import trace
from iotcall.runtime import Turn

ON = ToolCall("lamp", {"state": "on"})
OFF = ToolCall("lamp", {"state": "off"})
TWO_TURNS = Dialogue((LabelledTurn("light", (ON,)), LabelledTurn("and off", (OFF,))))


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def called(*calls: ToolCall, content: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": [
        {"type": "function", "function": {"name": call.name,
                                          "arguments": json.dumps(call.arguments)}}
        for call in calls]}


MESSAGES = [user("light"), called(ON), user("and off"), called(OFF)]


@pytest.mark.parametrize("row", [
    {"messages": MESSAGES},
    {"messages": [{"role": "system", "content": "Call."}, *MESSAGES]},
    {"context": json.dumps(MESSAGES)},
    {"request": {"messages": MESSAGES[:-1]}, "response": {"choices": [{"message": MESSAGES[-1]}]}},
    dialogue_to_json(TWO_TURNS),
    {"question": json.dumps(MESSAGES[:-1]), "answer": '{"name": "lamp", "parameters": '
                                                      '{"state": "off"}}'},
    trace([Turn("light", (ON,))], "and off", [OFF], verdict="admitted", model="big"),
    {"messages": [user("light"), called(ON), {"role": "tool", "content": "done"},
                  {"role": "assistant", "content": "It is on."}, *MESSAGES[2:]]},
    {"messages": [user([{"type": "text", "text": "light"}]), *MESSAGES[1:]]},
    {"messages": [*MESSAGES[:3], {"role": "assistant", "content": None, "function_call": {
        "name": "lamp", "arguments": '{"state": "off"}'}}]},
])
def test_every_way_of_writing_a_dialogue_is_read_alike(row: dict[str, Any]) -> None:
    told = read_row(row)
    assert isinstance(told, Told)
    assert told.dialogue == TWO_TURNS
    assert told.cut is None


@pytest.mark.parametrize("row", [
    {"question": "light", "answer": {"name": "lamp", "parameters": {"state": "on"}}},
    {"question": "light", "answer": [{"name": "lamp", "arguments": '{"state": "on"}'}]},
    {"question": "light", "answer": None}, {"question": "light", "answer": []},
    {"question": "light", "answer": "I cannot."}, {"question": "[1]", "answer": "no"},
    {"question": "light", "answer": {"refusal": "no"}, "home": "hut"},
    dialogue_to_json(TWO_TURNS),
])
def test_question_and_answer_are_read_as_train_and_eval_read_them(
        row: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    told = read_row(row)
    assert isinstance(told, Told)
    assert [told.dialogue] == read_dialogues(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(("row", "reason"), [
    (7, "not an object"), ({}, "no messages"), ({"messages": "hello"}, "no messages"),
    ({"messages": [7]}, "no messages"), ({"messages": []}, "no user turn"),
    ({"messages": [user("light")]}, "no answer"), ({"question": "light"}, "no answer"),
    ({"messages": [user("light"), user("light!"), called(ON)]}, "no answer"),
    ({"messages": [user("  "), called(ON)]}, "nothing said"),
    ({"messages": [user(None), called(ON)]}, "nothing said"),
    ({"messages": [user("a" * 3000), called(ON)]}, "too long"),
    ({"messages": [{"role": "wizard"}]}, "unknown role"),
    ({"messages": [user("light"), {"role": "assistant", "tool_calls": 7}]}, "call unreadable"),
    ({"messages": [user("light"), {"role": "assistant", "tool_calls": [{"name": 7}]}]},
     "call unreadable"),
    ({"question": "light", "answer": {"name": "lamp", "parameters": "{"}}, "call unreadable"),
    (trace([], "light", [], verdict="said", text="Good evening."), "the hub's verdict: said"),
    ({"question": "light", "answer": [], "verdict": "\x1b[31m Anna"}, "the hub's verdict: unknown"),
    ({"request": {"messages": [user("light")]}, "response": {"error": "quota"}}, "no answer"),
])
def test_a_row_that_cannot_be_used_says_why(row: Any, reason: str) -> None:
    found = read_row(row)
    assert isinstance(found, LeftOut)
    assert found.reason == reason


def test_a_dialogue_is_kept_up_to_the_first_turn_that_cannot_be_used() -> None:
    told = read_row({"messages": [*MESSAGES, user("and now?")]})
    assert isinstance(told, Told)
    assert told.dialogue == TWO_TURNS
    assert told.cut == LeftOut("no answer", "the last message is the user's")


def test_what_was_asked_stands_beside_the_answer() -> None:
    told = read_row({"messages": [user("open"), called(ON, content="Your PIN?"), user("4821"),
                                  called(OFF)]})
    assert isinstance(told, Told)
    assert told.asked == ("", "Your PIN?")
