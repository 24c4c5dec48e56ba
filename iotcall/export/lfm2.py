"""LFM2 for Optimum: the configuration and patches its exporter lacks. Leaves out: the export.

LFM2 mixes attention layers with short convolutions. Optimum 2.1 does not know the architecture, and
Transformers' cache keeps a convolution state of three columns, of which one pass may add one. Here:

- the cache crosses the graph's border as a flat list, in layer order: ``past_key_values.i.key`` and
  ``.value`` of (batch, kv heads, past, head dim) for an attention layer, ``past_key_values.i.conv``
  of (batch, hidden, taps - 1) for a convolution layer; the outputs are ``present.i.*``;
- the short convolution reads its state in front of the new columns, so any number of tokens may
  follow any past: prefill, decode and jump-forward share one graph.

Rows are not padded in the convolution: a batch needs sequences of one length.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import torch
from optimum.exporters.onnx.config import TextDecoderOnnxConfig
from optimum.exporters.onnx.model_patcher import ModelPatcher
from optimum.utils import NormalizedTextConfig
from optimum.utils.input_generators import DummyInputGenerator, DummyTextInputGenerator
from torch import Tensor
from transformers.models.lfm2.modeling_lfm2 import Lfm2HybridConvCache, Lfm2ShortConv

from iotcall.export.graph import state_names


def onnx_config(config: Any) -> Lfm2OnnxConfig:
    """What Optimum's exporter needs to trace an ``Lfm2ForCausalLM`` with a past.

    Args:
        config: the model's ``Lfm2Config``.

    Raises:
        ValueError: no layer attends; the past length then has no place in the graph's inputs.
    """
    if "full_attention" not in config.layer_types:
        raise ValueError(
            f"an LFM2 needs an attention layer; layer_types are {config.layer_types}: "
            "check config.json"
        )
    return Lfm2OnnxConfig(config, task="text-generation", use_past=True, use_past_in_inputs=True)


class Lfm2DummyPast(DummyInputGenerator):  # type: ignore[misc]  # untyped base
    """A random past of the right shapes, for tracing."""

    SUPPORTED_INPUT_NAMES = ("past_key_values",)

    def __init__(
        self,
        task: str,
        normalized_config: NormalizedTextConfig,
        batch_size: int = 2,
        sequence_length: int = 16,
        **_: Any,
    ) -> None:
        self.config = normalized_config.config
        self.batch_size = batch_size
        self.sequence_length = sequence_length

    def generate(
        self,
        input_name: str,
        framework: str = "pt",
        int_dtype: str = "int64",
        float_dtype: str = "fp32",
    ) -> list[Any]:
        """The flat past: one tensor per convolution layer, two per attention layer."""
        config = self.config
        heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv = (self.batch_size, config.num_key_value_heads, self.sequence_length, head_dim)
        conv = (self.batch_size, config.hidden_size, config.conv_L_cache - 1)
        return [
            self.random_float_tensor(
                conv if name.endswith("conv") else kv, framework=framework, dtype=float_dtype
            )
            for name in state_names(config.layer_types, input_name)
        ]


class FlatCache(Lfm2HybridConvCache):  # type: ignore[misc]  # untyped base
    """Lfm2's cache over the graph's flat list: attention layers grow, convolutions are replaced."""

    def __init__(self, config: Any, flat: Sequence[Tensor]) -> None:
        # Deliberately not super().__init__: it allocates states that the graph gets as inputs.
        self.layer_types: list[str] = list(config.layer_types)
        self.first_attention_layer = self.layer_types.index("full_attention")
        self.states: dict[str, Tensor] = dict(
            zip(state_names(self.layer_types, ""), flat, strict=True)
        )

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        layer_idx: int,
        cache_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Append keys and values (batch, kv heads, new, head dim); returns all of them."""
        key, value = f".{layer_idx}.key", f".{layer_idx}.value"
        self.states[key] = torch.cat([self.states[key], key_states], dim=-2)
        self.states[value] = torch.cat([self.states[value], value_states], dim=-2)
        return self.states[key], self.states[value]

    def get_seq_length(self, layer_idx: int | None = 0) -> int:
        """How many positions the attention layers hold."""
        # subtle: no int() here, a trace carries sizes as tensors and int() would freeze this one
        length: int = self.states[f".{self.first_attention_layer}.key"].shape[-2]
        return length

    def flat(self) -> tuple[Tensor, ...]:
        """The states in the order of the graph's outputs."""
        return tuple(self.states[name] for name in state_names(self.layer_types, ""))


