"""Static graphs of fixed point: close to fp32, and of one set of ranges and weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import ExportError
from iotcall.export.graphs.passes.qdq import WEIGHTS, InsertQdq
from iotcall.export.npu.ranges import RangeMeter
from iotcall.export.npu.rules import check_fixed_point, check_graph
from iotcall.export.surroundings import quiet
from iotcall.export.target import Activations
from iotcall.runtime.decoders import Decoder, Wanted, open_decoder
from iotcall.runtime.sessions import open_session
from tests.export.fixed_point import TARGET, Student, feeds_of, make_student, quantise
from tests.export.tiny import (
    CHUNK,
    FAMILY_CONFIGS,
    IDS,
    PASSES,
    VOCABULARY,
    difference,
    torch_logits,
)

OPSET = 23
"""The first with norms of one operator."""
Students = Callable[[str], Student]


@pytest.fixture(scope="module")
def student_of(tmp_path_factory: pytest.TempPathFactory) -> Students:
    made: dict[str, Student] = {}

    def student(family: str) -> Student:
        if family not in made:
            made[family] = make_student(family, OPSET, tmp_path_factory.mktemp(family))
        return made[family]

    return student


@pytest.mark.parametrize("family", list(FAMILY_CONFIGS))
def test_norms_of_one_operator_are_torchs(student_of: Students, family: str) -> None:
    student = student_of(family)
    graph = onnx.load(student.plain / "step.onnx", load_external_data=False).graph
    assert "RMSNormalization" in {node.op_type for node in graph.node}
    assert difference(student.decoder, torch_logits(student.checkpoint), PASSES[0]) < 1e-4


@pytest.mark.parametrize("family", list(FAMILY_CONFIGS))
def test_logits_stay_close_to_fp32(student_of: Students, family: str) -> None:
    student = student_of(family)
    fixed = open_decoder(student.fixed, student.decoder.layout, threads=1)
    found, wanted = (_logits(decoder, [i * 5 % VOCABULARY for i in range(25)])
                     for decoder in (fixed, student.decoder))
    assert np.abs(found - wanted).mean() < 0.03
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.998


@pytest.mark.parametrize("family", list(FAMILY_CONFIGS))
def test_graphs_keep_the_rules_of_the_target(student_of: Students, family: str) -> None:
    for path in student_of(family).report.graphs:
        check_graph(path, TARGET.rules)
        check_fixed_point(path)


def test_inputs_and_outputs_are_float_as_before(student_of: Students) -> None:
    student = student_of("lfm2")
    for path in student.report.graphs:
        before, after = (onnx.load(folder / path.name, load_external_data=False).graph
                         for folder in (student.plain, student.fixed))
        assert list(before.input) == list(after.input)
        assert list(before.output) == list(after.output)


def test_chunk_and_step_have_the_same_scales_and_one_file_of_weights(
        student_of: Students) -> None:
    student = student_of("gemma3_text")
    chunk, step = (onnx.load(path, load_external_data=False).graph.initializer
                   for path in student.report.graphs)
    parts = [{item.name: item.SerializeToString() for item in graph} for graph in (chunk, step)]
    assert parts[0].keys() == parts[1].keys()
    assert {name for name in parts[0] if parts[0][name] != parts[1][name]} <= {
        name for name in parts[0] if "Constant" in name}  # shapes
    places = {entry.value for item in chunk for entry in item.external_data
              if entry.key == "location"}
    assert places == {WEIGHTS}
    assert sorted(path.name for path in student.fixed.iterdir()) == [
        "chunk.onnx", "step.onnx", WEIGHTS]


def test_weights_are_right_to_half_a_step(student_of: Students) -> None:
    """The oracle dequantises what the files hold."""
    student = student_of("qwen3")
    plain = _initializers(student.plain / "step.onnx")
    fixed = _initializers(student.fixed / "step.onnx")
    assert len(student.report.columns) == 2 * 7 + 1
    for name in student.report.columns:
        wanted = plain[name]
        if f"{name}.T.int8" in fixed:  # the tied head
            name, wanted = f"{name}.T", wanted.T
        step = fixed[f"{name}.scales"]
        assert np.abs(fixed[f"{name}.int8"] * step - wanted).max() <= 0.501 * step.max()
        assert (np.abs(fixed[f"{name}.int8"]).max(axis=0) == 127).all()
    (table,) = student.report.rows
    sizes = fixed[f"{table}.sizes.uint16"] * fixed[f"{table}.sizes.scale"]
    rows = fixed[f"{table}.rows.int8"] * fixed[f"{table}.rows.scale"] * sizes
    assert (np.abs(rows - plain[table]) <= 0.501 * sizes / 127).all()


def test_ranges_are_merged_and_settled(student_of: Students) -> None:
    ranges = student_of("lfm2").report.ranges
    for name in ranges:
        if name.startswith("past_key_values."):
            assert ranges[name] == ranges[name.replace("past_key_values", "present")]
    assert ranges["rotary.full_attention.sin"] == (-1.0, 1.0)
    assert ranges["mask"] == (-50.0, 0.0)
    assert {ranges[name] for name in ranges if "/Sigmoid" in name} == {(0.0, 1.0)}


def test_scales_are_those_of_onnxruntimes_quantiser(
        student_of: Students, tmp_path: Path) -> None:
    """The oracle is onnxruntime's own quantiser with the same ranges."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

    student = student_of("lfm2")
    with quiet():
        model = load_model_with_shape_infer(student.plain / "step.onnx")
        quantiser = QDQQuantizer(
            model, False, False, QuantType.QInt8, QuantType.QUInt16,
            TensorsData(CalibrationMethod.MinMax, {
                name: (np.float32(low), np.float32(high))
                for name, (low, high) in student.report.ranges.items()}),
            [], [], sorted({node.op_type for node in model.graph.node}),
            {"MinimumRealRange": 1e-4})
        theirs = _scales(quantiser.quantize_model())
    ours = _scales(onnx.load(student.fixed / "step.onnx"))
    # of an embedding they keep the scale of the table
    common = {name for name in theirs.keys() & ours.keys() if "Embedding" not in name}
    assert len(common) > 100
    for name in common:
        assert ours[name][0] == pytest.approx(theirs[name][0], rel=1e-5), name
        assert abs(ours[name][1] - theirs[name][1]) <= 1


