"""An adapter merged into its base by peft: one checkpoint. Leaves out: finding the base (source).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from iotcall.bundle.bundle import TOKENIZER
from iotcall.checkpoint import NOTE
from iotcall.errors import ExportError
from iotcall.export.surroundings import first_line, quiet

ADAPTER = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_TOKENIZER_FILES = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json",
                    "added_tokens.json", "chat_template.jinja", "chat_template.json")
_NAME = "default"
"""What peft calls an adapter that is alone."""
_DIFFERENCE = 1e-3
"""Largest of merged logits to the adapter's, as a share of the largest logit."""


class NamedBase(msgspec.Struct, frozen=True):
    """What an adapter says of its base."""

    name: str
    """A hub id, or a folder of the machine that it was trained on; may be empty."""
    revision: str | None


def named_base(adapter: Path) -> NamedBase:
    """The base that ``adapter_config.json`` names.

    Raises:
        ExportError: it is no JSON object.
    """
    path = adapter / ADAPTER
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return NamedBase(str(found.get("base_model_name_or_path") or ""), found.get("revision"))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ExportError(f"{path} cannot be read ({first_line(error)}): it must be a JSON object, "
                          "as peft writes it") from error


def merge_adapter(adapter: Path, base: Path, into: Path) -> None:
    """Write base and adapter as one checkpoint, with tokenizer and note.

    The tokenizer is the adapter's where it has one.

    Raises:
        ExportError: the adapter does not fit, or merged weights do not compute what it computes.
        OSError: there is no room for it.
    """
    from safetensors import SafetensorError
    from transformers import GenerationConfig

    if not (adapter / _WEIGHTS).is_file():
        raise ExportError(f"{adapter} holds no {_WEIGHTS}: save the adapter with save_pretrained")
    with quiet():
        try:
            merged = _merged(adapter, base)
        except ExportError:
            raise
        except Exception as error:  # peft and transformers raise whatever does not fit
            raise ExportError(f"{adapter} cannot be merged into {base}: {first_line(error)}; give "
                              "the base that it was trained on with --base") from error
        merged.generation_config = GenerationConfig()  # an odd one could not be saved
        try:
            merged.save_pretrained(into)
        except SafetensorError as error:
            raise OSError(first_line(error)) from error
    own = (adapter / TOKENIZER).is_file()
    for folder, names in ((base, () if own else _TOKENIZER_FILES), (adapter, _TOKENIZER_FILES),
                          (base, (NOTE,)), (adapter, (NOTE,))):
        for name in names:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, into / name)
    if not (into / TOKENIZER).is_file():
        raise ExportError(f"neither {adapter} nor its base {base} holds a {TOKENIZER}: save the "
                          "student's fast tokenizer beside the adapter")


def _merged(adapter: Path, base: Path) -> Any:
    """The merged model in fp32."""
    import torch
    from peft import PeftConfig, PeftModel, set_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    config = PeftConfig.from_pretrained(str(adapter))
    if config.is_prompt_learning:
        raise ExportError(f"{adapter} is of the kind {config.peft_type.value}, which adds to the "
                          "prompt and cannot be merged: train a LoRA adapter")
    loader: Any = AutoModelForCausalLM
    model = loader.from_pretrained(base, dtype=torch.float32, local_files_only=True,
                                   trust_remote_code=False, use_safetensors=True)
    weights = load_file(adapter / _WEIGHTS)
    rows = [len(tensor) for name, tensor in weights.items()
            if name.endswith("embed_tokens.weight")]
    if rows and rows[0] != len(model.get_input_embeddings().weight):
        model.resize_token_embeddings(rows[0], mean_resizing=False)  # it was trained with more
    adapted = PeftModel(model, config, adapter_name=_NAME).eval()
    placed = set_peft_model_state_dict(adapted, weights, _NAME, ignore_mismatched_sizes=True)
    missing = {name for name in placed.missing_keys if f".{_NAME}" in name}
    # a tied layer's is found under the other layer's name
    there = {id(tensor) for name, tensor in adapted.named_parameters(remove_duplicate=False)
             if name not in missing}
    wrong = [*placed.unexpected_keys, *sorted(
        name for name, tensor in adapted.named_parameters(remove_duplicate=False)
        if name in missing and id(tensor) not in there)]
    if wrong:
        raise ExportError(f"{adapter} does not fit {base}: {len(wrong)} weights are absent, of "
                          f"another shape or without a place there, e.g. {wrong[0]}; give the base "
                          "that it was trained on with --base")
    ids = torch.arange(min(32, model.config.get_text_config().vocab_size))[None]
    with torch.no_grad():
        expected = adapted(input_ids=ids).logits
        _untie(adapted)
        merged = adapted.merge_and_unload(safe_merge=True)
        found = merged(input_ids=ids).logits
    difference = float((found - expected).abs().max() / expected.abs().max())
    if not difference <= _DIFFERENCE:
        raise ExportError(f"{adapter}, merged into {base}, changes logits by {difference:.1%} of "
                          "the largest: merge it with the peft that trained it and export that")
    _tie(merged)
    return merged


def _untie(model: Any) -> None:
    """Every module gets weights of its own: merging adds to them in place, and a tied head would
    take what belongs to the embedding alone, or the other way round."""
    import torch

    seen: set[int] = set()
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None and id(weight) in seen:
                module._parameters[name] = torch.nn.Parameter(weight.detach().clone(), False)
            seen.add(id(weight))


def _tie(model: Any) -> None:
    """Tie the head again, or say that it no longer is."""
    import torch

    if torch.equal(model.get_output_embeddings().weight, model.get_input_embeddings().weight):
        model.tie_weights()
        return
    for name in ("tie_word_embeddings", "tie_embedding"):  # LFM2's files use either
        if getattr(model.config, name, False):
            setattr(model.config, name, False)
