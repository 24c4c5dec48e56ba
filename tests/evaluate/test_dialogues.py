from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import ToolCall
from iotcall.errors import FileError
from iotcall.evaluate import (
    Dialogue,
    LabelledTurn,
    dialogue_to_json,
    read_dialogues,
    write_dialogues,
)
from tests.lamp import FOLDER
from tests.workshop import calls, steadily

ON = ToolCall("lamp", {"state": "on"})
OFF = ToolCall("lamp", {"state": "off"})
ON_JSON, OFF_JSON = ({"name": call.name, "parameters": call.arguments} for call in (ON, OFF))
ANSWER = {"name": "lamp", "arguments": {"state": "on"}}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Dialogue]]:
    """Reads rows as lines of a file."""
    def read(*rows: Any) -> list[Dialogue]:
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row)
                                  for row in rows))
        return read_dialogues(path)

    return read


def one_turn(utterance: str, *said: ToolCall) -> Dialogue:
    return Dialogue((LabelledTurn(utterance, said),))


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(*said: ToolCall) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [
        {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in said]}


def test_golden_dialogues_have_one_item_for_every_user_turn() -> None:
    dialogues = read_dialogues(FOLDER / "golden.jsonl")
    assert dialogues[0] == one_turn(
        "attic lamp on", ToolCall("lamp", {"room": "attic", "state": "on"}))
    assert dialogues[1].turns == (
        LabelledTurn("Switch off the cellar lamp",
                     (ToolCall("lamp", {"room": "cellar", "state": "off"}),)),
        LabelledTurn("the attic too", (ToolCall("lamp", {"room": "attic", "state": "off"}),)))


@pytest.mark.parametrize("question", [
    "lamp on", [user("lamp on")], json.dumps([user("lamp on")]),
    [{"role": "system", "content": "Obey."}, user("lamp on")],
])
@pytest.mark.parametrize("answer", [
    ANSWER, [ANSWER], json.dumps(ANSWER), {"name": "lamp", "parameters": {"state": "on"}},
    {"function": {"name": "lamp", "arguments": '{"state": "on"}'}},
])
def test_question_and_answer_may_be_written_in_several_ways(
    read: Callable[..., list[Dialogue]], question: Any, answer: Any
) -> None:
    assert read({"question": question, "answer": answer}) == [one_turn("lamp on", ON)]


@pytest.mark.parametrize("utterance", [
    "21", "true", "lamp: on", "[lamp", "null", "[]", '"x"', "{}", "[1]", '["on"]', "9" * 5000])
def test_an_utterance_that_looks_like_json_is_an_utterance(
    read: Callable[..., list[Dialogue]], utterance: str
) -> None:
    assert read({"question": utterance, "answer": ANSWER}) == [one_turn(utterance, ON)]


@pytest.mark.parametrize("answer", [None, [], "I cannot.", {"refusal": "No."}, "null", "[]"])
def test_a_refusal_has_no_calls(read: Callable[..., list[Dialogue]], answer: Any) -> None:
    assert read({"question": "sing", "answer": answer}) == [one_turn("sing")]


def test_earlier_turns_are_labelled_by_the_message_that_follows_them(
    read: Callable[..., list[Dialogue]]
) -> None:
    messages = [user("on"), assistant(ON), {"role": "tool", "content": "done"},
                user("hm"), {"role": "assistant", "content": "Pardon?"},
                user("both"), assistant(ON, OFF), user("off")]
    (dialogue,) = read({"question": messages, "answer": [ON_JSON, OFF_JSON], "home": "demo"})
    assert dialogue == Dialogue((
        LabelledTurn("on", (ON,)), LabelledTurn("hm", ()), LabelledTurn("both", (ON, OFF)),
        LabelledTurn("off", (ON, OFF))), home="demo")


