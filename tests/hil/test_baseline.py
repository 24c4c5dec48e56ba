"""Gates against a baseline: each catches its fault, and nothing is compared that does not meet."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from iotcall.errors import InputError
from iotcall.hil.baseline import (
    CALL_AGREEMENT,
    NODES_ELSEWHERE,
    accept_baseline,
    judge_against,
)
from iotcall.hil.rows import Row, Run, Series, Stamp, read_run

BASE = Path("/nowhere/that/is/private")


def latency(ms: float, *, count: int = 100, seed: int = 1, stamp: Stamp = "measured",
            check: str = "latency.utterance_to_command") -> Row:
    drawn = random.Random(seed)
    return Row(check=check, stamp=stamp, verdict="passed", told="As fast as it should be.",
               unit="ms", value=ms,
               samples=tuple(ms * drawn.lognormvariate(0, 0.1) for _ in range(count)))


def counted(value: float, check: str = "latency.instructions", unit: str = "instructions",
            **labels: str) -> Row:
    return Row(check=check, stamp="emulated", verdict="reported", told="Counted.", unit=unit,
               value=value, labels=labels)


def run(*rows: Row, board: str = "host-x86", exact: tuple[bool, ...] = ()) -> Run:
    return Run(board=board, suite="nightly", bundle=str(BASE / "smart_home"), bundle_sha256="ab12",
               began="2026-01-02T03:04:05Z", seconds=61.23, rows=rows, exact=exact,
               versions={"iotcall": "0.8.0", "python": f"3.11 ({BASE}/bin/python)"},
               series=(Series(name="memory", unit="MB", stamp="measured", seconds=(0, 1),
                              values=(1, 2)),))


def judged(now: Run, before: Run) -> dict[str, Row]:
    return {row.check: row for row in judge_against(now, before)}


def test_a_run_holds_against_itself() -> None:
    same = run(latency(100), counted(1e9), counted(3, NODES_ELSEWHERE, "count", graph="step.onnx"),
               exact=(True,) * 50 + (False,))
    rows = judge_against(same, same)
    assert [row.check for row in rows if row.verdict == "failed"] == []
    assert len(rows) == 5
    assert rows[-1].value == 4


@pytest.mark.parametrize(("ms", "verdict"), [(103, "passed"), (125, "failed"), (70, "passed")])
def test_a_slower_model_fails(ms: float, verdict: str) -> None:
    row = judged(run(latency(ms, seed=2)), run(latency(100)))[
        "baseline.latency.utterance_to_command"]
    assert row.verdict == verdict
    assert row.interval95 is not None
    assert row.interval95[0] < (row.value or 0) < row.interval95[1]
    assert ("accept" in row.told) == (verdict == "failed")


def test_few_samples_are_not_judged_but_said() -> None:
    now, before = (run(latency(ms, count=63), counted(1e9)) for ms in (300, 100))
    rows = judge_against(now, before)
    assert [row.verdict for row in rows] == ["passed", "reported"]
    assert "latency.utterance_to_command (fewer than 64 samples)" in rows[-1].told


@pytest.mark.parametrize(("value", "verdict"), [
    (1.019e9, "passed"), (1.03e9, "failed"), (0.97e9, "failed"), (0.985e9, "passed")])
def test_instructions_hold_within_two_percent(value: float, verdict: str) -> None:
    assert judged(run(counted(value)), run(counted(1e9)))[
        "baseline.latency.instructions"].verdict == verdict


def test_a_node_that_moved_to_the_cpu_fails_by_name() -> None:
    def nodes(value: float, graph: str) -> Row:
        return counted(value, NODES_ELSEWHERE, "count", graph=graph)

    before = run(nodes(12, "prefill.onnx"), nodes(1, "step.onnx"))
    now = run(nodes(12, "prefill.onnx"), nodes(1, "chunk.onnx"))
    rows = judge_against(now, before)
    assert [row.labels["graph"] for row in rows if row.verdict == "failed"] == ["chunk.onnx"]
    assert "step.onnx" not in rows[-1].told


@pytest.mark.parametrize(("lost", "won", "verdict"), [
    (6, 0, "failed"), (5, 0, "passed"), (6, 6, "passed"), (0, 9, "passed"), (30, 8, "failed")])
def test_a_worse_model_fails_by_mcnemar(lost: int, won: int, verdict: str) -> None:
    before = (True,) * 80 + (False,) * 20
    now = (False,) * lost + (True,) * (80 - lost) + (True,) * won + (False,) * (20 - won)
    row = judged(run(exact=now), run(exact=before))["baseline.exact_calls"]
    assert row.verdict == verdict
    assert f"{lost} lost, {won} won" in row.told


def test_other_golden_turns_are_not_compared() -> None:
    row = judged(run(latency(100), exact=(True,)), run(latency(100), exact=(False,) * 9))[
        "baseline.exact_calls"]
    assert row.verdict == "reported"
    assert "1 golden turns in the run, 9 in the baseline" in row.told


@pytest.mark.parametrize(("agreed", "verdict"), [(99, "passed"), (98, "failed"), (110, "passed")])
def test_as_many_calls_must_agree_with_the_golden(agreed: float, verdict: str) -> None:
    now, before = (run(counted(value, CALL_AGREEMENT, "count", isa="avx2"))
                   for value in (agreed, 100))
    assert judged(now, before)["baseline.numerics.agreement"].verdict == verdict


def test_stamps_are_never_mixed() -> None:
    rows = judge_against(run(latency(900, stamp="emulated"), latency(1, check="latency.prefill")),
                         run(latency(100), latency(1, check="latency.decision")))
    assert [row.check for row in rows] == ["baseline.compared"]
    told = rows[0].told
    assert "latency.utterance_to_command (emulated, but measured in the baseline)" in told
    assert "latency.prefill (not in the baseline)" in told
    assert "latency.decision (not in the run)" in told


def test_another_board_is_no_baseline() -> None:
    rows = judge_against(run(latency(900)), run(latency(100), board="rpi5"))
    assert [(row.check, row.verdict) for row in rows] == [("baseline.compared", "failed")]
    assert "rpi5" in rows[0].told


def test_a_baseline_keeps_what_gates_need_and_no_paths(tmp_path: Path) -> None:
    measured = run(latency(100), counted(1e9 + 1 / 3), counted(5, "memory.peak", "MB"),
                   latency(9, check="latency.cold_start", count=3),
                   exact=(True, False))
    path = accept_baseline(measured, tmp_path / "baselines" / "host-x86.json")
    text, kept = path.read_text(), read_run(path)
    assert str(BASE) not in text
    assert "python" not in kept.versions
    assert (kept.bundle, kept.series, kept.exact) == ("smart_home", (), (True, False))
    assert {row.check for row in kept.rows} == {"latency.instructions",
                                                "latency.utterance_to_command"}
    assert all(len(f"{sample:g}") <= 6 for row in kept.rows for sample in row.samples)
    assert all(sum(row.check in line for line in text.splitlines()) == 1 for row in kept.rows)
    assert not [row for row in judge_against(measured, kept) if row.verdict == "failed"]


def test_what_was_accepted_is_accepted_again_alike(tmp_path: Path) -> None:
    one = accept_baseline(run(latency(100), counted(7)), tmp_path / "one.json")
    two = accept_baseline(read_run(one), tmp_path / "two.json")
    assert one.read_bytes() == two.read_bytes()


def test_a_run_that_failed_is_no_baseline_but_one_that_a_baseline_failed_is(tmp_path: Path) -> None:
    slower = run(latency(150, seed=2))
    rows = judge_against(slower, run(latency(100)))
    accept_baseline(msgspec.structs.replace(slower, rows=(*slower.rows, *rows)),
                    tmp_path / "slower.json")
    broken = msgspec.structs.replace(latency(100), verdict="failed", check="identity.hashes")
    with pytest.raises(InputError, match=r"identity\.hashes"):
        accept_baseline(run(broken), tmp_path / "broken.json")
    with pytest.raises(InputError, match="nothing that a gate judges"):
        accept_baseline(run(), tmp_path / "empty.json")
