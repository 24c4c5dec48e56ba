"""The command line as scripts and people use it, with the shipped starter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import lamp
from tests.cli.command import ROOT, run, run_json

GOLDEN = ROOT / "grammars" / "smart_home" / "golden.jsonl"


def test_call_prints_call_confidence_and_latency() -> None:
    shown = run("call", "turn", "on", "the", "kitchen", "lights").splitlines()
    assert shown[0] == 'toggle_lights(room="kitchen", state="on")'
    assert shown[1].startswith("confidence ")


def test_call_gives_machines_the_whole_decoding() -> None:
    found = run_json("call", "--bundle", "smart_home", "lock the front door")
    assert found["calls"] == [{"name": "lock_door",
                               "arguments": {"door": "front", "state": "lock"}}]
    assert 0 < found["confidence"] <= 1
    assert found["passes"] <= found["tokens"]


def test_call_continues_the_dialogue_of_a_session_file(tmp_path: Path) -> None:
    session = str(tmp_path / "session.json")
    run("call", "--session", session, "turn on the bedroom lights")
    found = run_json("call", "--session", session, "now turn them off")
    assert found["calls"][0]["arguments"] == {"room": "bedroom", "state": "off"}
    assert [turn["utterance"] for turn in json.loads(Path(session).read_text())["turns"]] == [
        "turn on the bedroom lights", "now turn them off"]


@pytest.mark.parametrize(("content", "expected"), [
    ("{", "is no session file"), ("[]", "is no session file"),
    ('{"bundle": "other", "turns": []}', "with the bundle 'other'"),
])
def test_a_session_file_that_cannot_be_continued_is_refused(
        tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(content)
    assert expected in run("call", "--session", str(path), "lights on", code=2)
    assert path.read_text() == content


@pytest.mark.parametrize(("arguments", "expected"), [
    (["call"], "Missing argument"),
    (["call", " "], "found nothing"),
    (["call", "--bundle", "nosuch", "hi"], "shipped: "),
    (["eval", "--data", "missing.jsonl"], "missing.jsonl: cannot be read"),
    (["eval", "--data", str(GOLDEN), "--home", "nowhere"], "shipped: demo"),
    (["bundles", "/nonexistent"], "neither a path nor shipped"),
    (["export", "/nonexistent", "--out", "x"], "expected the folder of a checkpoint"),
    (["train", "--out", "x", "--architecture", "gpt9"], "the student cannot be built"),
    (["nonsense"], "No such command"),
    (["distill", "synthesise", "--out", "/nonexistent/x.jsonl"], "cannot be written"),
])
def test_bad_input_is_one_line_with_a_way_out_and_exit_code_2(
        arguments: list[str], expected: str) -> None:
    assert expected in run(*arguments, code=2)


def test_eval_prints_the_figures_that_scripts_read(tmp_path: Path) -> None:
    data = tmp_path / "some.jsonl"
    data.write_text("".join(GOLDEN.read_text().splitlines(keepends=True)[:8]))
    found = run_json("eval", "--bundle", "smart_home", "--data", str(data))
    assert set(found) == {
        "items", "correct", "tool_call_equivalence", "interval95", "name_accuracy", "slots",
        "dialogues", "dialogues_correct", "whole_dialogues", "invalid_calls", "by_tool",
        "confusion", "coverage", "calibration_error", "unseen", "latency_ms", "errors"}
    assert found["dialogues"] == 8
    assert set(found["latency_ms"]) == {"p50", "p95", "p99"}
    assert found["invalid_calls"] == 0
    low, high = found["interval95"]
    assert low <= found["tool_call_equivalence"] <= high
    for error in found["errors"]:
        assert set(error) == {"row", "turn", "utterance", "expected", "got", "confidence"}
    compounded = run_json("eval", "--data", str(data), "--history", "model")
    assert compounded["items"] == found["items"]
    assert compounded["dialogues_correct"] == found["dialogues_correct"]


def test_the_starter_reaches_four_of_five_golden_turns() -> None:
    found = run_json("eval", "--bundle", "smart_home", "--data", str(GOLDEN))
    assert found["items"] == 200
    assert found["tool_call_equivalence"] > 0.8
    assert found["invalid_calls"] == 0


def test_bundles_lists_and_verifies_what_is_shipped() -> None:
    (starter,) = [item for item in run_json("bundles", "--verify") if item["default"]]
    assert starter["name"] == "smart_home"
    assert starter["verified"] == "every hash"
    assert starter["bytes"] <= 10_000_000


def test_grammar_counts_and_samples() -> None:
    stats = run_json("grammar", "stats")
    assert stats["branching_states"] <= stats["states"]
    assert {"states", "bytes", "compile_ms", "forced_share", "decisions_per_call",
            "live_ids"} <= stats.keys()
    assert stats["not_in_language"] == 0
    drawn = run("grammar", "sample", "--count", "50", "--seed", "7", "--json").splitlines()
    assert len(drawn) == 50
    assert drawn == run("grammar", "sample", "-n", "50", "--seed", "7", "--json").splitlines()


def test_train_export_and_call_a_student_of_ones_own(tmp_path: Path) -> None:
    data, checkpoint, bundle = (str(tmp_path / name) for name in ("d.jsonl", "student", "bundle"))
    catalogue = str(lamp.FOLDER)
    run("distill", "synthesise", "--catalogue", catalogue, "--dialogues", "2000", "--out", data)
    run("train", "--architecture", "lfm2", "--format", "compact", "--catalogue", catalogue,
         "--data", data, "--layers", "2", "--width", "64", "--vocabulary", "400",
         "--learning-rate", "8e-3", "--batch-size", "16", "--epochs", "2", "--out", checkpoint)
    assert "add --resume" in run("train", "--out", checkpoint, code=2)
    report = run_json("export", checkpoint, "--target", "cpu-fp32", "--out", bundle)
    bundled = report["certificate"]["stages"][-1]
    assert bundled["agreed"] == bundled["turns"] == 14
    found = run_json("call", "--bundle", bundle, "attic lamp on")
    assert found["calls"] == [{"name": "lamp", "arguments": {"room": "attic", "state": "on"}}]


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    piped = subprocess.run(f"{sys.executable} -m iotcall grammar sample -n 5000 | head -n 1",
                           shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in piped.stderr
