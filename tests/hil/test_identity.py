"""A tampered file and a broken program are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.bundle import open_bundle
from iotcall.hil.variants import tampered
from iotcall.shipped import shipped
from tests.hil.bench_run import bench, row

pytestmark = pytest.mark.slow


def test_a_tampered_file_is_caught_by_identity_and_nothing_else_is_tried(tmp_path: Path) -> None:
    bundle = tampered(open_bundle(shipped("bundles") / "smart_home"), tmp_path / "tampered")
    run = bench(tmp_path, "[identity]\n[numerics]\nturns = 1", bundle=bundle)
    assert [failed.check for failed in run.failed] == ["identity.hashes"]
    assert "was altered: expected SHA-256" in row(run, "identity.hashes").told
    left_out = row(run, "numerics.golden_turns_give_the_calls_of_the_export")
    assert (left_out.verdict, left_out.value) == ("reported", None)
    assert "left out: the bundle is not whole on the board" in left_out.told


def test_a_program_that_breaks_is_a_failed_row_with_its_reason(tmp_path: Path) -> None:
    run = bench(tmp_path, "[numerics]", fault="none -m no_such_module")
    assert run.failed
    assert "could not be checked" in run.failed[0].told
