"""A slower student is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hil.bench_run import bench, row

pytestmark = pytest.mark.slow


def test_a_slow_student_is_caught_by_latency(tmp_path: Path) -> None:
    suite = "[latency]\np90_ms = 50\nwarm_ups = 1\ndecodings = 2\nstarts = 1"
    run = bench(tmp_path, suite, fault="slow")
    assert [failed.check for failed in run.failed] == ["latency.utterance_to_command"]
    slow = row(run, "latency.utterance_to_command")
    assert len(slow.samples) == 64
    assert min(slow.samples) >= 50
