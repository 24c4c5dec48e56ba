"""A checkpoint's architecture becomes a skeleton of markers, through Optimum's exporter.

Leaves out: weights, which join when passes write the markers out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import onnx
import onnx_ir as ir
import torch
from optimum.exporters.onnx import export
from optimum.exporters.onnx.config import TextDecoderOnnxConfig
from optimum.exporters.onnx.model_patcher import ModelPatcher
from optimum.utils import NormalizedTextConfig
from optimum.utils.input_generators import DummyInputGenerator, DummyTextInputGenerator
from torch import Tensor
from transformers import AutoModelForCausalLM

from iotcall.errors import ExportError
from iotcall.export.graphs.families import (
    FAMILIES,
    FlatCache,
    Rotary,
    attention_specs,
    emitting_markers,
    layer_kinds,
    rotaries_of,
)
from iotcall.export.graphs.markers import DOMAIN, AttentionSpec
from iotcall.export.graphs.weights import EMBEDDING, HEAD
from iotcall.export.surroundings import quiet

OPSET = 18
"""Optimum's own default; every operator a decoder needs is in it."""


class Skeleton(msgspec.Struct, frozen=True, kw_only=True):
    """A decoder without weights."""

    model: ir.Model
    """Inputs ``input_ids`` and ``past_key_values.*``, outputs ``logits`` and ``present.*``."""
    architecture: str
    layer_kinds: tuple[str, ...]
    rotaries: tuple[Rotary, ...]
    attention: dict[int, AttentionSpec]
    """By layer."""
    weights: dict[str, tuple[int, ...]]
    """Shape of every weight that the markers name."""
    aliases: dict[str, str]
    """What markers call a weight -> its name in the checkpoint, where they differ; a tied head is
    named as the embedding."""

    @property
    def tied(self) -> bool:
        """The head's weight is the embedding's."""
        return self.aliases.get(HEAD, HEAD) == self.aliases.get(EMBEDDING, EMBEDDING)


def trace_skeleton(config: Any, *, opset: int = OPSET) -> Skeleton:
    """Trace an architecture of `FAMILIES`; needs no weights, and little memory for any size.

    Args:
        config: transformers' configuration of the checkpoint.

    Raises:
        ExportError: something in the configuration cannot be written as a graph.
    """
    family = FAMILIES[config.model_type]
    kinds = layer_kinds(config)
    if "full_attention" not in kinds and "sliding_attention" not in kinds:
        raise ExportError(f"a decoder needs an attention layer; layer_types are {list(kinds)}: "
                          "check config.json")
    with quiet(), tempfile.TemporaryDirectory(prefix="iotcall-trace-") as scratch:
        with torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(config)
        model.eval()
        path = Path(scratch) / "skeleton.onnx"
        try:
            with emitting_markers(family, model):
                export(model, _SkeletonConfig(config, task="text-generation", use_past=True,
                                              use_past_in_inputs=True),
                       path, opset=opset, disable_dynamic_axes_fix=True)
            specs = attention_specs(family, model)
            rotaries = rotaries_of(family, config, model)
        except (ExportError, OSError):  # a full disk is none of the tracer's faults
            raise
        # A tracer over foreign model code may raise anything; the cause stays in the chain.
        except Exception as error:
            raise ExportError(f"tracing {config.model_type} with opset {opset} failed: {error}; "
                              f"opset {OPSET} is the one that is tested") from error
        traced = ir.serde.deserialize_model(onnx.load(path))
    for node in traced.graph:
        if node.domain == DOMAIN and node.op_type == "Attention":
            layer = node.attributes.get_int("layer")
            assert layer is not None
            node.attributes.update((item.name, item) for item in ir.convenience.convert_attributes(
                msgspec.structs.asdict(specs[layer])))
    weights = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    _size_outputs(traced.graph, weights[HEAD][0])
    return Skeleton(
        model=traced, architecture=config.model_type, layer_kinds=kinds, rotaries=rotaries,
        attention=specs, aliases={HEAD: EMBEDDING} if config.tie_word_embeddings else {},
        weights=weights)


