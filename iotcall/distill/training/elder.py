"""Begin a student as another one that has learnt already. Leaves out: training; what it is of.

Layers and positions are taken over, and the words that both have; other words stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, OPTForCausalLM

from iotcall.errors import InputError

_TOKENIZER = "tokenizer.json"
_WORDS = ("model.decoder.embed_tokens.weight", "model.embed_tokens.weight", "lm_head.weight")
"""Weights with a row per token: a checkpoint's, a bundle's; the head is one of them again."""


class Elder(msgspec.Struct, frozen=True):
    """A trained student of OPT's build."""

    name: str
    """Where it lies, for messages."""
    weights: Mapping[str, Tensor]
    vocabulary: Mapping[str, int]
    """Token -> row of its words."""

    @property
    def sha256(self) -> str:
        """Of names and weights, hexadecimal."""
        digest = hashlib.sha256()
        for name in sorted(self.weights):
            digest.update(name.encode() + self.weights[name].float().contiguous().numpy().tobytes())
        return digest.hexdigest()


def elder_in(folder: Path) -> Elder:
    """The student of a checkpoint's folder.

    Raises:
        InputError: there is none in it, or one of another build.
    """
    for part in ("config.json", _TOKENIZER, "model.safetensors"):
        if not (folder / part).is_file():
            raise InputError(f"no student for begins_as: {folder} has no {part}; train that one "
                             "first, or name the folder or the bundle that it is in")
    config = AutoConfig.from_pretrained(folder)
    if config.model_type != "opt":
        raise InputError(f"{folder} is {config.model_type}: expected a student of OPT's build for "
                         "begins_as")
    return Elder(str(folder), load_file(folder / "model.safetensors"), vocabulary_of(folder))


def vocabulary_of(folder: Path) -> dict[str, int]:
    """Token -> id, of a checkpoint or a bundle."""
    found: dict[str, int] = Tokenizer.from_file(str(folder / _TOKENIZER)).get_vocab()
    return found


def begin_as(student: OPTForCausalLM, tokenizer: Tokenizer, elder: Elder) -> None:
    """Give the student the elder's layers and positions, and the words that both have.

    Raises:
        InputError: it is of another build or size.
    """
    own = {name: weight for name, weight in student.state_dict().items() if name not in _WORDS}
    known = {name: weight for name, weight in elder.weights.items() if name not in _WORDS}
    for name in sorted({*known, *own}):
        there, here = (tuple(each[name].shape) if name in each else "missing"
                       for each in (known, own))
        if there != here:
            raise InputError(f"{elder.name} is of other sizes than the recipe: {name} is {there} "
                             f"there, {here} here")
    student.load_state_dict(known, strict=False)
    shared = [(id, elder.vocabulary[word]) for word, id in tokenizer.get_vocab().items()
              if word in elder.vocabulary]
    to, of = (torch.tensor(ids) for ids in zip(*shared, strict=True))
    rows = next(elder.weights[name] for name in _WORDS if name in elder.weights)
    with torch.no_grad():
        student.get_input_embeddings().weight[to] = rows[of]
