"""What an utterance costs in joules, at the board's supply. Leaves out: what of it the radio takes.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardHub
from iotcall.hil.power import Meter, Watch
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Satellite
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite
from iotcall.hil.utterances import again_and_again, utterances_of
from iotcall.runtime.board import Board

ANSWER_S = 120.0


def test_what_an_utterance_costs(
        suite: Suite, board: Board, target: Any, shell: Shell, bundle: Bundle, hub: BoardHub,
        satellite: Satellite, record: Recorder) -> None:
    wanted = suite.energy
    assert wanted
    if board.stamp != "measured":
        pytest.skip(f"the board is {board.stamp}: what its emulation takes says nothing")
    if not (board.bench and board.bench.power_meter):
        pytest.skip("the board's file names no power_meter")
    meter = Meter(board.bench.power_meter, target, shell)
    said = again_and_again(utterances_of(bundle, seed=5))
    for _ in range(wanted.warm_ups):
        satellite.ask(next(said), seconds=ANSWER_S)
    with Watch(meter) as idle:
        time.sleep(wanted.idle_seconds)
    with Watch(meter) as busy:
        for _ in range(wanted.utterances):
            satellite.ask(next(said), seconds=ANSWER_S)
    idle_watts, busy_watts = idle.joules / idle.seconds, busy.joules / busy.seconds
    record.figure("energy.idle", idle_watts, "W",
                  f"{idle_watts:.2f} W while nothing is said, over {idle.seconds:.0f} s",
                  samples=idle.watts)
    record.figure("energy.busy", busy_watts, "W",
                  f"{busy_watts:.2f} W while one utterance follows the other, over "
                  f"{busy.seconds:.0f} s", samples=busy.watts)
    each = (busy_watts - idle_watts) * busy.seconds / wanted.utterances
    record.figure("energy.utterance", each, "J",
                  f"{each:.3f} J for each of {wanted.utterances} utterances, above what the board "
                  "takes anyway", at_most=wanted.joules,
                  do="compare with the instructions of the last run ('instructions'), and with "
                     "what else runs there")
