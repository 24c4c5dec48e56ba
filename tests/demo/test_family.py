"""Forty dialogues with the family's house, behind a student that answers as it should.

Everything is real but the student: what differs here is the fault of the hub, of the house or of
the script.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from iotcall.catalogue import load_catalogue
from iotcall.demo.prompt import Display, play
from iotcall.demo.script import read_script
from iotcall.demo.stage import Cast, running_stage
from iotcall.devices import load_home
from iotcall.evaluate.marked import read_marked
from iotcall.shipped import shipped

ROOT = Path(__file__).parents[2]
SAID = Path(__file__).with_name("forty.said")
HOME = shipped("devices") / "homes" / "family.toml"
CAST = Cast(home=load_home(HOME), home_path=HOME, bundle="none", hub_command=(
    sys.executable, str(ROOT / "tests" / "hub" / "stand_in.py"), "--grammar", "home",
    "--answers", str(SAID), "--acknowledge-seconds", "1"))
LINES = read_script(HOME.with_name("forty.script"), CAST.home)


def test_every_utterance_of_the_script_is_labelled() -> None:
    dialogues = read_marked(SAID, load_catalogue(shipped("grammars") / "home"))
    assert [turn.utterance for dialogue in dialogues for turn in dialogue] == [
        line.utterance for line in LINES]


def test_the_whole_script_comes_out_behind_a_perfect_student(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(os.environ, "PYTHONPATH", str(ROOT))
    with running_stage(CAST) as stage:
        assert play(LINES, stage, Display(json=True)), capsys.readouterr().err
