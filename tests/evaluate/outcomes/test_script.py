"""What is said in a home and all that must come of it, read from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.devices import Home, load_home
from iotcall.errors import FileError
from iotcall.evaluate.outcomes import Expectation, SaidTurn, Wanted, read_outcomes
from iotcall.shipped import shipped

Reads = Callable[[str], list[SaidTurn]]


@pytest.fixture(scope="module")
def home() -> Home:
    return load_home(shipped("devices") / "homes" / "family.toml")


@pytest.fixture
def reads(home: Home, tmp_path: Path) -> Reads:
    def read(text: str) -> list[SaidTurn]:
        path = tmp_path / "a.outcomes"
        path.write_text(text, encoding="utf-8")
        return read_outcomes(path, home)

    return read


def id_of(home: Home, name: str) -> str:
    return next(device.id for device in home.devices if device.name == name)


def test_a_line_is_an_utterance_and_what_must_come_of_it(reads: Reads, home: Home) -> None:
    (turn,) = reads("desk lamp on and dim => Desk Lamp: state=on, brightness=30\n")
    lamp = id_of(home, "desk lamp")
    assert turn == SaidTurn(line=1, site="default", first=True, utterance="desk lamp on and dim",
                            right=(Expectation(frozenset({
                                Wanted(lamp, "state", "on"), Wanted(lamp, "brightness", "30")}),
                                None),))


def test_several_devices_an_outcome_and_alternatives(reads: Reads, home: Home) -> None:
    (turn,) = reads("both => desk lamp: state=on; kitchen light: state=on; ?refused OR ?question\n")
    first, second = turn.right
    assert {wanted.device for wanted in first.wanted} == {
        id_of(home, "desk lamp"), id_of(home, "kitchen light")}
    assert first.result == "refused"
    assert second == Expectation(frozenset(), "question")


def test_a_site_or_an_empty_line_begins_a_dialogue(reads: Reads, home: Home) -> None:
    site = next(name for name in home.satellites if name != "default")
    turns = reads(f"a => ?answer\n# comment\nb => ?answer\n\nc => ?answer\n@{site}\nd => ?answer\n"
                  "e => ?answer\n")
    assert [(turn.utterance, turn.first, turn.site, turn.line) for turn in turns] == [
        ("a", True, "default", 1), ("b", False, "default", 3), ("c", True, "default", 5),
        ("d", True, site, 7), ("e", False, site, 8)]


def test_a_scene_is_named_as_people_say_it(reads: Reads) -> None:
    (turn,) = reads("film => scene Movie Night\n")
    assert turn.right[0].wanted == {Wanted("movie night", "scene", "on")}
    assert reads("film => scene movie_night\n")[0].right == turn.right


def test_a_device_is_named_by_an_alias_too(reads: Reads, home: Home) -> None:
    device = next(device for device in home.devices if device.aliases)
    (turn,) = reads(f"on => {device.aliases[0]}: state=on\n")
    assert {wanted.device for wanted in turn.right[0].wanted} == {device.id}


def test_a_mark_of_the_byte_order_and_windows_lines_are_no_trouble(reads: Reads) -> None:
    assert [turn.utterance for turn in reads("\ufeff# first\r\na => ?answer\r\n")] == ["a"]


@pytest.mark.parametrize(("line", "says"), [
    ("lamp on", "expected `utterance => outcome`"),
    ("lamp on =>", "expected `utterance => outcome`"),
    ("lamp on => ?maybe", "?not_recognised"),
    ("lamp on => spaceship: state=on", "'spaceship' is no device of the home"),
    ("lamp on => desk lamp", "'desk lamp' is no device"),
    ("lamp on => desk lamp: on", "expected property=value"),
    ("lamp on => desk lamp: state=", "expected property=value"),
    ("lamp on => desk lamp: brightnes=up", "did you mean 'brightness'"),
    ("film => scene pirates", "expected one of breakfast"),
    ("@moon", "no satellite of the home"),
])
def test_a_line_that_is_wrong_is_named(reads: Reads, line: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        reads(f"# first\n{line}\n")
    assert caught.value.place == "line 2"
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_a_file_without_an_utterance_is_refused(reads: Reads, text: str) -> None:
    with pytest.raises(FileError, match="holds no utterance"):
        reads(text)


def test_a_missing_file_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.outcomes"):
        read_outcomes(tmp_path / "none.outcomes", home)


def test_the_shipped_homes_can_be_read() -> None:
    files = sorted((shipped("grammars") / "home" / "voices").glob("*/*.outcomes"))
    assert len(files) >= 20
    for file in files:
        turns = read_outcomes(file, load_home(file.with_suffix(".toml")))
        assert turns[0].first
        assert len(turns) > 10, file.name
