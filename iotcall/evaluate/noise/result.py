"""What noise did to some dialogues, with the word error rate. Leaves out: doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from iotcall.evaluate.dialogues import Dialogue
from iotcall.speech import words


class NoiseFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How much was altered."""

    kind: Literal["typos", "transcription"]
    asked: float
    """Typos of an utterance, or word error rate."""
    seed: int
    utterances: int
    altered: int
    """Utterances that are not as they were."""
    labels_altered: int
    """Turns whose reference follows an altered slice."""
    words: int
    """Of the utterances as they were."""
    word_errors: int
    """Substitutions, insertions and deletions, fewest that turn one into the other."""
    word_error_rate: float
    """Of all utterances together: errors / words."""


class Noisy(msgspec.Struct, frozen=True):
    """Dialogues after noise."""

    dialogues: tuple[Dialogue, ...]
    figures: NoiseFigures


def said_words(utterance: str) -> list[str]:
    """The words that errors are counted in: without case and punctuation."""
    return [utterance[start:end].casefold() for start, end in words(utterance)]


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein's distance in words, by rapidfuzz."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(reference, heard)


def word_error_rate(references: Sequence[str], heard: Sequence[str]) -> float:
    """Errors over words of all utterances together; 0 of nothing."""
    spoken = [said_words(text) for text in references]
    errors = sum(word_errors(one, said_words(other))
                 for one, other in zip(spoken, heard, strict=True))
    return errors / max(sum(map(len, spoken)), 1)


def noisy(before: Sequence[Dialogue], after: Sequence[Dialogue], *,
          kind: Literal["typos", "transcription"], asked: float, seed: int) -> Noisy:
    """The noisy dialogues with their figures."""
    pairs = [pair for one, other in zip(before, after, strict=True)
             for pair in zip(one.turns, other.turns, strict=True)]
    spoken = [said_words(was.utterance) for was, _ in pairs]
    errors = sum(word_errors(one, said_words(now.utterance))
                 for one, (_, now) in zip(spoken, pairs, strict=True))
    count = sum(map(len, spoken))
    return Noisy(tuple(after), NoiseFigures(
        kind=kind, asked=asked, seed=seed, utterances=len(pairs),
        altered=sum(was.utterance != now.utterance for was, now in pairs),
        labels_altered=sum(was.calls != now.calls for was, now in pairs),
        words=count, word_errors=errors, word_error_rate=errors / max(count, 1)))