def test_the_same_feeds_give_the_same_bytes(student_of: Students, tmp_path: Path) -> None:
    student = student_of("lfm2")
    quantise(student.plain, tmp_path, feeds_of(student.plain, student.decoder))
    for path in (*student.report.graphs, student.fixed / WEIGHTS):
        assert _hash(path) == _hash(tmp_path / path.name)


def test_eight_bit_activations_are_of_fixed_point_too(
        student_of: Students, tmp_path: Path) -> None:
    student = student_of("gemma3_text")
    report = quantise(student.plain, tmp_path, feeds_of(student.plain, student.decoder),
                      Activations(bits=8))
    for path in report.graphs:
        check_fixed_point(path)
    fixed = open_decoder(tmp_path, student.decoder.layout, threads=1)
    found, wanted = (_logits(decoder, IDS) for decoder in (fixed, student.decoder))
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.9


def test_a_graph_that_is_never_fed_is_named(student_of: Students, tmp_path: Path) -> None:
    plain, decoder = student_of("lfm2").plain, student_of("lfm2").decoder
    chunks = [feed for feed in feeds_of(plain, decoder) if feed[0] == CHUNK]
    with pytest.raises(ExportError, match=r"step\.onnx: no calibration feed has its 1 tokens"):
        quantise(plain, tmp_path, chunks)
    with pytest.raises(ExportError, match="feeds of 8 or 1 tokens, found 5"):
        quantise(plain, tmp_path, [(5, {})])


