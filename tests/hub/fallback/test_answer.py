from __future__ import annotations

import json
from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.hub.fallback import Failed, Grounding, Reply, checked, read_reply, speakable
from tests.hub.fallback.service import completion


def test_calls_and_words_are_read_from_a_completion() -> None:
    assert read_reply(completion(("stop", {"a": 1}), text="Sure!")) == Reply(
        ({"name": "stop", "arguments": '{"a": 1}'},), "")
    assert read_reply(completion(text="Which one?")) == Reply((), "Which one?")
    assert read_reply(completion()) == Reply()


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"\xff",
    b'{"choices": [{"message": {"tool_calls": [{"type": "function"}]}}]}',
    b'{"choices": [{"message": {"tool_calls": [{"function": {"name": 7}}]}}]}',
    b'{"choices": [{"message": {"tool_calls": "x"}}]}', b'{"choices":' + b"[" * 100_000,
    b'{"error": {"message": "model not found"}}',
])
def test_what_is_no_completion_is_unreadable(body: bytes) -> None:
    found = read_reply(body)
    assert isinstance(found, Failed)
    assert found.reason == "unreadable"


def reason(smart: Grounding, *calls: tuple[str, Any]) -> str:
    reply = read_reply(completion(*calls))
    assert isinstance(reply, Reply)
    found = checked(reply, smart, (), "kitchen lights on")
    return found.reason if isinstance(found, Failed) else ""


@pytest.mark.parametrize(("name", "arguments"), [
    ("open_airlock", {}), ("toggle_lights", {"room": "moon"}), ("toggle_lights", "{'room'"),
    ("toggle_lights", "[]"), ("toggle_lights", {"brightness": 7}), ("toggle_lights", "7"),
    ("set_thermostat", {"temperature": 100}), ("set_thermostat", {"temperature": "70"}),
    ("set_thermostat", {"temperature": 70.5}), ("set_thermostat", '{"temperature": NaN}'),
    ("set_thermostat", '{"temperature": 1e999}'), ("toggle_lights", {"room": None}),
    ("set_thermostat", '{"temperature": ' + "9" * 9999 + "}"), ("", {}),
    ("toggle_lights", '{"room":' + "[" * 20_000 + "]" * 20_000 + "}"),
    ("toggle_lights", '{"room":' + "[" * 900 + "]" * 900 + "}"),
])
def test_what_is_no_call_of_the_catalogue_is_refused(
    smart: Grounding, name: str, arguments: Any
) -> None:
    assert reason(smart, (name, arguments)) == "invalid_call"


def test_more_calls_than_the_catalogue_allows_are_refused(smart: Grounding) -> None:
    on = ("toggle_lights", {"room": "kitchen", "state": "on"})
    assert reason(smart, on) == ""
    assert reason(smart, on, on) == "too_many_calls"


def test_arguments_may_be_an_object_or_absent(smart: Grounding) -> None:
    for arguments in ({"state": "on"}, '{"state": "on"}'):
        body = json.dumps({"choices": [{"message": {"tool_calls": [
            {"function": {"name": "toggle_lights", "arguments": arguments}}]}}]}).encode()
        reply = read_reply(body)
        assert isinstance(reply, Reply)
        assert checked(reply, smart, (), "lights on") == (ToolCall("toggle_lights",
                                                                   {"state": "on"}),)
    assert reason(smart, ("toggle_lights", "")) == ""


def test_a_reply_without_a_call_is_none(smart: Grounding) -> None:
    assert reason(smart) == "no_calls"


@pytest.mark.parametrize("text", [
    '{"name": "lock_door", "arguments": {}}', "<tool_call>lock</tool_call>", "```json```",
    "[lock_door]", "<think>hm</think> yes", "<|im_end|>", "lock_door(state)", "", "  ", "\\n"])
def test_what_looks_like_a_call_or_a_template_is_never_spoken(text: str) -> None:
    assert speakable(text) == ""


def test_words_are_spoken_on_one_line_up_to_a_bound() -> None:
    assert speakable(" It is\n20 degrees (about).\u202e ") == "It is 20 degrees (about)."
    assert speakable("One. " * 100) == ("One. " * 60).strip()
    assert speakable("word " * 100) == ("word " * 60).strip()
