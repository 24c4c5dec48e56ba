"""How likely a word is beside its neighbours, in a home with names of its own. Leaves out: what it
may have been meant for.

A bigram model: P(word | before) = (c(before word) + t P(word)) / (N(before) + t), where t is one
more than the different words that were seen behind `before` (Witten and Bell 1991). How common a
word is goes by its rank (Zipf's law). What neighbours in a name of this home is as likely as the
usual ones.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

END = "."
"""Stands before the first word of an utterance, and behind the last."""
NUMBER = "0"
"""Stands for all numbers in digits."""
_SPOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_FLAT = 20
"""Ranks over which words are about as common; those of names are as common as these."""
_RARE = 0.1
"""How often a word that is none of the usual ones is said, to the rarest of those."""
_PLURAL = 0.2
"""How often one is said, to its name."""
SEEN = 8
"""Times that two words were said one behind the other, at least, so that it is remembered."""
_TYPICAL = 1.4 * SEEN
"""How often those of the first level were said; of each next one twice as often."""
_UNSEEN = 0.2
"""P(word | before) / P(word) where nothing is known of what stands behind `before`: about what it
is of words that were never seen behind another."""
_IN_A_NAME = 0.3
"""P(word | before) within a name."""


def spoken(text: str) -> Iterator[tuple[int, int, str]]:
    """The words of a text: where each begins and ends, and as pairs have it."""
    for match in _SPOKEN.finditer(text):
        word = match[0].lower().replace("\u2019", "'")
        yield match.start(), match.end(), NUMBER if word.isdigit() else word


def pairs_of(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Neighbours, the ends among them."""
    return itertools.pairwise((END, *words, END))


class Neighbours:
    """How usual words are, and how often one is said behind another."""

    def __init__(self, usual: Sequence[str], pairs: Mapping[str, Sequence[str]]) -> None:
        """`usual` words, the commonest first; `pairs` as `Lexicon.pairs` has them."""
        self.most = 1 / _FLAT / (sum(1 / (rank + _FLAT) for rank in range(len(usual))) or 1.0)
        self._share = {word: self.most * _FLAT / (rank + _FLAT) for rank, word in enumerate(usual)}
        self._rare = _RARE * self.most * _FLAT / (len(usual) + _FLAT)
        self._pairs = pairs
        self._seen: dict[str, tuple[float, int]] = {}
        """Of words that were asked for: how often any was said behind them, and how many."""

    def share(self, word: str) -> float:
        """P(word), 0..1."""
        return self._share.get(word, self._rare)

    def chance(self, word: str, before: str, share: float) -> float:
        """P(word | before), 0..1, of a word that has that share of all."""
        if before not in self._pairs:
            return share * (_UNSEEN if self._pairs else 1.0)
        if before not in self._seen:
            many = [len(_listed(words)) for words in self._pairs[before]]
            self._seen[before] = (sum(_often(level) * some for level, some in enumerate(many)),
                                  sum(many) + 1)
        count, kinds = self._seen[before]
        return (self._behind(before, word) + kinds * share) / (count + kinds)

    def is_seen(self, before: str, word: str) -> bool:
        """Whether one has been seen behind the other."""
        return bool(self._behind(before, word))

    def as_seen(self, word: str) -> str:
        """The word as pairs have it: without the ending of a genitive, if need be."""
        return word if word in self._pairs else word.removesuffix("'s")

    def _behind(self, before: str, word: str) -> float:
        """How often one was said behind the other. The lists are searched as they are: as
        dictionaries they would take 4 MB more of a board's memory."""
        return next((_often(level) for level, words in enumerate(self._pairs.get(before, ()))
                     if f" {word} " in f" {words} "), 0.0)


class Context:
    """P(word | the word before), where some things have names."""

    def __init__(self, neighbours: Neighbours, names: Collection[Sequence[str]],
                 plurals: Collection[Sequence[str]]) -> None:
        """The words of each of the `names`, in small letters, and of what may be said in place of
        them."""
        self._neighbours = neighbours
        self._pairs = frozenset(pair for name in (*names, *plurals)
                                for pair in itertools.pairwise(name))
        self._share: dict[str, float] = {}
        for some, often in ((plurals, _PLURAL), (names, 1.0)):
            self._share |= {word: max(often * neighbours.most, neighbours.share(word))
                            for name in some for word in name}

    def chance(self, word: str, before: str) -> float:
        """P(word | before), 0..1."""
        word, before = self._neighbours.as_seen(word), self._neighbours.as_seen(before)
        found = self._neighbours.chance(
            word, before, self._share.get(word) or self._neighbours.share(word))
        return max(found, _IN_A_NAME) if (before, word) in self._pairs else found

    def is_seen(self, before: str, word: str) -> bool:
        """Whether one has been seen behind the other, or belongs there in a name."""
        return self.is_named(before, word) or self._neighbours.is_seen(
            self._neighbours.as_seen(before), self._neighbours.as_seen(word))

    def is_named(self, before: str, word: str) -> bool:
        """Whether they are neighbours in a name."""
        return (self._neighbours.as_seen(before), self._neighbours.as_seen(word)) in self._pairs


def levelled(counts: Mapping[tuple[str, str], int]) -> dict[str, tuple[str, ...]]:
    """Neighbours and how often they were said so, as `Lexicon.pairs` has them."""
    found: dict[str, dict[int, list[str]]] = {}
    for (before, word), count in sorted(counts.items()):
        if count >= SEEN:
            level = (count // SEEN).bit_length() - 1
            found.setdefault(before, {}).setdefault(level, []).append(word)
    return {before: tuple(" ".join(levels.get(level, ())) for level in range(max(levels) + 1))
            for before, levels in found.items()}


def _often(level: int) -> float:
    return _TYPICAL * float(1 << level)


def _listed(words: str) -> list[str]:
    return words.split(" ") if words else []
