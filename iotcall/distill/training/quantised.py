"""Let a student learn with the weights it will be shipped with. Leaves out: packing them (export).

In the last part of a training every product and the embedding see their weights rounded to blocks,
as the export's `pack_blocks` rounds them; gradients pass straight through (Bengio et al. 2013,
arXiv:1308.3432). At the end the rounded weights stay, so that packing them changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import TrainerCallback

from iotcall.errors import InputError

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


def check_rounding(model: Any) -> None:
    """Nothing if the model's weights can be rounded.

    Raises:
        InputError: a width is no multiple of a block.
    """
    for name, module in _rounded(model):
        if module.weight.shape[1] % _BLOCK:
            raise InputError(f"bits: expected widths that {_BLOCK} divides, found "
                             f"{module.weight.shape[1]} of {name}; change the student's sizes")


def holds_rounding(checkpoint: Path) -> bool:
    """Whether a checkpoint was saved with rounding begun."""
    with safe_open(checkpoint / "model.safetensors", "pt") as weights:
        return any(".parametrizations." in name for name in weights.keys())  # noqa: SIM118


def is_rounding(model: nn.Module) -> bool:
    """Whether the model's products see rounded weights."""
    return any(parametrize.is_parametrized(module) for module in model.modules())


def begin_rounding(model: Any, bits: int) -> None:
    """Round what the export packs: linear layers and the embedding, which the head may share."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    tied = head.weight is embedding.weight
    for _, module in _rounded(model):
        parametrize.register_parametrization(module, "weight", Rounded(bits))
    if tied:
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
    if head.__dict__.pop("forward", None):
        head.weight = embedding.weight


def _rounded(model: Any) -> list[tuple[str, nn.Module]]:
    """The layers whose weights the export packs, each weight once."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    tied = head.weight is embedding.weight
    return [(name, module) for name, module in model.named_modules()
            if module is embedding
            or (isinstance(module, nn.Linear) and not (tied and module is head))]
