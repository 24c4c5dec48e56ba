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


def test_words_may_mean_a_value_of_the_schema(tmp_path: Path) -> None:
    catalogue = load_catalogue(shipped("grammars") / "smart_home")
    ((turn,),) = read_marked(written(tmp_path, (
        "the [sitting room](room=living_room) lights [out](state=off) | toggle_lights\n")),
        catalogue)
    assert turn.utterance == "the sitting room lights out"
    assert turn.calls == (ToolCall("toggle_lights", {"room": "living_room", "state": "off"}),)
    assert [(span.argument, span.literal) for span in turn.spans] == [
        ("room", False), ("state", False)]


def test_numbers_are_read_as_such_in_marks_and_in_calls(tmp_path: Path) -> None:
    catalogue = load_catalogue(shipped("grammars") / "smart_home")
    first, second, third = read_marked(written(tmp_path, (
        "[70](temperature) | set_thermostat\n[seventy](temperature=70) | set_thermostat\n"
        "a bit warmer than 68 | set_thermostat temperature=70\n")), catalogue)
    assert [dialogue[0].calls for dialogue in (first, second, third)] == 3 * [
        (ToolCall("set_thermostat", {"temperature": 70}),)]
    assert [span.literal for dialogue in (first, second) for span in dialogue[0].spans] == [
        True, False]
    assert third[0].spans == ()


def test_digits_stay_text_and_truth_values_do_not(tmp_path: Path) -> None:
    banking = load_catalogue(shipped("grammars") / "banking")
    ((turn,),) = read_marked(written(tmp_path, (
        "ends [oh four one two](card_last_four=0412) | activate_card\n")), banking)
    assert turn.calls[0].arguments == {"card_last_four": "0412"}
    shell = load_catalogue(shipped("grammars") / "shell")
    ((turn,),) = read_marked(written(tmp_path, "all of it | ls a=true\n"), shell)
    assert turn.calls[0].arguments == {"a": True}


def test_one_mark_may_stand_for_several_arguments(tmp_path: Path, home: Catalogue) -> None:
    ((turn,),) = read_marked(written(tmp_path, (
        "[lamp](1.target, 2.target) on and at [half](2.value) | "
        "turn state=on ; set property=brightness\n")), home)
    assert [(span.start, span.end, span.call) for span in turn.spans[:2]] == [
        (0, 4, 0), (0, 4, 1)]
    assert turn.calls[1].arguments == {"property": "brightness", "value": "half",
                                       "target": "lamp"}


def test_arguments_stand_in_the_order_of_the_schema(tmp_path: Path, home: Catalogue) -> None:
    ((turn,),) = read_marked(written(tmp_path, (
        "in the [hall](room) the [lamp](target) | turn state=on\n")), home)
    assert list(turn.calls[0].arguments) == ["state", "target", "room"]


@pytest.mark.parametrize(("line", "says"), [
    ("[lamp]() on | turn state=on", "](" ),
    ("[lamp]( ) on | turn state=on", "expected [words](argument)"),
    ("[lamp](=on) | turn state=on", "expected [words](argument)"),
    ("[lamp](tar-get) on | turn state=on", "expected [words](argument)"),
    ("[lamp](target,) on | turn state=on", "expected [words](argument)"),
    ("[lamp](target on | turn state=on", "not closed"),
    ("[lamp](0.target) on | turn state=on", "no argument that is free"),
    ("[lamp](target) [fan](target) on | turn state=on", "no argument that is free"),
    ("[lamp](state=up) | turn", "state"),
    ("lamp | turn state=on state=off", "given twice"),
    ('lamp on | turn state=on target="fan"', "'fan' was not said"),
    ("lamp on | turn state=on target=fan", "'fan' was not said"),
])
def test_a_mark_that_is_wrong_is_named(
    tmp_path: Path, home: Catalogue, line: str, says: str
) -> None:
    with pytest.raises(FileError) as caught:
        read_marked(written(tmp_path, f"# first\n\n{line}\n"), home)
    assert caught.value.place == "line 3"
    assert says in str(caught.value)


@pytest.mark.parametrize("value", ["seventy", "070", "NaN", "true", "7e1.5", "9000"])
def test_what_is_no_number_of_the_schema_is_refused(tmp_path: Path, value: str) -> None:
    catalogue = load_catalogue(shipped("grammars") / "smart_home")
    with pytest.raises(FileError, match="temperature"):
        read_marked(written(tmp_path, f"[x](temperature={value}) | set_thermostat\n"), catalogue)


def test_a_mark_of_the_byte_order_and_windows_lines_are_no_trouble(
    tmp_path: Path, home: Catalogue
) -> None:
    found = read_marked(written(tmp_path, "\ufeff# first\r\n[lamp](target) on | turn state=on\r\n"),
                        home)
    assert [turn.utterance for (turn,) in found] == ["lamp on"]


def test_an_utterance_may_hold_signs_and_bars(tmp_path: Path) -> None:
    shell = load_catalogue(shipped("grammars") / "shell")
    ((turn,),) = read_marked(written(tmp_path, (
        "write [a = b; c](content) | to (the) [x.txt](file_name) | echo\n")), shell)
    assert turn.utterance == "write a = b; c | to (the) x.txt"
    assert turn.calls[0].arguments == {"content": "a = b; c", "file_name": "x.txt"}
