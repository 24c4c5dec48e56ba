"""Nodes that run elsewhere than the target says are caught."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx
import pytest
from onnx import helper

from iotcall.bundle import Bundle, TargetInfo, open_bundle, write_bundle
from iotcall.bundle.layout import DECODER, DecoderLayout
from iotcall.bundle.manifest import MANIFEST
from iotcall.catalogue import load_catalogue
from iotcall.export.exporter import export_student
from iotcall.export.providers.environments import provider_python
from iotcall.export.target import load_target
from iotcall.hil.rows import Run
from iotcall.hil.variants import remade
from iotcall.shipped import shipped
from tests.hil.bench_run import bench, row
from tests.lamp import FOLDER

pytestmark = pytest.mark.slow

NPU, QNN = load_target("qnn-htp-v68")
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


@pytest.fixture(scope="module")
def npu(checkpoint_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained student for HTP v68, which this machine emulates."""
    out = tmp_path_factory.mktemp("npu") / "lamp"
    export_student(str(checkpoint_of("lfm2")), FOLDER, load_catalogue(FOLDER), NPU, QNN, out)
    return open_bundle(out)


def test_a_bundle_that_its_npu_takes_whole_passes_claims(npu: Bundle, tmp_path: Path) -> None:
    run = _on_the_npu(npu.folder, tmp_path)
    assert run.failed == ()
    assert row(run, "claims.options").verdict == "passed"
    assert [(each.labels["graph"], each.value) for each in run.rows
            if each.check == "claims.elsewhere"] == [("chunk.onnx", 0), ("step.onnx", 0)]


def test_a_single_node_that_moved_to_the_cpu_is_caught_by_claims(npu: Bundle, tmp_path: Path
                                                                 ) -> None:
    """HTP has no Shrink; with a threshold of 0 it changes no number."""
    def move(folder: Path) -> None:
        model = onnx.load(folder / "step.onnx", load_external_data=False)
        name = model.graph.output[0].name
        last = next(node for node in model.graph.node if name in node.output)
        last.output[list(last.output).index(name)] = "before_the_cpu"
        model.graph.node.append(helper.make_node("Shrink", ["before_the_cpu"], [name], "moved",
                                                 lambd=0.0))
        onnx.save(model, folder / "step.onnx")

    run = _on_the_npu(remade(npu, tmp_path / "moved", "moved", move), tmp_path)
    assert [(failed.check, failed.labels["graph"], failed.value) for failed in run.failed] == [
        ("claims.elsewhere", "step.onnx", 1)]
    assert "Shrink moved" in run.failed[0].told


def test_a_node_in_the_middle_that_moved_cuts_the_graph_which_is_caught_by_claims(
        npu: Bundle, tmp_path: Path) -> None:
    """Fixed point on both sides of it, so that nothing but the cut is wrong."""
    run = _on_the_npu(remade(npu, tmp_path / "cut", "cut", cut), tmp_path)
    failed = {failed.check: failed for failed in run.failed}
    assert set(failed) == {"claims.elsewhere", "claims.partitions"}
    assert failed["claims.partitions"].labels == {"graph": "step.onnx"}
    assert failed["claims.partitions"].value == 2
    assert "in 2 subgraphs on QNNExecutionProvider" in failed["claims.partitions"].told


def cut(folder: Path) -> None:
    """Let a Shrink stand behind a norm in the middle of a bundle's step."""
    model = onnx.load(folder / "step.onnx", load_external_data=False)
    norms = [node for node in model.graph.node if node.op_type == "RMSNormalization"]
    quantised, whole = _behind(model.graph, norms[len(norms) // 2])
    for node in model.graph.node:
        node.input[:] = ["joined" if name == whole.output[0] else name for name in node.input]
    place = list(model.graph.node).index(whole) + 1
    scale = list(quantised.input[1:])
    for node in (helper.make_node("DequantizeLinear", ["again", *scale], ["joined"], "cut.3"),
                 helper.make_node("QuantizeLinear", ["moved", *scale], ["again"], "cut.2"),
                 helper.make_node("Shrink", [whole.output[0]], ["moved"], "cut.1", lambd=0.0)):
        model.graph.node.insert(place, node)
    onnx.save(model, folder / "step.onnx")


def _behind(graph: onnx.GraphProto, node: onnx.NodeProto
            ) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    """The nodes that quantise its result and make it whole again."""
    by_input = {name: each for each in graph.node for name in each.input}
    quantised = by_input[node.output[0]]
    return quantised, by_input[quantised.output[0]]


def test_a_wrong_soc_model_is_caught_by_claims_though_every_node_is_taken(
        npu: Bundle, tmp_path: Path) -> None:
    def mistake(folder: Path) -> None:
        path = folder / DECODER
        layout = msgspec.json.decode(path.read_bytes(), type=DecoderLayout)
        provider = msgspec.structs.replace(layout.provider, options={
            **layout.provider.options, "soc_model": "QCS6490"})
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(layout, provider=provider)))

    run = _on_the_npu(remade(npu, tmp_path / "mistaken", "mistaken", mistake), tmp_path)
    assert [failed.check for failed in run.failed] == ["claims.options"]
    assert "soc_model = QCS6490, not 93" in run.failed[0].told


def _on_the_npu(bundle: Path, folder: Path) -> Run:
    return bench(folder, "[claims]", bundle=bundle, board=f'target = "{NPU}"',
                 python=provider_python(QNN.provider))
