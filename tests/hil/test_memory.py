"""A hub that keeps what it was told is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hil.bench_run import bench

pytestmark = pytest.mark.slow


def test_a_leaking_hub_is_caught_by_memory(tmp_path: Path) -> None:
    suite = "[memory]\nsettle = 8\nutterances = 40\nevery = 4"
    run = bench(tmp_path, suite, fault="leaking")
    assert [failed.check for failed in run.failed] == ["memory.growth"]
    watched = next(series for series in run.series if series.name == "memory")
    assert watched.values[-1] - watched.values[0] > 8
