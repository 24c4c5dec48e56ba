from __future__ import annotations

import json
from pathlib import Path

import pytest

from iotcall.evaluate import read_dialogues
from iotcall.hub.fallback.traces import Recorder, trace
from iotcall.runtime import Turn
from tests.cli.command import run, run_json
from tests.distill.traces.test_rows import OFF, ON

LAMP = Path(__file__).parents[2] / "catalogues" / "lamp"


def test_a_hubs_own_records_become_training_dialogues(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "traces.jsonl", largest=600)
    recorder.add(trace([], "Anna's light on", [ON], verdict="admitted", site="s"))
    recorder.add(trace([Turn("Anna's light on", (ON,))], "off", [OFF], verdict="admitted"))
    recorder.add(trace([], "how are you", [], verdict="said", text="Well."))
    recorder.add(trace([], "light of", [OFF], verdict="admitted"))
    (tmp_path / "names").write_text("Anna\n\n")
    out = tmp_path / "out.jsonl"
    command = ("distill", "traces", str(tmp_path / "traces.jsonl*"), "--catalogue", str(LAMP),
               "--out", str(out), "--names", str(tmp_path / "names"))
    report = run_json(*command)
    assert len(report["sources"]) > 1
    assert report["left_out"] == {"part of a longer dialogue": 1, "the hub's verdict: said": 1}
    assert report["redacted"] == {"name": 1}
    assert sorted(len(dialogue.turns) for dialogue in read_dialogues(out)) == [1, 2]
    assert "Anna" not in out.read_text()
    assert "4 rows in" in run(*command)


@pytest.mark.parametrize(("more", "complaint"), [
    (["missing.jsonl"], "is missing"), (["SOURCE", "--region", "XX"], "no country"),
    (["SOURCE", "--names", "missing"], "cannot be read"),
    (["SOURCE", "--near", "nan"], "--near: nan is no number"),
    (["SOURCE", "--left-out", "SOURCE"], "one of the sources"),
    (["SOURCE", "--left-out", "/nowhere/x"], "is no folder")])
def test_what_cannot_be_done_is_refused(more: list[str], complaint: str, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"question": "light", "answer": None}) + "\n")
    given = [str(source) if each == "SOURCE" else each for each in more]
    assert complaint in run("distill", "traces", *given, "--catalogue", str(LAMP),
                            "--out", str(tmp_path / "out"), code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
