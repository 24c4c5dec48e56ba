"""Commands that are told to end before they are done."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import lamp
from tests.cli.command import COMMAND, ROOT, run

_DEADLINE_SECONDS = 120.0
TINY = ("--architecture", "lfm2", "--format", "compact", "--catalogue", str(lamp.FOLDER),
        "--layers", "2", "--width", "16", "--vocabulary", "300", "--dialogues", "50",
        "--batch-size", "8")


def _interrupt(number: signal.Signals, begun: Callable[[], bool], *arguments: str
               ) -> tuple[int, str]:
    """Exit code and errors of a command that gets the signal as soon as it has begun."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment) as process:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not begun() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        in_time = begun()
        process.send_signal(number)
        _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert in_time, errors
    assert "Traceback" not in errors
    return process.returncode, errors


@pytest.mark.parametrize(("number", "code", "says"), [
    (signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "")])
def test_a_signal_ends_a_command_with_its_number(
        tmp_path: Path, number: signal.Signals, code: int, says: str) -> None:
    out = tmp_path / "out.jsonl"
    ended, errors = _interrupt(
        number, lambda: bool(list(tmp_path.iterdir())),
        "distill", "synthesise", "--dialogues", "300000", "--out", str(out))
    assert ended == code
    assert errors.strip() == says
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_a_module_is_loaded_has_the_same_number(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "from iotcall.cli import main\n"
        "main.__globals__['app'] = lambda **_: exec('raise KeyboardInterrupt')\n"
        "main()\n")
    done = subprocess.run([*COMMAND[:2], "run"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize(("lost", "code", "says"), [
    ("KeyboardInterrupt", 130, "interrupted\n"), ("SystemExit(143)", 143, "")])
def test_a_signal_that_comes_in_a_destructor_is_not_lost(
        tmp_path: Path, lost: str, code: int, says: str) -> None:
    (tmp_path / "run.py").write_text(
        "import time\n"
        "from iotcall.cli import main\n"
        "class Dies:\n"
        "    def __del__(self):\n"
        f"        raise {lost}\n"
        "def app(**_):\n"
        "    Dies()\n"
        f"    for _ in range({10 * _DEADLINE_SECONDS:.0f}):\n"
        "        time.sleep(0.1)\n"
        "main.__globals__['app'] = app\n"
        "main()\n")
    done = subprocess.run([*COMMAND[:2], "run"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (code, says)


def test_another_exit_in_a_destructor_is_python_s_to_tell(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "import sys\n"
        "from iotcall.cli import main\n"
        "class Dies:\n"
        "    def __del__(self):\n"
        "        sys.exit(1)\n"
        "main.__globals__['app'] = lambda **_: (Dies(), 0)[1]\n"
        "main()\n")
    done = subprocess.run([*COMMAND[:2], "run"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    assert "Exception ignored in" in done.stderr


def test_sigterm_leaves_no_half_made_bundle(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch, place = tmp_path / "scratch", tmp_path / "place"
    scratch.mkdir()
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    ended, errors = _interrupt(
        signal.SIGTERM, lambda: bool(list(scratch.glob("iotcall-*"))),
        "export", str(ROOT / "tests" / "students" / "lfm2"), "--catalogue", str(lamp.FOLDER),
        "--out", str(place / "bundle"))
    assert (ended, errors) == (143, "")
    assert list(place.iterdir()) == []
    assert list(scratch.glob("iotcall-*")) == []


def test_an_interrupted_training_is_resumed_once_and_only_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "student"
    train = ("train", *TINY, "--epochs", "5000", "--out", str(out))
    ended, errors = _interrupt(
        signal.SIGINT, lambda: (out / ".steps" / "iotcall.json").exists(), *train)
    assert ended == 130
    assert "--resume continues" in errors
    assert "interrupted" in errors
    assert "add --resume" in run(*train, code=2)
    assert "layers is 2 there, 3 here" in run(*train, "--layers", "3", "--resume", code=2)
    assert "epochs is 5000.0 there, 0.2 here" in run(
        "train", *TINY, "--epochs", "0.2", "--out", str(out), "--resume", code=2)
    short = ("train", *TINY, "--epochs", "0.2", "--out", str(tmp_path / "short"))
    assert f"--catalogue {lamp.FOLDER} --out " in run(*short)
    before = (tmp_path / "short" / "model.safetensors").stat().st_mtime_ns
    assert "is finished" in run(*short, "--resume")
    assert (tmp_path / "short" / "model.safetensors").stat().st_mtime_ns == before
    assert "seed is 1 there, 2 here" in run(*short, "--seed", "2", "--resume", code=2)
