"""Whether the peers run the same network: their logits beside those of transformers in fp32.

``--write`` (virtual environment of Outlines) writes transformers' last logits for the prefix and
some calls as ``logits.npy``; ``--gguf FILE`` (of llama.cpp) and ``--genai DIR`` (of genai) compare.
``--shake DIR`` first makes a checkpoint whose norms are random too: new ones are all alike, and
would hide two that are mistaken for each other. Leaves out: a verdict on quantised files.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ITEMS = (0, 7)


def main() -> None:
    parser = argparse.ArgumentParser("parity")
    parser.add_argument("--task", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, help="write the logits of this one")
    parser.add_argument("--shake", type=Path, help="write a copy with random norms there")
    parser.add_argument("--logits", type=Path, required=True)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--genai", type=Path)
    options = parser.parse_args()
    task = json.loads(options.task.read_text(encoding="utf-8"))
    prompts = [[*task["prefix"], *task["items"][at]["tokens"], *task["items"][at]["call_tokens"]]
               for at in ITEMS]
    if options.shake:
        _shake(options.checkpoint, options.shake)
    elif options.checkpoint:
        np.save(options.logits, _transformers(options.checkpoint, prompts))
    if options.gguf:
        _report(options.gguf, np.load(options.logits), _llamacpp(options.gguf, prompts))
    if options.genai:
        _report(options.genai, np.load(options.logits), _genai(options.genai, prompts))


def _report(path: Path, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    for a, b in zip(ours.astype(np.float64), theirs.astype(np.float64), strict=True):
        cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        print(f"{path}: cosine {cosine:.6f}, same best token {a.argmax() == b.argmax()}, "
              f"largest difference {np.abs(a - b).max():.4f} of {np.abs(a).max():.2f}")


def _transformers(checkpoint: Path, prompts: Sequence[Sequence[int]]) -> NDArray[Any]:
    import torch
    import transformers

    torch.set_grad_enabled(False)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    return np.stack([model(input_ids=torch.tensor([prompt]), logits_to_keep=1).logits[0, -1].numpy()
                     for prompt in prompts])


def _llamacpp(path: Path, prompts: Sequence[Sequence[int]]) -> NDArray[Any]:
    import llama_cpp

    model = llama_cpp.Llama(str(path), n_ctx=1024, n_batch=512, n_threads=2, verbose=False)
    found = []
    for prompt in prompts:
        model.reset()
        model.eval(list(prompt))
        logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        found.append(np.array(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),))))
    return np.stack(found)


def _genai(path: Path, prompts: Sequence[Sequence[int]]) -> NDArray[Any]:
    import onnxruntime_genai as og

    model, found = og.Model(str(path)), []
    for prompt in prompts:
        params = og.GeneratorParams(model)
        params.set_search_options(max_length=1024)
        generator = og.Generator(model, params)
        generator.append_tokens(np.array(prompt, dtype=np.int32))
        found.append(np.array(generator.get_logits()).reshape(-1)[-model_size(path):])
    return np.stack(found)


def model_size(path: Path) -> int:
    """Entries of the vocabulary."""
    config = json.loads((path / "genai_config.json").read_text(encoding="utf-8"))
    return int(config["model"]["vocab_size"])


def _shake(checkpoint: Path, out: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    out.mkdir(parents=True, exist_ok=True)
    for path in checkpoint.iterdir():
        if path.suffix == ".json":
            shutil.copyfile(path, out / path.name)
    torch.manual_seed(1)
    tensors = {name: value + torch.randn_like(value) * 0.3 if value.dim() == 1 else value
               for name, value in load_file(checkpoint / "model.safetensors").items()}
    save_file(tensors, out / "model.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main()
