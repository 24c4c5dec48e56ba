"""A board is made in steps, each whole or not there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.errors import IotcallError
from iotcall.hil.steps import Step, all_made, is_made, make_all, make_step, remove, run_program


def _step(stamp: str, make: Callable[[Path], None]) -> Step:
    return Step(name="part", stamp=stamp, make=make)


def _write(folder: Path) -> None:
    folder.mkdir()
    (folder / "file").write_text("whole")


def _break(folder: Path) -> None:
    folder.mkdir()
    (folder / "half").write_text("half")
    raise KeyboardInterrupt


def test_a_step_is_made_once_and_again_when_it_is_of_something_else(tmp_path: Path) -> None:
    told: list[str] = []
    step = _step("one", _write)
    assert make_step(tmp_path, step, told.append) is not None
    assert make_step(tmp_path, step, told.append) is None
    (tmp_path / "part" / "left").touch()
    assert not is_made(tmp_path, _step("two", _write))
    assert make_step(tmp_path, _step("two", _write), told.append) is not None
    assert told == ["part", "part"]
    assert not (tmp_path / "part" / "left").exists()


def test_a_step_that_is_broken_off_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    make_step(tmp_path, _step("one", _write), print)
    with pytest.raises(KeyboardInterrupt):
        make_step(tmp_path, _step("two", _break), print)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]
    assert (tmp_path / "part" / "file").read_text() == "whole"


def test_what_a_killed_setup_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / "part.partial" / "closed"
    left.mkdir(parents=True)
    (left / "file").touch()
    left.chmod(0o500)
    make_step(tmp_path, _step("one", _write), print)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]
    remove(tmp_path / "part.partial")  # nothing there: nothing to do


def test_a_board_is_made_when_all_its_steps_are_and_it_has_said_its_versions(tmp_path: Path
                                                                             ) -> None:
    steps = [_step("one", _write)]
    make_step(tmp_path, steps[0], print)
    assert not all_made(tmp_path, steps)
    made = make_all(tmp_path, steps, lambda: {"part": "1"}, print, room_megabytes=1)
    assert (made.seconds, made.versions) == ({}, {"part": "1"})
    assert all_made(tmp_path, steps)
    assert not all_made(tmp_path, [_step("two", _write)])


def test_a_program_that_fails_is_told_by_its_last_words_and_what_to_do() -> None:
    told: list[str] = []
    with pytest.raises(IotcallError, match=r"failed: one \| two; look there"):
        run_program([sys.executable, "-c", "print('one\\n\\ntwo'); raise SystemExit(3)"],
                    told.append, {}, do="look there")
    assert told == ["one", "two"]
