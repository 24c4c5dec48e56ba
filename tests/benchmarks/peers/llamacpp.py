"""llama.cpp through llama-cpp-python's low level, as its own server decodes.

The prefix stays in the KV cache: what an utterance added is removed before the next, or, where a
state cannot be rolled back (LFM2's convolutions), every utterance continues a copy of the prefix's
sequence. Sampling is that of llama.cpp's ``common_sampler``: the best token first, the grammar over
the whole vocabulary only if it refuses that one (``--eager``: always). All of it runs in C.
Markers are tokens of the grammar; inside free strings of the other formats it takes special tokens
for their letters. Decoding stops behind the closing marker. Leaves out: tokenising, speculation.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llama_cpp as c

from tests.benchmarks.peers.protocol import CAPACITY, RAISED, THREADS, Answer, serve

_SILENT = c.llama_log_callback(lambda *_: None)


class LlamaCpp:
    def __init__(self, task: dict[str, Any], model: Path, options: argparse.Namespace) -> None:
        self.versions = {"llama-cpp-python": version("llama-cpp-python")}
        if not options.verbose:
            c.llama_log_set(_SILENT, ctypes.c_void_p())
        c.llama_backend_init()
        settings = c.llama_model_default_params()
        self._model = c.llama_model_load_from_file(str(model).encode(), settings)
        if not self._model:
            raise RuntimeError(f"llama.cpp could not load {model}")
        self._vocab = c.llama_model_get_vocab(self._model)
        self._copies = options.prefix == "copy" or (
            options.prefix == "auto" and bool(c.llama_model_is_hybrid(self._model)))
        self._context = self._open_context(options)
        self._memory = c.llama_get_memory(self._context)
        self._batch = c.llama_batch_init(CAPACITY, 0, 1)
        self._task, self._eager = task, options.eager
        self._opening = task["opening"] if options.primed else []
        self._prefix = task["prefix"]
        self._grammar = c.llama_sampler_init_grammar(
            self._vocab, task["languages"]["gbnf"].encode(), b"root")
        if not self._grammar:
            raise RuntimeError("llama.cpp refused the grammar")
        self._greedy = c.llama_sampler_init_greedy()
        self._one = (c.llama_token_data * 1)()
        self._single = c.llama_token_data_array(self._one, 1, -1, False)
        self._run(self._prefix, 0, 0)

    def answer(self, item: dict[str, Any], follow: bool) -> Answer:
        wanted = item["call_tokens"][len(self._opening):] if follow else []
        began = time.perf_counter()
        sequence = self._rewind()
        grammar = c.llama_sampler_clone(self._grammar)
        for token in self._opening:
            c.llama_sampler_accept(grammar, token)
        chain = self._chain(grammar)
        prompt = [*item["tokens"], *self._opening]
        spent = time.perf_counter() - began
        self._run(prompt, len(self._prefix), sequence)
        # subtle: decode returns before the logits are there, reading them waits
        logits = c.llama_get_logits_ith(self._context, -1)
        prefill = time.perf_counter() - began
        place, tokens, passes = len(self._prefix) + len(prompt), [], 1
        while True:
            if follow:
                logits[wanted[len(tokens)]] = RAISED
            before = time.perf_counter()
            token = self._sample(grammar, chain)
            spent += time.perf_counter() - before
            tokens.append(token)
            if token == self._task["stop"] or len(tokens) == self._task["max_tokens"] \
                    or c.llama_vocab_is_eog(self._vocab, token):
                break
            self._run([token], place, sequence)
            logits = c.llama_get_logits_ith(self._context, -1)
            place, passes = place + 1, passes + 1
        text = b"".join(map(self._piece, [*self._opening, *tokens])).decode(errors="replace")
        ended = time.perf_counter()
        c.llama_sampler_free(chain)  # and the grammar in it
        return Answer(ms=1e3 * (ended - began), prefill_ms=1e3 * prefill, grammar_ms=1e3 * spent,
                      tokens=len(tokens), passes=passes, text=text)

    def accepts(self, tokens: Sequence[int]) -> bool:
        grammar = c.llama_sampler_clone(self._grammar)
        try:
            for token in tokens:
                if not self._may(grammar, token):
                    return False
                c.llama_sampler_accept(grammar, token)
            return self._may(grammar, self._task["end"])
        finally:
            c.llama_sampler_free(grammar)

    def _open_context(self, options: argparse.Namespace) -> Any:
        settings = c.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = CAPACITY, 512, 512
        settings.n_seq_max = 2 if self._copies else 1
        settings.kv_unified = True  # a copied sequence shares the prefix's cells
        settings.n_threads = settings.n_threads_batch = THREADS
        settings.flash_attn_type = {"auto": -1, "off": 0, "on": 1}[options.flash]
        settings.no_perf = True
        context = c.llama_init_from_model(self._model, settings)
        if not context:
            raise RuntimeError("llama.cpp opened no context")
        return context

    def _rewind(self) -> int:
        """Back to the prefix; the sequence to go on in."""
        if self._copies:
            c.llama_memory_seq_rm(self._memory, 1, -1, -1)
            c.llama_memory_seq_cp(self._memory, 0, 1, -1, -1)
            return 1
        if not c.llama_memory_seq_rm(self._memory, 0, len(self._prefix), -1):
            raise RuntimeError("llama.cpp could not roll back to the prefix")
        return 0

    def _chain(self, grammar: Any) -> Any:
        chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        c.llama_sampler_chain_add(chain, grammar)
        c.llama_sampler_chain_add(chain, c.llama_sampler_init_greedy())
        return chain

    def _sample(self, grammar: Any, chain: Any) -> int:
        """The best valid token, accepted by the grammar."""
        if not self._eager:
            token = int(c.llama_sampler_sample(self._greedy, self._context, -1))
            if self._may(grammar, token):
                c.llama_sampler_accept(grammar, token)
                return token
        return int(c.llama_sampler_sample(chain, self._context, -1))  # it accepts by itself

    def _may(self, grammar: Any, token: int) -> bool:
        self._one[0].id, self._one[0].logit = token, 1.0
        c.llama_sampler_apply(grammar, ctypes.byref(self._single))
        return float(self._one[0].logit) > float("-inf")

    def _run(self, tokens: Sequence[int], place: int, sequence: int) -> None:
        """One pass, in pieces of 512; logits of the last token only."""
        batch = self._batch
        for start in range(0, len(tokens), 512):
            piece = tokens[start:start + 512]
            for index, token in enumerate(piece):
                batch.token[index], batch.pos[index] = token, place + start + index
                batch.n_seq_id[index], batch.seq_id[index][0] = 1, sequence
                batch.logits[index] = start + index == len(tokens) - 1
            batch.n_tokens = len(piece)
            if c.llama_decode(self._context, batch):
                raise RuntimeError("llama.cpp could not decode")

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = c.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[:size]


if __name__ == "__main__":
    parser = argparse.ArgumentParser("llamacpp")
    parser.add_argument("--flash", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--prefix", choices=("auto", "remove", "copy"), default="auto")
    parser.add_argument("--eager", action="store_true", help="the grammar first, at every token")
    parser.add_argument("--primed", action="store_true",
                        help="the forced beginning of every call stands in the prompt")
    parser.add_argument("--verbose", action="store_true")
    serve("llamacpp", LlamaCpp, parser)
