"""Traced decoders against torch, on tiny random checkpoints. Leaves out: quantisation."""

from __future__ import annotations

import json
import logging
import math
import shutil
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    Lfm2Config,
    LlamaConfig,
    PretrainedConfig,
    Qwen3Config,
)

from iotcall.errors import ExportError
from iotcall.export.graph import DecoderGraph, compare_with_torch, export_decoder
from iotcall.export.onnx_file import write_model

SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 80,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
CONFIGS: dict[str, PretrainedConfig] = {
    "qwen3": Qwen3Config(**SIZES, num_hidden_layers=2, head_dim=24),
    "gemma3_text": Gemma3TextConfig(
        **SIZES,
        num_hidden_layers=3,
        head_dim=24,
        sliding_window=6,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
    ),
    "lfm2": Lfm2Config(
        **SIZES, num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"]
    ),
    "llama": LlamaConfig(**SIZES, num_hidden_layers=2),
}
PROVEN = ["qwen3", "gemma3_text", "lfm2"]
IDS = [7 * n % 96 for n in range(25)]
PREFILL_STEPS_CHUNKS = [12, 1, 1, 1, 1, 1, 5, 3]


def save_checkpoint(config: PretrainedConfig, directory: Path) -> Path:
    """A model with weights as uneven as trained ones: norms and biases are not constant."""
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(directory)
    return directory


def edit_config(checkpoint: Path, **changes: Any) -> Path:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return checkpoint


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, DecoderGraph]]:
    """Checkpoint and graph of every architecture."""
    root = tmp_path_factory.mktemp("exports")
    found = {}
    for name, config in CONFIGS.items():
        checkpoint = save_checkpoint(config, root / "checkpoints" / name)
        found[name] = (checkpoint, export_decoder(checkpoint, root / "graphs" / name))
    return found


@pytest.fixture
def qwen3(exports: dict[str, tuple[Path, DecoderGraph]], tmp_path: Path) -> Path:
    """A checkpoint of its own, to be spoilt."""
    return Path(shutil.copytree(exports["qwen3"][0], tmp_path / "qwen3"))


@pytest.mark.parametrize("architecture", [*PROVEN, "llama"])
@pytest.mark.parametrize("chunks", [PREFILL_STEPS_CHUNKS, [25], [1] * 25, [2, 9, 14]], ids=str)
def test_graph_gives_the_logits_of_torch_however_the_tokens_are_chunked(
    exports: dict[str, tuple[Path, DecoderGraph]], architecture: str, chunks: list[int]
) -> None:
    checkpoint, graph = exports[architecture]
    assert compare_with_torch(graph, checkpoint, IDS, chunks) < 1e-4


def test_gemma3_graph_keeps_its_sliding_window_in_chunks_with_a_past(
    exports: dict[str, tuple[Path, DecoderGraph]], tmp_path: Path
) -> None:
    checkpoint, graph = exports["gemma3_text"]
    copy = shutil.copytree(checkpoint, tmp_path / "wide")
    wide = edit_config(Path(copy), sliding_window=512)
    assert compare_with_torch(graph, checkpoint, IDS, PREFILL_STEPS_CHUNKS) < 1e-4
    assert compare_with_torch(graph, wide, IDS, PREFILL_STEPS_CHUNKS) > 1e-2


def test_lfm2_graph_has_flat_states_per_layer_kind(
    exports: dict[str, tuple[Path, DecoderGraph]],
) -> None:
    graph = exports["lfm2"][1]
    past = ("batch_size", 2, "past_sequence_length", 16)
    total = "past_sequence_length + sequence_length"
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in graph.inputs] == [
        ("input_ids", "int64", ("batch_size", "sequence_length")),
        ("attention_mask", "int64", ("batch_size", total)),
        ("position_ids", "int64", ("batch_size", "sequence_length")),
        ("past_key_values.0.conv", "float32", ("batch_size", 64, 2)),
        ("past_key_values.1.key", "float32", past),
        ("past_key_values.1.value", "float32", past),
        ("past_key_values.2.conv", "float32", ("batch_size", 64, 2)),
    ]
    present = ("batch_size", 2, total, 16)
    assert [(tensor.name, tensor.shape) for tensor in graph.outputs] == [
        ("logits", ("batch_size", "sequence_length", 96)),
        ("present.0.conv", ("batch_size", 64, 2)),
        ("present.1.key", present),
        ("present.1.value", present),
        ("present.2.conv", ("batch_size", 64, 2)),
    ]
    assert graph.layer_kinds == ("conv", "full_attention", "conv")


