"""Texts that are nearly the same, by MinHash over runs of three characters.

Broder, "On the resemblance and containment of documents", 1997; locality-sensitive hashing as in
Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3; both from datasketch. Leaves
out: what follows from two texts being alike (see seen).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray

PERMUTATIONS = 128
SCHEME = "affine32"
"""Of datasketch 2: what a signature was made with."""
GRAM = 3
"""Characters."""
STRICTEST = 0.98
"""Threshold of an index at most: of one nearer to 1 so few permutations make no two bands. What it
finds is compared with the wanted threshold all the same."""

Signature = NDArray[np.uint32]
"""(PERMUTATIONS,): two texts' share of equal places estimates how alike they are."""

_WORDS = re.compile(r"\w+")
_RECALL = (0.1, 0.9)
"""Weights of false and missed candidates: each candidate is looked at again."""


def normalised(text: str) -> str:
    """Small letters and single spaces, no marks: "Turn it OFF, please!" -> "turn it off please"."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_WORDS.findall(folded)) or "".join(folded.split())


def fingerprint(text: str) -> str:
    """SHA-256 of the normalised text, in hexadecimal digits."""
    return hashlib.sha256(normalised(text).encode(errors="replace")).hexdigest()


def grams(text: str) -> set[str]:
    """All runs of three characters of the text with a space at each end."""
    padded = f" {text} "
    return {padded[at:at + GRAM] for at in range(max(1, len(padded) - GRAM + 1))}


def alike(a: str, b: str) -> float:
    """Jaccard similarity of two normalised texts, 0 to 1."""
    one, two = grams(a), grams(b)
    return len(one & two) / len(one | two)


class Signer:
    """Makes signatures; the permutations are drawn once, by datasketch's seed 1."""

    def __init__(self) -> None:
        self._permutations = MinHash(PERMUTATIONS, scheme=SCHEME).permutations

    def minhash(self, text: str, within: str = "") -> Any:
        """datasketch's MinHash of a normalised text; `within` keeps groups of texts apart."""
        made = MinHash(PERMUTATIONS, permutations=self._permutations, scheme=SCHEME)
        made.update_batch([f"{within}\0{gram}".encode(errors="replace")
                           for gram in sorted(grams(text))])
        return made

    def of_signature(self, signature: Signature) -> Any:
        """datasketch's MinHash of a signature that was kept."""
        return MinHash(hashvalues=signature, permutations=self._permutations, scheme=SCHEME)


class Near:
    """Kept texts, among which one like a new one is looked for."""

    def __init__(self, threshold: float) -> None:
        """`threshold`: similarity from which on two texts are alike, 0.5 to 1; at 1 none are."""
        self._threshold = threshold
        self._signer = Signer()
        self._texts: list[str] = []
        self._index = MinHashLSH(threshold=min(threshold, STRICTEST), num_perm=PERMUTATIONS,
                                 weights=_RECALL) if threshold < 1 else None

    def find_or_add(self, text: str, within: str = "") -> bool:
        """Whether a text like it is there in the same group; if none is, it is from now on."""
        if self._index is None:
            return False
        text = normalised(text)
        made = self._signer.minhash(text, within)
        if any(alike(text, other) >= self._threshold for other in self._like(made)):
            return True
        self._index.insert(len(self._texts), made)
        self._texts.append(text)
        return False

    def _like(self, made: Any) -> Iterator[str]:
        # subtle: a group is part of every run, so other groups are no candidates, chance aside
        if self._index is not None:
            yield from (self._texts[number] for number in sorted(self._index.query(made)))
