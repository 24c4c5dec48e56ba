"""`iotcall home judge`, as a person runs it, with the shipped student in a home of the test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import run

HOME = """
name = "small"
devices = [
  { name = "kitchen light", room = "kitchen", kind = "light", driver = "tasmota", address = "k" },
  { name = "bedroom light", room = "bedroom", kind = "light", driver = "tasmota", address = "b" },
  { name = "front door", room = "hallway", kind = "lock", driver = "zigbee2mqtt", address = "f" },
]
[rooms.kitchen]
[rooms.bedroom]
[rooms.hallway]
[satellites]
kitchen = "kitchen"
default = ""
"""
SAID = """
# what people say
@kitchen
turn on the kitchen lights => kitchen light: state=on
turn off the bedroom lights => kitchen light: state=off
what is the weather like in paris => ?refused
"""


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(HOME)
    (tmp_path / "small.outcomes").write_text(SAID)
    return tmp_path


def judge(folder: Path, *options: str, code: int = 0) -> str:
    return run("home", "judge", "--homes", str(folder), "--bundle", "smart_home", *options,
               code=code)


def test_the_figures_tell_what_came_out_and_what_did_not(homes: Path) -> None:
    told = json.loads(judge(homes, "--json"))
    whole = told["all"]
    assert {key: whole[key] for key in ("items", "exact", "quiet", "acted", "wrong_device")} == {
        "items": 3, "exact": 2, "quiet": 1, "acted": 0, "wrong_device": 1}
    (miss,) = whole["misses"]
    assert (miss["home"], miss["line"]) == ("small", 5)
    assert miss["calls"] == [{"name": "toggle_lights",
                              "arguments": {"room": "bedroom", "state": "off"}}]
    assert miss["happened"] == "bedroom light: state=off"
    assert told["homes"] == {"small": whole}


def test_people_read_a_line_a_home_the_sum_and_the_misses(homes: Path) -> None:
    lines = judge(homes).split("\n")
    assert lines[0].startswith("small ")
    assert "3 devices    2 of   3 exactly right (66.7%)" in lines[0]
    assert lines[1].startswith("1 home: ")
    assert "95 % interval" in lines[1]
    assert lines[2] == "small, line 5: turn off the bedroom lights"
    assert "bedroom light: state=off" in lines[4]
    assert len(judge(homes, "--quiet").strip().split("\n")) == 2


def test_below_the_threshold_nothing_is_done(homes: Path) -> None:
    told = json.loads(judge(homes, "--json", "--threshold", "1"))["all"]
    assert told["acted"] == 0
    assert told["wrong_device"] == 0
    assert told["exact"] < 2


def test_homes_are_told_apart_by_their_files(homes: Path) -> None:
    (homes / "other.toml").write_text(HOME)
    (homes / "other.outcomes").write_text(SAID)
    told = json.loads(judge(homes, "--json"))
    assert list(told["homes"]) == ["other", "small"]
    assert told["all"]["items"] == 6
    assert judge(homes, "--quiet").split("\n")[2].startswith("2 homes: ")


def test_not_all_of_many_misses_are_printed(homes: Path) -> None:
    line = "turn off the bedroom lights => kitchen light: state=off\n"
    (homes / "small.outcomes").write_text(line * 23)
    printed = judge(homes)
    assert printed.count("turn off the bedroom lights") == 20
    assert "3 more; --json has them all" in printed


@pytest.mark.parametrize(("files", "says"), [
    ({}, "holds no .outcomes files"),
    ({"small.outcomes": SAID}, "small.toml"),
    ({"small.toml": HOME, "small.outcomes": ""}, "holds no utterance"),
    ({"small.toml": HOME, "small.outcomes": "lamp on"}, "line 1"),
    ({"small.toml": HOME, "small.outcomes": "\nlamp on => lamp: state=on"}, "line 2"),
    ({"small.toml": "name = 3", "small.outcomes": SAID}, "small.toml"),
])
def test_bad_input_is_named(tmp_path: Path, files: dict[str, str], says: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert says in judge(tmp_path, code=2)


def test_a_bundle_that_is_not_there_is_named(homes: Path) -> None:
    assert "nowhere" in run("home", "judge", "--homes", str(homes), "--bundle", "nowhere", code=2)


def test_noise_is_told_with_its_cost(homes: Path) -> None:
    told = json.loads(judge(homes, "--typos", "1", "--json"))
    assert told["noise"]["kind"] == "typos"
    assert told["noise"]["altered"] == told["noise"]["utterances"] == 3
    assert told["without_noise"]["exact"] == 2
    read = judge(homes, "--wer", "0.3", "--seed", "7")
    assert "noise (transcription, seed 7)" in read
    assert "without it:   2 of   3 exactly right" in read


def test_two_kinds_of_noise_at_once_are_refused(homes: Path) -> None:
    assert "choose one" in judge(homes, "--typos", "1", "--wer", "0.1", code=2)


def test_talk_that_becomes_a_command_is_counted_and_shown(homes: Path, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text("what is the weather like in paris\nturn on the kitchen lights\n"
                    "how do you spell necessary\nturn off the lights in the kitchen please\n")
    told = json.loads(judge(homes, "--json", "--talk", str(talk)))
    assert told["talk"]["utterances"] == 4
    assert [each["utterance"] for each in told["talk"]["acted"]] == [
        "turn on the kitchen lights", "turn off the lights in the kitchen please"]
    assert told["talk_share"] == 0.5
    assert told["passed"] == 1.0
    printed = judge(homes, "--talk", str(talk))
    assert "ordinary talk: 2 of 4 become a command (50.0%" in printed
    assert "100.0% of 2 wishes are taken for one" in printed
    assert "  small: turn on the kitchen lights\n" in printed
    assert "  small:" not in judge(homes, "--talk", str(talk), "--quiet")


def test_a_threshold_that_nothing_passes_lets_no_talk_and_no_wish_through(
        homes: Path, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text("turn on the kitchen lights\n")
    told = json.loads(judge(homes, "--json", "--talk", str(talk), "--threshold", "1"))
    assert (told["talk_share"], told["passed"]) == (0.0, 0.0)
