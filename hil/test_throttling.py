"""Whether the board slows down under load that lasts. Leaves out: how to cool it."""

from __future__ import annotations

import statistics
import time

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardHub
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Satellite
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite
from iotcall.hil.utterances import again_and_again, utterances_of
from iotcall.runtime.board import Board

ANSWER_S = 120.0
LOOKS = 40
"""At clocks and temperatures, over the whole time."""
_CLOCKS = "/sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"
_DEGREES = "/sys/class/thermal/thermal_zone*/temp"


def test_the_hub_stays_as_fast_as_it_began(
        suite: Suite, board: Board, shell: Shell, bundle: Bundle, hub: BoardHub,
        satellite: Satellite, record: Recorder) -> None:
    wanted = suite.throttling
    assert wanted
    if board.stamp != "measured":
        pytest.skip(f"the board is {board.stamp}: it has no heat of its own")
    said = again_and_again(utterances_of(bundle, seed=7))
    satellite.ask(next(said), seconds=ANSWER_S)
    began = looked = time.monotonic()
    moments, turns, seconds = [], [], []
    clocks, degrees = [], []
    while (now := time.monotonic()) < began + wanted.seconds:
        if not seconds or now - looked > wanted.seconds / LOOKS:
            looked = now
            seconds.append(now - began)
            clocks.append(_least(shell, _CLOCKS, 1e-3))
            degrees.append(_most(shell, _DEGREES, 1e-3))
        moments.append(now - began)
        turns.append(satellite.ask(next(said), seconds=ANSWER_S).turn_ms)
    _record(record, "throttling.clock", "MHz", seconds, clocks, "the slowest core's clock", min)
    _record(record, "throttling.heat", "C", seconds, degrees, "the hottest place", max)
    part = wanted.seconds / 4
    first = [ms for at, ms in zip(moments, turns, strict=True) if at < part]
    last = [ms for at, ms in zip(moments, turns, strict=True) if at >= 3 * part]
    if not first or not last:
        pytest.skip(f"only {len(turns)} utterances were answered in {wanted.seconds:g} s")
    ratio = statistics.median(last) / statistics.median(first)
    record.figure("throttling.slower", ratio, "times",
                  f"the median answer took {statistics.median(first):.1f} ms in the first quarter "
                  f"of {wanted.seconds:g} s and {statistics.median(last):.1f} ms in the last",
                  at_most=wanted.slower, do="give it a cooler, or fewer threads in its file")


def _record(record: Recorder, check: str, unit: str, seconds: list[float],
            values: list[float | None], what: str, worst: type[min] | type[max]) -> None:
    known = [value for value in values if value is not None]
    if not known:
        record.report(check, f"the board does not say {what}")
        return
    record.watched(check, unit, [at for at, value in zip(seconds, values, strict=True)
                                 if value is not None], known)
    record.figure(check, worst(known), unit,
                  f"{what}: {known[0]:.0f} {unit} at first, {known[-1]:.0f} at last, at worst "
                  f"{worst(known):.0f}", samples=known)


def _read(shell: Shell, files: str, unit: float) -> list[float]:
    said = shell.run(f"cat {files} 2>/dev/null").out.split()
    return [int(word) * unit for word in said if word.lstrip("-").isdigit()]


def _least(shell: Shell, files: str, unit: float) -> float | None:
    return min(_read(shell, files, unit), default=None)


def _most(shell: Shell, files: str, unit: float) -> float | None:
    return max(_read(shell, files, unit), default=None)
