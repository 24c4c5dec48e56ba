"""The pytest plugin of the bench: fixtures for the modules in ``hil/``, and the run that comes out.

``iotcall hil run`` starts pytest with it. A module whose table the suite lacks is left out. A test
that recorded a failed row fails; one that broke leaves a failed row of its own.
Leaves out: what is checked, and how (see hil/test_*.py).
"""

from __future__ import annotations

import contextlib
import datetime
import shlex
import signal
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from labgrid.exceptions import NoStrategyFoundError

from iotcall.bundle import Bundle, open_bundle
from iotcall.bundle.manifest import MANIFEST, file_entry, read_manifest
from iotcall.devices import load_home
from iotcall.devices.simulated import SimulatedHome
from iotcall.errors import IotcallError
from iotcall.hil.agreement import written
from iotcall.hil.hub import CLIENT_ID, BoardBroker, BoardHub
from iotcall.hil.installed import Installation, Verified
from iotcall.hil.job import Job, read_job
from iotcall.hil.recorder import Recorder
from iotcall.hil.rows import Run, read_run, write_run
from iotcall.hil.satellite import Satellite
from iotcall.hil.shell import Shell
from iotcall.hil.suite import CHECKS, Suite, load_suite
from iotcall.hil.versions import versions_on
from iotcall.runtime.board import Board, load_board

_BENCH = pytest.StashKey["_Bench"]()
_ONLINE_S = 60.0
_JUDGED = pytest.StashKey[bool]()
"""Of a test that recorded failed rows: nothing is to be added."""


class _Bench:
    """One run in the making."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.board, self.suite = load_board(job.board), load_suite(job.suite)
        self.recorder = Recorder(self.board.stamp)
        self.versions: dict[str, str] = {}
        self.began, self._at = datetime.datetime.now(datetime.UTC), time.monotonic()

    def finish(self) -> None:
        bundle = Path(self.job.bundle)
        write_run(Run(
            board=Path(self.job.board).stem, suite=Path(self.job.suite).stem,
            bundle=read_manifest(bundle).name, bundle_sha256=file_entry(bundle / MANIFEST).sha256,
            began=self.began.isoformat(timespec="seconds"), versions=self.versions,
            seconds=round(time.monotonic() - self._at, 1), rows=tuple(self.recorder.rows),
            series=tuple(self.recorder.series), exact=self.recorder.exact,
            calls=tuple(map(written, self.recorder.calls))), Path(self.job.out))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("iotcall").addoption(
        "--hil-job", metavar="FILE", help="What 'iotcall hil run' wrote for this run.")


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: fixtures are ended
    given = config.getoption("--hil-job")
    if not given:
        raise pytest.UsageError("the bench's modules are started by 'iotcall hil run'")
    try:
        config.stash[_BENCH] = _Bench(read_job(Path(given)))
    except IotcallError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what the suite asks for, in the order of `CHECKS`; modules of others come last."""
    wanted = config.stash[_BENCH].suite.checks
    left_out = [item for item in items if _check(item) in CHECKS and _check(item) not in wanted]
    items[:] = sorted((item for item in items if item not in left_out),
                      key=lambda item: wanted.index(_check(item)) if _check(item) in wanted
                      else len(wanted))
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """A test that recorded a failed row fails."""
    recorder = pyfuncitem.config.stash[_BENCH].recorder
    before = len(recorder.rows)
    result = yield
    failed = [row for row in recorder.rows[before:] if row.verdict == "failed"]
    if failed:
        pyfuncitem.stash[_JUDGED] = True
        pytest.fail("\n".join(f"{row.check}: {row.told}" for row in failed), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]
                              ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A check that could not be made is in the run too, with why."""
    report = yield
    recorder = item.config.stash[_BENCH].recorder
    name = f"{_check(item)}.{item.name.removeprefix('test_')}"
    if call.excinfo is None:
        return report
    if report.skipped:
        recorder.report(name, f"left out: {getattr(call.excinfo.value, 'msg', call.excinfo.value)}")
    elif not item.stash.get(_JUDGED, False):
        recorder.verdict(name, False, f"could not be checked: {call.excinfo.typename}: "
                                      f"{call.excinfo.value}")
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run that was broken off leaves nothing that could be taken for a whole one."""
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.config.stash[_BENCH].finish()


@pytest.fixture(scope="session")
def record(request: pytest.FixtureRequest) -> Recorder:
    """Where figures go."""
    return request.config.stash[_BENCH].recorder


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> Board:
    """The board's file."""
    return request.config.stash[_BENCH].board


@pytest.fixture(scope="session")
def board_file(request: pytest.FixtureRequest) -> Path:
    """Where that file is, on the bench's machine."""
    return Path(request.config.stash[_BENCH].job.board)


@pytest.fixture(scope="session")
def out(request: pytest.FixtureRequest) -> Path:
    """The run's folder."""
    return Path(request.config.stash[_BENCH].job.out)


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Suite:
    """What the suite asks for."""
    return request.config.stash[_BENCH].suite


