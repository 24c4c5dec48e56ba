"""Words that fingers spelt wrong, spelt right. Leaves out: whose words they are (see runtime).

A word that nobody knows becomes the commonest usual word that one slip makes it of: a letter left
out, put in, exchanged, or two swapped (after Norvig 2007, "How to Write a Spelling Corrector").
Words with digits or apostrophes stay, and so do short ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

_WORD = re.compile(r"(?<![\w'])[A-Za-z]{3,}(?![\w'])")
_LETTERS_OF_A_WORD = re.compile(r"[A-Za-z]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 24
"""Letters of a word that is looked at."""


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
    """Of each word that changed: start and end in what was said, start and end in what is read."""

    def as_said(self, start: int, end: int) -> str:
        """What was said where `read` has ``[start:end]``; a part of a changed word is all of it."""
        return self.said[self._place(start, first=True):self._place(end, first=False)]

    def _place(self, at: int, *, first: bool) -> int:
        shift = 0
        for said_start, said_end, start, end in self.words:
            if at <= start:
                break
            if at < end:
                return said_start if first else said_end
            shift = said_end - end
        return at + shift


class Speller:
    """Reads texts by a lexicon."""

    def __init__(self, lexicon: Lexicon, names: Iterable[str] = ()) -> None:
        """`names` of things that are spoken of here: their words are right as they are, and what a
        slip was meant for before any usual word."""
        own = dict.fromkeys(word.lower() for name in names for word in _WORD.findall(name))
        self._rank = {word: rank for rank, word in enumerate(dict.fromkeys(
            (*own, *lexicon.usual)))}
        self._known = {*own, *lexicon.usual, *lexicon.spared}

    def word(self, word: str) -> str:
        """The word, or the usual one that it was probably meant for, in the same case."""
        small = word.lower()
        if small in self._known or not 3 <= len(small) <= LONGEST:
            return word
        found = min((other for other in one_slip_away(small) if other in self._rank),
                    key=self._rank.__getitem__, default=None)
        if found is None:
            return word
        if word.isupper():
            return found.upper()
        return found.capitalize() if word[0].isupper() else found

    def knows(self, text: str) -> bool:
        """Whether a word of the text is known, spelt right, or it has a digit: "asdf jkl" is not
        even a sentence. True where it has no letters of this alphabet to tell by."""
        found = [match.group() for match in _LETTERS_OF_A_WORD.finditer(text)]
        return not found or any(map(str.isdigit, text)) or any(
            self.word(word).lower() in self._known for word in found)

    def respelt(self, text: str) -> Respelt:
        """The text with every such word exchanged."""
        pieces, changed, done, length = [], [], 0, 0
        for match in _WORD.finditer(text):
            right = self.word(match.group())
            if right != match.group():
                before = text[done:match.start()]
                start = length + len(before)
                changed.append((match.start(), match.end(), start, start + len(right)))
                pieces += [before, right]
                done, length = match.end(), start + len(right)
        return Respelt(text, "".join([*pieces, text[done:]]), tuple(changed))


def one_slip_away(word: str) -> Iterator[str]:
    """Every text that one slip makes of a word in small letters; some come twice."""
    for at in range(len(word) + 1):
        before, behind = word[:at], word[at:]
        if behind:
            yield before + behind[1:]
        if len(behind) > 1 and behind[0] != behind[1]:
            yield before + behind[1] + behind[0] + behind[2:]
        for letter in _LETTERS:
            if behind and letter != behind[0]:
                yield before + letter + behind[1:]
            yield before + letter + behind
