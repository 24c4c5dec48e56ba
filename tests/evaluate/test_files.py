from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import FileError
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.evaluate.files import Said, normalised, read_labelled, read_utterances, unseen

ON = ToolCall("lamp", {"room": "attic", "state": "on"})
ROW = '{"question": "Attic on!", "answer": {"name": "lamp", "parameters": {"room": "attic"}}}'


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_dialogues_of_several_files_and_forms_follow_each_other(
    tmp_path: Path, lamp: Catalogue
) -> None:
    said = _written(tmp_path, "a.said", "[attic](room=attic) on | lamp state=on\n")
    rows = _written(tmp_path, "b.jsonl", ROW + "\n")
    first, second = read_labelled([said, rows], lamp)
    assert first.turns[0] == LabelledTurn("attic on", (ON,))
    assert second.turns[0].utterance == "Attic on!"


def test_a_file_of_marked_dialogues_without_any_is_refused(
    tmp_path: Path, lamp: Catalogue
) -> None:
    with pytest.raises(FileError, match="holds no dialogue"):
        read_labelled([_written(tmp_path, "a.said", "# nothing\n")], lamp)


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("a.txt", "lights on\n\n good night \n", [Said("lights on"), Said("good night")]),
    ("a.jsonl", '{"text": "hi", "intent": "greeting"}\n{"utterance": "bye"}\n',
     [Said("hi", "greeting"), Said("bye")]),
    ("a.jsonl", ROW, [Said("Attic on!")]),
    ("a.jsonl", '{"context": "[{\\"role\\": \\"user\\", \\"content\\": \\"on\\"}, '
                '{\\"role\\": \\"assistant\\"}]"}', [Said("on")]),
    ("a.jsonl", '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", '
                '"content": "x"}, {"role": "user", "content": "b"}]}', [Said("a"), Said("b")]),
    ("a.said", "> [attic](room=attic) on | lamp state=on\n>> off | lamp state=off room=attic\n",
     [Said("attic on"), Said("off")]),
    ("a.txt", "[muffled] lights\n", [Said("[muffled] lights")]),
])
def test_utterances_are_read_from_what_holds_them(
    tmp_path: Path, lamp: Catalogue, name: str, text: str, expected: list[Said]
) -> None:
    assert read_utterances(_written(tmp_path, name, text), lamp) == expected


@pytest.mark.parametrize(("name", "text", "says"), [
    ("a.txt", "\n", "holds no utterance"), ("a.jsonl", '{"text": "a"}\n{"a": 1}\n', "line 2"),
    ("a.jsonl", "{\n", "is no JSON"), ("a.jsonl", "lights on\n", "is no JSON"),
    ("a.jsonl", "[" * 100_000, "is no JSON"),
])
def test_what_holds_no_utterance_is_refused(
    tmp_path: Path, lamp: Catalogue, name: str, text: str, says: str
) -> None:
    with pytest.raises(FileError, match=says):
        read_utterances(_written(tmp_path, name, text), lamp)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, lamp: Catalogue) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_utterances(tmp_path / "missing.txt", lamp)


def test_word_for_word_leaves_out_case_marks_and_spacing() -> None:
    assert normalised("  Turn it\u00a0OFF, please!! ") == normalised("turn it off please")
    assert normalised("it's") != normalised("its")


def test_a_turn_is_unseen_where_no_file_says_it() -> None:
    dialogue = Dialogue((LabelledTurn("Attic on!", (ON,)), LabelledTurn("and off", ())))
    assert unseen([dialogue], [Said("attic, ON")]) == [False, True]