@pytest.mark.parametrize(
    ("architecture", "layers", "positions"), [("qwen3", 2, True), ("gemma3_text", 3, False)]
)
def test_grouped_query_past_has_the_key_value_heads(
    exports: dict[str, tuple[Path, DecoderGraph]], architecture: str, layers: int, positions: bool
) -> None:
    graph = exports[architecture][1]
    past = [tensor for tensor in graph.inputs if tensor.name.startswith("past_key_values")]
    assert len(past) == 2 * layers
    assert {tensor.shape for tensor in past} == {("batch_size", 2, "past_sequence_length", 24)}
    assert ("position_ids" in {tensor.name for tensor in graph.inputs}) is positions
    assert (graph.architecture, graph.vocab_size, graph.opset) == (architecture, 96, 18)


def test_lfm2_takes_the_published_config_keys_and_a_convolution_bias(tmp_path: Path) -> None:
    config = Lfm2Config(
        **SIZES, num_hidden_layers=3, full_attn_idxs=[2], conv_bias=True, conv_L_cache=4
    )
    checkpoint = save_checkpoint(config, tmp_path / "checkpoint")
    graph = export_decoder(checkpoint, tmp_path / "graph")
    assert graph.layer_kinds == ("conv", "conv", "full_attention")
    assert graph.inputs[3].shape == ("batch_size", 64, 3)
    assert compare_with_torch(graph, checkpoint, IDS, PREFILL_STEPS_CHUNKS) < 1e-4


@pytest.mark.parametrize("architecture", PROVEN)
def test_exporting_twice_gives_the_same_bytes_and_no_trace_of_the_machine(
    exports: dict[str, tuple[Path, DecoderGraph]], architecture: str, tmp_path: Path
) -> None:
    checkpoint, graph = exports[architecture]
    elsewhere = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    again = export_decoder(elsewhere, tmp_path / "deeper" / "again")
    assert again.path.read_bytes() == graph.path.read_bytes()
    assert [path.name for path in again.path.parent.iterdir()] == ["model.onnx"]
    model = onnx.load(graph.path)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")
    assert not model.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)
    assert str(Path.cwd()).encode() not in graph.path.read_bytes()


