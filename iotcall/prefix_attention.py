"""A decoder that reads what a person said both ways, and writes its answer one way.

Between the tokens that open and close an utterance every token sees the whole utterance; all other
tokens see what stands before them, as in any decoder: the "prefix LM" of Raffel et al. 2020
(arXiv:1910.10683, section 3.2.1), with a prefix in every turn. An encoder's layers were made for
just that. The mask follows from the tokens alone, so a traced graph makes it by itself, and states
of earlier turns stay right as long as no pass ends inside an utterance. Leaves out: training and
tracing it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.models.opt.modeling_opt import OPTDecoder

KEY = "prefix_tokens"
"""In ``config.json``: the ids of the tokens that stand before and behind an utterance."""


def prefix_tokens(config: Any) -> tuple[int, int] | None:
    """The tokens around an utterance that is read both ways; None of a plain decoder."""
    found = getattr(config, KEY, None)
    return None if found is None else (int(found[0]), int(found[1]))


def read_both_ways(model: Any) -> Any:
    """Give the model the attention that its configuration names; others stay as they are.

    Args:
        model: transformers', which has no notion of it.
    """
    if prefix_tokens(model.config):
        model.model.decoder.__class__ = _Decoder
    return model


def utterances(ids: Tensor, tokens: tuple[int, int]) -> Tensor:
    """Of each token the number of its utterance, counted from the end; 0 outside of any.

    The one that opens an utterance stands outside, the one that closes it inside. An utterance
    that is not closed counts as none.

    Args:
        ids: (batch, length).
    """
    opening, closing = (_from_here(ids == token) for token in tokens)
    return torch.where(closing > opening, closing, torch.zeros_like(closing))


def _from_here(found: Tensor) -> Tensor:
    """How many there are from each place to the end."""
    counted = found.to(torch.int64)
    return counted.sum(1, keepdim=True) - counted.cumsum(1) + counted


class _Decoder(OPTDecoder):  # type: ignore[misc]  # untyped base
    """OPT's, with the mask above."""

    _ids: Tensor

    def forward(self, input_ids: Tensor, *arguments: Any, **more: Any) -> Any:
        self._ids = input_ids
        return super().forward(input_ids, *arguments, **more)

    def _update_causal_mask(self, attention_mask: Tensor, input_tensor: Tensor, *_: Any,
                            **__: Any) -> Tensor:
        """(batch, 1, new, past and new): 0 where a token sees another, else very negative."""
        said = utterances(self._ids, prefix_tokens(self.config))  # type: ignore[arg-type]
        new, total = said.shape[1], attention_mask.shape[1]
        places = torch.arange(total, device=said.device)
        seen = (places <= places[total - new:, None])[None]
        together = (said[:, :, None] == said[:, None, :]) & (said > 0)[:, :, None]
        seen = seen | torch.nn.functional.pad(together, (total - new, 0))
        seen = seen & attention_mask[:, None, :].to(torch.bool)
        hidden = torch.finfo(input_tensor.dtype).min
        return torch.where(seen, 0.0, hidden).to(input_tensor.dtype)[:, None]
