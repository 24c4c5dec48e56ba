"""``iotcall bench``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from iotcall.evaluate.bench import MODES
from tests.cli.command import COMMAND, ROOT, run, run_json

BRIEF = ("bench", "--utterances", "3", "--threads", "1")


def test_a_bench_is_a_table_and_the_same_as_json_in_a_file(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    text = run(*BRIEF, "--repeat", "1", "--starts", "1", "--out", str(out))
    found = json.loads(out.read_text())
    assert text.startswith("smart_home")
    assert [row["mode"] for row in found["rows"]] == list(MODES)
    assert found["fresh"]["answers"] == found["turns"] == 3
    assert found["threads"] == 1
    assert len(found["samples"]) == 9


def test_modes_can_be_chosen_and_starts_left_out() -> None:
    found = run_json(*BRIEF, "--repeat", "2", "--starts", "0", "--mode", "no-guesses",
                     "--mode", "plain")
    assert {row["mode"] for row in found["rows"]} == {"no guesses", "plain"}
    assert found["fresh"] is None
    assert [each["ratio"]["pairs"] for each in found["comparisons"]] == [6]


@pytest.mark.parametrize(("arguments", "says"), [
    (("nosuch",), "'nosuch' is neither a path nor shipped in bundles/"),
    (("--out", "nosuch/bench.json"), "has no folder nosuch to lie in; choose another --out"),
    (("--out", "."), "is a folder; choose another --out"),
    (("--plot", "bench.doc"), "ends in none of .png, .svg, .pdf; choose another --plot"),
    (("--board", "nosuch"), "'nosuch' is neither a path nor shipped in devices/boards/"),
    (("--home", "nosuch"), "'nosuch' is neither a path nor shipped in devices/homes/"),
    (("--utterances", "0"), "0 is not in the range"),
    (("--mode", "fast"), "'fast' is not one of 'guesses', 'no-guesses', 'plain'"),
])
def test_what_cannot_be_used_is_named_before_anything_is_measured(
        arguments: tuple[str, ...], says: str) -> None:
    assert says in run("bench", *arguments, code=2).replace("\n", " ")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is not None, reason="it is installed")
def test_a_picture_without_matplotlib_is_refused_with_what_to_install(tmp_path: Path) -> None:
    says = run("bench", "--plot", str(tmp_path / "latency.png"), code=2)
    assert "pip install matplotlib" in says


def test_an_interrupt_ends_a_bench_and_its_processes(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
            [*COMMAND, *BRIEF, "--repeat", "1", "--starts", "100000"], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("iotcall-*")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert list(tmp_path.glob("iotcall-*")) == []  # onnxruntime leaves a file of its own
