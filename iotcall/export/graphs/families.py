"""What the three families' modules are called, and how they become markers. Leaves out: the trace.

Every module that holds weights is patched to emit a marker (see markers), so that a trace runs on a
model without weights, in little memory and in seconds for any size.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from iotcall.errors import ExportError
from iotcall.export.graphs import markers
from iotcall.export.graphs.markers import AttentionSpec

_FIXED_ROTARIES = ("default", "linear", "llama3", "yarn")
"""Rotary embeddings whose frequencies do not depend on the length of the text."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Names in a family's modelling code in transformers."""

    modelling: str
    """Its module below ``transformers.models``."""
    norm: str
    norm_offset: float = 0.0
    """Added to the norm's weight: Gemma stores it less one."""
    attention: str
    query_norm: str = "q_norm"
    key_norm: str = "k_norm"
    out: str = "o_proj"
    rotary_class: str
    rotaries: dict[str, str]
    """Rotary embedding -> its attribute of the decoder: ``full_attention`` and, where sliding
    layers have one of their own, ``sliding_attention``."""
    convolution: str = ""
    scaled_embedding: bool = False
    """The embedding is multiplied by the root of its width."""


FAMILIES = {
    "qwen3": Family(
        modelling="qwen3.modeling_qwen3", norm="Qwen3RMSNorm", attention="Qwen3Attention",
        rotary_class="Qwen3RotaryEmbedding", rotaries={"full_attention": "rotary_emb"}),
    "gemma3_text": Family(
        modelling="gemma3.modeling_gemma3", norm="Gemma3RMSNorm", norm_offset=1.0,
        attention="Gemma3Attention", scaled_embedding=True, rotary_class="Gemma3RotaryEmbedding",
        rotaries={"full_attention": "rotary_emb", "sliding_attention": "rotary_emb_local"}),
    "lfm2": Family(
        modelling="lfm2.modeling_lfm2", norm="Lfm2RMSNorm", attention="Lfm2Attention",
        query_norm="q_layernorm", key_norm="k_layernorm", out="out_proj",
        rotary_class="Lfm2RotaryEmbedding", rotaries={"full_attention": "pos_emb"},
        convolution="Lfm2ShortConv"),
}
"""By ``model_type``: architectures with a configuration of our own."""


class Rotary(msgspec.Struct, frozen=True, kw_only=True):
    """A rotary position embedding: angle of pair i at position p is ``p * frequencies[i]``."""

    name: str
    frequencies: tuple[float, ...]
    """Radians per position, head size / 2 of them (fp32 values)."""
    scaling: float = 1.0
    """Factor of cosine and sine."""


def layer_kinds(config: Any) -> tuple[str, ...]:
    """Per layer: ``full_attention``, ``sliding_attention`` or ``conv``."""
    text = config.get_text_config(decoder=True)
    return tuple(getattr(text, "layer_types", None)
                 or ["full_attention"] * text.num_hidden_layers)


def rotaries_of(family: Family, config: Any, model: nn.Module) -> tuple[Rotary, ...]:
    """The rotary embeddings, computed in fp32 as transformers does.

    Raises:
        ExportError: one whose frequencies depend on the length of the text.
    """
    made = []
    for name, attribute in family.rotaries.items():
        module = getattr(model.model, attribute)
        if module.rope_type not in _FIXED_ROTARIES:
            raise ExportError(
                f"the rotary embedding {module.rope_type!r} changes with the length of the text, "
                f"which a graph cannot: expected one of {', '.join(_FIXED_ROTARIES)} (rope_scaling "
                "in config.json)")
        with torch.device("cpu"):  # the model itself may lie on the meta device
            own = type(module)(module.config)
        made.append(Rotary(name=name, scaling=float(own.attention_scaling), frequencies=tuple(
            float(value) for value in own.inv_freq.numpy().astype(np.float32))))
    return tuple(made)


def attention_spec(family: Family, name: str, module: Any) -> AttentionSpec:
    """What the attention module of that name is."""
    window = int(getattr(module, "sliding_window", None) or 0)
    if getattr(module, "attn_logit_softcapping", None):
        raise ExportError(f"{name} caps its scores (attn_logit_softcapping), which no pass here "
                          "writes out")
    if not module.is_causal:
        raise ExportError(f"{name} attends to later tokens too: a decoder must be causal")
    norm = getattr(module, family.query_norm)
    return AttentionSpec(
        layer=module.layer_idx, head_dim=module.head_dim,
        heads=module.config.num_attention_heads, kv_heads=module.config.num_key_value_heads,
        scale=float(module.scaling), window=window,
        rotary="sliding_attention" if window and "sliding_attention" in family.rotaries
        else "full_attention",
        query_norm=f"{name}.{family.query_norm}.weight",
        key_norm=f"{name}.{family.key_norm}.weight", epsilon=_epsilon(norm),
        offset=family.norm_offset)