def test_a_student_whose_numbers_are_none_is_named(
        student_of: Students, tmp_path: Path) -> None:
    feeds = [(tokens, feed | {"mask": np.full_like(feed["mask"], np.nan)})
             for tokens, feed in feeds_of(student_of("lfm2").plain, student_of("lfm2").decoder)]
    with pytest.raises(ExportError, match=r"[0-9]+ tensors are not finite.*e\.g\. "):
        quantise(student_of("lfm2").plain, tmp_path, feeds)


def test_graphs_of_two_checkpoints_are_refused(
        student_of: Students, tmp_path: Path) -> None:
    student = student_of("lfm2")
    for path in student.plain.glob("step.onnx*"):
        shutil.copy(path, tmp_path / path.name)
    model = onnx.load(tmp_path / "step.onnx")
    weight = next(item for item in model.graph.initializer if "q_proj" in item.name)
    weight.CopyFrom(numpy_helper.from_array(1.01 * numpy_helper.to_array(weight), weight.name))
    onnx.save(model, tmp_path / "step.onnx")
    with pytest.raises(ExportError, match=r"differ in the weight .*q_proj"):
        quantise(student.plain, tmp_path / "out", feeds_of(student.plain, student.decoder),
                 step=tmp_path / "step.onnx")


@pytest.mark.parametrize(("opset", "least", "most"), [(23, 0.0, 0.01), (21, 0.03, 0.2)])
def test_norms_of_one_operator_keep_small_tokens_beside_a_large_one(
        tmp_path: Path, opset: int, least: float, most: float) -> None:
    """The second token is a hundredth of the first; primitive norms lose some percent of it."""
    x = np.random.default_rng(0).standard_normal((1, 2, 640)).astype(np.float32)
    x[0, 1] /= 100
    nodes = [helper.make_node("RMSNormalization", ["x", "w"], ["y"], epsilon=1e-12)] \
        if opset == 23 else [
            helper.make_node("Mul", ["x", "x"], ["squares"]),
            helper.make_node("ReduceMean", ["squares", "axis"], ["mean"]),
            helper.make_node("Sqrt", ["mean"], ["root"]),
            helper.make_node("Div", ["x", "root"], ["normed"]),
            helper.make_node("Mul", ["normed", "w"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 640]) for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "norm", ends[:1], ends[1:], [
        numpy_helper.from_array(np.ones(640, np.float32), "w"),
        numpy_helper.from_array(np.array([-1]), "axis")]),
        opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.save(model, tmp_path / "norm.onnx")
    (tmp_path / "scratch").mkdir()
    meter = RangeMeter(tmp_path / "norm.onnx", tmp_path / "scratch")
    meter.take({"x": x})
    fixed = ir.load(tmp_path / "norm.onnx")
    InsertQdq(meter.ranges, 16)(fixed)
    ir.save(fixed, tmp_path / "fixed.onnx")
    found = open_session(tmp_path / "fixed.onnx", ProviderSettings(), threads=1).session.run(
        ["y"], {"x": x})[0][0, 1]
    wanted = x[0, 1] / np.sqrt((x[0, 1] ** 2).mean())
    assert least <= float(np.sqrt(((found - wanted) ** 2).mean())) < most


def _logits(decoder: Decoder, ids: list[int]) -> np.ndarray:
    """After a padded chunk, single steps, and a chunk with a past."""
    past, done, found = decoder.empty(), 0, []
    for size in (13, 1, 1, 1, 9):
        scores, = decoder.run(ids[done:done + size], past,
                              [Wanted(size - 1, np.arange(VOCABULARY))])
        found.append(scores.allowed)
        done += size
    return np.array(found)


def _initializers(path: Path) -> dict[str, np.ndarray]:
    return {item.name: numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer}


def _scales(model: onnx.ModelProto) -> dict[str, tuple[float, int]]:
    """Step and zero of every tensor behind a QuantizeLinear, by the name of the tensor."""
    values = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    return {node.input[0]: (float(values[node.input[1]]), int(values[node.input[2]]))
            for node in model.graph.node if node.op_type == "QuantizeLinear"}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
