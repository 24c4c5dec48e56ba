from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.teacher import Answer, Unusable
from iotcall.distill.teaching import (
    KINDS,
    answer_request,
    calls_of,
    draft_of,
    kinds_named,
    write_request,
)
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, LabelledTurn
from tests import lamp as lamp_files

ON = ToolCall("lamp", {"room": "attic", "state": "on"})
START = Dialogue((LabelledTurn("attic lamp on", (ON,)),))
PARAPHRASE, FOLLOW_UP = kinds_named("paraphrase,follow_up")


def _written(*turns: Any) -> Answer:
    return Answer(json.dumps({"turns": turns}))


def _turn(said: Any = "light up the attic", name: str = "lamp", **arguments: Any) -> dict[str, Any]:
    return {"user": said, "calls": [{"name": name, "arguments": arguments or {
        "state": "on", "room": "attic"}}]}


def test_the_writer_is_given_the_tools_the_seed_the_examples_and_what_to_do(lamp: Catalogue
                                                                           ) -> None:
    request = write_request(lamp, PARAPHRASE, "somebody in a hurry", START, [Dialogue((
        LabelledTurn("warm it up", (ToolCall("heat", {"degrees": 22}),)),))], 7)
    system, asked = (message["content"] for message in request.messages)
    assert '"cellar"' in system
    assert "exactly one each" in system
    for part in ("warm it up", "attic lamp on", PARAPHRASE.says, "in a hurry", "number 7"):
        assert part in asked


def test_a_dialogue_is_read_with_its_arguments_in_declared_order(lamp: Catalogue) -> None:
    draft = draft_of(_written(_turn(" light  up\nthe attic ")), lamp, PARAPHRASE, START)
    assert draft.turns == (LabelledTurn("light up the attic", (ON,)),)
    assert list(draft.turns[0].calls[0].arguments) == ["room", "state"]


def test_a_teacher_may_say_that_the_tools_cannot_hold_it(lamp: Catalogue) -> None:
    assert draft_of(_written(), lamp, PARAPHRASE, START).turns == ()


@pytest.mark.parametrize(("answer", "reason", "says"), [
    (Answer("no"), "malformed", "one JSON object"), (Answer('{"turns": 3}'), "malformed", "turns"),
    (_written("light"), "malformed", "as {"), (_written({"user": "a"}), "malformed", "as {"),
    (_written(_turn(7)), "malformed", "as {"), (_written(_turn(" ")), "malformed", "one line"),
    (_written(_turn("x" * 301)), "malformed", "one line"),
    (_written(_turn("a\u0007b")), "malformed", "one line"),
    (_written(*[_turn()] * 7), "malformed", "at most 6"),
    (_written(_turn(name="fly")), "invalid", "no tool is called 'fly'"),
    (_written(_turn(state="dim")), "invalid", "dim"),
    (_written({"user": "a", "calls": []}), "invalid", "without a call"),
    (_written({"user": "a", "calls": [3]}), "invalid", "expected a call"),
    (_written({"user": "a", "calls": [_turn()["calls"][0]] * 2}), "invalid", "2 calls"),
    (_written(_turn(state="off")), "invalid", "must keep"),
    (_written(_turn(), _turn()), "invalid", "must keep"),
])
def test_what_cannot_be_learnt_is_sent_back_with_what_is_wrong(
        lamp: Catalogue, answer: Answer, reason: str, says: str) -> None:
    with pytest.raises(Unusable, match=says) as caught:
        draft_of(answer, lamp, PARAPHRASE, START)
    assert caught.value.reason == reason


def test_only_kinds_that_keep_the_calls_must_keep_them(lamp: Catalogue) -> None:
    assert draft_of(_written(_turn(state="off"), _turn()), lamp, FOLLOW_UP, START).turns[1].calls


def test_the_assistant_is_given_the_tools_as_tools_and_the_earlier_turns(lamp: Catalogue) -> None:
    request = answer_request(lamp, START.turns, "and off again")
    roles = [message["role"] for message in request.messages]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    made = request.messages[2]["tool_calls"][0]
    assert made["id"] == request.messages[3]["tool_call_id"]
    assert json.loads(made["function"]["arguments"]) == ON.arguments
    assert [tool["function"]["name"] for tool in request.tools] == ["lamp", "heat", "note"]
    assert request.tool_choice == "required"
    assert answer_request(msgspec.structs.replace(lamp, may_decline=True), (), "a"
                          ).tool_choice == "auto"


def test_the_assistants_calls_are_checked_by_the_schema(lamp: Catalogue) -> None:
    arguments = '{"state": "on", "room": "attic"}'
    assert calls_of(Answer(calls=({"name": "lamp", "arguments": arguments},)), lamp) == (ON,)
    for calls in ((), ({"name": "lamp", "arguments": "{"},), ({"name": "fly", "arguments": None},),
                  ({"name": "heat", "arguments": '{"degrees": 99}'},),
                  ({"name": "heat", "arguments": '{"degrees": 1e999}'},),
                  ({"name": "heat", "arguments": "[" * 100_000},)):
        with pytest.raises(Unusable):
            calls_of(Answer(calls=calls), lamp)
    assert calls_of(Answer("no"), msgspec.structs.replace(lamp, may_decline=True)) == ()


_json = some.recursive(some.none() | some.booleans() | some.integers() | some.floats()
                       | some.text(max_size=5) | some.sampled_from(["lamp", "on", "heat"]),
                       lambda inner: some.lists(inner, max_size=3) | some.dictionaries(
                           some.sampled_from(["user", "calls", "name", "arguments", "state",
                                              "degrees"]), inner, max_size=3), max_leaves=12)


@given(_json, _json)
def test_no_answer_of_a_stranger_breaks_the_reading(value: Any, arguments: Any) -> None:
    from iotcall.catalogue import load_catalogue

    catalogue = load_catalogue(lamp_files.FOLDER)
    call = {"name": "heat", "arguments": arguments}
    for turns in ([value], [{"user": "a", "calls": [call]}], [{"user": "a", "calls": value}]):
        with contextlib.suppress(Unusable):
            draft_of(Answer(json.dumps({"turns": turns})), catalogue, FOLLOW_UP, START)
    with contextlib.suppress(Unusable):
        calls_of(Answer(calls=({**call, "arguments": json.dumps(arguments)},)), catalogue)


def test_kinds_are_named_once_each_and_a_slip_is_told() -> None:
    assert [kind.name for kind in kinds_named("noise, noise,paraphrase")] == ["noise", "paraphrase"]
    assert kinds_named("") == KINDS
    with pytest.raises(InputError, match="did you mean 'paraphrase'"):
        kinds_named("parafrase")
    with pytest.raises(InputError, match="expected some of"):
        kinds_named("zzz")
