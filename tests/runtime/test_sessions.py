"""Sessions on the provider that was asked for. The providers of others: tests/export/test_probe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import BundleError
from iotcall.export.providers.tiny_graphs import INPUTS, write_graphs
from iotcall.runtime.probe_session import Opening, Request, answer
from iotcall.runtime.sessions import (
    CPU,
    AbsentError,
    FellBackError,
    Part,
    Placement,
    open_session,
)

TAKES_NOTHING = "AzureExecutionProvider"
"""In every wheel of onnxruntime, for remote calls only: it takes no node of a plain graph."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graphs(tmp_path_factory.mktemp("graphs"))["fp32"]


def test_the_cpu_provider_runs_every_node(graph: Path) -> None:
    opened = open_session(graph, ProviderSettings(), threads=1)
    assert opened.placement is not None
    assert opened.placement.nodes(CPU) == len(opened.placement.on_cpu) > 0
    assert ("Softmax", "softmax") in opened.placement.on_cpu
    assert str(opened.placement) == "6 nodes on CPUExecutionProvider"
    (y,) = opened.session.run(None, {"x": np.zeros((1, 8, 16), np.float32)})
    assert y.sum() == pytest.approx(8)


def test_a_placement_counts_by_provider() -> None:
    placement = Placement((Part(CPU, 2, 2), Part("QNNExecutionProvider", 1, 18)),
                          (("QuantizeLinear", "a"), ("DequantizeLinear", "b")))
    assert placement.nodes("QNNExecutionProvider") == 18
    assert placement.subgraphs("QNNExecutionProvider") == 1
    assert placement.nodes("OpenVINOExecutionProvider") == 0
    assert str(placement) == ("18 nodes in 1 subgraph on QNNExecutionProvider, "
                              "2 nodes on CPUExecutionProvider")


def test_an_onnxruntime_that_cannot_tell_gives_no_placement(
        graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("onnxruntime.capi.onnxruntime_inference_collection.Session."
                        "get_provider_graph_assignment_info")
    assert open_session(graph, ProviderSettings(), threads=1).placement is None


def test_session_entries_and_threads_reach_the_session(graph: Path) -> None:
    settings = ProviderSettings(session={"session.set_denormal_as_zero": "1"})
    options = open_session(graph, settings, threads=2).session.get_session_options()
    assert options.get_session_config_entry("session.set_denormal_as_zero") == "1"
    assert options.intra_op_num_threads == 2


def test_a_missing_provider_names_what_is_there_and_what_to_install(graph: Path) -> None:
    settings = ProviderSettings(name="OpenVINOExecutionProvider",
                                packages=("onnxruntime-openvino==1.24.1",))
    with pytest.raises(AbsentError, match=r"OpenVINOExecutionProvider.*CPUExecutionProvider.*"
                                          r"pip install onnxruntime-openvino==1\.24\.1"):
        open_session(graph, settings, threads=1)


def test_a_missing_plugin_names_its_module_and_package(graph: Path) -> None:
    settings = ProviderSettings(name="OtherExecutionProvider", plugin="no_such_plugin",
                                packages=("other==1",))
    with pytest.raises(AbsentError, match=r"no_such_plugin.*pip install other==1"):
        open_session(graph, settings, threads=1)


def test_a_plugin_whose_library_does_not_load_is_absent(
        graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_plugin.py").write_text("def get_library_path(): return '/nowhere/it.so'\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = ProviderSettings(name="OtherExecutionProvider", plugin="broken_plugin")
    with pytest.raises(AbsentError, match=r"its library cannot be loaded.*/nowhere/it\.so"):
        open_session(graph, settings, threads=1)


def test_an_onnxruntime_without_plugins_says_so(
        graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(onnxruntime, "register_execution_provider_library")
    with pytest.raises(AbsentError, match="takes no plugin providers"):
        open_session(graph, ProviderSettings(name="QNNExecutionProvider", plugin="any"), threads=1)


@pytest.mark.skipif(TAKES_NOTHING not in onnxruntime.get_available_providers(),
                    reason="this onnxruntime has no such provider")
def test_a_provider_that_takes_no_node_is_no_success(graph: Path) -> None:
    with pytest.raises(FellBackError, match="took none of its 6 nodes") as caught:
        open_session(graph, ProviderSettings(name=TAKES_NOTHING), threads=1)
    assert caught.value.placement is not None
    assert caught.value.placement.nodes(CPU) == 6


@pytest.mark.parametrize("options", [
    {"backend_type": "saver"}, {"backend_path": "/usr/lib/libQnnSaver.so"},
    {"backend_path": "QnnSaver.dll"}, {"backend_type": "ir"},
], ids=lambda options: next(iter(options.values())))
def test_qnn_backends_that_compute_nothing_are_refused(graph: Path,
                                                       options: dict[str, str]) -> None:
    settings = ProviderSettings(name="QNNExecutionProvider", plugin="onnxruntime_qnn",
                                options=options)
    with pytest.raises(BundleError, match=r"garbage.*htp"):
        open_session(graph, settings, threads=1)


def test_a_file_that_is_no_graph_is_a_broken_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x00 no protobuf")
    with pytest.raises(BundleError, match=r"model\.onnx: onnxruntime cannot load it"):
        open_session(tmp_path / "model.onnx", ProviderSettings(), threads=1)


def test_openings_end_at_the_first_that_does_not_open(graph: Path) -> None:
    good = Opening(model=str(graph), provider=ProviderSettings())
    bad = Opening(model="no-such.onnx", provider=ProviderSettings())
    found = answer(Request(openings=(good, bad, good)))
    assert [opened.outcome for opened in found.opened] == ["opened", "failed"]
    assert found.versions["onnxruntime"] == onnxruntime.__version__


def test_the_difference_to_another_graph_is_the_largest_one(tmp_path: Path) -> None:
    graphs = write_graphs(tmp_path)
    opening = Opening(model=str(graphs["a16w8"]), provider=ProviderSettings(),
                      inputs=str(tmp_path / INPUTS), reference=str(graphs["fp32"]))
    (found,) = answer(Request(openings=(opening,))).opened
    assert found.difference is not None
    assert 0 < found.difference < 0.1  # what 8-bit weights cost


def test_a_run_that_fails_is_told(graph: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "wrong.npz", x=np.zeros((1, 3, 16), np.float32))
    opening = Opening(model=str(graph), provider=ProviderSettings(),
                      inputs=str(tmp_path / "wrong.npz"))
    (found,) = answer(Request(openings=(opening,))).opened
    assert found.outcome == "failed"
    assert "the run failed" in found.detail
