"""What a student says when nothing is remembered and nothing is guessed: the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from iotcall.bundle import Bundle
from iotcall.grammar import Walk
from iotcall.grammar.walk import Place
from iotcall.runtime import PLAIN, Decoding, Modes, Student, Turn
from iotcall.runtime.decoders import Decoder, Scores, Wanted

TIE = 0.05
"""Kernels round passes of different sizes differently, so a closer decision may fall either way."""
TRACED = Modes(traced=True)


class Reference:
    """Answers of the plain loop: the whole prompt is run for each, then a token at a time."""

    def __init__(self, bundle: Bundle) -> None:
        self._student = Student.open(bundle, threads=1,
                                     modes=msgspec.structs.replace(PLAIN, traced=True))
        self._known: dict[str, Decoding] = {}

    def answer(self, history: Sequence[Turn], utterance: str) -> Decoding:
        key = repr((utterance, tuple(history)))  # calls hold dicts
        if key not in self._known:
            self._known[key] = self._student.decode(history, utterance)
        return self._known[key]

    def tokens(self, history: Sequence[Turn], utterance: str) -> tuple[int, ...]:
        """Of the answer, its end included."""
        return self.answer(history, utterance).trace[0].tokens

    def is_near_tie(self, history: Sequence[Turn], utterance: str) -> bool:
        return self.answer(history, utterance).smallest_margin < TIE


def assert_same(found: Decoding, expected: Decoding) -> None:
    """The same tokens for the same reasons, however many passes they took."""
    assert (found.outcome, found.calls, found.text) == (
        expected.outcome, expected.calls, expected.text)
    assert (found.decisions, found.tokens) == (expected.decisions, expected.tokens)
    assert found.confidence == pytest.approx(expected.confidence, abs=0.01)
    if found.trace and expected.trace:
        assert found.trace[0].prompt == expected.trace[0].prompt
        assert found.trace[0].tokens == expected.trace[0].tokens


class Watch:
    """Notes what each pass of a decoder runs."""

    def __init__(self, decoder: Decoder) -> None:
        self.passes: list[list[int]] = []
        self.held: list[int] = []
        """Tokens in the past before each pass."""
        self._run = decoder.run
        decoder.run = self  # type: ignore[method-assign]

    def __call__(self, ids: Sequence[int], past: Any, wanted: Sequence[Wanted] = ()) -> (
            list[Scores]):
        self.passes.append(list(ids))
        self.held.append(past.length)
        return self._run(ids, past, wanted)

    @property
    def tokens(self) -> int:
        """Run so far."""
        return sum(map(len, self.passes))

    def clear(self) -> None:
        self.passes.clear()
        self.held.clear()


class Blurts:
    """A draft that says the same whatever was asked."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tuple(tokens)

    def ahead(self, walk: Walk, place: Place, answer: Sequence[int]) -> Sequence[int]:
        return self._tokens


def with_other_choice(answer: Decoding, decision: int, pick: int) -> tuple[int, ...]:
    """The answer's tokens with one of its decisions taken otherwise, and all else kept."""
    tokens = list(answer.trace[0].tokens)
    decisions = answer.trace[0].decisions
    at = decisions[decision % len(decisions)]
    others = at.allowed[at.allowed != tokens[at.after]]
    tokens[at.after] = int(np.asarray(others)[pick % len(others)])
    return tuple(tokens)


def golden() -> list[Any]:
    """Every golden turn of the lamp catalogue."""
    from iotcall.evaluate.dialogues import read_dialogues
    from iotcall.evaluate.golden import golden_turns
    from tests import lamp

    return golden_turns(read_dialogues(lamp.FOLDER / "golden.jsonl"))
