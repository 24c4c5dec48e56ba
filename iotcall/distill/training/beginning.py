"""What a training begins with: a student from scratch, or a given base. Leaves out: learning.

A base keeps its own tokenizer and is spoken to as its own chat template does; the person who calls
gets both from the export's reading of the checkpoint, so that what is trained is what is exported.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast

from iotcall.catalogue import Catalogue
from iotcall.distill.recipe import Recipe
from iotcall.distill.training.adapting import adapted, save_adapted
from iotcall.distill.training.architectures import new_student
from iotcall.distill.training.elder import Elder, begin_as
from iotcall.distill.training.record import SCRATCH_FORMAT
from iotcall.distill.training.sequences import texts
from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.distill.training.warm_start import begin_with, encoder_folder
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue
from iotcall.formats import Format, PromptPieces, format_named
from iotcall.prefix_attention import KEY, read_both_ways

_TOKENIZER = "tokenizer.json"
_TOKENIZER_FILES = (_TOKENIZER, "tokenizer_config.json", "special_tokens_map.json",
                    "added_tokens.json", "chat_template.jinja", "chat_template.json")
_TOKENIZER_DIALOGUES = 30_000
"""Dialogues that the BPE is trained on, at most."""


class Base(msgspec.Struct, frozen=True):
    """A checkpoint that is fine-tuned."""

    folder: Path
    """With config.json, weights and tokenizer."""
    pieces: PromptPieces
    """Of its chat template, for the catalogue."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """A student before its first step."""

    model: Any
    """transformers', or peft's around it; fp32."""
    tokenizer: Tokenizer
    format: Format
    pieces: PromptPieces
    end_id: int
    """Of the token that ends an answer."""
    positions: int
    """That it knows, at most."""


def from_scratch(recipe: Recipe, dialogues: Sequence[Dialogue], catalogue: Catalogue,
                 elder: Elder | None = None) -> Beginning:
    """A random student, or one with an encoder's or an elder's weights; sets torch's seed when it
    should."""
    format = format_named(recipe.format or SCRATCH_FORMAT)
    pieces = format.pieces(catalogue)
    tokenizer = train_tokenizer(texts(dialogues[:_TOKENIZER_DIALOGUES], format, catalogue),
                                format, recipe.vocabulary)
    end_id = tokenizer.token_to_id(pieces.end)
    torch.manual_seed(recipe.seed)
    model = new_student(recipe, tokenizer.get_vocab_size(), 0, end_id)
    if recipe.attention == "prefix":
        setattr(model.config, KEY, _around_utterances(format, pieces, tokenizer))
        read_both_ways(model)
    if recipe.warm_start:
        begin_with(model, tokenizer, encoder_folder(recipe.warm_start))
    if elder:
        begin_as(model, tokenizer, elder)
    return Beginning(model=model, tokenizer=tokenizer, format=format, pieces=pieces, end_id=end_id,
                     positions=model.config.max_position_embeddings)


def _around_utterances(format: Format, pieces: PromptPieces, tokenizer: Tokenizer) -> list[int]:
    """The tokens before and behind what is said."""
    found = [tokenizer.token_to_id(text) for text in (
        pieces.user_open, pieces.user_close + pieces.call_open)]
    if None in found:
        raise InputError(f"the wire format {format.name} has no tokens of its own around an "
                         "utterance, which attention = \"prefix\" needs; use compact")
    return found


def from_base(recipe: Recipe, base: Base) -> Beginning:
    """The base, adapted where the recipe says so.

    Raises:
        InputError: it cannot be read, or its tokenizer lacks a token of the wire format.
    """
    format = format_named(recipe.format)
    tokenizer = _tokenizer(base.folder)
    for token in (*format.markers, base.pieces.end):
        if tokenizer.token_to_id(token) is None:
            raise InputError(f"{recipe.base}: the tokenizer has no token {token!r}, which the wire "
                             f"format {format.name} needs; choose another --format")
    loader: Any = AutoModelForCausalLM
    try:
        model = loader.from_pretrained(base.folder, dtype=torch.float32, local_files_only=True,
                                       trust_remote_code=False, use_safetensors=True)
    except Exception as error:  # transformers raises whatever its readers raise
        raise InputError(f"{recipe.base} cannot be loaded as a causal language model: "
                         f"{error}") from error
    # what the base would sample by is nothing to a student that decodes greedily, and may be odd
    model.generation_config = GenerationConfig()
    text = model.config.get_text_config(decoder=True)
    torch.manual_seed(recipe.seed)
    if recipe.lora:
        model = adapted(model, recipe.lora)
    return Beginning(model=model, tokenizer=tokenizer, format=format, pieces=base.pieces,
                     end_id=tokenizer.token_to_id(base.pieces.end),
                     positions=text.max_position_embeddings)


def save_student(model: Any, tokenizer: Tokenizer, recipe: Recipe, base: Base | None,
                 out: Path) -> None:
    """Write the checkpoint with its tokenizer, as the export takes it."""
    if recipe.lora:
        save_adapted(model, recipe.lora, recipe.base, out)
    else:
        model.save_pretrained(out)
    if base is None:
        PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(out)
        return
    for name in _TOKENIZER_FILES:
        if (base.folder / name).is_file():
            shutil.copyfile(base.folder / name, out / name)


def _tokenizer(folder: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    except Exception as error:  # tokenizers raises bare exceptions
        raise InputError(f"{folder / _TOKENIZER} cannot be read ({error}): a base needs its fast "
                         "tokenizer") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
