"""What the hub holds while it answers. Leaves out: how much of it each part holds."""

from __future__ import annotations

import statistics
import time

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardHub
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Satellite
from iotcall.hil.suite import Suite
from iotcall.hil.utterances import again_and_again, utterances_of

ANSWER_S = 120.0
SITES = ("bench-kitchen", "bench-study", "bench-hall", "bench-garden")
"""A house's satellites: dialogues are kept for each site."""


def test_the_hub_takes_no_more_memory_the_longer_it_runs(
        suite: Suite, bundle: Bundle, hub: BoardHub, satellite: Satellite, record: Recorder
) -> None:
    wanted = suite.memory
    assert wanted
    said = again_and_again(utterances_of(bundle, seed=1))
    began, seconds, resident, own = time.monotonic(), [], [], []
    peak = 0
    for number in range(wanted.settle + wanted.utterances + 1):
        if number >= wanted.settle and (number - wanted.settle) % wanted.every == 0:
            found = hub.memory()
            if found is None:
                pytest.skip("the board does not say what a process holds (no smaps_rollup)")
            seconds.append(time.monotonic() - began)
            resident.append(found.resident / 1e6)
            own.append((found.anonymous + found.shared) / 1e6)
            peak = max(peak, found.peak)
        satellite.ask(next(said), seconds=ANSWER_S, site=SITES[number % len(SITES)])
    record.watched("memory", "MB", seconds, resident)
    record.watched("memory_own", "MB", seconds, own)
    record.figure("memory.peak", peak / 1e6, "MB",
                  f"{peak / 1e6:.1f} MB resident at most since the hub began",
                  at_most=wanted.peak_megabytes, do="lower memory_megabytes in the board's file")
    some = max(1, len(own) // 4)
    growth = statistics.median(own[-some:]) - statistics.median(own[:some])
    record.figure("memory.growth", growth, "MB",
                  f"its own memory grew by {growth:.1f} MB over {wanted.utterances} utterances, "
                  f"{wanted.settle} after its start", samples=own,
                  at_most=wanted.growth_megabytes,
                  do="something keeps what it was told: compare with the last run's curve, and "
                     "bisect")
