"""One run of a suite on a board: pytest in a process of its own, then what is made of its figures.

Leaves out: the checks (hil/test_*.py), what the figures mean (statistics, baseline) and how they
look (report).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from iotcall.bundle.manifest import MANIFEST, file_entry, read_manifest
from iotcall.errors import FileError, InputError, IotcallError
from iotcall.hil.agreement import check_other
from iotcall.hil.emulated import emulated_folder
from iotcall.hil.emulated_npu import load_student
from iotcall.hil.job import Job, write_job
from iotcall.hil.rows import RUN, Run, read_run, write_run
from iotcall.hil.suite import Suite, load_suite
from iotcall.runtime.board import Board, load_board
from iotcall.shipped import find, shipped

JUNIT = "junit.xml"
EMULATED, BOOTED, PROVIDER = "EmulatedShellDriver", "BootedShellDriver", "ProviderShellDriver"
"""labgrid drivers of boards that ``iotcall hil setup`` makes: a system under user emulation, one
that boots, an NPU's emulation."""
_END_S = 60.0
"""For pytest to take everything away from the board, when a run is broken off."""
_RAN = (0, 1)
"""pytest's exit codes of a session that came to its end: all passed, some failed."""


def run_suite(*, suite: str, board: str, bundle: str | None, out: Path,
              baseline: Path | None = None, others: Sequence[Path] = (), quiet: bool = False
              ) -> Run:
    """Run a suite on a board; run.json, junit.xml and report.html lie in `out` afterwards.

    Args:
        suite, board: names of shipped ones, or files.
        bundle: name or folder; None: that of the board's student where it has one, else the
            suite's.
        out: folder, made if need be.
        baseline: a run's file to be judged against.
        others: runs of the same bundle on other boards, whose calls it is compared with and that
            the page shows beside it.
        quiet: what pytest says goes to standard error.

    Raises:
        InputError: board, suite, bundle, baseline or another run cannot be used; nothing was run.
        IotcallError: pytest did not come to its end.
    """
    known, wanted = load_board(board), load_suite(suite)
    environment = environment_of(known, board)
    chosen = _chosen(known, wanted, board, bundle)
    folder = chosen.bundle
    read_manifest(folder)  # subtle: no more; whether it is whole is said by its check on the board
    before, standard = _last(out), read_run(baseline) if baseline else None
    beside = [read_run(other) for other in others]
    for other in beside:
        check_other(other, file_entry(folder / MANIFEST).sha256)
    out.mkdir(parents=True, exist_ok=True)
    (out / RUN).unlink(missing_ok=True)
    job = Job(board=str(find("devices/boards", board, ".toml").absolute()),
              suite=str(find("hil/suites", suite, ".toml").absolute()),
              bundle=str(folder.absolute()), home=str(chosen.home.absolute()),
              twin=str(chosen.twin.absolute()) if chosen.twin else "", out=str(out.absolute()),
              others=tuple(str(other.absolute()) for other in others))
    code = _pytest(job, environment, out, quiet=quiet)
    if code not in _RAN or not (out / RUN).is_file():
        raise IotcallError(f"the run did not come to its end (pytest's exit code {code}); what it "
                           "said above has the reason, and 'iotcall hil doctor' may have more")
    run = read_run(out)
    if standard:
        from iotcall.hil.baseline import judge_against

        run = msgspec.structs.replace(run, rows=(*run.rows, *judge_against(run, standard)))
        write_run(run, out)
    from iotcall.hil.report import write_report

    write_report(run, out, before=before, others=beside)
    return run


def environment_of(board: Board, name: str) -> Path:
    """The labgrid environment of a board.

    Raises:
        InputError: the board has none, or it is not there.
    """
    if board.bench is None:
        raise InputError(f"board {name!r} has no [bench] table, so the bench cannot reach it; "
                         "see devices/boards/host-x86.toml for one")
    return find("hil/environments", board.bench.environment, ".yaml")


def made_here(board: Board, name: str) -> tuple[str, str]:
    """The driver of a board that ``iotcall hil setup`` makes, and its folder's name in the cache.

    Raises:
        InputError: it is a board that is reached otherwise.
    """
    from labgrid.config import Config

    opened = Config(str(environment_of(board, name).absolute()))
    drivers = opened.get_targets()["main"].get("drivers", {})
    for driver in (EMULATED, BOOTED, PROVIDER):
        if driver in drivers:
            return driver, str(drivers[driver]["system"])
    raise InputError(f"nothing here makes the board {name!r}, which has none of {EMULATED}, "
                     f"{BOOTED}, {PROVIDER}; 'iotcall hil doctor {name}' says what it wants")


class _Chosen(msgspec.Struct, frozen=True):
    """What a run is of."""

    bundle: Path
    home: Path
    twin: Path | None = None


def _chosen(board: Board, suite: Suite, name: str, given: str | None) -> _Chosen:
    if given or board.bench is None or not board.bench.student:
        return _Chosen(find("bundles", given or suite.bundle),
                       find("devices/homes", suite.home, ".toml"))
    folder = emulated_folder(made_here(board, name)[1])
    student = load_student(board.bench.student, board.target)
    found = student.bundle(folder)
    if not found.is_dir():
        raise InputError(f"{found} is not there, which is the bundle for {name!r}; make it: "
                         f"iotcall hil setup {name}")
    twin = student.twin(folder)
    return _Chosen(found, student.home, twin if twin.is_dir() else None)


def _last(out: Path) -> Run | None:
    """The run that lies there; None: none that can be read."""
    try:
        return read_run(out)
    except FileError:
        return None


def _pytest(job: Job, environment: Path, out: Path, *, quiet: bool) -> int:
    modules = shipped("hil")
    # subtle: plugins and options of whoever calls us (xdist's workers, say) are not for this run
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
        path = Path(scratch) / "job.json"
        write_job(job, path)
        command = [sys.executable, "-m", "pytest", "-c", str(modules / "pytest.ini"),
                   "--rootdir", str(modules), "-p", "labgrid.pytestplugin",
                   "-p", "iotcall.hil.plugin", "--hil-job", str(path),
                   "--lg-env", str(environment.absolute()),
                   "--junitxml", str((out / JUNIT).absolute()),
                   "--basetemp", str(Path(scratch) / "tmp"), str(modules)]
        running = subprocess.Popen(command, stdout=sys.stderr if quiet else None,
                                   env={**environ, "PYTHONDONTWRITEBYTECODE": "1",
                                        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
        try:
            return running.wait()
        except BaseException:
            # subtle: the hub and broker that it has on the board are ended by its fixtures
            running.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(_END_S)
            running.kill()
            raise
