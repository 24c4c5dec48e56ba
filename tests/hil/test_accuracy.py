"""A worse student is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hil.bench_run import bench, row

pytestmark = pytest.mark.slow


def test_a_worse_student_is_caught_by_accuracy_and_numerics(tmp_path: Path) -> None:
    run = bench(tmp_path, "[numerics]\nturns = 8\n[accuracy]\ndialogues = 8\nleast_exact = 0.9",
                fault="worse")
    assert {"numerics.agreement", "accuracy.exact"} <= {failed.check for failed in run.failed}
    assert "expected >= 0.9" in row(run, "accuracy.exact").told
    assert len(run.exact) >= 8
    assert not all(run.exact)
