"""Load that lasts, energy and a cut network, on this machine; the meter is a file that grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from iotcall.hil.power import Meter, Watch
from iotcall.hil.shell import BoardError, Shell
from tests.hil.bench_run import bench, row

WATTS = 5.0


class _Here:
    """Commands of this machine's shell, as labgrid's drivers give them."""

    def run(self, cmd: str, *, timeout: float | None = None) -> tuple[list[str], list[str], int]:
        import subprocess

        said = subprocess.run(["sh", "-c", cmd], capture_output=True, text=True, timeout=timeout,
                              check=False)
        return said.stdout.splitlines(), said.stderr.splitlines(), said.returncode

    def put(self, filename: str, remotepath: str) -> None:
        raise AssertionError

    def get(self, filename: str, destination: str) -> None:
        raise AssertionError


@pytest.fixture
def shell() -> Shell:
    return Shell(_Here(), _Here(), python="python3")


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Path]:
    """A counter of microjoules that grows by 5 W."""
    path, over = tmp_path / "energy1_uj", threading.Event()
    path.write_text("0\n")

    def grow() -> None:
        began = time.monotonic()
        while not over.wait(0.01):
            partial = path.with_suffix(".partial")
            partial.write_text(f"{int((time.monotonic() - began) * WATTS * 1e6)}\n")
            partial.replace(path)

    thread = threading.Thread(target=grow)
    thread.start()
    yield path
    over.set()
    thread.join()


def test_a_counter_of_joules_is_read_twice(shell: Shell, counter: Path) -> None:
    with Watch(Meter(str(counter), None, shell)) as watch:
        time.sleep(0.5)
    assert watch.joules == pytest.approx(WATTS * watch.seconds, rel=0.2)
    assert not watch.watts


def test_power_is_looked_at_all_the_while(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "power1_input"
    path.write_text("4000000\n")
    with Watch(Meter(str(path), None, shell)) as watch:
        time.sleep(0.3)
    assert watch.watts[0] == 4
    assert watch.joules == pytest.approx(4 * watch.seconds)


def test_a_supply_of_the_rack_tells_volts_and_amperes(shell: Shell) -> None:
    supply = SimpleNamespace(measure=lambda: {"voltage": 5.0, "current": 0.5})
    target = SimpleNamespace(get_driver=lambda name: supply)
    with Watch(Meter("SigrokPowerDriver", target, shell)) as watch:
        time.sleep(0.1)
    assert watch.watts[0] == 2.5


@pytest.mark.parametrize(("name", "content", "expected"), [
    ("temperature", "1", "is no meter"), ("max_energy_range_uj", "1", "is no meter"),
    ("power1_input", "high", "whole number")])
def test_what_is_no_meter_is_said(shell: Shell, tmp_path: Path, name: str, content: str,
                                  expected: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BoardError, match=expected):
        Meter(str(tmp_path / name), None, shell)


def test_a_driver_that_measures_nothing_is_said(shell: Shell) -> None:
    target = SimpleNamespace(get_driver=lambda name: object())
    with pytest.raises(BoardError, match="measures nothing"):
        Meter("NetworkPowerDriver", target, shell)


def test_a_counter_that_began_anew_is_said(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "energy1_uj"
    path.write_text("9000000")
    meter = Meter(str(path), None, shell)
    with pytest.raises(BoardError, match="began anew"), Watch(meter):
        path.write_text("1")


def test_a_driver_that_is_not_there_is_said(shell: Shell) -> None:
    from labgrid import Target

    with pytest.raises(BoardError, match="has no SigrokPowerDriver"):
        Meter("SigrokPowerDriver", Target("main"), shell)


@pytest.mark.slow
def test_a_student_that_tires_is_caught_by_throttling(tmp_path: Path) -> None:
    run = bench(tmp_path, "[throttling]\nseconds = 8", fault="tiring")
    assert [failed.check for failed in run.failed] == ["throttling.slower"]
    assert (row(run, "throttling.slower").value or 0) > 1.2


@pytest.mark.slow
def test_the_energy_of_an_utterance_is_what_its_meter_says(tmp_path: Path, counter: Path) -> None:
    suite = "[energy]\nwarm_ups = 1\nidle_seconds = 2\nutterances = 20"
    run = bench(tmp_path, suite, fault="slow", bench=f'power_meter = "{counter}"')
    assert row(run, "energy.idle").value == pytest.approx(WATTS, rel=0.2)
    assert row(run, "energy.busy").value == pytest.approx(WATTS, rel=0.2)
    each = row(run, "energy.utterance")  # as much as while nothing is said, or by chance more
    assert each.value is None or 0 < each.value < WATTS


@pytest.mark.slow
def test_without_a_meter_energy_is_left_out(tmp_path: Path) -> None:
    run = bench(tmp_path, "[energy]")
    assert not run.failed
    assert "names no power_meter" in row(run, "energy.what_an_utterance_costs").told


@pytest.mark.slow
def test_a_cut_network_is_found_again(tmp_path: Path) -> None:
    run = bench(tmp_path, "[daemon]\ncut_seconds = 4")
    assert row(run, "daemon.network_cut").verdict == "passed"
    assert not run.failed
