"""Tiny random checkpoints, their graphs, and the decoders that run them, beside torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Gemma3TextConfig,
    Lfm2Config,
    PretrainedConfig,
    Qwen3Config,
)

from iotcall.bundle.layout import DecoderLayout, ProviderSettings, RotaryLayout
from iotcall.export.graphs.build import GraphPlan, build_graph, write_graph
from iotcall.export.graphs.passes.blocks import pack_blocks
from iotcall.export.graphs.trace import Skeleton
from iotcall.export.graphs.weights import Weights
from iotcall.export.surroundings import quiet
from iotcall.export.target import Weights as Recipe
from iotcall.runtime.decoders import Decoder, Wanted, open_decoder

VOCABULARY = 96
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 80,  # no multiple of 32: the last block of a row is padded
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
}
FAMILY_CONFIGS: dict[str, PretrainedConfig] = {
    "qwen3": Qwen3Config(**SIZES, head_dim=32, tie_word_embeddings=True),
    "gemma3_text": Gemma3TextConfig(
        **SIZES | {"num_hidden_layers": 3}, head_dim=32, sliding_window=6,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"]),
    "lfm2": Lfm2Config(**SIZES | {"num_hidden_layers": 3}, conv_bias=True, conv_L_cache=4,
                       layer_types=["conv", "full_attention", "conv"]),
}
IDS = [7 * n % VOCABULARY for n in range(25)]
PASSES = ([12, 1, 1, 1, 1, 1, 5, 3], [25], [1] * 9, [2, 9, 14])
"""Tokens per pass: a prefill, single steps and chunks with a past; and other ways to cut."""
CAPACITY, CHUNK = 64, 8


def save_checkpoint(config: PretrainedConfig, folder: Path) -> Path:
    """A model with weights as uneven as trained ones: norms and biases are not constant."""
    torch.manual_seed(5)
    with quiet():
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        model.save_pretrained(folder)
    return folder


def edit_config(checkpoint: Path, **changes: Any) -> Path:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return checkpoint


def read_config(checkpoint: Path) -> Any:
    return AutoConfig.from_pretrained(checkpoint)


def torch_logits(checkpoint: Path, recipe: Recipe | None = None) -> NDArray[np.float32]:
    """(25, 96): of `IDS` in one pass; with a recipe, every packed matrix as it is unpacked."""
    with quiet(), torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
        if recipe:
            done = set()
            for module in model.modules():
                matrix = getattr(module, "weight", None)
                if isinstance(module, torch.nn.Linear | torch.nn.Embedding) \
                        and id(matrix) not in done:
                    done.add(id(matrix))
                    matrix.copy_(torch.from_numpy(unpack_blocks(
                        *pack_blocks(matrix.numpy(), recipe.bits, recipe.block_size),
                        recipe.bits, matrix.shape[1])))
        found: NDArray[np.float32] = model(input_ids=torch.tensor([IDS])).logits[0].numpy()
        return found


def unpack_blocks(packed: NDArray[np.uint8], scales: NDArray[np.float16], bits: int,
                  inner: int) -> NDArray[np.float32]:
    """Rows (N, K) of packed blocks (N, blocks, bytes)."""
    numbers = packed.astype(np.float32)  # (N, blocks, block size)
    if bits == 4:
        numbers = np.stack([packed & 15, packed >> 4], axis=-1).reshape(
            *scales.shape, -1).astype(np.float32)
    values = (numbers - (1 << (bits - 1))) * scales.astype(np.float32)[..., None]
    return values.reshape(len(packed), -1)[:, :inner]


def open_weights(skeleton: Skeleton, checkpoint: Path) -> Weights:
    weights = Weights(checkpoint)
    for name, of in skeleton.aliases.items():
        weights.alias(name, of)
    return weights


def write_decoder(skeleton: Skeleton, checkpoint: Path, plan: GraphPlan, folder: Path, *,
                  chunk: int = CHUNK) -> Decoder:
    """The plan's graphs in a folder, opened."""
    folder.mkdir(parents=True, exist_ok=True)
    static = plan.layout == "static"
    graphs = {"chunk.onnx": chunk, "step.onnx": 1} if static else {"model.onnx": 0}
    with open_weights(skeleton, checkpoint) as weights:
        for name, tokens in graphs.items():
            model, _ = build_graph(skeleton, weights, msgspec.structs.replace(plan, tokens=tokens))
            write_graph(model, folder / name)
    if plan.rows.startswith("asked"):
        np.save(folder / "outside.npy", np.array([3, 90], np.int64))
    rotaries = tuple(RotaryLayout(**msgspec.structs.asdict(rotary)) for rotary in skeleton.rotaries)
    layout = DecoderLayout(
        layout=plan.layout, graphs=tuple(graphs), provider=ProviderSettings(), rows=plan.rows,
        vocabulary=VOCABULARY, capacity=plan.capacity, chunk=chunk if static else 0,
        positions=plan.positions if static else 1, mask=-50.0 if static else 0.0,
        rotaries=rotaries if static else ())
    return open_decoder(folder, layout, threads=1)


def difference(decoder: Decoder, expected: NDArray[np.float32], passes: Sequence[int],
               ids: Sequence[int] = IDS) -> float:
    """Largest absolute difference of the last logits of each pass to those expected."""
    past, done, worst = decoder.empty(), 0, 0.0
    for size in passes:
        scores, = decoder.run(ids[done:done + size], past,
                              [Wanted(size - 1, np.arange(VOCABULARY))])
        done += size
        worst = float(np.maximum(worst, np.abs(scores.allowed - expected[done - 1]).max()))
    return worst
