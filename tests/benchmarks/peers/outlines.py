"""transformers with Outlines' own logits processor (outlines-core) over the regular expression.

The prefix's cache is kept and cropped. The loop is a plain greedy one, without what ``generate``
adds; logits of the last token only. Outlines knows special tokens by their texts, so it takes
ordinary tokens that spell a marker as well. Decoding stops behind the closing marker. Leaves out:
tokenising.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import outlines
import torch
import transformers
from outlines.backends.outlines_core import OutlinesCoreBackend
from outlines_core import Guide

from tests.benchmarks.peers.protocol import RAISED, THREADS, Answer, serve


class Outlines:
    def __init__(self, task: dict[str, Any], model: Path, options: argparse.Namespace) -> None:
        self.versions = {name: version(name)
                         for name in ("outlines", "outlines-core", "torch", "transformers")}
        torch.set_num_threads(THREADS)
        torch.set_grad_enabled(False)
        self._model = transformers.AutoModelForCausalLM.from_pretrained(
            model, dtype=getattr(torch, options.dtype)).eval()
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        backend = OutlinesCoreBackend(outlines.from_transformers(self._model, self._tokenizer))
        self._processor = backend.get_regex_logits_processor(task["languages"]["regex"])
        self._task, self._keep = task, options.prefix == "crop"
        self._cache = transformers.DynamicCache(config=self._model.config)
        if self._keep:
            self._run(task["prefix"], self._cache)
        # a convolution's state cannot be cropped, a window's neither: continue a copy there
        self._copies = options.copy or any(
            not type(layer).__name__.startswith("DynamicLayer") for layer in self._cache.layers)

    def answer(self, item: dict[str, Any], follow: bool) -> Answer:
        wanted = item["call_tokens"] if follow else []
        began = time.perf_counter()
        prompt, cache = item["tokens"], self._cache
        if not self._keep:
            prompt = [*self._task["prefix"], *prompt]
            cache = transformers.DynamicCache(config=self._model.config)
        elif self._copies:
            cache = copy.deepcopy(cache)
        self._processor.reset()
        logits = self._run(prompt, cache)  # (1, vocabulary)
        prefill = time.perf_counter() - began
        tokens: list[int] = []
        ids, spent = torch.tensor([prompt]), 0.0
        while True:
            if tokens == wanted[:len(tokens)] and len(tokens) < len(wanted):
                logits[0, wanted[len(tokens)]] = RAISED
            before = time.perf_counter()
            token = int(self._processor(ids, logits).argmax())
            spent += time.perf_counter() - before
            tokens.append(token)
            if token == self._task["stop"] or token == self._task["end"] \
                    or len(tokens) == self._task["max_tokens"]:
                break
            ids = torch.tensor([[token]])  # it reads the newest only
            logits = self._run([token], cache)
        text = self._tokenizer.decode(tokens)
        ended = time.perf_counter()
        if self._keep and not self._copies:
            cache.crop(len(self._task["prefix"]) - cache.get_seq_length())
        cropped = time.perf_counter() - ended
        return Answer(ms=1e3 * (ended - began + cropped), prefill_ms=1e3 * prefill,
                      grammar_ms=1e3 * spent, tokens=len(tokens), passes=len(tokens), text=text)

    def accepts(self, tokens: Sequence[int]) -> bool:
        guide = Guide(self._processor.index)
        if not guide.accepts_tokens(list(tokens)):
            return False
        for token in tokens:
            guide.advance(token, return_tokens=False)
        return bool(guide.is_finished())

    def _run(self, tokens: Sequence[int], cache: Any) -> torch.Tensor:
        out = self._model(input_ids=torch.tensor([tokens]), cache=cache, use_cache=True,
                          logits_to_keep=1)
        return out.logits[:, -1].float()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("outlines")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--prefix", choices=("crop", "none"), default="crop")
    parser.add_argument("--copy", action="store_true", help="copy the prefix's cache, not crop it")
    serve("outlines", Outlines, parser)
