"""Guesses of an answer, which the student confirms or corrects in one pass. Leaves out: the pass.

A guess never changes what is answered: the student's own choice stands at every decision, and a
guess only lets several of them be looked at together (speculative decoding; source: Leviathan,
Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", 2023, with the
greedy rule).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from iotcall.catalogue import ToolCall
from iotcall.grammar import Walk
from iotcall.grammar.walk import Place

_REMEMBERED = 256
_ALIKE = 0.5
"""Share of words that two utterances must have in common to suggest the same call."""


class Draft(Protocol):
    """Something that guesses how an answer goes on."""

    def ahead(self, walk: Walk, place: Place, answer: Sequence[int]) -> Sequence[int]:
        """Tokens that may follow the answer so far, after which the walk is at `place`; as many as
        it likes, allowed or not."""


class Guesses:
    """Whole answers that it may turn out to be, the likeliest first."""

    def __init__(self, answers: Sequence[Sequence[int]]) -> None:
        self._answers = [tuple(answer) for answer in answers if answer]

    def ahead(self, walk: Walk, place: Place, answer: Sequence[int]) -> Sequence[int]:
        """The rest of the first answer that begins like this one; else the end of one that would
        lead on from here, as where only a room was guessed wrong."""
        begun = tuple(answer)
        for guess in self._answers:
            if guess[:len(begun)] == begun and len(guess) > len(begun):
                return guess[len(begun):]
        for guess in self._answers:
            common = sum(1 for _ in _alike(guess, begun))
            for start in range(common + 1, len(guess)):
                if _leads_to_the_end(walk, place, guess[start:]):
                    return guess[start:]
        return ()


class Earlier:
    """What was said lately, and the calls it came to."""

    def __init__(self) -> None:
        self._calls: OrderedDict[tuple[str, ...], tuple[ToolCall, ...]] = OrderedDict()

    def learn(self, utterance: str, calls: tuple[ToolCall, ...]) -> None:
        key = _words(utterance)
        self._calls[key] = calls
        self._calls.move_to_end(key)
        if len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)

    def same(self, utterance: str) -> tuple[ToolCall, ...]:
        """The calls of these very words; empty where they were not said."""
        return self._calls.get(_words(utterance), ())

    def alike(self, utterance: str) -> tuple[ToolCall, ...]:
        """The calls of the most similar utterance; empty where none is similar."""
        words = set(_words(utterance))
        best = _ALIKE
        found: tuple[ToolCall, ...] = ()
        for key, calls in reversed(self._calls.items()):
            other = set(key)
            share = len(words & other) / max(1, len(words | other))
            if share > best:
                best, found = share, calls
        return found


def _words(utterance: str) -> tuple[str, ...]:
    return tuple(utterance.casefold().split())


def _alike(one: Sequence[int], two: Sequence[int]) -> Sequence[int]:
    """What both begin with."""
    length = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b),
                  min(len(one), len(two)))
    return one[:length]


def _leads_to_the_end(walk: Walk, place: Place, tokens: Sequence[int]) -> bool:
    for token in tokens:
        after = walk.step(place, token)
        if after is None:
            return False
        place = after
    return walk.is_final(place)
