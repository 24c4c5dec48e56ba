"""Words that fingers spelt wrong, spelt right, and hesitations left out. Leaves out: whose words
they are (see runtime).

A word that nobody knows becomes the likeliest usual word that one slip makes it of: a letter left
out, put in, exchanged, or two swapped. By Bayes' rule (Kernighan, Church and Gale 1990, "A Spelling
Correction Program Based on a Noisy Channel Model") that is P(slip | word) P(word): of some places
where letters can be swapped or lost one was hit, but any of 26 letters can come in, so "lighst" was
meant for "lights" rather than "light". How common a word is goes by its rank (Zipf's law). Words
with digits or inner apostrophes stay, and so do short ones. A word that no slip explains may be two
usual ones that ran together: "lampto", "desklamp".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from iotcall.speech.hesitations import HESITATIONS, hesitations

_WORD = re.compile(r"(?<![\w'])[A-Za-z]{3,}(?=(?:'s?)?(?![\w']))")
"""A word without its ending of a genitive: "kids'", "Mia's"."""
_LETTERS_OF_A_WORD = re.compile(r"[A-Za-z]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABET = len(_LETTERS)
LONGEST = 24
"""Letters of a word that is looked at."""
_BEHIND = frozenset({"to", "too", "on", "off", "the", "and", "not", "for"})
"""Little words that run together with the one before."""
_PIECE, _USUAL, _VERY_USUAL = 4, 1500, 400
"""Letters that a word has at least from which another is told apart, and its rank: before a little
word, and beside another one."""
_FLAT = 20
"""Ranks over which words are about as common; those of names are as common as these."""


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words in small letters; ``lexicon.json`` of a bundle."""

    usual: tuple[str, ...]
    """What a slip may have been meant for, the commonest first."""
    spared: tuple[str, ...] = ()
    """Other words that are right as they are."""


class Respelt(msgspec.Struct, frozen=True):
    """A text as it was said and as it is read."""

    said: str
    read: str
    words: tuple[tuple[int, int, int, int], ...] = ()
    """Of each word that changed: start and end in what was said, start and end in what is read; of
    a hesitation the latter are one."""

    def as_said(self, start: int, end: int) -> str:
        """What was said where `read` has ``[start:end]``, but for hesitations; a part of a word
        that was spelt right is all of it, a part of words that ran together that part."""
        first, last = self._place(start, first=True), self._place(end, first=False)
        said = ""
        for left, right in ((left, right) for left, right, *read in self.words
                            if read[0] == read[1] and first <= left and right <= last):
            said += self.said[first:left]
            first = right
        return said + self.said[first:last]

    def _place(self, at: int, *, first: bool) -> int:
        shift = 0
        for said_start, said_end, start, end in self.words:
            if at < start or (at == start and not (first and start == end)):
                break
            if at < end:
                read = self.read[start:end]
                if read.replace(" ", "") == self.said[said_start:said_end]:
                    return said_start + len(read[:at - start].replace(" ", ""))
                return said_start if first else said_end
            shift = said_end - end
        return at + shift


class Speller:
    """Reads texts by a lexicon."""

    def __init__(self, lexicon: Lexicon, names: Iterable[str] = ()) -> None:
        """`names` of things that are spoken of here: their words are right as they are, and what a
        slip was meant for before any usual word."""
        own = dict.fromkeys(word.lower() for name in names for word in _WORD.findall(name))
        own |= dict.fromkeys(f"{word}s" for word in own if not word.endswith("s"))
        self._share = {word: 1 / (rank + _FLAT) for rank, word in enumerate(lexicon.usual)}
        self._share |= dict.fromkeys(own, 1 / _FLAT)
        self._before = {*own, *lexicon.usual[:_USUAL]}
        self._whole = {*own, *lexicon.usual[:_VERY_USUAL]}
        self._usual = {*own, *lexicon.usual, *HESITATIONS}
        self._known = {*self._usual, *lexicon.spared}

    def word(self, word: str) -> str:
        """The word, or the usual one or two that it was probably meant for, in the same case."""
        small = word.lower()
        if small in self._known or not 3 <= len(small) <= LONGEST:
            return word
        likely: dict[str, float] = {}
        for other, chance in meant_for(small):
            if other in self._share:
                likely[other] = likely.get(other, 0.0) + chance * self._share[other]
        if not likely:
            return self._apart(word)
        found = max(likely, key=likely.__getitem__)
        if word.isupper():
            return found.upper()
        return found.capitalize() if word[0].isupper() else found

    def _apart(self, word: str) -> str:
        """Two words that ran together, apart."""
        for at in range(_PIECE, len(word) - 1):
            one, two = word[:at].lower(), word[at:].lower()
            if (one in self._before and two in _BEHIND) or (
                    len(two) >= _PIECE and one in self._whole and two in self._whole):
                return f"{word[:at]} {word[at:]}"
        return word

    def knows(self, text: str) -> bool:
        """Whether a word of the text is a usual one, spelt right, or it has a digit: "asdf jkl" is
        not even a sentence. True where it has no letters of this alphabet to tell by."""
        found = [match.group() for match in _LETTERS_OF_A_WORD.finditer(text)]
        return not found or any(map(str.isdigit, text)) or any(
            self.word(word).lower() in self._usual for word in found)

    def respelt(self, text: str) -> Respelt:
        """The text with every such word exchanged, and without hesitations."""
        changes = [(start, end, "") for start, end in hesitations(text)]
        changes += [(match.start(), match.end(), right) for match in _WORD.finditer(text)
                    if (right := self.word(match.group())) != match.group()]
        pieces, changed, done, length = [], [], 0, 0
        for first, last, right in sorted(changes):
            if first < done:
                continue  # a part of a hesitation
            before = text[done:first]
            start = length + len(before)
            changed.append((first, last, start, start + len(right)))
            pieces += [before, right]
            done, length = last, start + len(right)
        return Respelt(text, "".join([*pieces, text[done:]]), tuple(changed))


def meant_for(word: str) -> Iterator[tuple[str, float]]:
    """Every text of which one slip makes a word in small letters, and how likely that slip is among
    those of its text, all four kinds being as usual; some come twice."""
    length = len(word)
    for at in range(length + 1):
        before, behind = word[:at], word[at:]
        if behind:
            yield before + behind[1:], 1 / (_ALPHABET * length)  # a letter came in
        if len(behind) > 1 and behind[0] != behind[1]:
            yield before + behind[1] + behind[0] + behind[2:], 1 / (length - 1)
        for letter in _LETTERS:
            if behind and letter != behind[0]:
                yield before + letter + behind[1:], 1 / (_ALPHABET * length)
            yield before + letter + behind, 1 / (length + 1)  # a letter was lost


def one_slip_away(word: str) -> Iterator[str]:
    """Every text that one slip makes of a word in small letters; some come twice."""
    return (text for text, _ in meant_for(word))
