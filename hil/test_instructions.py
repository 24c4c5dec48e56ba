"""What a call costs in instructions, on a board whose clock counts them. Leaves out: times.

An emulation's times say nothing, but it runs the board's very instructions: as many as the board
would, so that a change that makes a student costlier is seen without the hardware.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.statistics import bootstrap_interval
from iotcall.hil.suite import Suite
from iotcall.runtime.board import Board

PER_MS = 1_000_000
"""Instructions of a millisecond of such a clock: one a nanosecond."""


def test_what_a_call_costs(
        suite: Suite, board: Board, board_file: Path, shell: Shell, installed: Installation,
        record: Recorder) -> None:
    wanted = suite.instructions
    assert wanted
    if not (board.bench and board.bench.counts_instructions):
        pytest.skip("the board's clock counts seconds; qemu-arm64-counts counts instructions")
    there = f"{installed.folder}/board.toml"
    shell.put(board_file, there)
    report, said = shell.iotcall(
        "bench", installed.current, "--utterances", str(wanted.decodings), "--repeat", "1",
        "--mode", "guesses", "--starts", "0", "--seed", str(wanted.seed), "--board", there,
        scratch=installed.folder, timeout_s=suite.step_seconds)
    if not isinstance(report, dict):
        raise BoardError(f"'iotcall bench' on the board gave no answer: {said.tail}")
    samples: list[dict[str, Any]] = report["samples"]
    _record(record, "instructions.call", [each["ms"] for each in samples], "of a call",
            at_most=wanted.million_of_a_call)
    _record(record, "instructions.prefill", [each["prefill_ms"] for each in samples],
            "from an utterance to the logits of its first token")
    _record(record, "instructions.decision",
            [(each["ms"] - each["prefill_ms"]) / each["decisions"]
             for each in samples if each["decisions"]], "of decoding for each decision")


def _record(record: Recorder, check: str, ms: list[float], what: str, *,
            at_most: float | None = None) -> None:
    counts = [each * PER_MS for each in ms]
    median = statistics.median(counts)
    record.figure(check, median, "instructions",
                  f"median of {len(counts)}: {median / 1e6:.1f} million {what}", samples=counts,
                  interval95=bootstrap_interval(counts, 50),
                  at_most=at_most * 1e6 if at_most else None,
                  do="'iotcall bench' says in which step it is spent")
