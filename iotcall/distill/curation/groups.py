"""Which utterances are nearly the same. Leaves out: what they mean.

Candidates come from MinHash (datasketch), the verdict from the exact Jaccard index of the sets of
three letters, so that the same utterances always give the same groups.
https://en.wikipedia.org/wiki/MinHash
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

NEAR = 0.75
"""Jaccard index from which two utterances are near-equal: "turn on kitchen lights" and "turn on
the kitchen lights" are, "turn on the kitchen lights" and "turn on the bedroom lights" are not."""
_APOSTROPHES = re.compile("['\u2018\u2019]")
_PERMUTATIONS = 64
_CANDIDATES = 0.6
"""MinHash estimates; what it finds near at this index is looked at exactly."""


def plain(utterance: str) -> str:
    """The words alone: no case, no punctuation, no doubled spaces; what two equal ones share."""
    text = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", utterance).casefold())
    kept = "".join(each if unicodedata.category(each)[0] in "LNM" else " " for each in text)
    # subtle: an utterance of signs alone ("?!") is what it is
    return " ".join(kept.split()) or "".join(text.split())


def grouped(utterances: Sequence[str]) -> list[int]:
    """The number of each utterance's group; equal and near-equal ones, and theirs, share one.

    Numbers are those of the first utterance of the group.
    """
    first: dict[str, int] = {}
    for index, utterance in enumerate(utterances):
        first.setdefault(plain(utterance), index)
    parents = _Parents()
    for one, other in _near(list(first)):
        parents.join(first[one], first[other])
    return [parents.of(first[plain(utterance)]) for utterance in utterances]


class _Parents:
    """Disjoint sets; the smallest number stands for its set."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def of(self, number: int) -> int:
        root = number
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while (parent := self._parents.get(number, number)) != root:
            self._parents[number] = root
            number = parent
        return root

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        self._parents[high] = low


def _near(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of different texts that are near-equal."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

    shingles = {text: _shingles(text) for text in texts}
    index = MinHashLSH(threshold=_CANDIDATES, num_perm=_PERMUTATIONS)
    pairs = []
    for text in texts:
        sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
        sketch.update_batch([each.encode() for each in sorted(shingles[text])])
        for other in sorted(index.query(sketch)):
            union = len(shingles[text] | shingles[other])
            if len(shingles[text] & shingles[other]) >= NEAR * union:
                pairs.append((other, text))
        index.insert(text, sketch)
    return pairs


def _shingles(text: str) -> set[str]:
    padded = f"  {text}  "
    return {padded[start:start + 3] for start in range(len(padded) - 2)}
