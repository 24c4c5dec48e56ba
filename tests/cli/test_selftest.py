"""``iotcall selftest``: a bundle repeats its golden calls on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle, verify_bundle, write_bundle
from tests.cli.command import ended, run, run_json


def _with_record(bundle: Bundle, out: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """A whole bundle whose record of golden calls says something else."""
    manifest = verify_bundle(bundle.folder, full=True)
    with write_bundle(out, name="other", catalogue=manifest.catalogue, student=manifest.student,
                      target=manifest.target, made_with=manifest.made_with) as folder:
        for name in manifest.files:
            shutil.copyfile(bundle.folder / name, folder / name)
        record = json.loads((folder / "selftest.json").read_text())
        change(record)
        (folder / "selftest.json").write_text(json.dumps(record))
    return out


def test_the_shipped_bundle_makes_its_calls_here() -> None:
    found = run_json("selftest", "--turns", "12")
    assert (found["turns"], found["agreed"], found["parted"]) == (12, 12, [])
    assert found["placements"][0]["parts"][0]["provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize("wrong", [0, 1])
def test_one_call_in_fourteen_that_parts_is_one_too_many(
        wrong: int, tmp_path: Path, bundle_of: Callable[[str], Bundle]) -> None:
    def change(record: dict[str, object]) -> None:
        assert isinstance(record["reference"], list)
        record["reference"][:wrong] = [[{"name": "note", "arguments": {"text": "x"}}]] * wrong

    folder = _with_record(bundle_of("lfm2"), tmp_path / "other", change)
    done = ended("selftest", "--bundle", str(folder))
    said = done.stdout
    assert (done.returncode, done.stderr) == (wrong, "")
    assert f"{14 - wrong} of 14 golden turns give torch's calls" in said
    assert ("FAILED" in said, said.count("parted: ")) == (bool(wrong), wrong)


def test_a_record_of_other_golden_turns_is_refused(
        tmp_path: Path, bundle_of: Callable[[str], Bundle]) -> None:
    folder = _with_record(bundle_of("lfm2"), tmp_path / "other",
                          lambda record: record.update(reference=[]))
    assert "is of 0 golden turns, the bundle has 14" in run("selftest", "-b", str(folder), code=2)


def test_the_export_of_another_instruction_set_is_said(
        tmp_path: Path, bundle_of: Callable[[str], Bundle]) -> None:
    folder = _with_record(bundle_of("qwen3"), tmp_path / "other",
                          lambda record: record.update(here={"riscv64": []}))
    said = run("selftest", "-b", str(folder))
    assert "the export was made on another instruction set" in said