def _size_outputs(graph: ir.Graph, vocabulary: int) -> None:
    """Give the outputs their sizes, which the tracer does not find behind a marker."""
    past = {value.name or "": value.shape for value in graph.inputs}
    for value in graph.outputs:
        name = value.name or ""
        sizes = list(past.get(name.replace("present", "past_key_values")) or ())
        if name == "logits":
            sizes = [1, "sequence_length", vocabulary]
        elif not name.endswith(".conv"):
            sizes[2] = "total_sequence_length"
        value.shape = ir.Shape(sizes)


def state_names(kinds: Sequence[str], prefix: str) -> Iterator[str]:
    """Names of the states in layer order; prefix ``past_key_values`` or ``present``."""
    for layer, kind in enumerate(kinds):
        parts = ("conv",) if kind == "conv" else ("key", "value")
        yield from (f"{prefix}.{layer}.{part}" for part in parts)


class _DummyPast(DummyInputGenerator):
    """A past of the right shapes, for tracing."""

    SUPPORTED_INPUT_NAMES = ("past_key_values",)

    def __init__(self, task: str, normalized_config: NormalizedTextConfig, **_: Any) -> None:
        self.config = normalized_config.config

    def generate(self, input_name: str, framework: str = "pt", int_dtype: str = "int64",
                 float_dtype: str = "fp32") -> list[Tensor]:
        config = self.config
        heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv = (1, config.num_key_value_heads, 16, head_dim)
        taps = getattr(config, "conv_L_cache", 0)
        return [torch.zeros((1, config.hidden_size, taps - 1) if name.endswith("conv") else kv)
                for name in state_names(layer_kinds(config), input_name)]


class _SkeletonPatcher(ModelPatcher):
    """While tracing: the flat list of states becomes the cache and back."""

    def __init__(self, config: Any, model: Any, model_kwargs: dict[str, Any] | None = None) -> None:
        super().__init__(config, model, model_kwargs=model_kwargs)
        names = list(state_names(layer_kinds(model.config), ""))

        def forward(input_ids: Tensor, past_key_values: list[Tensor]) -> tuple[Tensor, ...]:
            cache = FlatCache(names, past_key_values)
            unread = torch.zeros(1, dtype=torch.int64)  # positions: the markers know them
            outputs = self.orig_forward(
                input_ids=input_ids, past_key_values=cache, use_cache=True,
                cache_position=unread, position_ids=unread[None])
            return (outputs.logits, *(cache.states[name] for name in names))

        self.patched_forward = forward


class _SkeletonConfig(TextDecoderOnnxConfig):
    """Names, axes and dummy inputs of a skeleton."""

    NORMALIZED_CONFIG_CLASS = NormalizedTextConfig
    DUMMY_INPUT_GENERATOR_CLASSES = (DummyTextInputGenerator, _DummyPast)
    DUMMY_PKV_GENERATOR_CLASS = _DummyPast
    PAD_ATTENTION_MASK_TO_PAST = False  # Optimum would look for pairs in the flat list
    _MODEL_PATCHER = _SkeletonPatcher

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Input names with their dynamic axes, in the order of the patched ``forward``."""
        inputs = {"input_ids": {1: "sequence_length"}}
        self.add_past_key_values(inputs, direction="inputs")
        return inputs

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        outputs = {"logits": {1: "sequence_length"}}
        self.add_past_key_values(outputs, direction="outputs")
        return outputs

    def add_past_key_values(self, inputs_or_outputs: dict[str, dict[int, str]],
                            direction: str) -> None:
        """Add the states of every layer."""
        past = direction == "inputs"
        length = "past_sequence_length" if past else "total_sequence_length"
        for name in state_names(layer_kinds(self._config),
                                "past_key_values" if past else "present"):
            inputs_or_outputs[name] = {} if name.endswith("conv") else {2: length}

    def generate_dummy_inputs(self, framework: str = "pt", **kwargs: Any) -> dict[str, Any]:
        """Token ids and a past; a batch of one."""
        return {"input_ids": torch.ones(1, 4, dtype=torch.int64),
                "past_key_values": _DummyPast("", self._normalized_config).generate(
                    "past_key_values")}

    def flatten_output_collection_property(self, name: str, field: Any) -> dict[str, Any]:
        """The flat past under its names."""
        return dict(zip(state_names(layer_kinds(self._config), name), field, strict=True))