def short_convolution(
    self: Lfm2ShortConv,
    hidden_states: Tensor,
    past_key_values: FlatCache,
    cache_position: Tensor | None = None,
    attention_mask: Tensor | None = None,
) -> Tensor:
    """The gated causal convolution of LFM2 on (batch, S, hidden), for any S and any past.

    out[t] = C[t] * sum_k weight[k] * (B * x)[t - taps + 1 + k], with the columns before this pass
    from the state; the new state is the last ``taps - 1`` columns.
    """
    taps = self.L_cache
    gate_in, gate_out, x = self.in_proj(hidden_states).transpose(-1, -2).chunk(3, dim=-2)
    name = f".{self.layer_idx}.conv"
    columns = torch.cat([past_key_values.states[name], gate_in * x], dim=-1)
    past_key_values.states[name] = columns[..., 1 - taps :]  # (batch, hidden, taps - 1)
    weight = self.conv.weight[:, 0, :]  # (hidden, taps)
    # subtle: the slices end at negative offsets, so that the trace holds no sequence length
    mixed = columns[..., taps - 1 :] * weight[:, taps - 1, None]
    for tap in range(taps - 1):
        mixed = mixed + columns[..., tap : tap - taps + 1] * weight[:, tap, None]
    if self.conv.bias is not None:
        mixed = mixed + self.conv.bias[:, None]
    out: Tensor = self.out_proj((gate_out * mixed).transpose(-1, -2))
    return out


class Lfm2Patcher(ModelPatcher):  # type: ignore[misc]  # untyped base
    """While tracing: the flat list becomes the cache and back, and convolutions take any length."""

    def __init__(
        self, config: Lfm2OnnxConfig, model: Any, model_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__(config, model, model_kwargs=model_kwargs)

        def forward(
            input_ids: Tensor,
            attention_mask: Tensor,
            position_ids: Tensor,
            past_key_values: Sequence[Tensor],
        ) -> tuple[Tensor, ...]:
            cache = FlatCache(model.config, past_key_values)
            outputs = self.orig_forward(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=True,
            )
            return (outputs.logits, *cache.flat())

        self.patched_forward = forward
        self._convolutions = [m for m in model.modules() if isinstance(m, Lfm2ShortConv)]

    def __enter__(self) -> None:
        super().__enter__()
        for module in self._convolutions:
            module.__dict__["forward"] = types.MethodType(short_convolution, module)

    def __exit__(self, *exc: object) -> None:
        for module in self._convolutions:
            del module.__dict__["forward"]
        super().__exit__(*exc)


class Lfm2OnnxConfig(TextDecoderOnnxConfig):  # type: ignore[misc]  # untyped base
    """Names, axes and dummy inputs of an LFM2 decoder with a past."""

    NORMALIZED_CONFIG_CLASS = NormalizedTextConfig
    DUMMY_INPUT_GENERATOR_CLASSES = (DummyTextInputGenerator, Lfm2DummyPast)
    DUMMY_PKV_GENERATOR_CLASS = Lfm2DummyPast
    PAD_ATTENTION_MASK_TO_PAST = False  # Optimum would look for pairs in the flat list
    _MODEL_PATCHER = Lfm2Patcher

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Input names with their dynamic axes, in the order of the patched ``forward``."""
        tokens = {0: "batch_size", 1: "sequence_length"}
        inputs = {
            "input_ids": tokens,
            "attention_mask": {0: "batch_size", 1: "past_sequence_length + sequence_length"},
            "position_ids": tokens,
        }
        self.add_past_key_values(inputs, direction="inputs")
        return inputs

    def add_past_key_values(
        self, inputs_or_outputs: dict[str, dict[int, str]], direction: str
    ) -> None:
        """Add the cache tensors of every layer."""
        past = direction == "inputs"
        length = "past_sequence_length" if past else "past_sequence_length + sequence_length"
        for name in state_names(self._config.layer_types, "past_key_values" if past else "present"):
            conv = name.endswith("conv")
            inputs_or_outputs[name] = {0: "batch_size"} if conv else {0: "batch_size", 2: length}

    def generate_dummy_inputs(self, framework: str = "pt", **kwargs: Any) -> dict[str, Any]:
        """Optimum's dummy inputs, with the mask stretched over the past."""
        inputs: dict[str, Any] = super().generate_dummy_inputs(framework, **kwargs)
        past = next(state for state in inputs["past_key_values"] if state.ndim == 4).shape[-2]
        inputs["attention_mask"] = DummyInputGenerator.pad_input_on_dim(
            inputs["attention_mask"], desired_length=past + inputs["input_ids"].shape[1], dim=1
        )
        return inputs

    def flatten_output_collection_property(self, name: str, field: Any) -> dict[str, Any]:
        """The flat past under its names; Optimum runs the fresh graph once to fix static axes."""
        return dict(zip(state_names(self._config.layer_types, name), field, strict=True))
