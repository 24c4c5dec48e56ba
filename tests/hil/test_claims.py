"""Nodes that run elsewhere than the target says are caught."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from iotcall.bundle import TargetInfo, open_bundle, write_bundle
from iotcall.bundle.manifest import MANIFEST
from iotcall.shipped import shipped
from tests.hil.bench_run import bench, row

pytestmark = pytest.mark.slow

SMART_HOME = shipped("bundles") / "smart_home"


def test_a_bundle_for_an_npu_that_runs_on_the_cpu_is_caught_by_claims(tmp_path: Path) -> None:
    opened, out = open_bundle(SMART_HOME), tmp_path / "npu"
    manifest = opened.manifest
    with write_bundle(out, name="npu", catalogue=manifest.catalogue, student=manifest.student,
                      made_with=manifest.made_with,
                      target=TargetInfo(name="qnn-htp-v68", provider="QNNExecutionProvider",
                                        precision="a16w8")) as partial:
        shutil.copytree(SMART_HOME, partial, dirs_exist_ok=True)
        (partial / MANIFEST).unlink()
    run = bench(tmp_path, "[claims]", bundle=out, board='target = "qnn-htp-v68"')
    assert row(run, "claims.provider").verdict == "passed"
    elsewhere = row(run, "claims.elsewhere")
    assert elsewhere.verdict == "failed"
    assert elsewhere.value
    assert "on CPUExecutionProvider" in elsewhere.told


def test_a_bundle_for_another_chip_than_the_boards_is_caught_by_claims(tmp_path: Path) -> None:
    run = bench(tmp_path, "[claims]", board='target = "qnn-htp-v68"')
    assert [failed.check for failed in run.failed] == ["claims.provider"]
    assert "export it with --target qnn-htp-v68" in row(run, "claims.provider").told
