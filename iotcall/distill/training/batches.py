"""Sequences in batches: which together, how padded, and what is learnt of them.

Leaves out: making the sequences (see sequences).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers.trainer_pt_utils import get_length_grouped_indices

from iotcall.distill.training.sequences import IGNORED, Example


class Examples(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]  # untyped base
    """The sequences as torch's loader wants them."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self._examples[index]
        return {"input_ids": example.ids, "labels": example.labels}


class ByLength(torch.utils.data.Sampler[int]):  # type: ignore[misc]  # untyped base
    """Indices in an order that puts sequences of similar length together.

    The order depends on seed and epoch alone: a training that goes on in the middle of any epoch
    meets the sequences that it would have met.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int) -> None:
        """`step`: sequences that are learnt from together."""
        self._lengths, self._step, self._seed, self._epoch = list(lengths), step, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        # subtle: torch takes 32 bits of a seed
        drawn = Random(f"{self._seed} {self._epoch}").getrandbits(32)
        order = torch.Generator().manual_seed(drawn)
        return iter(get_length_grouped_indices(self._lengths, self._step, generator=order))


def collate(batch: Sequence[dict[str, Any]], pad_id: int) -> dict[str, Tensor]:
    """Rows (batch, longest), filled up behind; what fills up is neither seen nor learnt."""
    longest = max(len(example["input_ids"]) for example in batch)

    def padded(key: str, value: int) -> Tensor:
        return torch.tensor([example[key] + [value] * (longest - len(example[key]))
                             for example in batch])

    lengths = torch.tensor([len(example["input_ids"]) for example in batch])
    mask = (torch.arange(longest)[None, :] < lengths[:, None]).long()
    return {"input_ids": padded("input_ids", pad_id), "attention_mask": mask,
            "labels": padded("labels", IGNORED)}


def plain(model: Any) -> Any:
    """The language model itself, also of one that peft adapts (its layers stay adapted)."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def call_loss(model: Any, inputs: dict[str, Tensor], items: Tensor | int | None = None) -> Tensor:
    """Mean cross entropy of the labelled tokens; of the others no logits are made.

    `items`: labelled tokens of the whole step, of which the inputs may be a part; None: they are
    all of it.
    """
    whole = plain(model)
    hidden = whole.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                         use_cache=False).last_hidden_state
    wanted = inputs["labels"][:, 1:]
    learnt = wanted != IGNORED
    logits = whole.get_output_embeddings()(hidden[:, :-1][learnt]).float()  # (learnt, vocabulary)
    if items is None:
        return torch.nn.functional.cross_entropy(logits, wanted[learnt])
    return torch.nn.functional.cross_entropy(logits, wanted[learnt], reduction="sum") / items
