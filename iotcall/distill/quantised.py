"""Let a student learn with the weights it will be shipped with. Leaves out: packing them (export).

In the last part of a training every product and the embedding see their weights rounded to blocks,
as the export's `pack_blocks` rounds them; gradients pass straight through (Bengio et al. 2013,
arXiv:1308.3432). At the end the rounded weights stay, so that packing them changes nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import TrainerCallback

_BLOCK = 32
"""Weights that share a scale, along the inner dimension."""


class Rounded(nn.Module):  # type: ignore[misc]  # untyped base
    """A weight (rows, inner) as blocks of few bits hold it."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._zero = 1 << (bits - 1)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (rounded(weight.detach(), self._zero) - weight.detach())


def rounded(weight: Tensor, zero: int) -> Tensor:
    """The nearest weights; the largest of a block stands on the end with one step more."""
    rows, inner = weight.shape
    block = weight.reshape(rows, inner // _BLOCK, _BLOCK)
    peak = block.gather(2, block.abs().argmax(dim=2, keepdim=True))
    scale = (peak / -zero).to(torch.float16).to(weight.dtype)
    steps = torch.where(scale == 0, torch.zeros_like(block), block / scale.where(
        scale != 0, torch.ones_like(scale)))
    return (steps.round().clamp(-zero, zero - 1) * scale).reshape(rows, inner)


class RoundLate(TrainerCallback):  # type: ignore[misc]  # untyped base
    """Rounds the weights from a share of the steps on."""

    def __init__(self, bits: int, share: float) -> None:
        self._bits, self._share = bits, share

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None,
                      **kwargs: Any) -> None:
        if state.global_step >= state.max_steps * (1 - self._share) and not is_rounding(model):
            begin_rounding(model, self._bits)


def is_rounding(model: nn.Module) -> bool:
    """Whether the model's products see rounded weights."""
    return any(parametrize.is_parametrized(module) for module in model.modules())


def begin_rounding(model: Any, bits: int) -> None:
    """Round what the export packs: linear layers and the embedding, which the head shares."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    for module in [*model.modules()]:
        if isinstance(module, nn.Linear) and module is not head:
            parametrize.register_parametrization(module, "weight", Rounded(bits))
    parametrize.register_parametrization(embedding, "weight", Rounded(bits))
    head.weight = None  # it is made anew from the embedding in every pass
    head.forward = lambda hidden: nn.functional.linear(hidden, embedding.weight)


def end_rounding(model: Any) -> None:
    """Leave the rounded weights behind."""
    if not is_rounding(model):
        return
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    for module in [*model.modules()]:
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    del head.__dict__["forward"]
    head.weight = embedding.weight
