from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue, ToolCall, load_catalogue
from iotcall.errors import FileError
from iotcall.evaluate.marked import read_marked, unmarked
from iotcall.shipped import shipped


@pytest.fixture(scope="module")
def home() -> Catalogue:
    return load_catalogue(shipped("grammars") / "home")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a.said"
    path.write_text(text, encoding="utf-8")
    return path


def test_marked_words_become_arguments_of_their_calls(tmp_path: Path, home: Catalogue) -> None:
    ((turn,),) = read_marked(written(tmp_path, (
        "# two wishes\n[porch light](target) off and lock the [side door](2.target) | "
        "turn state=off ; lock action=lock\n")), home)
    assert turn.utterance == "porch light off and lock the side door"
    assert turn.calls == (ToolCall("turn", {"state": "off", "target": "porch light"}),
                          ToolCall("lock", {"action": "lock", "target": "side door"}))
    assert [turn.utterance[span.start:span.end] for span in turn.spans] == ["porch light",
                                                                           "side door"]


def test_a_follow_up_quotes_words_of_an_earlier_turn(tmp_path: Path, home: Catalogue) -> None:
    (dialogue,) = read_marked(written(tmp_path, (
        "> [lamp](target) on | turn state=on\n<< In which room?\n"
        '>> the [hall](room) one | turn state=on target="lamp"\n')), home)
    assert unmarked(dialogue).turns[1].calls == (
        ToolCall("turn", {"state": "on", "target": "lamp", "room": "hall"}),)


@pytest.mark.parametrize(("line", "says"), [
    ("lights on", "expected an utterance"),
    ("[lights](target) on | fly state=on", "fly"),
    ("[lights](target) on | turn state=up", "state"),
    ("[lights](2.target) on | turn state=on", "no argument that is free"),
    ('lights on | turn state=on target="big lamp"', "was not said"),
    (">> [lights](target) on | turn state=on", "begins with >"),
])
def test_a_line_that_is_wrong_is_named(
    tmp_path: Path, home: Catalogue, line: str, says: str
) -> None:
    with pytest.raises(FileError) as caught:
        read_marked(written(tmp_path, f"# first\n{line}\n"), home)
    assert caught.value.place == "line 2"
    assert says in str(caught.value)
