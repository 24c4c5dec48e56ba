"""The hub is a service beside the board's own mosquitto. Leaves out: what else update and daemon
check, on processes of the bench's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iotcall.bundle import Bundle
from iotcall.devices import load_home
from iotcall.devices.simulated import SimulatedHome
from iotcall.errors import IotcallError
from iotcall.hil.first_steps import BROKER_PORT
from iotcall.hil.installed import Installation
from iotcall.hil.plugin import reached
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Satellite
from iotcall.hil.service import CLIENT_ID, BoardService, obstacle
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Service, Suite
from iotcall.hil.update import Updated, update
from iotcall.hil.utterances import is_done, one_that_commands, utterances_of
from iotcall.hil.variants import broken, renamed
from iotcall.runtime.board import Board
from iotcall.shipped import find

ANSWER_S = 120.0


@pytest.fixture(scope="module")
def wanted(suite: Suite, board: Board, shell: Shell) -> Service:
    assert suite.service
    if board.bench is None or not board.bench.services:
        pytest.skip("the board's file does not let the bench install services (services = true)")
    if why := obstacle(shell):
        pytest.skip(why)
    return suite.service


@pytest.fixture(scope="module")
def port(wanted: Service, target: Any) -> Iterator[int]:
    """Where this machine reaches the broker that is the board's own."""
    with reached(target, BROKER_PORT) as here:
        yield here


@pytest.fixture(scope="module")
def voice(port: int, shell: Shell) -> Iterator[Satellite]:
    with Satellite("127.0.0.1", port, hub=CLIENT_ID, patience=shell.patience) as satellite:
        yield satellite


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, wanted: Service, suite: Suite, shell: Shell, port: int,
            voice: Satellite, folder: str, installed: Installation, record: Recorder,
            board_file: Path, out: Path) -> Iterator[BoardService]:
    home = find("devices/homes", suite.home, ".toml")
    running = BoardService(shell, folder, bundle=installed.current, home=home, board=board_file,
                           port=BROKER_PORT)
    try:
        with SimulatedHome(load_home(home), port=port):
            warnings = running.install()
            record.verdict("service.installed", not warnings,
                           f"iotcall service install: {warnings or 'no warnings'}",
                           do="mend what it warns of")
            running.start(voice, within_s=wanted.health_seconds)
            yield running
    finally:
        (out / "service.log").write_text(running.log() + "\n")
        running.uninstall()


@pytest.fixture(scope="module")
def utterance(bundle: Bundle, service: BoardService, voice: Satellite) -> str:
    return one_that_commands(voice, utterances_of(bundle, seed=5), seconds=ANSWER_S)


@pytest.fixture
def take(wanted: Service, service: BoardService, voice: Satellite, installed: Installation,
         utterance: str) -> Callable[[Path], Updated]:
    return lambda folder: update(
        installed, service, voice, folder, within_s=wanted.health_seconds,
        healthy=lambda: voice.ask(utterance, seconds=wanted.health_seconds))


def test_a_service_answers_through_the_boards_own_broker(
        wanted: Service, service: BoardService, voice: Satellite, bundle: Bundle, utterance: str,
        record: Recorder) -> None:
    said = [utterance, *utterances_of(bundle, seed=6)][:wanted.utterances]
    asked = [voice.ask(each, seconds=ANSWER_S) for each in said]
    done = sum(map(is_done, asked))
    state = service.state()
    record.verdict("service.answers", done > 0 and state.active == "active",
                   f"{len(asked)} utterances were answered, {done} by commands that their devices "
                   f"did; the service is {state.active}", do="its journal says what it understood")


def test_a_hub_that_hangs_is_started_again_by_the_watchdog(
        wanted: Service, service: BoardService, voice: Satellite, utterance: str, record: Recorder
) -> None:
    before = service.state()
    service.hang()
    after = service.wait_restarted(before, within_s=wanted.watchdog_seconds)
    barked = "watchdog" in service.log().lower()
    answered = _answered(voice, utterance)
    record.verdict(
        "service.watchdog",
        barked and not answered and after.pid != before.pid and after.restarts > before.restarts,
        f"a hub that stood still was {'' if barked else 'not '}ended by the watchdog, systemd "
        f"started it {after.restarts - before.restarts} times, and it "
        f"{answered or 'answers again'}", do="expected systemd's watchdog to start it anew")


def test_a_new_bundle_serves_after_an_update(
        take: Callable[[Path], Updated], bundle: Bundle, installed: Installation, record: Recorder,
        tmp_path: Path) -> None:
    found = take(renamed(bundle, tmp_path / "next", f"{bundle.name}-next"))
    serves = installed.verify(found.version).name if found.version else "none"
    record.verdict("service.update_taken",
                   found.outcome == "taken" and serves == f"{bundle.name}-next",
                   f"the update was {found.outcome}, {serves} serves {found.why[:200]}",
                   do="expected it to be taken")


def test_a_bundle_that_does_not_work_is_rolled_back(
        take: Callable[[Path], Updated], bundle: Bundle, installed: Installation, voice: Satellite,
        utterance: str, record: Recorder, tmp_path: Path) -> None:
    before = installed.version()
    found = take(broken(bundle, tmp_path / "broken"))
    answered = _answered(voice, utterance)
    record.verdict("service.rolled_back", found.outcome == "rolled back"
                   and found.version == before and not answered,
                   f"a bundle whose graphs do not open was {found.outcome}, and the hub "
                   f"{answered or 'answers afterwards'}: {found.why[:200]}",
                   do="expected it to be rolled back to the one that served")


def _answered(voice: Satellite, utterance: str) -> str:
    """Empty, or why not."""
    try:
        voice.ask(utterance, seconds=ANSWER_S)
    except IotcallError as error:
        return f"does not answer: {error}"
    return ""
