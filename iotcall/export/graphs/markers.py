"""The operators of a traced skeleton: what a decoder is made of, before it is written out.

A skeleton is an ONNX graph whose nodes of the domain ``iotcall`` name weights instead of holding
them. Passes write each marker out in the operators that a target runs. Leaves out: who emits them
(see families) and how they are written out (see passes).

| marker | inputs | outputs | attributes |
|---|---|---|---|
| Embedding | ids (1, S) | (1, S, width) | weight, width |
| Linear | x (1, S, K) | (1, S, N) | weight, bias ("" for none), size N |
| RMSNorm | x (1, S, K) | the same | weight, epsilon, offset (added to the weight) |
| Gelu | x | the same | the tanh approximation |
| Attention | q, k, v (1, S, heads x D), past key, past value (1, kv heads, T, D) | (1, S, heads x D), present key, present value | see :class:`AttentionSpec` |
| ShortConv | gates and x (1, S, 3 x width), state (1, width, taps - 1) | (1, S, width), next state | weight, bias, width, taps |
"""  # noqa: E501

from __future__ import annotations

from typing import Any

import msgspec
import torch
from torch import Tensor

DOMAIN = "iotcall"


class AttentionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an Attention marker says of its layer."""

    layer: int
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    """Factor of the scores before the softmax."""
    window: int
    """Tokens attended to, the newest included; 0: all."""
    rotary: str
    """Name of the rotary embedding, see `families.Rotary`."""
    query_norm: str
    """Weight of the RMS norm over each head of the queries; "" for none."""
    key_norm: str
    epsilon: float
    offset: float


_LIBRARY = torch.library.Library(DOMAIN, "DEF")
_LIBRARY.define("embedding(Tensor ids, str weight, int width) -> Tensor")
_LIBRARY.define("linear(Tensor x, str weight, str bias, int size) -> Tensor")
_LIBRARY.define("rms_norm(Tensor x, str weight, float epsilon, float offset) -> Tensor")
_LIBRARY.define("gelu(Tensor x) -> Tensor")
_LIBRARY.define("attention(Tensor q, Tensor k, Tensor v, Tensor past_key, Tensor past_value, "
                "int layer) -> (Tensor, Tensor, Tensor)")
_LIBRARY.define("short_conv(Tensor gates, Tensor state, str weight, str bias, int width, int taps)"
                " -> (Tensor, Tensor)")

embedding = torch.ops.iotcall.embedding
linear = torch.ops.iotcall.linear
rms_norm = torch.ops.iotcall.rms_norm
gelu = torch.ops.iotcall.gelu
attention = torch.ops.iotcall.attention
short_conv = torch.ops.iotcall.short_conv


# While tracing, the markers give zeros of the right shape.
def _implement() -> None:
    def same(x: Tensor, *_: Any) -> Tensor:
        return torch.zeros_like(x)

    def longer(past: Tensor, new: Tensor) -> Tensor:
        return past.new_zeros(*past.shape[:2], past.shape[2] + new.shape[1], past.shape[3])

    for name, kernel in {
        "embedding": lambda ids, weight, width: torch.zeros(*ids.shape, width),
        "linear": lambda x, weight, bias, size: x.new_zeros(*x.shape[:-1], size),
        "rms_norm": same,
        "gelu": same,
        "attention": lambda q, k, v, past_key, past_value, layer: (
            torch.zeros_like(q), longer(past_key, k), longer(past_value, v)),
        "short_conv": lambda gates, state, weight, bias, width, taps: (
            gates.new_zeros(*gates.shape[:-1], width), torch.zeros_like(state)),
    }.items():
        _LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")


def _register() -> None:
    """How each marker is written into the graph, with the types of its results."""
    from torch.onnx import register_custom_op_symbolic, symbolic_helper

    def sized(value: Any, *, last: int | None = None, unknown: int | None = None) -> Any:
        """The value's type, with another last size or an unknown one."""
        sizes = list(value.type().sizes() or [None] * value.type().dim())
        if last is not None:
            sizes[-1] = last
        if unknown is not None:
            sizes[unknown] = None
        return value.type().with_sizes(sizes)

    @symbolic_helper.parse_args("v", "s", "i")
    def embedding(g: Any, ids: Any, weight: str, width: int) -> Any:
        rows = g.op(f"{DOMAIN}::Embedding", ids, weight_s=weight, width_i=width)
        floats = torch._C.TensorType.get().with_dtype(torch.float32)
        return rows.setType(floats.with_sizes([1, None, width]))

    @symbolic_helper.parse_args("v", "s", "s", "i")
    def linear(g: Any, x: Any, weight: str, bias: str, size: int) -> Any:
        return g.op(f"{DOMAIN}::Linear", x, weight_s=weight, bias_s=bias,
                    size_i=size).setType(sized(x, last=size))

    @symbolic_helper.parse_args("v", "s", "f", "f")
    def rms_norm(g: Any, x: Any, weight: str, epsilon: float, offset: float) -> Any:
        return g.op(f"{DOMAIN}::RMSNorm", x, weight_s=weight, epsilon_f=epsilon,
                    offset_f=offset).setType(x.type())

    @symbolic_helper.parse_args("v")
    def gelu(g: Any, x: Any) -> Any:
        return g.op(f"{DOMAIN}::Gelu", x).setType(x.type())

    @symbolic_helper.parse_args("v", "v", "v", "v", "v", "i")
    def attention(g: Any, q: Any, k: Any, v: Any, past_key: Any, past_value: Any,
                  layer: int) -> Any:
        made = g.op(f"{DOMAIN}::Attention", q, k, v, past_key, past_value, layer_i=layer,
                    outputs=3)
        types = (q.type(), sized(past_key, unknown=2), sized(past_value, unknown=2))
        return tuple(value.setType(type) for value, type in zip(made, types, strict=True))

    @symbolic_helper.parse_args("v", "v", "s", "s", "i", "i")
    def short_conv(g: Any, gates: Any, state: Any, weight: str, bias: str, width: int,
                   taps: int) -> Any:
        mixed, after = g.op(f"{DOMAIN}::ShortConv", gates, state, weight_s=weight, bias_s=bias,
                            width_i=width, taps_i=taps, outputs=2)
        return mixed.setType(sized(gates, last=width)), after.setType(state.type())

    for symbolic in (embedding, linear, rms_norm, gelu, attention, short_conv):
        register_custom_op_symbolic(f"{DOMAIN}::{symbolic.__name__}", symbolic, 9)


_implement()
_register()
