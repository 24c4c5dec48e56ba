"""Calls of two machines are compared turn by turn."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.errors import InputError
from iotcall.hil.agreement import agreed, calls_of, check_other, written
from iotcall.hil.rows import Run, read_run
from tests.hil.bench_run import bench, row

ON, OFF = ((ToolCall("light", {"state": state, "level": 3}),) for state in ("on", "off"))
NUMERICS = "[numerics]\nturns = 3\n[agreement]"


def _run(*calls: str) -> Run:
    return Run(board="other", suite="s", bundle="b", bundle_sha256="aa", began="", seconds=1,
               versions={}, rows=(), calls=calls)


def test_the_same_calls_agree_whatever_the_order_of_their_arguments() -> None:
    other = (ToolCall("light", {"level": 3, "state": "on"}),)
    found = agreed([ON, None, ()], [other, None, ()])
    assert (found.same, found.turns, found.parted, found.share) == (3, 3, (), 1)


def test_turns_that_part_are_named_with_both_answers() -> None:
    found = agreed([ON, OFF, None], [ON, ON, OFF])
    assert (found.same, found.turns) == (1, 3)
    assert found.parted[0].startswith("turn 2: ")
    assert '"off"' in found.parted[0].partition(" and ")[0]
    assert found.parted[1].startswith("turn 3: null and ")


def test_calls_of_fewer_turns_are_not_compared() -> None:
    with pytest.raises(InputError, match="calls of 1 turns"):
        agreed([ON], [ON, OFF])


def test_a_run_keeps_calls_as_they_were() -> None:
    assert calls_of(_run(*map(written, (ON, None, ())))) == [ON, None, ()]


def test_a_run_of_another_bundle_or_without_calls_is_refused() -> None:
    check_other(_run("null"), "aa")
    with pytest.raises(InputError, match="of another bundle"):
        check_other(_run("null"), "bb")
    with pytest.raises(InputError, match=r"needs \[numerics\]"):
        check_other(_run(), "aa")


@pytest.mark.slow
def test_a_student_that_says_something_else_is_caught_by_agreement(tmp_path: Path) -> None:
    for name in ("right", "worse"):
        (tmp_path / name).mkdir()
    right = bench(tmp_path / "right", NUMERICS)
    assert row(right, "agreement.here").told.startswith("left out")
    assert len(right.calls) == 3
    beside = tmp_path / "right" / "out"
    assert read_run(beside) == right
    run = bench(tmp_path / "worse", NUMERICS, fault="worse", others=[beside])
    found = row(run, "agreement.calls")
    assert (found.verdict, found.budget) == ("failed", ">= 1")
    assert "turn " in found.told
    with pytest.raises(InputError, match="of another bundle"):
        bench(tmp_path / "worse", NUMERICS, bundle="home", others=[beside])
    assert msgspec.json.decode(run.calls[1]) != msgspec.json.decode(right.calls[1])
