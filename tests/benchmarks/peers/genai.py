"""onnxruntime-genai with guidance, on the int4 model of its own builder.

``--prefix rewind`` keeps one generator, rewound to the prefix; ``--prefix none`` makes one for each
utterance and runs the whole prompt. Guidance is llguidance on a compact lark grammar whose markers
are tokens. Decoding stops behind the closing marker. Its sampling and its pass are one call, so
grammar time cannot be told apart. Leaves out: tokenising, the batching engine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime_genai as og

from tests.benchmarks.peers.protocol import CAPACITY, RAISED, THREADS, Answer, serve


class Genai:
    def __init__(self, task: dict[str, Any], model: Path, options: argparse.Namespace) -> None:
        self.versions = {"onnxruntime-genai": version("onnxruntime-genai")}
        decoder: dict[str, Any] = {"session_options": {"intra_op_num_threads": THREADS}}
        built = json.loads((model / "genai_config.json").read_text(encoding="utf-8"))
        window = built["model"]["decoder"].get("sliding_window")
        if window:
            # without room beside its window a rewind finds the prefix's end overwritten;
            # subtle: an overlay replaces the whole object
            decoder["sliding_window"] = {**window, "cache_slack": CAPACITY // 2}
        config = og.Config(str(model))
        config.overlay(json.dumps({"model": {"decoder": decoder}}))
        self._model = og.Model(config)
        self._tokenizer = og.Tokenizer(self._model)
        self._markers = {id: marker for marker, id in task["markers"].items()}
        self._task, self._keep, self._jump = task, options.prefix == "rewind", options.jump
        kind = {"lark": "lark_grammar"}.get(options.guidance, options.guidance)
        self._guidance = kind, task["languages"][options.guidance]
        self._generator = self._open()
        self._generator.append_tokens(self._prefix())
        if not self._keep:
            self._generator = None

    def answer(self, item: dict[str, Any], follow: bool) -> Answer:
        wanted = item["call_tokens"] if follow else []
        extra = 0.0
        began = time.perf_counter()
        generator, tokens, prompt = self._generator, [], item["tokens"]
        if self._keep:
            generator.rewind_to(len(self._task["prefix"]))
        else:
            generator, prompt = self._open(), [*self._task["prefix"], *prompt]
        generator.append_tokens(np.array(prompt, dtype=np.int32))
        prefill = time.perf_counter() - began
        place = generator.token_count()
        while True:
            if tokens == wanted[:len(tokens)] and len(tokens) < len(wanted):
                before = time.perf_counter()
                logits = generator.get_logits()
                computed = time.perf_counter()
                logits[..., wanted[len(tokens)]] = RAISED
                generator.set_logits(logits)
                extra += time.perf_counter() - computed
                if not tokens:
                    prefill += computed - before
            generator.generate_next_token()
            whole = generator.token_count()
            tokens += map(int, generator.get_sequence(0)[place:whole] if self._jump
                          else generator.get_next_tokens())
            place = whole
            if tokens[-1] == self._task["stop"] or generator.is_done() \
                    or len(tokens) >= self._task["max_tokens"]:
                break
        text = self._text(tokens)
        ended = time.perf_counter()
        return Answer(ms=1e3 * (ended - began - extra), prefill_ms=1e3 * prefill, grammar_ms=-1,
                      tokens=len(tokens), passes=-1 if self._jump else len(tokens), text=text,
                      extra_ms=1e3 * extra)

    def _text(self, tokens: Sequence[int]) -> str:
        """Its own decoding, with the markers that it leaves out."""
        text, piece = "", []
        for token in [*tokens, -1]:
            if token >= 0 and token not in self._markers:
                piece.append(token)
                continue
            text += self._tokenizer.decode(np.array(piece, dtype=np.int32)) if piece else ""
            text, piece = text + self._markers.get(token, ""), []
        return text

    def accepts(self, tokens: Sequence[int]) -> None:
        return None

    def _open(self) -> Any:
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=CAPACITY, do_sample=False)
        params.set_guidance(*self._guidance, self._jump)
        return og.Generator(self._model, params)

    def _prefix(self) -> Any:
        return np.array(self._task["prefix"], dtype=np.int32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("genai")
    parser.add_argument("--prefix", choices=("rewind", "none"), default="rewind")
    parser.add_argument("--jump", action="store_true", help="write forced tokens without asking")
    parser.add_argument("--guidance", choices=("lark", "regex"), default="lark")
    serve("genai", Genai, parser)
