"""Architectures that go through Optimum's stock configuration, beside torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    PhiConfig,
    PretrainedConfig,
    Qwen2Config,
)

from iotcall.errors import ExportError
from iotcall.export.graphs.build import GraphPlan
from iotcall.export.graphs.passes.stock import OwnPlaces
from iotcall.export.graphs.stock import StockGraph, trace_stock
from iotcall.export.graphs.weights import EMBEDDING, HEAD
from iotcall.export.target import Weights as Recipe
from tests.export.tiny import (
    PASSES,
    SIZES,
    VOCABULARY,
    difference,
    edit_config,
    open_weights,
    read_config,
    save_checkpoint,
    torch_logits,
    write_decoder,
)

CONFIGS: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**SIZES),  # an untied head
    "qwen2": Qwen2Config(**SIZES, tie_word_embeddings=True, use_sliding_window=True,
                         sliding_window=6, layer_types=["full_attention", "sliding_attention"]),
    "phi": PhiConfig(**SIZES | {"num_key_value_heads": 4}),  # a head with a bias
    "gpt_neox": GPTNeoXConfig(vocab_size=VOCABULARY, hidden_size=64, intermediate_size=80,
                              num_attention_heads=4, num_hidden_layers=2),  # names of its own
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=64, n_layer=2, n_head=4,
                       n_positions=64),  # a table of positions, layers that are not Linear
}
GROWING = GraphPlan(layout="growing")
Traced = Callable[[str], tuple[Path, StockGraph]]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """Checkpoint and graph of an architecture."""
    made: dict[str, tuple[Path, StockGraph]] = {}
    root = tmp_path_factory.mktemp("stock")

    def trace(name: str) -> tuple[Path, StockGraph]:
        if name not in made:
            checkpoint = save_checkpoint(CONFIGS[name], root / name)
            made[name] = checkpoint, trace_stock(checkpoint, read_config(checkpoint))
        return made[name]

    return trace


@pytest.fixture
def llama(traced: Traced, tmp_path: Path) -> Path:
    """A checkpoint of its own, to be spoilt."""
    return Path(shutil.copytree(traced("llama")[0], tmp_path / "llama"))


@pytest.mark.parametrize("name", list(CONFIGS))
def test_logits_are_torchs_however_the_tokens_are_cut(
        traced: Traced, tmp_path: Path, name: str) -> None:
    checkpoint, stock = traced(name)
    decoder = write_decoder(stock.skeleton, checkpoint, GROWING, tmp_path)
    expected = torch_logits(checkpoint)
    assert max(difference(decoder, expected, passes) for passes in PASSES) < 1e-4


@pytest.mark.parametrize(("name", "bits"), [("llama", 8), ("qwen2", 4), ("phi", 4)])
def test_packed_logits_are_those_of_torch_with_the_unpacked_weights(
        traced: Traced, tmp_path: Path, name: str, bits: Literal[4, 8]) -> None:
    """Close to the fp32 ones means little with random weights; these must be the same."""
    checkpoint, stock = traced(name)
    recipe = Recipe(bits=bits)
    decoder = write_decoder(stock.skeleton, checkpoint, GraphPlan(layout="growing", recipe=recipe),
                            tmp_path)
    expected = torch_logits(checkpoint, recipe)
    assert difference(decoder, expected, PASSES[0]) < 1e-4
    plain = np.abs(expected - torch_logits(checkpoint)).max()
    assert 1e-3 < plain < (0.3 if bits == 8 else 3)


def test_int8_activations_stay_close(traced: Traced, tmp_path: Path) -> None:
    """The logits reach to 3; activations of 8 bits add as much error as weights of 8 bits."""
    checkpoint, stock = traced("llama")
    recipe = Recipe(bits=8, accuracy_level=4)
    decoder = write_decoder(stock.skeleton, checkpoint, GraphPlan(layout="growing", recipe=recipe),
                            tmp_path)
    assert difference(decoder, torch_logits(checkpoint), PASSES[0]) < 0.3


def test_graph_takes_tokens_and_states_only_for_one_sequence(traced: Traced) -> None:
    graph = traced("llama")[1].skeleton.model.graph
    past = "[1,2,past_sequence_length,16]"
    assert {value.name: str(value.shape) for value in graph.inputs} == {
        "input_ids": "[1,sequence_length]",
        **{f"past_key_values.{layer}.{part}": past for layer in range(2)
           for part in ("key", "value")}}
    assert {str(value.shape) for value in graph.outputs} == {
        "[1,sequence_length,96]", "[1,2,past_sequence_length + sequence_length,16]"}


def test_places_are_computed_once(traced: Traced) -> None:
    model = traced("llama")[1].skeleton.model.clone()
    before = len(list(model.graph))
    assert not OwnPlaces()(model).modified
    assert len(list(model.graph)) == before


@pytest.mark.parametrize(("name", "tied", "aliases"), [
    ("llama", False, {}),
    ("qwen2", True, {HEAD: EMBEDDING}),
    ("gpt_neox", False, {EMBEDDING: "gpt_neox.embed_in.weight", HEAD: "embed_out.weight"}),
    ("gpt2", True, {EMBEDDING: "transformer.wte.weight", HEAD: "transformer.wte.weight"}),
])
def test_head_and_embedding_have_one_name_in_every_architecture(
        traced: Traced, name: str, tied: bool, aliases: dict[str, str]) -> None:
    checkpoint, stock = traced(name)
    assert (stock.skeleton.tied, stock.skeleton.aliases) == (tied, aliases)
    with open_weights(stock.skeleton, checkpoint) as weights:
        assert weights.check(stock.skeleton.weights, checkpoint) == ()
        assert weights.same(HEAD, EMBEDDING) is tied
        assert weights.shape(HEAD) == weights.shape(EMBEDDING) == (VOCABULARY, 64)


def test_untied_head_of_equal_values_is_shipped_once(
        traced: Traced, llama: Path, tmp_path: Path) -> None:
    path = llama / "model.safetensors"
    weights = load_file(path)
    save_file(weights | {HEAD: weights[EMBEDDING].clone()}, path, {"format": "pt"})
    stock = trace_stock(llama, read_config(llama))
    assert stock.skeleton.tied
    decoder = write_decoder(stock.skeleton, llama, GROWING, tmp_path / "once")
    assert difference(decoder, torch_logits(llama), PASSES[0]) < 1e-4
    checkpoint, twice = traced("llama")
    write_decoder(twice.skeleton, checkpoint, GROWING, tmp_path / "twice")
    sizes = [(tmp_path / name / "model.onnx.data").stat().st_size for name in ("twice", "once")]
    assert sizes[0] - sizes[1] == 4 * VOCABULARY * 64


@pytest.mark.parametrize(("name", "left"), [("llama", {}), ("gpt2", {"Gemm": 8, "Gather": 1})])
def test_products_with_weights_become_markers_and_the_rest_is_noted(
        traced: Traced, name: str, left: dict[str, int]) -> None:
    stock = traced(name)[1]
    kinds = [node.op_type for node in stock.skeleton.model.graph if node.domain == "iotcall"]
    assert (kinds.count("Linear"), kinds.count("Embedding")) == (1 if left else 15, 1)
    misses, *more = stock.notes
    assert misses.startswith(f"{name} goes through Optimum's stock configuration: without fused")
    assert "growing layout only" in misses
    assert [note.split()[0] for note in more] == ([str(sum(left.values()))] if left else [])
    assert all("/transformer/wpe/Gather" in note for note in more)


def test_the_same_weights_elsewhere_give_the_same_bytes_quietly(
        traced: Traced, llama: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A weight that nothing reads is noted and changes nothing."""
    checkpoint, stock = traced("llama")
    path, config = llama / "model.safetensors", read_config(llama)
    save_file(load_file(path) | {"model.adapter.weight": torch.ones(3)}, path, {"format": "pt"})
    capfd.readouterr()
    again = trace_stock(llama, config)
    assert capfd.readouterr() == ("", "")
    with open_weights(again.skeleton, llama) as weights:
        assert weights.check(again.skeleton.weights, llama) == (
            "1 weights are not used, e.g. model.adapter.weight.",)
    for folder, own, skeleton in (("one", checkpoint, stock.skeleton),
                                  ("two", llama, again.skeleton)):
        write_decoder(skeleton, own, GROWING, tmp_path / folder)
    for name in ("model.onnx", "model.onnx.data"):
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two
        assert str(tmp_path).encode() not in one
    model = onnx.load(tmp_path / "one" / "model.onnx", load_external_data=False)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


