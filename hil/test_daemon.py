"""The hub lives through what happens to brokers and hubs. Leaves out: systemd's watchdog."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardBroker, BoardCable, BoardHub
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import NoAnswer, Satellite
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite
from iotcall.hil.utterances import one_that_commands, utterances_of

ANSWER_S = 120.0
STALL_S = 3.0


@pytest.fixture(scope="module")
def recover_s(suite: Suite) -> float:
    assert suite.daemon
    return suite.daemon.recover_seconds


@pytest.fixture(scope="module")
def utterance(bundle: Bundle, hub: BoardHub, satellite: Satellite) -> str:
    return one_that_commands(satellite, utterances_of(bundle, seed=3), seconds=ANSWER_S)


def test_a_broker_that_restarts_is_found_again(
        utterance: str, broker: BoardBroker, hub: BoardHub, satellite: Satellite, recover_s: float,
        record: Recorder) -> None:
    broker.stop()
    broker.start()
    began = time.monotonic()
    satellite.wait_connected(recover_s)
    at, site = satellite.say(utterance)
    _record(record, "daemon.broker_restart", "the broker had restarted", began,
            lambda: satellite.answer(utterance, at, site, seconds=recover_s))
    assert hub.process
    record.verdict("daemon.same_process", hub.process.alive(), "the hub is still the same process",
                   do="its log says why it ended")


def test_a_network_that_stands_still_loses_nothing(
        utterance: str, broker: BoardBroker, hub: BoardHub, satellite: Satellite, recover_s: float,
        record: Recorder) -> None:
    broker.stall()
    try:
        at, site = satellite.say(utterance)
        time.sleep(STALL_S)
    finally:
        broker.go_on()
    _record(record, "daemon.network_stall", f"the broker had been silent for {STALL_S:g} s",
            time.monotonic(), lambda: satellite.answer(utterance, at, site, seconds=recover_s))


def test_what_is_said_while_the_hub_is_away_is_done_when_it_is_back(
        utterance: str, hub: BoardHub, satellite: Satellite, recover_s: float, record: Recorder
) -> None:
    hub.kill()
    at, site = satellite.say(utterance)
    began = time.monotonic()
    hub.start(satellite, within_s=max(recover_s, ANSWER_S))
    _record(record, "daemon.hub_killed", "the hub had been killed and started again", began,
            lambda: satellite.answer(utterance, at, site, seconds=recover_s))


def test_a_network_that_was_cut_is_found_again(
        utterance: str, suite: Suite, shell: Shell, folder: str, installed: Installation,
        home: Path, board_file: Path, broker: BoardBroker, hub: BoardHub, satellite: Satellite,
        recover_s: float, out: Path, record: Recorder) -> None:
    assert suite.daemon
    place = f"{folder}/behind-a-cable"
    shell.check(f"mkdir -p {place}")
    hub.stop()
    with contextlib.ExitStack() as after:
        after.callback(hub.start, satellite, within_s=ANSWER_S)
        cable = after.enter_context(BoardCable(shell, folder, broker.port))
        behind = BoardHub(shell, place, bundle=installed.current, home=home, board=board_file,
                          port=cable.port)
        after.callback(lambda: (out / "hub-behind-a-cable.log").write_text(behind.log()))
        after.callback(behind.stop)
        behind.start(satellite, within_s=ANSWER_S)
        cable.cut()
        at, site = satellite.say(utterance)
        try:
            satellite.answer(utterance, at, site, seconds=suite.daemon.cut_seconds / shell.patience)
        except NoAnswer:
            pass
        else:
            record.verdict("daemon.network_cut", False, "an utterance was answered through a cut "
                           "network, so that nothing was cut", do="this is the bench's own fault")
            return
        began = time.monotonic()
        cable.join()
        _record(record, "daemon.network_cut",
                f"the network was cut for {suite.daemon.cut_seconds:g} s", began,
                lambda: satellite.answer(utterance, at, site, seconds=recover_s))


def _record(record: Recorder, check: str, after: str, began: float,
            answer: Callable[[], object]) -> None:
    try:
        answer()
    except NoAnswer as error:
        record.verdict(check, False, f"after {after}: {error}",
                       do="the hub's log says whether it is connected")
        return
    taken = time.monotonic() - began
    record.verdict(check, True, f"an utterance is answered after {after}")
    record.figure(f"{check}_s", taken, "s", f"{taken:.1f} s until it was answered after {after}")