def test_export_is_quiet_and_leaves_the_logging_alone(
    qwen3: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (list(logging.root.handlers), logging.root.level, logging.root.manager.disable)
    graph = export_decoder(qwen3, tmp_path / "graph")
    compare_with_torch(graph, qwen3, IDS, [25])
    assert capfd.readouterr() == ("", "")
    after = (list(logging.root.handlers), logging.root.level, logging.root.manager.disable)
    assert after == before


def test_export_opens_no_connection(
    qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the export reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    export_decoder(qwen3, tmp_path / "graph")


def test_stock_architecture_carries_a_note_and_a_proven_one_does_not(
    exports: dict[str, tuple[Path, DecoderGraph]],
) -> None:
    assert "llama goes through Optimum's stock configuration" in exports["llama"][1].notes[0]
    assert [exports[name][1].notes for name in PROVEN] == [(), (), ()]


def test_unsupported_architecture_is_named_with_those_that_work(
    qwen3: Path, tmp_path: Path
) -> None:
    edit_config(qwen3, model_type="mamba")
    with pytest.raises(ExportError, match=r"'mamba' cannot .* gemma3_text, lfm2, qwen3; .*llama"):
        export_decoder(qwen3, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_lfm2_without_attention_is_refused(tmp_path: Path) -> None:
    config = Lfm2Config(**SIZES, num_hidden_layers=2, layer_types=["conv", "full_attention"])
    checkpoint = save_checkpoint(config, tmp_path / "checkpoint")
    weights = load_file(checkpoint / "model.safetensors")
    edit_config(checkpoint, num_hidden_layers=1, layer_types=["conv"])
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    with pytest.raises(ExportError, match="needs an attention layer"):
        export_decoder(checkpoint, tmp_path / "graph")


def test_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"holds no config\.json"):
        export_decoder(tmp_path, tmp_path / "graph")


@pytest.mark.parametrize("text", ["{}", "[]", "{"])
def test_config_without_an_architecture_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ExportError, match="names no architecture"):
        export_decoder(tmp_path, tmp_path / "graph")


def test_checkpoint_without_weights_is_refused(qwen3: Path, tmp_path: Path) -> None:
    (qwen3 / "model.safetensors").unlink()
    with pytest.raises(ExportError, match="cannot be loaded"):
        export_decoder(qwen3, tmp_path / "graph")


def test_missing_weight_is_named_instead_of_filled_with_random_numbers(
    qwen3: Path, tmp_path: Path
) -> None:
    weights = load_file(qwen3 / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, qwen3 / "model.safetensors", {"format": "pt"})
    with pytest.raises(ExportError, match=r"lacks 1 weights .*layers\.1\.mlp\.up_proj\.weight"):
        export_decoder(qwen3, tmp_path / "graph")


def test_weight_of_another_shape_is_named(qwen3: Path, tmp_path: Path) -> None:
    edit_config(qwen3, vocab_size=80)
    with pytest.raises(ExportError, match=r"embed_tokens\.weight"):
        export_decoder(qwen3, tmp_path / "graph")


def test_unused_weights_are_noted(qwen3: Path, tmp_path: Path) -> None:
    weights = load_file(qwen3 / "model.safetensors")
    weights["model.adapter.weight"] = torch.ones(3)
    save_file(weights, qwen3 / "model.safetensors", {"format": "pt"})
    graph = export_decoder(qwen3, tmp_path / "graph")
    assert graph.notes == ("1 weights are not used, e.g. model.adapter.weight.",)


def test_impossible_opset_is_reported_with_the_tested_one(qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"opset 99 failed.*opset 18 is the one that is tested"):
        export_decoder(qwen3, tmp_path / "graph", opset=99)


def test_large_weights_go_to_a_file_beside_the_graph(
    exports: dict[str, tuple[Path, DecoderGraph]], tmp_path: Path
) -> None:
    checkpoint, graph = exports["qwen3"]
    path = tmp_path / "model.onnx"
    sizes = [write_model(onnx.load(graph.path), path, single_file_bytes=1000) for _ in range(2)]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert sizes[0] == sizes[1] == sum(item.stat().st_size for item in tmp_path.iterdir())
    moved = msgspec.structs.replace(graph, path=path)
    assert compare_with_torch(moved, checkpoint, IDS, PREFILL_STEPS_CHUNKS) < 1e-4


def test_graph_that_returns_the_last_logits_only_is_compared_at_those(
    exports: dict[str, tuple[Path, DecoderGraph]], tmp_path: Path
) -> None:
    checkpoint, graph = exports["qwen3"]
    model = onnx.load(graph.path)
    for node in model.graph.node:
        node.output[:] = ["all" if name == "logits" else name for name in node.output]
    last = onnx.numpy_helper.from_array(np.array([-1]), "last")
    model.graph.initializer.append(last)
    model.graph.node.append(onnx.helper.make_node("Gather", ["all", "last"], ["logits"], axis=1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(model, tmp_path / "model.onnx")
    sliced = msgspec.structs.replace(graph, path=tmp_path / "model.onnx")
    assert compare_with_torch(sliced, checkpoint, IDS, PREFILL_STEPS_CHUNKS) < 1e-4


def test_graph_that_yields_nan_does_not_pass_as_equal(
    exports: dict[str, tuple[Path, DecoderGraph]], qwen3: Path, tmp_path: Path
) -> None:
    weights = load_file(qwen3 / "model.safetensors")
    weights["model.norm.weight"][0] = math.nan
    save_file(weights, qwen3 / "model.safetensors", {"format": "pt"})
    broken = export_decoder(qwen3, tmp_path / "graph")
    assert math.isnan(compare_with_torch(broken, exports["qwen3"][0], IDS, PREFILL_STEPS_CHUNKS))


@pytest.mark.parametrize("chunks", [[24], [26], [25, 0], []], ids=str)
def test_chunks_must_cover_the_ids(
    exports: dict[str, tuple[Path, DecoderGraph]], chunks: list[int]
) -> None:
    checkpoint, graph = exports["qwen3"]
    with pytest.raises(ExportError, match="of 25 ids"):
        compare_with_torch(graph, checkpoint, IDS, chunks)


def test_ids_must_be_in_the_vocabulary(exports: dict[str, tuple[Path, DecoderGraph]]) -> None:
    checkpoint, graph = exports["qwen3"]
    with pytest.raises(ExportError, match=r"0\.\.95"):
        compare_with_torch(graph, checkpoint, [3, 96], [2])