@pytest.fixture(scope="session")
def others(request: pytest.FixtureRequest) -> list[Run]:
    """Runs of the same bundle on other boards, that this one is compared with."""
    return [read_run(Path(path)) for path in request.config.stash[_BENCH].job.others]


@pytest.fixture(scope="session")
def bundle_folder(request: pytest.FixtureRequest) -> Path:
    """The bundle, on the bench's machine."""
    return Path(request.config.stash[_BENCH].job.bundle)


@pytest.fixture(scope="session")
def twin(request: pytest.FixtureRequest) -> Path | None:
    """A bundle of the same student for the bench's machine; None: the run's own is, or none is."""
    given = request.config.stash[_BENCH].job.twin
    return Path(given) if given else None


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path, installed: Installation) -> Bundle:
    """The same, opened; where it is whole on the board."""
    return open_bundle(bundle_folder)


@pytest.fixture(scope="session")
def shell(request: pytest.FixtureRequest, target: Any, board: Board) -> Shell:
    """A shell on the board, which is brought up where its environment has a strategy for that."""
    with contextlib.suppress(NoStrategyFoundError):
        target.get_strategy().transition("shell")
    shell = Shell(target.get_driver("CommandProtocol"), target.get_driver("FileTransferProtocol"),
                  python=(board.bench and board.bench.python) or sys.executable,
                  patience=board.patience)
    request.config.stash[_BENCH].versions.update(versions_on(shell))
    return shell


@pytest.fixture(scope="session")
def folder(shell: Shell, board: Board) -> Iterator[str]:
    """A folder of the run's own on the board."""
    parent = (board.bench and board.bench.folder) or "${TMPDIR:-/tmp}"
    place = shell.check(f'mktemp -d "{parent}/iotcall-hil-XXXXXX" && true').split()[-1]
    shell.check(f"chmod 755 {shlex.quote(place)}")
    yield place
    shell.run(f"rm -rf {shlex.quote(place)}")


class Landed:
    """The run's bundle on the board, whole or not."""

    def __init__(self, installation: Installation, bundle: Path) -> None:
        self.installation = installation
        self.version = installation.land(bundle)
        self.verified: Verified = installation.verify(self.version)


@pytest.fixture(scope="session")
def landed(shell: Shell, folder: str, bundle_folder: Path) -> Landed:
    """The bundle copied to the board and looked at there, not yet serving."""
    return Landed(Installation(shell, f"{folder}/bundles"), bundle_folder)


@pytest.fixture(scope="session")
def installed(landed: Landed) -> Installation:
    """The bundle serving; what needs it is left out where it is not whole."""
    if landed.verified.fault:
        pytest.skip(f"the bundle is not whole on the board: {landed.verified.fault}")
    landed.installation.switch(landed.version)
    return landed.installation


@pytest.fixture(scope="session")
def broker(shell: Shell, folder: str) -> Iterator[BoardBroker]:
    """A running mosquitto on the board."""
    running = BoardBroker(shell, folder)
    running.start()
    yield running
    running.go_on()
    running.stop()


@pytest.fixture(scope="session")
def broker_port(target: Any, broker: BoardBroker) -> Iterator[int]:
    """Where this machine reaches the board's broker."""
    with reached(target, broker.port) as port:
        yield port


@pytest.fixture(scope="session")
def satellite(broker_port: int, shell: Shell) -> Iterator[Satellite]:
    """Says utterances and hears everything."""
    with Satellite("127.0.0.1", broker_port, hub=CLIENT_ID, patience=shell.patience) as satellite:
        yield satellite


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest, broker_port: int) -> Iterator[Path]:
    """The home's file, with all its devices simulated on the board's broker."""
    path = Path(request.config.stash[_BENCH].job.home)
    with SimulatedHome(load_home(path), port=broker_port):
        yield path


@pytest.fixture(scope="session")
def hub(shell: Shell, folder: str, installed: Installation, home: Path, broker: BoardBroker,
        satellite: Satellite, board_file: Path, out: Path) -> Iterator[BoardHub]:
    """A running hub on the bundle that serves."""
    running = BoardHub(shell, folder, bundle=installed.current, home=home, port=broker.port,
                       board=board_file)
    running.start(satellite, within_s=_ONLINE_S)
    yield running
    running.stop()
    (out / "hub.log").write_text(running.log())


@contextlib.contextmanager
def reached(target: Any, port: int) -> Iterator[int]:
    """Where this machine reaches a port of the board: itself, or through SSH."""
    # subtle: whatever takes commands forwards ports too, if it needs that at all
    forward = getattr(target.get_driver("CommandProtocol"), "forward_local_port", None)
    if forward is None:
        yield port
        return
    with forward(port) as here:
        yield here


def _check(item: pytest.Item) -> str:
    """The check that a test's module makes: ``test_latency.py`` -> ``latency``."""
    return item.path.stem.removeprefix("test_")
