"""From an utterance on its topic to a command on its own, after MLPerf's single stream.

Leaves out: emulated boards, whose times say nothing.
"""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardHub
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Asked, Satellite
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.statistics import bootstrap_interval, summarise
from iotcall.hil.suite import Latency, Suite
from iotcall.hil.utterances import again_and_again, utterances_of
from iotcall.runtime.board import Board

ANSWER_S = 60.0
ECHOES = 20


@pytest.fixture(scope="module")
def wanted(suite: Suite, board: Board) -> Latency:
    if board.stamp != "measured":
        pytest.skip(f"the board is {board.stamp}: times of an emulation are never told, and "
                    "nothing here counts its instructions")
    assert suite.latency
    return suite.latency


def test_an_utterance_becomes_a_command_in_time(
        wanted: Latency, bundle: Bundle, hub: BoardHub, satellite: Satellite, record: Recorder
) -> None:
    said = again_and_again(utterances_of(bundle, seed=wanted.seed))
    for _ in range(wanted.warm_ups):
        satellite.ask(next(said), seconds=ANSWER_S)
    _record_median(record, "latency.broker_round_trip", [satellite.echo() for _ in range(ECHOES)],
                   "to the broker and back: the bench's own part of the times")
    asked: list[Asked] = []
    commands: list[float] = []
    while len(commands) < wanted.queries and len(asked) < 20 * wanted.queries:
        asked.append(satellite.ask(next(said), seconds=ANSWER_S))
        if asked[-1].command_ms is not None:
            commands.append(asked[-1].command_ms)
    record.figure("latency.queries", len(commands), "count",
                  f"{len(commands)} of {len(asked)} utterances led to a command",
                  at_least=wanted.queries, do="choose a home that fits the bundle's catalogue")
    if not commands:
        return
    found = summarise(commands)
    distinct = len({each.utterance for each in asked if each.command_ms is not None})
    record.figure(
        "latency.utterance_to_command", found.p90, "ms",
        f"p50 {found.p50:.1f}, p90 {found.p90:.1f}, p99 {found.p99:.1f} ms of {len(commands)} "
        f"queries ({distinct} distinct), from the utterance on its topic to the command; MLPerf's "
        f"early stopping: p90 is at most {found.p90_early_stopping or float('nan'):.1f}",
        samples=commands, interval95=found.p90_interval95, at_most=wanted.p90_ms,
        do="'iotcall bench' says where the time goes")
    for name, value, interval in (("p50", found.p50, found.p50_interval95),
                                  ("p99", found.p99, found.p99_interval95)):
        record.figure(f"latency.utterance_to_command_{name}", value, "ms",
                      f"{name} of the same queries", interval95=interval)
    turns = [each.turn_ms for each in asked]
    whole = summarise(turns)
    record.figure("latency.utterance_to_reply", whole.p90, "ms",
                  f"p50 {whole.p50:.1f}, p90 {whole.p90:.1f} ms of {len(turns)} utterances until "
                  "the devices had reported and the reply was said", samples=turns,
                  interval95=whole.p90_interval95)


def test_the_student_alone(wanted: Latency, bundle: Bundle, installed: Installation, hub: BoardHub,
                           shell: Shell, suite: Suite, record: Recorder) -> None:
    report, said = shell.iotcall(
        "bench", installed.current, "--utterances", str(wanted.decodings), "--repeat", "1",
        "--mode", "guesses", "--starts", str(wanted.starts), "--seed", str(wanted.seed),
        "--board", hub.board_file, scratch=installed.folder, timeout_s=suite.step_seconds)
    if not isinstance(report, dict):
        raise BoardError(f"'iotcall bench' on the board gave no answer: {said.tail}")
    samples: list[dict[str, Any]] = report["samples"]
    _record_median(record, "latency.prefill", [each["prefill_ms"] for each in samples],
                   "from an utterance to the logits of its first token")
    record.figure("latency.decisions",
                  statistics.fmean(each["decisions"] for each in samples), "count",
                  f"decisions of a call, mean of {len(samples)}; "
                  f"{statistics.fmean(each['drafted'] for each in samples):.1f} of them guessed "
                  "right")
    _record_median(record, "latency.decision",
                   [(each["ms"] - each["prefill_ms"]) / each["decisions"]
                    for each in samples if each["decisions"]], "of decoding for each decision")
    starts = [each["total_ms"] for each in report["fresh"]["starts"]]
    median = statistics.median(starts)
    record.figure("latency.cold_start", median, "ms",
                  f"median of {len(starts)} fresh processes to their first answer, all files in "
                  f"the system's cache: {median:.0f} ms", samples=starts,
                  at_most=wanted.cold_start_ms, do="see the steps in 'iotcall bench'")


def _record_median(record: Recorder, check: str, samples: list[float], what: str) -> None:
    median = statistics.median(samples)
    record.figure(check, median, "ms", f"median of {len(samples)}: {median:.2f} ms {what}",
                  samples=samples, interval95=bootstrap_interval(samples, 50))
