"""The board makes the calls that other machines make. Leaves out: whether they are right."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from labgrid import Target
from labgrid.exceptions import NoDriverFoundError

from iotcall.bundle.manifest import read_manifest
from iotcall.evaluate import wilson_interval
from iotcall.evaluate.golden import Answer
from iotcall.hil.agreement import agreed, calls_of
from iotcall.hil.installed import Installation
from iotcall.hil.local_shell import LocalShellDriver
from iotcall.hil.provider_shell import ProviderShellDriver
from iotcall.hil.recorder import Recorder
from iotcall.hil.rows import Run
from iotcall.hil.selftest import run_selftest
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Agreement, Suite


@pytest.fixture(scope="module")
def wanted(suite: Suite) -> Agreement:
    assert suite.agreement
    return suite.agreement


@pytest.fixture(scope="module")
def calls(wanted: Agreement, installed: Installation, shell: Shell, suite: Suite, record: Recorder
          ) -> tuple[Answer, ...]:
    """The board's: those that numerics saw, where they are enough."""
    if record.calls and (wanted.turns is None or len(record.calls) >= wanted.turns):
        return record.calls[:wanted.turns]
    return run_selftest(shell, installed, turns=wanted.turns, timeout_s=suite.step_seconds).calls


def test_the_board_makes_the_calls_of_the_machine_that_the_bench_runs_on(
        target: Target, wanted: Agreement, calls: tuple[Answer, ...], bundle_folder: Path,
        twin: Path | None, suite: Suite, record: Recorder, tmp_path: Path) -> None:
    reason = None if twin else _why_not_here(target)
    if reason:
        record.report("agreement.here", f"left out: {reason}")
        return
    shell = _shell_here()
    here = Installation(shell, str(tmp_path / "bundles"))
    here.install(twin or bundle_folder)
    found = run_selftest(shell, here, turns=len(calls), timeout_s=suite.step_seconds)
    as_what = f", exported for {read_manifest(twin).target.name}" if twin else ""
    _record(record, wanted.least_twin if twin else wanted.least, calls, found.calls,
            f"this machine ({found.instruction_set}{as_what})")


def test_the_board_makes_the_calls_of_the_runs_beside(
        others: list[Run], wanted: Agreement, calls: tuple[Answer, ...], record: Recorder) -> None:
    for run in others:
        theirs = calls_of(run)
        some = min(len(calls), len(theirs))
        _record(record, wanted.least, calls[:some], theirs[:some],
                f"{run.board} ({run.versions.get('instruction_set', 'unknown')})")


def _why_not_here(target: Target) -> str | None:
    """Why this machine cannot run the board's bundle, or need not; None: it can."""
    try:
        driver = target.get_driver("LocalShellDriver", activate=False)
    except NoDriverFoundError:
        return None
    if isinstance(driver, ProviderShellDriver):
        return ("this machine's own onnxruntime has no such provider, and the bundle comes "
                "without one of the same student for its CPU")
    return "the board is the machine that the bench runs on"


def _shell_here() -> Shell:
    target = Target("here")
    LocalShellDriver(target, name=None)
    driver = target.get_driver("CommandProtocol")
    return Shell(driver, driver, python=sys.executable)


def _record(record: Recorder, least: float, ours: Sequence[Answer],
            theirs: Sequence[Answer], other: str) -> None:
    found = agreed(ours, theirs)
    parted = "".join(f"; {each}" for each in found.parted)
    record.figure("agreement.calls", found.share, "share",
                  f"{found.same} of {found.turns} golden turns give the same calls on the board "
                  f"and on {other}{parted}",
                  interval95=wilson_interval(found.same, found.turns), at_least=least,
                  do="blocks of 4 bits at accuracy level 4 round differently on each instruction "
                     "set: export at level 0, or allow it with least in [agreement]; other "
                     "precisions are allowed by least_twin",
                  labels={"other": other})
