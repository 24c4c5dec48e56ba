"""``iotcall eval`` and ``iotcall calibrate`` as a person runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iotcall.bundle import open_bundle
from tests.cli.command import ROOT, run, run_json

STARTER = ROOT / "bundles" / "smart_home"
SAID = """\
> [kitchen](room=kitchen) light on | toggle_lights state=on
>> and [off](state=off) again | toggle_lights room=kitchen
lock the [front](door=front) door | lock_door state=lock
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twenty golden dialogues."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(
        (STARTER / "golden.jsonl").read_text().splitlines(keepends=True)[:20]))
    return path


@pytest.fixture
def said(tmp_path: Path) -> Path:
    path = tmp_path / "own.said"
    path.write_text(SAID)
    return path


def test_several_files_noise_and_another_bundle_in_one_run(
    tmp_path: Path, rows: Path, said: Path
) -> None:
    seen = tmp_path / "seen.txt"
    seen.write_text("Kitchen light ON.\n")
    found = run_json("eval", "--data", str(rows), "--data", str(said), "--seen", str(seen),
                     "--typos", "1", "--compare", "smart_home")
    assert found["dialogues"] == 22
    assert found["unseen"]["items"] <= found["items"] - 1
    noise, other = found["noise"], found["comparison"]
    assert noise["kind"] == "typos"
    assert noise["utterances"] == found["items"] == noise["cost"]["items"] == other["items"]
    assert noise["cost"]["both"] + noise["cost"]["only_second"] == found["correct"]
    assert (other["bundle"], other["difference"], other["p_value"]) == ("smart_home", 0.0, 1.0)
    assert other["correct"] == found["correct"]


def test_transcription_noise_is_told_with_its_measured_rate(rows: Path) -> None:
    shown = run("eval", "--data", str(rows), "--wer", "0.1", "--seed", "3")
    assert "noise (transcription, seed 3)" in shown
    assert "word error rate 1" in shown or "word error rate 9" in shown
    assert "it costs" in shown


def test_a_picture_is_written(tmp_path: Path, said: Path) -> None:
    pytest.importorskip("matplotlib")
    run("eval", "--data", str(said), "--plot", str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("arguments", "says"), [
    (["--typos", "1", "--wer", "0.1"], "choose one"),
    (["--wer", "0.9"], "0.9"),
    (["--seen", "missing.txt"], "missing.txt: cannot be read"),
    (["--compare", "nowhere"], "nowhere"),
])
def test_eval_refuses_what_makes_no_sense(
    said: Path, arguments: list[str], says: str
) -> None:
    assert says in run("eval", "--data", str(said), *arguments, code=2)


def test_a_calibrated_bundle_has_its_threshold_and_says_how_sure_it_is(
    tmp_path: Path, rows: Path
) -> None:
    talk = tmp_path / "talk.jsonl"
    talk.write_text('{"text": "tell me a joke", "intent": "joke"}\n'
                    '{"text": "kitchen light on", "intent": "smart_home"}\n')
    found = run_json("calibrate", "--data", str(rows), "--risk", "0.4", "--off-topic", str(talk),
                     "--served", "smart_home", "--out", str(tmp_path / "out"))
    made = found["calibration"]
    assert made["proven"]
    assert made["accepted"] >= found["needed"]
    assert found["off_topic"]["utterances"] == 1
    assert 0 <= found["commands"]["share"] <= 1
    calibration = open_bundle(tmp_path / "out").calibration
    assert calibration is not None
    assert calibration.fallback_below == made["fallback_below"]
    assert open_bundle(STARTER).calibration != calibration


def test_a_threshold_by_ordinary_talk_says_so_in_the_bundle(tmp_path: Path, rows: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text("".join(f"tell me joke number {number} about my uncle\n"
                            for number in range(30)))
    found = run_json("calibrate", "--data", str(rows), "--off-topic", str(talk), "--talk-risk",
                     "0.1", "--out", str(tmp_path / "out"))
    made = found["calibration"]
    assert made["proven"]
    assert "of ordinary talk" in made["method"]
    assert (made["items"], made["risk"]) == (30, 0.1)
    assert found["off_topic"]["passed"] == made["wrong"] == 0
    assert made["fallback_below"] == 0.5  # dialogue.toml's
    assert 0 <= made["wish_from"] < 1
    assert open_bundle(tmp_path / "out").calibration is not None
    checked = run_json("calibrate", "--bundle", str(tmp_path / "out"), "--data", str(rows),
                       "--off-topic", str(talk), "--check")
    assert checked["thresholds"] == {key: made[key] for key in ("fallback_below", "wish_from")}
    assert checked["commands"] == found["commands"]
    assert "that something is wanted" in run("calibrate", "--data", str(rows), "--check")
    told = run("calibrate", "--data", str(rows), "--off-topic", str(talk), "--talk-risk", "0.02",
               "--dry-run")
    assert "NOT proven: at most 2.0% of ordinary talk becomes a command" in told
    assert "that takes 114 of it without a mistake" in told


def test_too_few_items_are_said_and_written_only_by_force(tmp_path: Path) -> None:
    bundle = str(shutil.copytree(STARTER, tmp_path / "home"))
    few = tmp_path / "few.said"
    few.write_text("kitchen light on | toggle_lights state=on room=kitchen\n")
    tried = ["calibrate", "--bundle", bundle, "--data", str(few)]
    before = open_bundle(Path(bundle)).calibration
    refused = run(*tried, code=2)
    assert "too few items: 1 calls" in refused
    assert "nothing was written" in refused
    assert open_bundle(Path(bundle)).calibration == before
    assert "NOT proven" in run(*tried, "--dry-run")
    assert open_bundle(Path(bundle)).calibration == before
    forced = json.loads(run(*tried, "--force", "--json"))
    assert not forced["calibration"]["proven"]
    calibration = open_bundle(Path(bundle)).calibration
    assert calibration is not None
    assert not calibration.proven


@pytest.mark.parametrize(("arguments", "says"), [
    (["--risk", "0"], "0"), (["--served", "weather"], "no utterance"),
    (["--talk-risk", "0.02"], "add --off-topic FILE"),
    (["--check", "--force"], "--check chooses and writes nothing"),
    (["--talk", "fly"], "no tool is called"), (["--off-topic", "missing"], "cannot be read"),
])
def test_calibrate_refuses_what_makes_no_sense(
    said: Path, arguments: list[str], says: str
) -> None:
    assert says in run("calibrate", "--data", str(said), "--dry-run", *arguments, code=2)