def attention_specs(family: Family, model: nn.Module) -> dict[int, AttentionSpec]:
    """Of every attention layer, by its number."""
    kind = _classes(family)[family.attention]
    specs = (attention_spec(family, name, module) for name, module in model.named_modules()
             if isinstance(module, kind))
    return {spec.layer: spec for spec in specs}


@contextmanager
def emitting_markers(family: Family, model: nn.Module) -> Iterator[None]:
    """While it lasts, the model's modules emit markers instead of computing."""
    classes = _classes(family)
    code = importlib.import_module(f"transformers.models.{family.modelling}")
    forwards: dict[type, Callable[[str, Any], Callable[..., Any]]] = {
        classes[family.norm]: _norm(family.norm_offset),
        classes[family.attention]: _attention(family),
        classes[family.rotary_class]: _no_rotary,
        nn.Linear: _linear,
        nn.Embedding: _embedding(family.scaled_embedding),
    }
    if family.convolution:
        forwards[classes[family.convolution]] = _convolution
    patched = []
    for name, module in model.named_modules():
        for kind, forward in forwards.items():
            if isinstance(module, kind):
                module.__dict__["forward"] = types.MethodType(forward(name, module), module)
                patched.append(module)
        if type(module).__name__ in ("GELUTanh", "PytorchGELUTanh"):
            module.__dict__["forward"] = types.MethodType(lambda _, x: markers.gelu(x), module)
            patched.append(module)
    masks = [name for name in ("create_causal_mask", "create_sliding_window_causal_mask")
             if hasattr(code, name)]
    kept = {name: getattr(code, name) for name in masks}
    for name in masks:
        setattr(code, name, lambda **_: None)  # the markers mask by themselves
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(code, name, function)
        for module in patched:
            del module.__dict__["forward"]


class FlatCache:
    """The graph's flat states where transformers expects a cache; attention and convolution markers
    read and replace them."""

    def __init__(self, names: list[str], states: list[Tensor]) -> None:
        self.states = dict(zip(names, states, strict=True))

    def get_seq_length(self, layer_idx: int | None = 0) -> int:
        """Transformers asks; the markers need no answer."""
        return 0


def _classes(family: Family) -> dict[str, Any]:
    return vars(importlib.import_module(f"transformers.models.{family.modelling}"))


def _epsilon(norm: Any) -> float:
    return float(getattr(norm, "variance_epsilon", None) or norm.eps)


def _bias(name: str, module: Any) -> str:
    return f"{name}.bias" if getattr(module, "bias", None) is not None else ""


def _linear(name: str, module: Any) -> Callable[..., Any]:
    return lambda _, x: markers.linear(x, f"{name}.weight", _bias(name, module),
                                       module.out_features)


def _embedding(scaled: bool) -> Callable[[str, Any], Callable[..., Any]]:
    def make(name: str, module: Any) -> Callable[..., Any]:
        def forward(self: Any, ids: Tensor) -> Tensor:
            rows: Tensor = markers.embedding(ids, f"{name}.weight", module.embedding_dim)
            # subtle: fp32 as transformers keeps the factor, whose own buffer has no value here
            return rows * float(np.float32(module.embedding_dim**0.5)) if scaled else rows

        return forward

    return make


def _norm(offset: float) -> Callable[[str, Any], Callable[..., Any]]:
    return lambda name, module: lambda _, x: markers.rms_norm(x, f"{name}.weight",
                                                              _epsilon(module), offset)


def _no_rotary(name: str, module: Any) -> Callable[..., Any]:
    return lambda *_, **__: (None, None)


def _attention(family: Family) -> Callable[[str, Any], Callable[..., Any]]:
    def make(name: str, module: Any) -> Callable[..., Any]:
        def forward(self: Any, hidden_states: Tensor, *_: Any, past_key_values: FlatCache,
                    **__: Any) -> tuple[Tensor, None]:
            key, value = f".{module.layer_idx}.key", f".{module.layer_idx}.value"
            states = past_key_values.states
            out, states[key], states[value] = markers.attention(
                self.q_proj(hidden_states), self.k_proj(hidden_states),
                self.v_proj(hidden_states), states[key], states[value], module.layer_idx)
            return getattr(self, family.out)(out), None

        return forward

    return make


def _convolution(name: str, module: Any) -> Callable[..., Any]:
    def forward(self: Any, hidden_states: Tensor, past_key_values: FlatCache,
                **_: Any) -> Tensor:
        state = f".{module.layer_idx}.conv"
        mixed, past_key_values.states[state] = markers.short_conv(
            self.in_proj(hidden_states), past_key_values.states[state],
            f"{name}.conv.weight", _bias(f"{name}.conv", module.conv),
            module.conv.in_channels, module.L_cache)
        out: Tensor = self.out_proj(mixed)
        return out

    return forward
