"""Graphs compiled ahead by onnxruntime-qnn in its emulation on x86."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from iotcall.errors import ExportError
from iotcall.export.providers.context import build_contexts
from iotcall.export.providers.tiny_graphs import INPUTS, write_graphs
from iotcall.export.target import load_target
from tests.export.providers import provided


def _pair(folder: Path) -> tuple[list[Path], list[Path]]:
    """A chunk of 8 rows and a single row of the same weights, fixed point, and their inputs."""
    folder.mkdir(parents=True)
    graphs, inputs = [], []
    for rows in (8, 1):
        graphs.append(write_graphs(folder, rows=rows)["a16w8"])
        inputs.append((folder / INPUTS).rename(folder / f"inputs-{rows}.npz"))
    return graphs, inputs


def _hashes(files: tuple[Path, ...]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


@pytest.mark.parametrize("name", provided("qnn-htp-v68", "qnn-htp-v73"))
def test_compiled_graphs_compute_what_their_sources_do(name: str, tmp_path: Path) -> None:
    graphs, inputs = _pair(tmp_path / "graphs")
    found = build_contexts(graphs, tmp_path / "out", load_target(name)[1], share=False,
                           inputs=inputs)
    assert [path.name for path in found.graphs] == ["a16w8-8_ctx.onnx", "a16w8-1_ctx.onnx"]
    assert len(found.binaries) == 2
    assert len(found.differences) == 2
    assert max(found.differences) < 0.01


@pytest.mark.parametrize("name", provided("qnn-htp-v68", "qnn-htp-v73"))
def test_shared_weights_are_one_smaller_binary_and_the_same_bytes_wherever(
        name: str, tmp_path: Path) -> None:
    target = load_target(name)[1]
    first, _ = _pair(tmp_path / "graphs")
    second, _ = _pair(tmp_path / "elsewhere" / "graphs")
    shared = build_contexts(first, tmp_path / "shared", target)
    again = build_contexts(second, tmp_path / "again", target)
    apart = build_contexts(first, tmp_path / "apart", target, share=False)
    assert len(shared.binaries) == 1
    assert shared.bytes < apart.bytes
    assert _hashes(shared.graphs + shared.binaries) == _hashes(again.graphs + again.binaries)


@pytest.mark.parametrize("name", provided("qnn-htp-v68"))
def test_a_graph_that_the_chip_does_not_take_whole_is_refused(name: str, tmp_path: Path) -> None:
    plain = write_graphs(tmp_path)["fp32"]
    with pytest.raises(ExportError, match=r"does not take all of it.*on the CPU: .*MatMul"):
        build_contexts([plain], tmp_path / "out", load_target(name)[1])
    assert not (tmp_path / "out").exists()


def test_a_provider_that_does_not_compile_is_refused(tmp_path: Path) -> None:
    graph = write_graphs(tmp_path)["fp32"]
    with pytest.raises(ExportError, match=r"does not know ep\.context_enable"):
        build_contexts([graph], tmp_path / "out", load_target("cpu-fp32")[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a16w8-8.onnx", "fp32-8.onnx", INPUTS]


def test_what_cannot_be_compiled_is_said_before_anything_is_run(tmp_path: Path) -> None:
    target = load_target("qnn-htp-v73")[1]
    with pytest.raises(ExportError, match="expected graphs of one folder"):
        build_contexts([tmp_path / "a.onnx", tmp_path / "b" / "b.onnx"], tmp_path / "out", target)
    with pytest.raises(ExportError, match="is no file"):
        build_contexts([tmp_path / "a.onnx"], tmp_path / "out", target)
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ExportError, match="new or empty folder"):
        build_contexts([tmp_path / "a.onnx"], tmp_path, target)
    with pytest.raises(ExportError, match="cannot be loaded on this machine"):
        build_contexts([tmp_path / "a.onnx"], tmp_path / "out", target,
                       inputs=[tmp_path / "x.npz"])
