"""The families' checkpoints with tokenizers of full size. Leaves out: weights (see exports).

Qwen3's and Gemma 3's vocabularies are the published ones, Gemma's with FunctionGemma's markers. For
LFM2 none is at hand: its stand-in has its special tokens and 65,536 entries, and merges as Qwen3
does as far as these reach.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from iotcall.formats import FORMATS
from tests.benchmarks.exports import PUBLISHED, make_checkpoint
from tests.benchmarks.material import ROOT, fetch

WORK = ROOT / "build" / "peers"
FORMAT_OF = {"gemma3": "functiongemma", "lfm2": "lfm2", "qwen3": "hermes"}


def real_checkpoint(family: str) -> Path:
    """Random weights of the published size, and a tokenizer of as many entries."""
    folder = WORK / family / "checkpoint"
    if (folder / "tokenizer.json").is_file():
        return folder
    made = make_checkpoint(family)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json", "generation_config.json"):
        if (made / name).is_file() and not (folder / name).exists():
            try:
                os.link(made / name, folder / name)
            except OSError:
                shutil.copyfile(made / name, folder / name)
    tokenizer = _lfm2(_read("qwen3")) if family == "lfm2" else _read(family)
    _leave_out(tokenizer, PUBLISHED[family]["vocab_size"])
    pieces = FORMATS[FORMAT_OF[family]]
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": pieces.markers[-1],
        "clean_up_tokenization_spaces": False}), encoding="utf-8")
    partial = folder / "tokenizer.json.partial"
    partial.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    partial.rename(folder / "tokenizer.json")
    return folder


def _read(vocabulary: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(fetch(vocabulary).read_text(encoding="utf-8"))
    return value


def _leave_out(tokenizer: dict[str, Any], size: int) -> None:
    """Drop special tokens that the model has no row for (Gemma's, for pictures), in place."""
    tokenizer["added_tokens"] = [one for one in tokenizer["added_tokens"] if one["id"] < size]


def _lfm2(qwen3: dict[str, Any]) -> dict[str, Any]:
    """LFM2's special tokens first, as published; then Qwen3's bytes and earliest merges."""
    special = FORMATS["lfm2"].special_tokens
    size = PUBLISHED["lfm2"]["vocab_size"]
    ordered = sorted(qwen3["model"]["vocab"], key=qwen3["model"]["vocab"].__getitem__)
    kept = ordered[:size - len(special)]
    within = set(kept)
    merges = [pair for pair in qwen3["model"]["merges"] if "".join(pair) in within]
    vocab = {text: id for id, text in enumerate((*special, *kept))}
    added = [{"id": id, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for id, text in enumerate(special)]
    return {**qwen3, "added_tokens": added,
            "model": {**qwen3["model"], "vocab": vocab, "merges": merges}}


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(FORMAT_OF):
        print(real_checkpoint(name))
