from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.curation import read_traces
from iotcall.errors import FileError
from iotcall.evaluate import Dialogue, LabelledTurn


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _messages(*messages: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, **({"tool_calls": said} if isinstance(said, list) else
                                           {"content": said})} for role, said in messages]}


def _write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_openai_messages_become_dialogues(tmp_path: Path, lamp: Catalogue) -> None:
    path = _write(tmp_path / "a.jsonl", _messages(
        ("system", "You are."), ("user", "light"), ("assistant", [_call("lamp", state="on")]),
        ("tool", "ok"), ("user", "22"), ("assistant", [_call("heat", degrees=22)])))
    assert read_traces(path, lamp).dialogues == (Dialogue((
        LabelledTurn("light", (ToolCall("lamp", {"state": "on"}),)),
        LabelledTurn("22", (ToolCall("heat", {"degrees": 22}),)))),)


def test_what_cannot_be_learnt_is_left_out_and_counted(tmp_path: Path, lamp: Catalogue) -> None:
    on = [_call("lamp", state="on")]
    path = _write(
        tmp_path / "a.jsonl", _messages(("user", "light"), ("assistant", on)),
        _messages(("user", "LIGHT!"), ("assistant", on)),
        _messages(("user", "light"), ("assistant", [_call("lamp", state="off")])),
        _messages(("user", "fly"), ("assistant", [_call("fly")])),
        _messages(("user", "hi"), ("assistant", "hello")),
        _messages(("user", "both"), ("assistant", [*on, *on])),
        _messages(("user", "x" * 501), ("assistant", on)),
        _messages(("user", " "), ("assistant", on)),
        _messages(("user", "well")), _messages(("user", "a"), ("user", "b"), ("assistant", on)),
        _messages(*[("user", "light"), ("assistant", on)] * 25))
    read = read_traces(path, lamp)
    assert len(read.dialogues) == 2
    assert read.left_out == {
        "the same again": 1, "a call that is none of the catalogue": 1, "a turn without a call": 1,
        "more calls in a turn than the catalogue allows": 1,
        "an utterance that is empty or too long": 2, "a turn that nobody answered": 2,
        "more than 24 turns": 1}


def test_rows_of_labelled_dialogues_are_read_as_ever(tmp_path: Path, lamp: Catalogue) -> None:
    path = _write(tmp_path / "a.jsonl", {"question": "light", "answer": {
        "name": "lamp", "parameters": {"state": "on"}}})
    assert read_traces(path, lamp).dialogues[0].turns[0].utterance == "light"


@pytest.mark.parametrize("text", [
    "", "nonsense", "[]", '{"messages": 1}', '{"messages": [1]}', '{"messages": []}\nnonsense',
    '{"messages": []}\n{"question": "a", "answer": null}', '{"messages": [{"role": "user"}]}',
    '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": 3}]}',
    '{"messages": ' + "[" * 100_000, '\xff"messages"',
])
def test_a_file_of_something_else_is_refused(tmp_path: Path, lamp: Catalogue, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(FileError, match=r"a\.jsonl"):
        read_traces(path, lamp)


def test_a_missing_file_is_named(tmp_path: Path, lamp: Catalogue) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_traces(tmp_path / "none", lamp)
