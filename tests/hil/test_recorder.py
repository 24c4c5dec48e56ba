"""Figures are judged by their budgets; times of emulations do not exist."""

from __future__ import annotations

import pytest

from iotcall.hil.claims import TargetClaims, claims_of, other_options, target_claims
from iotcall.hil.recorder import Recorder
from iotcall.hil.rows import Stamp
from iotcall.runtime.sessions import Part, Placement

NPU = TargetClaims("QNNExecutionProvider", frozenset({"QuantizeLinear", "DequantizeLinear"}))


def test_a_figure_over_its_budget_fails_and_says_what_to_do() -> None:
    record = Recorder("measured")
    record.figure("latency.p90", 31, "ms", "p90 31 ms", at_most=30, do="look")
    record.figure("latency.p50", 20, "ms", "p50 20 ms", at_most=30, do="look")
    record.figure("latency.p99", 40, "ms", "p99 40 ms")
    assert [(row.verdict, row.told, row.budget) for row in record.rows] == [
        ("failed", "p90 31 ms; expected <= 30; look", "<= 30"),
        ("passed", "p50 20 ms", "<= 30"), ("reported", "p99 40 ms", "")]


@pytest.mark.parametrize("stamp", ["emulated", "simulated"])
def test_a_time_of_an_emulation_is_never_taken_down(stamp: Stamp) -> None:
    record = Recorder(stamp)
    record.figure("latency.p90", 3000, "ms", "slow", at_most=30)
    record.figure("latency.decisions", 4, "count", "4 decisions")
    assert [row.check for row in record.rows] == ["latency.decisions"]


def test_one_node_on_the_cpu_is_found_by_name() -> None:
    moved = Placement((Part("CPUExecutionProvider", 3, 3), Part("QNNExecutionProvider", 1, 40)),
                      (("QuantizeLinear", "in"), ("Erf", "layer.1/gelu"),
                       ("DequantizeLinear", "out")))
    claim, = claims_of([moved], ["chunk.onnx"], NPU)
    assert claim.elsewhere == 1
    assert "Erf layer.1/gelu" in claim.told


def test_nodes_that_the_target_allows_on_the_cpu_are_none_elsewhere() -> None:
    fine = Placement((Part("CPUExecutionProvider", 1, 1), Part("QNNExecutionProvider", 1, 40)),
                     (("QuantizeLinear", "in"),))
    assert [claim.elsewhere for claim in claims_of([fine], ["chunk.onnx"], NPU)] == [0]


def test_a_graph_that_is_cut_is_told_with_its_pieces() -> None:
    cut = Placement((Part("CPUExecutionProvider", 1, 1), Part("QNNExecutionProvider", 2, 40)),
                    (("QuantizeLinear", "in"),))
    claim, = claims_of([cut], ["chunk.onnx"], NPU)
    assert (claim.pieces, claim.elsewhere) == (2, 0)
    assert target_claims("qnn-htp-v68").partitions == 1


def test_a_graph_that_fell_back_as_a_whole_counts_all_its_nodes() -> None:
    fallen = Placement((Part("CPUExecutionProvider", 2, 2),),
                       (("QuantizeLinear", "in"), ("DequantizeLinear", "out")))
    assert [claim.elsewhere for claim in claims_of([fallen], ["chunk.onnx"], NPU)] == [2]


def test_an_option_that_is_not_the_targets_is_named_with_both_values() -> None:
    wanted = target_claims("qnn-htp-v68")
    assert other_options(wanted.options, wanted) == []
    assert other_options({**wanted.options, "soc_model": "QCS6490"}, wanted) == [
        "soc_model = QCS6490, not 93"]
    assert other_options({"soc_model": "93"}, TargetClaims("QNNExecutionProvider")) == [
        "soc_model = 93, not given"]


def test_a_placement_that_nobody_knows_is_not_taken_for_a_right_one() -> None:
    assert [claim.elsewhere for claim in claims_of([None], ["chunk.onnx"], NPU)] == [1]