@pytest.mark.parametrize("layout", ["shared", "static"])
def test_layouts_that_need_fused_attention_are_refused(
        traced: Traced, tmp_path: Path, layout: str) -> None:
    checkpoint, stock = traced("llama")
    with pytest.raises(ExportError, match=f"llama has no fused attention.*found {layout}"):
        write_decoder(stock.skeleton, checkpoint, GraphPlan(layout=layout, capacity=64), tmp_path)


@pytest.mark.parametrize("config", [MambaConfig(), PretrainedConfig()], ids=["mamba", "unnamed"])
def test_architecture_that_optimum_does_not_know_is_refused_with_those_that_work(
        tmp_path: Path, config: Any) -> None:
    with pytest.raises(ExportError, match=rf"'{config.model_type}' cannot be .*"
                                          r"gemma3_text, lfm2, qwen3; .*llama.*qwen2"):
        trace_stock(tmp_path, config)


def test_missing_weight_is_named_instead_of_filled_with_random_numbers(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, llama / "model.safetensors", {"format": "pt"})
    with pytest.raises(ExportError, match=r"lacks 1 weights .*layers\.1\.mlp\.up_proj\.weight"):
        trace_stock(llama, read_config(llama))


def test_weight_of_another_shape_is_named(llama: Path) -> None:
    with pytest.raises(ExportError, match=r"lacks 2 weights .*lm_head\.weight"):
        trace_stock(llama, read_config(edit_config(llama, vocab_size=80)))


def test_checkpoint_without_weights_is_refused(llama: Path) -> None:
    (llama / "model.safetensors").unlink()
    with pytest.raises(ExportError, match=r"holds no \*\.safetensors"):
        trace_stock(llama, read_config(llama))


def test_impossible_opset_is_reported_with_the_tested_one(llama: Path) -> None:
    with pytest.raises(ExportError, match=r"opset 99 failed.*opset 18 is the one that is tested"):
        trace_stock(llama, read_config(llama), opset=99)
