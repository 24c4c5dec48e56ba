"""`iotcall demo` as a person starts it, with the shipped student."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120.0
DEMO = (sys.executable, "-m", "iotcall", "demo")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def demo(*options: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *options], capture_output=True, text=True, check=False,
                          input=typed, timeout=DEADLINE_SECONDS, env=ENVIRONMENT)


def test_the_shipped_script_comes_out_as_it_expects() -> None:
    ended = demo("--script", "1", "--json")
    assert ended.returncode == 0, ended.stderr
    turns = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(turns) >= 12
    assert all(turn["differences"] == [] for turn in turns)


def test_a_script_that_is_not_met_ends_with_1(tmp_path: Path) -> None:
    script = tmp_path / "any.script"
    script.write_text("turn on the kitchen lights => kitchen light: state=off\n")
    ended = demo("--script", str(script))
    assert ended.returncode == 1
    assert "kitchen light: expected state=off, found on" in ended.stdout


def test_what_is_typed_is_done_until_the_input_ends() -> None:
    ended = demo(typed="turn on the kitchen lights\nhome\n")
    assert ended.returncode == 0
    assert "zigbee2mqtt/kitchen light/set" in ended.stdout
    assert "coffee machine" in ended.stdout


@pytest.mark.parametrize(("options", "says"), [
    (["--script", "none"], "'none' is neither a path nor shipped in devices/homes/; shipped: demo"),
    (["--home", "none"], "'none' is neither a path nor shipped"),
    (["--site", "nowhere"], "its satellites: bedroom, default, hall, kitchen, living_room, study"),
    (["--broker", "box"], "expected mqtt://"),
    (["--broker", "mqtts://box"], "no TLS"),
])
def test_an_unusable_option_ends_it_with_2(options: list[str], says: str) -> None:
    ended = demo(*options)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_demo_and_all_that_it_started(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(DEMO, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdin
        assert process.stdout
        assert "simulated devices" in process.stdout.readline()
        started = children(process.pid)
        assert len(started) == 2
        process.send_signal(number)
        assert process.wait(DEADLINE_SECONDS) == code
        assert "Traceback" not in process.stderr.read() if process.stderr else True
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]
