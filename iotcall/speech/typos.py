"""Words that fingers spelt wrong, spelt right, and hesitations left out. Leaves out: whose words
they are (see runtime).

A word that nobody knows becomes the usual word that one slip makes it of and that is likeliest
between its neighbours: a letter left out, put in, exchanged, or two swapped. By Bayes' rule
(Kernighan, Church and Gale 1990, "A Spelling Correction Program Based on a Noisy Channel Model")
that is P(slip | word) P(word | its neighbours): of some places where letters can be swapped or lost
one was hit, but any of 26 letters can come in, so "lighst" was meant for "lights" rather than
"light". A word that somebody knows may be a slip as well ("the desk lap"; Mays, Damerau and Mercer
1991, "Context based spelling correction"): it is, where another is likelier by far even though
people seldom slip. Words with digits or inner apostrophes stay. A word that no slip explains may be
two usual ones that ran together, "lampto", and two may be one, cut in two: "bed side".
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence

import msgspec

from iotcall.speech.context import END, Context, Neighbours, spoken
from iotcall.speech.hesitations import HESITATIONS, hesitations
from iotcall.speech.numbers import is_number_word
from iotcall.speech.slips import meant_for
from iotcall.speech.spelling import singular, sound

_WORD = re.compile(r"(?<![\w'])[A-Za-z]{2,}(?=(?:'s?)?(?![\w']))")
"""A word without its ending of a genitive: "kids'", "Mia's"."""
_LETTERS_OF_A_WORD = re.compile(r"[A-Za-z]+")
LONGEST = 24
"""Letters of a word that is looked at."""
_SHORT = 2
"""Letters of a word that is changed only where its neighbours say so."""
_SLIPS = 0.004
"""P(slip), of a word."""
_MISHEARD = 0.004
"""P(taken for a word of the same sound), of a word."""
_CLOSE, _DOUBTS = 30.0, 3
"""How many times likelier than another meaning the first may be, so that the other is worth a look;
and how many others of a text at most."""
_CUT = 0.001
"""P(cut in two), of a word."""
_SAFELY = 3.0
"""How many times likelier than a word that somebody knows another must be."""
_DECIDES = frozenset({
    "on", "off", "not", "no", "yes", "all", "but", "except", "never", "don't", "open", "close",
    "lock", "unlock", "up", "down", "nor", "none", "every", "stop", "start", "aye", "nay", "yep",
    "yup", "nope", "locked", "unlocked", "opened", "closed", "shut", "dock", "undock"})
"""Words that turn a wish round: none is made of a word that somebody knows, nor is one changed."""
_BEGINS = frozenset({"up", "down", "every", "all"})
"""Those that other words begin with: "upstairs", "everything"."""
_COMPOUNDS = frozenset({"everything", "anything", "something", "upstairs", "downstairs",
                        "everywhere", "everybody"})
"""Words that mean the same when they are written in two."""
_LOCKS = frozenset({"lock", "unlock"})
_BEHIND = frozenset({"to", "too", "in", "on", "off", "the", "and", "not", "for"})
"""Little words that run together with the one before."""
_PIECE, _USUAL, _VERY_USUAL = 4, 1500, 400
"""Letters that a word has at least from which another is told apart, and its rank: before a little
word, and beside another one."""
_WHOLE = 6
"""Letters of a word that may have been cut in two, at least."""


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words in small letters; ``lexicon.json.gz`` of a bundle."""

    usual: tuple[str, ...]
    """What a slip may have been meant for, the commonest first."""
    spared: tuple[str, ...] = ()
    """Other words that are right as they are."""
    pairs: dict[str, tuple[str, ...]] = {}
    """Word -> words that were said behind it, with spaces between: first those that were seldom, of
    each next level twice as often; "." stands for either end, "0" for any digits. Empty: neighbours
    are not looked at, and no word that somebody knows is taken for a slip."""