@pytest.mark.parametrize(("row", "complaint"), [
    ("{", "Expecting property name"),
    (5, "expected an object with 'question' and 'answer'"),
    ({"question": "on"}, "expected an object with 'question' and 'answer'"),
    ({"question": 5, "answer": ANSWER}, "an utterance or a list of messages"),
    ({"question": [], "answer": ANSWER}, "the answer answers nothing"),
    ({"question": ["on"], "answer": ANSWER}, "expected messages as objects, found 'on'"),
    ({"question": [user("on"), assistant(ON)], "answer": ANSWER}, "the answer answers nothing"),
    ({"question": [user("a"), user("b")], "answer": ANSWER}, "'a' is followed by no assistant"),
    ({"question": [user(None)], "answer": ANSWER}, "content as text, found None"),
    ({"question": [user([{"type": "text", "text": "a"}])], "answer": ANSWER}, "content as text"),
    ({"question": [user("a"), {"role": "assistant", "tool_calls": 5}, user("b")],
      "answer": ANSWER}, "tool_calls as a list, found 5"),
    ({"question": "on", "answer": 5}, "expected a call"),
    ({"question": "on", "answer": ANSWER, "home": 5}, "home as a name, found 5"),
    ('{"question": "on", "answer": ' + "9" * 5000 + "}", "5000 digits"),
    ('{"question": "on", "answer": ' + "[" * 100_000, "recursion"),
    ({"question": "on", "answer": "[" * 100_000}, "recursion"),
    ({"question": "on", "answer": {"name": "lamp", "arguments": "{"}}, "lamp are no JSON"),
])
def test_a_row_that_cannot_be_read_is_located_by_its_line(
    read: Callable[..., list[Dialogue]], tmp_path: Path, row: Any, complaint: str
) -> None:
    good = {"question": "on", "answer": ANSWER}
    with pytest.raises(FileError, match=complaint) as caught:
        read(good, "", row)
    assert caught.value.place == "line 3"
    assert caught.value.path == tmp_path / "rows.jsonl"


@pytest.mark.parametrize("content", [None, b"\xff", b"", b"\n \n"])
def test_a_file_without_dialogues_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=r"cannot be read|holds no dialogue"):
        read_dialogues(path)


TURNS = st.builds(LabelledTurn, st.text(max_size=8), st.lists(calls(), max_size=2).map(tuple))
DIALOGUES = st.builds(Dialogue, st.lists(TURNS, min_size=1, max_size=3).map(tuple),
                      st.sampled_from(["", "demo"]))


@given(dialogues=st.lists(DIALOGUES, min_size=1, max_size=3))
@steadily
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, dialogues: list[Dialogue]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_dialogues(dialogues, path)
    assert read_dialogues(path) == dialogues


def test_line_separators_inside_an_utterance_end_no_row(tmp_path: Path) -> None:
    dialogue = one_turn("a\u2028b\x85c\x0bd\ne", ON)
    write_dialogues([dialogue], tmp_path / "rows.jsonl")
    assert read_dialogues(tmp_path / "rows.jsonl") == [dialogue]


def test_a_row_is_written_as_messages_with_the_last_calls_as_the_answer() -> None:
    dialogue = Dialogue((LabelledTurn("on", (ON,)), LabelledTurn("off", (OFF,))), home="demo")
    assert dialogue_to_json(dialogue) == {
        "question": [user("on"), assistant(ON), user("off")], "answer": OFF_JSON, "home": "demo"}
    assert "home" not in dialogue_to_json(one_turn("on", ON))


def test_writing_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_dialogues([one_turn("on", ON)], path)

    def breaking_off() -> Iterator[Dialogue]:
        yield one_turn("off", OFF)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dialogues(breaking_off(), path)
    assert read_dialogues(path) == [one_turn("on", ON)]


def test_a_home_that_is_null_is_none(read: Callable[..., list[Dialogue]]) -> None:
    assert read({"question": "on", "answer": ANSWER, "home": None}) == [one_turn("on", ON)]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "on", "answer": ANSWER}), encoding="utf-8-sig")
    assert read_dialogues(path) == [one_turn("on", ON)]


@pytest.mark.parametrize("question", ["on \ud800", json.dumps([user("on \ud800")])])
def test_half_characters_are_replaced(
    read: Callable[..., list[Dialogue]], question: str
) -> None:
    assert read({"question": question, "answer": ANSWER}) == [one_turn("on \ufffd", ON)]
