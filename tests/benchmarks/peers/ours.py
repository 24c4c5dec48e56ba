"""iotcall as a runner: a bundle's student, its guesses as they come or right with some chance.

Leaves out: the protocol (see protocol).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from iotcall.bundle import open_bundle
from iotcall.grammar import Walk
from iotcall.grammar.walk import Place
from iotcall.runtime import Modes, Student
from iotcall.runtime.decoders import Decoder, Past, Scores, Wanted
from tests.benchmarks.peers.protocol import RAISED, THREADS, Answer, serve


class Following:
    """A decoder whose student wants the reference call's tokens, as the peers' models do."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.reference: Sequence[int] = ()
        self.prompt = 0
        """Tokens of the prompt before the call."""
        self.extra_s = 0.0
        self.ran = 0
        """Tokens that went through the model."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def run(self, ids: Sequence[int], past: Past, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        before = past.length
        scores = self._decoder.run(ids, past, wanted)
        self.ran += len(ids)
        began = time.perf_counter()
        for item, found in zip(wanted, scores, strict=True):
            place = before + item.position + 1 - self.prompt
            if 0 <= place < len(self.reference):
                found.allowed[item.allowed == self.reference[place]] = RAISED
        self.extra_s += time.perf_counter() - began
        return scores


class Chancy:
    """Guesses each decision of the reference right with some chance, else at random."""

    def __init__(self, reference: Sequence[int], chance: float, seed: int) -> None:
        self._reference, self._chance = tuple(reference), chance
        self._random = np.random.default_rng(seed)

    def ahead(self, walk: Walk, place: Place, answer: Sequence[int]) -> Sequence[int]:
        """As many tokens as a whole wrong answer has too: they cost what they cost."""
        guess, right = list(answer), True
        while not walk.is_final(place) and len(guess) < len(self._reference):
            allowed = walk.allowed(place)
            token = self._reference[len(guess)]
            if len(allowed) > 1 and (not right or self._random.random() >= self._chance):
                others = allowed[allowed != token]
                token, right = int(others[int(self._random.integers(len(others)))]), False
            elif not right:
                token = int(allowed[0])
            after = walk.step(place, token)
            assert after is not None
            guess.append(token)
            place = after
        return guess[len(answer):]


class Ours:
    """A student as the hub uses it."""

    def __init__(self, task: dict[str, Any], model: Path, options: argparse.Namespace) -> None:
        self._task, self._options = task, options
        modes = Modes(drafting=options.guesses != "none")
        self._student = Student.open(open_bundle(model), threads=THREADS, modes=modes)
        self._following = Following(self._student.decoder)
        self._student.decoder = self._following  # type: ignore[assignment]
        self.versions = {"onnxruntime": version("onnxruntime"), "iotcall": version("iotcall")}
        self._asked = 0
        self._student.decode([], task["items"][0]["utterance"])  # as the peers run their prefix

    def answer(self, item: dict[str, Any], follow: bool) -> Answer:
        own = self._following
        reference = [*item["call_tokens"], self._task["end"]] if follow else []
        own.reference, own.extra_s, own.ran = reference, 0.0, 0
        own.prompt = len(self._task["prefix"]) + len(item["tokens"])
        draft = None
        if self._options.guesses not in ("none", "own"):
            self._asked += 1
            draft = Chancy(reference, float(self._options.guesses) / 100, self._asked)
        began = time.perf_counter()
        found = self._student.decode([], item["utterance"], draft=draft)
        took = time.perf_counter() - began - own.extra_s
        if follow and found.text != item["call"]:
            raise ValueError(f"expected {item['call']!r}, found {found.text!r} ({found.outcome})")
        return Answer(ms=1000 * took, prefill_ms=found.prefill_ms, grammar_ms=-1,
                      tokens=found.tokens, passes=found.passes, text=found.text,
                      extra_ms=1000 * own.extra_s)

    def accepts(self, tokens: Sequence[int]) -> bool | None:
        walk = self._student.parts.main.binder.walk()
        return walk.accepts([*tokens, self._task["end"]])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser("iotcall")
    arguments.add_argument("--guesses", default="none",
                           help="none, own, or per cent of the decisions that are guessed right")
    serve("iotcall", Ours, arguments)