class Respelt(msgspec.Struct, frozen=True):
    """A text as it was said and as it is read."""

    said: str
    read: str
    words: tuple[tuple[int, int, int, int], ...] = ()
    """Of each word that changed: start and end in what was said, start and end in what is read; of
    a hesitation the latter are one."""
    doubts: tuple[tuple[str, str], ...] = ()
    """Words, and what else they may have been meant for nearly as likely."""

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

    def __init__(self, lexicon: Lexicon, names: Iterable[str] = (), *,
                 neighbours: Neighbours | None = None) -> None:
        """`names` of things that are spoken of here: their words are right as they are, and what a
        slip was meant for before any usual word. `neighbours` of the lexicon, if made before."""
        called = [[word.removesuffix("'s") for _, _, word in spoken(name)] for name in names]
        plurals = [[*name[:at], other] for name in called for at in range(len(name))
                   for other in (singular(name[at]), f"{name[at]}s")
                   if other != name[at] and not other.endswith("ss")]
        own = {word for name in (*called, *plurals) for word in name}
        self._lexicon, self._has_pairs = lexicon, bool(lexicon.pairs)
        self._neighbours = neighbours or Neighbours(lexicon.usual, lexicon.pairs)
        self._context = Context(self._neighbours, called, plurals)
        self._by_sound = _by_sound(lexicon.usual) if lexicon.pairs else {}
        self._own = own
        self._before = {*own, *lexicon.usual[:_USUAL]}
        self._whole = {*own, *lexicon.usual[:_VERY_USUAL]}
        self._usual = {*own, *lexicon.usual}
        self._known = {*self._usual, *lexicon.spared, *HESITATIONS}

    def at(self, names: Iterable[str]) -> Speller:
        """By the same lexicon, where other things are spoken of."""
        return Speller(self._lexicon, names, neighbours=self._neighbours)

    def word(self, word: str, before: str = END, behind: str = END) -> str:
        """The word, or the usual one or two that it was probably meant for, in the same case.

        `before` and `behind` are its neighbours, in small letters.
        """
        return self._ranked(word, before, behind)[0]

    def knows(self, text: str) -> bool:
        """Whether a word of the text is a usual one, spelt right, or it has a digit: "asdf jkl" is
        not even a sentence. True where it has no letters of this alphabet to tell by."""
        found = [match.group() for match in _LETTERS_OF_A_WORD.finditer(text)]
        return not found or any(map(str.isdigit, text)) or any(
            word.lower() in self._usual for word in found + _LETTERS_OF_A_WORD.findall(
                self.respelt(text).read))

    def respelt(self, text: str) -> Respelt:
        """The text with every such word exchanged, and without hesitations."""
        silent = list(hesitations(text))
        changes = [(start, end, "") for start, end in silent]
        said = self._joined(text, [
            each for each in spoken(text)
            if not any(start <= each[0] < end for start, end in silent)], changes)
        doubts: list[tuple[str, str]] = []
        before = END
        for at, (start, end, word) in enumerate(said):
            match = _WORD.match(text, start)
            if match and match.end() <= end and " " not in text[start:end]:
                first, *others = self._ranked(
                    match[0], before, said[at + 1][2] if at + 1 < len(said) else END)
                if first == match[0]:
                    others += [other for other in self._far(word, is_first=at == 0)
                               if other not in others]
                doubts += [(match[0], other) for other in others if other != match[0]]
                if first != match[0]:
                    changes.append((match.start(), match.end(), first))
                    word = first.lower()
            before = word.rpartition(" ")[2]
        pieces, changed, done, length = [], [], 0, 0
        for start, end, other in sorted(changes):
            begun = text[done:start]
            at = length + len(begun)
            changed.append((start, end, at, at + len(other)))
            pieces += [begun, other]
            done, length = end, at + len(other)
        return Respelt(text, "".join([*pieces, text[done:]]), tuple(changed),
                       tuple(doubts[:_DOUBTS]))

    def _ranked(self, word: str, before: str, behind: str) -> list[str]:
        """What a word was meant for, in its case: the likeliest, and what comes close to that."""
        small = word.lower()
        if len(small) > LONGEST:
            return [word]
        likely = self._meant(small, before, behind)
        best = max(likely.values())
        found = sorted((other for other, chance in likely.items() if chance * _CLOSE >= best),
                       key=lambda other: -likely[other])
        return [word if other == small else _as_said(other, word) for other in found]

    def _meant(self, word: str, before: str, behind: str) -> dict[str, float]:
        """How likely it was meant for what, for a word in small letters."""
        if word in self._known:
            return self._known_meant(word, before, behind)
        chances: dict[str, float] = {}
        for other, chance in meant_for(word):
            if other in self._own or (other in self._usual and (
                    len(word) > _SHORT or self._is_usual(before, other, behind))):
                chances[other] = chances.get(other, 0.0) + chance
        if not chances:
            return {word if len(word) <= _SHORT else self._apart(word): 1.0}
        if chances.keys() >= _LOCKS:
            # subtle: whether to lock or unlock is for the letters to say, not for what is usual
            del chances[min(_LOCKS, key=chances.__getitem__)]
        return {other: chance * self._between(before, other, behind)
                for other, chance in chances.items()}

    def _known_meant(self, word: str, before: str, behind: str) -> dict[str, float]:
        """The same for a word that somebody knows."""
        likely = {word: _SAFELY * self._between(before, word, behind)}
        if not self._has_pairs or word in self._whole or not _may_change(word):
            return likely
        alike = self._by_sound.get(sound(word), ())
        for other, chance in itertools.chain(
                ((other, _SLIPS * chance) for other, chance in meant_for(word)),
                ((other, _MISHEARD / len(alike)) for other in alike)):
            if other in self._usual and (other == "down" or _may_change(other)) and self._is_usual(
                    before, other, behind) and other.removesuffix("s") != word.removesuffix("s"):
                likely[other] = likely.get(other, 0.0) + chance * self._between(
                    before, other, behind)
        return likely

    def _far(self, word: str, *, is_first: bool) -> list[str]:
        """What a word that somebody knows may have been meant for, whatever stands beside it: a
        word of a name, or the verb of which it is the past: "turned the fan on"."""
        if not self._has_pairs:
            return []
        found = [other for other, _ in meant_for(word) if other in self._own] if (
            word not in self._whole and _may_change(word)) else []
        if is_first and word.endswith("ed"):
            found += [base for base in (word[:-2], word[:-1], word[:-3]) if base in self._whole]
        return list(dict.fromkeys(found))

    def _is_usual(self, before: str, word: str, behind: str) -> bool:
        """Whether it has been seen between such neighbours, or belongs to a name with one."""
        return self._context.is_named(before, word) or self._context.is_named(word, behind) or (
            self._context.is_seen(before, word) and self._context.is_seen(word, behind))

    def _between(self, before: str, word: str, behind: str) -> float:
        return self._context.chance(word, before) * self._context.chance(behind, word)

    def _apart(self, word: str) -> str:
        """Two words that ran together, apart."""
        for at in range(_PIECE, len(word) - 1):
            one, two = word[:at], word[at:]
            if (one in self._before and two in _BEHIND) or (
                    len(two) >= _PIECE and one in self._whole and two in self._whole):
                return f"{one} {two}"
        return word

    def _joined(self, text: str, said: Sequence[tuple[int, int, str]],
                changes: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
        """The words, those that were cut in two as one; which they are is added to the changes."""
        found: list[tuple[int, int, str]] = []
        at = 0
        while at < len(said):
            start, end, word = said[at]
            if at + 1 < len(said) and text[end:said[at + 1][0]] == " " and self._is_cut(
                    word, said[at + 1][2], found[-1][2] if found else END,
                    said[at + 2][2] if at + 2 < len(said) else END):
                end, word = said[at + 1][1], word + said[at + 1][2]
                changes.append((start, end, text[start:end].replace(" ", "")))
                at += 1
            found.append((start, end, word))
            at += 1
        return found

    def _is_cut(self, one: str, two: str, before: str, behind: str) -> bool:
        whole = one + two
        if not self._has_pairs or len(whole) < _WHOLE or whole not in self._usual or (
                self._context.is_named(one, two)) or (whole not in _DECIDES and any(
                    part in _DECIDES - _BEGINS or not part.isalpha() or is_number_word(part)
                    for part in (one, two))):
            return False
        return whole in self._own or whole in _COMPOUNDS or (
            _CUT * self._between(before, whole, behind) > _SAFELY * self._between(
                before, one, two) * self._context.chance(behind, two))


@functools.lru_cache(maxsize=4)
def _by_sound(usual: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Sound -> words."""
    found: dict[str, tuple[str, ...]] = {}
    for word in usual:
        key = sound(word)
        found[key] = (*found.get(key, ()), word)
    return found


def _as_said(word: str, said: str) -> str:
    """A word in the case of what was said; the same letters of two words in theirs."""
    if " " in word:
        at = word.index(" ")
        return f"{said[:at]} {said[at:]}"
    if said.isupper():
        return word.upper()
    return word.capitalize() if said[0].isupper() else word


def _may_change(word: str) -> bool:
    return len(word) > _SHORT and word not in _DECIDES and not is_number_word(word)


def right(text: str, slips: Sequence[tuple[str, str]]) -> str:
    """A text with words as they were meant for those that were said (`Decoding.slips`)."""
    if not slips:
        return text
    meant = {said.casefold(): read for said, read in slips}
    listed = "|".join(sorted(map(re.escape, meant), key=len, reverse=True))
    return re.sub(rf"(?<![^\W_])(?:{listed})(?![^\W_])",
                  lambda found: meant.get(found[0].casefold(), found[0]), text, flags=re.IGNORECASE)
