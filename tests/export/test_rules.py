"""Each fault that a target is known to fail on is named before a board sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from iotcall.errors import ExportError
from iotcall.export.npu.rules import check_fixed_point, check_graph, check_placement
from iotcall.export.providers.environments import provider_python
from iotcall.export.providers.probe import run_openings, settings_of
from iotcall.export.providers.tiny_graphs import write_graphs
from iotcall.export.target import Rules, load_target
from iotcall.runtime.probe_session import Opening, Request
from iotcall.runtime.sessions import CPU, Part, Placement
from tests.export.providers import provided

HTP = load_target("qnn-htp-v68")[1].rules
QNN = "QNNExecutionProvider"
Change = Callable[[onnx.GraphProto], None]


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    """A tiny graph of fixed point that keeps all rules."""
    return write_graphs(tmp_path)["a16w8"]


def _planted(path: Path, change: Change) -> Path:
    model = onnx.load(path)
    change(model.graph)
    onnx.save(model, path)
    return path


def _open_input(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.shape.dim[1].dim_param = "rows"


def _far_mask(graph: onnx.GraphProto) -> None:
    graph.initializer.append(numpy_helper.from_array(np.float32([0, -3e38]), "mask"))


def _far_mask_node(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Constant", [], ["mask"], "the mask", value_float=-3e38))


def _far_quantised(graph: onnx.GraphProto) -> None:
    graph.initializer.extend([
        numpy_helper.from_array(np.array([[0, 9], [200, 300]], np.uint16), "mask_q"),
        numpy_helper.from_array(np.float32([1, 50]), "mask_scale"),
        numpy_helper.from_array(np.array([0, 300], np.uint16), "mask_zero")])
    graph.node.append(helper.make_node("DequantizeLinear", ["mask_q", "mask_scale", "mask_zero"],
                                       ["mask"], "the mask", axis=1))


def _where(graph: onnx.GraphProto) -> None:
    for number in range(5):
        graph.node.append(helper.make_node("IsNaN", ["x"], [f"odd{number}"], f"guard {number}"))


def _contributed(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("FastGelu", ["x"], ["g"], "gelu", domain="com.microsoft"))


def test_a_good_graph_passes(fixed: Path) -> None:
    check_graph(fixed, HTP)
    check_fixed_point(fixed)


@pytest.mark.parametrize(("change", "message"), [
    (_open_input, r"tensors without a fixed shape: input x \[1, rows, 16\]"),
    (_far_mask, r"found 1 constants below -100: -3e\+38 mask"),
    (_far_mask_node, r"found 1 constants below -100: -3e\+38 mask"),
    (_far_quantised, r"found 1 constants below -100: -14550 mask_q"),
    (_where, r"found 5 operators that the target does not take: "
             r"IsNaN guard 0, IsNaN guard 1, IsNaN guard 2, and 2 more"),
    (_contributed, r"found 1 operators .*: com\.microsoft\.FastGelu gelu"),
])
def test_a_planted_fault_is_named(fixed: Path, change: Change, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        check_graph(_planted(fixed, change), HTP)


def test_a_forbidden_operator_is_named(fixed: Path) -> None:
    check_graph(fixed, Rules(forbidden=("Erf",)))
    with pytest.raises(ExportError, match="known to fail on: Softmax softmax"):
        check_graph(fixed, Rules(forbidden=("Softmax",)))


def test_without_rules_any_graph_passes(tmp_path: Path) -> None:
    check_graph(_planted(write_graphs(tmp_path)["fp32"], _where), Rules())


def test_nodes_that_compute_in_float_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"found 5 nodes whose results stay float: MatMul first"):
        check_fixed_point(write_graphs(tmp_path)["fp32"])

    def bypass(graph: onnx.GraphProto) -> None:
        """The sigmoid reads the sum before it is quantised."""
        total = next(node.output[0] for node in graph.node if node.op_type == "Add")
        next(node for node in graph.node if node.op_type == "Sigmoid").input[0] = total

    with pytest.raises(ExportError, match="found 1 nodes whose results stay float: Add sum"):
        check_fixed_point(_planted(write_graphs(tmp_path)["a16w8"], bypass))


def _placement(pieces: int, *on_cpu: tuple[str, str]) -> Placement:
    return Placement((Part(CPU, len(on_cpu), len(on_cpu)), Part(QNN, pieces, 30)), on_cpu)


def test_a_placement_of_one_piece_and_its_boundary_passes() -> None:
    check_placement(_placement(1, ("QuantizeLinear", "in"), ("DequantizeLinear", "out")), HTP, QNN)
    check_placement(None, HTP, CPU)


@pytest.mark.parametrize(("placement", "message"), [
    (_placement(1, ("QuantizeLinear", "in"), ("Erf", "gelu"), ("Where", "mask")),
     "found 2 nodes that run on the CPU .*: Erf gelu, Where mask"),
    (_placement(3, ("QuantizeLinear", "between")),
     "at most 1 pieces, found 3 .*QuantizeLinear between"),
    (None, "cannot tell which nodes"),
])
def test_a_placement_that_breaks_the_rules_is_named(
        placement: Placement | None, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        check_placement(placement, HTP, QNN)


@pytest.mark.parametrize("name", provided("qnn-htp-v68"))
def test_a_node_that_the_chip_does_not_take_is_named(
        fixed: Path, tmp_path: Path, name: str) -> None:
    """Erf is none of HTP's; between its neighbours it also cuts the graph in two."""
    target = load_target(name)[1]

    def erf(graph: onnx.GraphProto) -> None:
        sigmoid = next(node for node in graph.node if node.op_type == "Sigmoid")
        sigmoid.op_type, sigmoid.name = "Erf", "planted"

    _planted(fixed, erf)
    with pytest.raises(ExportError, match="does not take: Erf planted"):
        check_graph(fixed, target.rules)
    answer = run_openings(provider_python(target.provider), Request(openings=(
        Opening(model=str(fixed), provider=settings_of(target, emulated=True)),)))
    with pytest.raises(ExportError, match=r"run on the CPU .*: .*Erf planted"):
        check_placement(answer.opened[0].placement, target.rules, QNN)
