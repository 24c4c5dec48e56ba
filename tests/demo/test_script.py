from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.demo.script import Expected, Line, differences, read_script
from iotcall.devices import Home, load_home
from iotcall.errors import FileError
from iotcall.shipped import shipped


@pytest.fixture(scope="module")
def home() -> Home:
    return load_home(shipped("devices") / "homes" / "demo.toml")


def written(folder: Path, text: str) -> Path:
    path = folder / "demo.script"
    path.write_text(text)
    return path


def test_a_line_says_what_devices_must_be_and_what_the_outcome_is(
    tmp_path: Path, home: Home
) -> None:
    path = written(tmp_path, "# a comment\n\nmovie => kitchen light: state=on, brightness=40; "
                             "front: lock=locked; ?done\n  peru => !refused\n")
    assert read_script(path, home) == (
        Line(number=3, utterance="movie", outcome="done", states=(
            Expected("kitchen light", "state", "on"), Expected("kitchen light", "brightness", 40.0),
            Expected("front door", "lock", "locked"))),
        Line(number=4, utterance="peru", outcome="refused"),
    )


@pytest.mark.parametrize(("text", "message"), [
    ("on => ?maybe", r"line 1.*'maybe' is no outcome; known: done, "),
    ("# x\non => kitchen light", r"line 2.*expected `device: property=value`"),
    ("on => no such thing: state=on", r"line 1.*devices: back door, "),
    ("on => kitchen light: state", r"line 1.*expected `property=value`, found 'state'"),
    ("=> kitchen light: state=on", r"line 1.*nothing is said"),
    ("on => ?done\nkitchen lights on", r"line 2.*expects nothing"),
    ("on =>", r"line 1.*expects nothing"),
    ("# only a comment", r"holds no utterance"),
])
def test_a_line_that_cannot_be_read_is_named(
    tmp_path: Path, home: Home, text: str, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        read_script(written(tmp_path, text), home)


def test_a_missing_script_is_a_located_error(tmp_path: Path, home: Home) -> None:
    with pytest.raises(FileError, match=r"none\.script: cannot be read"):
        read_script(tmp_path / "none.script", home)


def test_everything_that_differs_is_named() -> None:
    line = Line(number=1, utterance="on", outcome="done", states=(
        Expected("kitchen light", "state", "on"), Expected("thermostat", "setpoint", 20.0),
        Expected("thermostat", "mode", "heat")))
    states: dict[str, dict[str, str | int | float]] = {
        "kitchen light": {"state": "off"}, "thermostat": {"setpoint": 20}}
    assert differences(line, "unconfirmed", states) == [
        "expected done, found unconfirmed",
        "kitchen light: expected state=on, found off",
        "thermostat: expected mode=heat, found None",
    ]


def test_the_shipped_script_fits_the_shipped_home(home: Home) -> None:
    lines = read_script(shipped("devices") / "homes" / "demo.script", home)
    assert len(lines) >= 12
    assert all(line.states or line.outcome for line in lines)
