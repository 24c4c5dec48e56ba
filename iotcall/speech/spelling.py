"""How alike two spoken names are, as a recogniser may have misheard one. Leaves out: synonyms.

Written here: rapidfuzz's wheel is large for a hub (3.2 MB for x86_64); jellyfish's is not (0.4 MB),
but neither keeps numbers apart, and what is left, an edit distance and a key by sound, is sixty
lines.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import msgspec

from iotcall.speech.tokens import HOMOPHONES, OH, ORDINALS, SMALL, TENS, Token, tokens, word
from iotcall.speech.values import exact_number

LONGEST = 120
"""Characters of a name; a longer one is like none."""

_SAYS_NOTHING = frozenset({"the", "a", "an", "my", "our", "your", "that", "this", "number"})
_SCALES = frozenset({"hundred", "thousand", "million", "billion"})
_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_WORST_EDIT = 0.6
"""Share of letters that must stay for two words to be taken for one another at all."""
_SOUND_FLOOR = 0.7
"""What two words of one sound are alike at least."""
_VOWELS = frozenset("aeiouy")
_SOUNDS = tuple((re.compile(pattern), into) for pattern, into in (
    (r"[^a-z]", ""), (r"^(?:kn|gn|pn)", "n"), (r"^wr", "r"), (r"^ps", "s"), (r"^wh", "w"),
    (r"mb$", "m"), (r"sch", "sk"), (r"t?ch", "j"), (r"sh|[ts]i(?=on)", "j"), (r"ph|v", "f"),
    (r"ough$", "o"), (r"(?<=[aeiou])gh", ""), (r"gh", "g"), (r"th", "t"), (r"d?g(?=[eiy])", "j"),
    (r"c(?=[eiy])", "s"), (r"ck|c|q", "k"), (r"x", "ks"), (r"z", "s"),
    (r"(?<=[^aeiouy])re$", "er"), (r"(?<=[^aeiouy])e$", ""), (r"(?<=[aeiou])[wh](?![aeiouy])", ""),
    (r"(?<=[aeiou])l(?=[kmf])", ""), (r"[aeiouy]+", "a"), (r"(.)\1+", r"\1")))
"""Spelling -> sound, in this order; all vowels are one, since recognisers mistake them first."""


class _Name(msgspec.Struct, frozen=True):
    words: tuple[str, ...]
    """In singular."""
    labels: tuple[str, ...]
    """Numbers as digits, and single letters: what tells devices of one name apart."""


def alike(one: str, other: str) -> float:
    """0 (no relation) to 1 (the same name); symmetric, whatever the order of the words.

    Numbers, ordinals and single letters ("lamp b") are the same or not: where each name has one
    that the other lacks the answer is 0; where only one has, it is as if a word were missing.
    """
    if len(one) > LONGEST or len(other) > LONGEST:
        return 0.0
    first, second = _name(one), _name(other)
    labels, others = Counter(first.labels), Counter(second.labels)
    if (labels - others and others - labels) or not (
            (first.words or first.labels) and (second.words or second.labels)):
        return 0.0
    joined, other_joined = "".join(first.words), "".join(second.words)
    if joined and joined == other_joined and labels == others:
        return 1.0  # "bed room"
    matched = _matched(first.words, second.words)
    if (first.words and second.words) and not matched:
        return 0.0  # "lamp 2" and "heater 2" share no more than a number
    shared = sum((labels & others).values())
    count = sum(map(len, (first.words, first.labels, second.words, second.labels)))
    by_word = 2 * (matched + shared) / count
    whole = 0.95 * _word_alike(joined, other_joined) if joined and other_joined and (
        labels == others) else 0.0
    return round(min(1.0, max(by_word, whole)), 4)


def alike_in_sound(one: str, other: str) -> float:
    """0 to 1, by sound alone, wherever the words end: "you knee corn" and "unicorn" are near.

    For a name that is like no other in words. Numbers and single letters are the same or not.
    """
    if len(one) > LONGEST or len(other) > LONGEST:
        return 0.0
    first, second = _name(one), _name(other)
    if Counter(first.labels) != Counter(second.labels):
        return 0.0
    sounds = [sound("".join(name.words)) for name in (first, second)]
    longer = max(map(len, sounds))
    return 1 - _edits(*sounds) / longer if longer else 0.0


@functools.lru_cache(maxsize=2048)
def sound(word: str) -> str:
    """A key that words of like sound share: "light" and "lite" are "lat"."""
    for pattern, into in _SOUNDS:
        word = pattern.sub(into, word)
    return word


def singular(word: str) -> str:
    """A word without the ending of a plural or a possessive: "shelves" -> "shelf"."""
    word = word.removesuffix("'s").replace("'", "")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("lves"):
        return word[:-3] + "f"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    has_vowel = not _VOWELS.isdisjoint(word[:-1])
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and (
            len(word) > 3 or not has_vowel) and len(word) > 2:
        return word[:-1]
    return word


@functools.lru_cache(maxsize=2048)
def _name(text: str) -> _Name:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold().replace(
        "\u2019", "'")) if not unicodedata.combining(char))
    if len(plain) > LONGEST:
        return _Name((), ())  # subtle: one character may be many once it is taken apart
    said = tokens(plain)
    while len(said) > 1 and said[0].text in _SAYS_NOTHING:
        said = said[1:]
    words: list[str] = []
    labels: list[str] = []
    at = 0
    while at < len(said):
        label, stop = _label(said, at)
        if stop > at:
            labels.append(label)
            at = stop
            continue
        heard = said[at].text
        if len(heard) == 1:
            stop = at + 1
            while stop < len(said) and said[stop].text.isalpha() and len(said[stop].text) == 1:
                stop += 1
            spelt = "".join(token.text for token in said[at:stop])
            (words if len(spelt) > 1 else labels).append(spelt)  # "t v" is a word
            at = stop
            continue
        if heard not in _SAYS_NOTHING or len(said) == 1:
            words.append(singular(heard))
        at += 1
    return _Name(tuple(words), tuple(labels))


def _label(said: Sequence[Token], at: int) -> tuple[str, int]:
    """A number in digits and where it ends: "twenty one", "21", "21st", "one oh four"."""
    stop = _end_of_number(said, at)
    after = said[stop].text if stop < len(said) else ""
    if stop == at + 1 and said[at].digits and after in _ENDINGS and not said[stop].gap:
        return _digits(said[at].digits), stop + 1
    if stop == at:
        if after in ORDINALS:
            return str(ORDINALS[after]), stop + 1
        if stop and stop == len(said) - 1 and after in HOMOPHONES:
            return str(HOMOPHONES[after]), stop + 1  # "lamp too": nothing is called so
        return "", at
    if stop == at + 1 and said[at].text in TENS and ORDINALS.get(after, 10) < 10:
        return str(TENS[said[at].text] + ORDINALS[after]), stop + 1
    value = exact_number([token.text for token in said[at:stop]])
    if value is not None:
        return f"{value:f}", stop
    first = said[at]  # several numbers in a row: one by one
    single = exact_number([first.text])
    return (_digits(first.digits) if first.digits else
            first.text if single is None else f"{single:f}"), at + 1


def _end_of_number(said: Sequence[Token], at: int) -> int:
    """Behind "nine", "one oh four", "a hundred and one"; `at` where no number begins."""
    stop = at + (word(said, at) in ("a", "an") and word(said, at + 1) in _SCALES)
    while stop < len(said):
        if _counts(said[stop]) or (stop > at and said[stop].text in OH):
            stop += 1
        elif stop > at and said[stop].text == "and" and said[stop - 1].text in _SCALES and (
                stop + 1 < len(said) and _counts(said[stop + 1])):
            stop += 2
        else:
            break
    return stop


def _counts(token: Token) -> bool:
    return token.value is not None or token.text in SMALL or token.text in _SCALES


def _digits(typed: str) -> str:
    return typed.lstrip("0") or "0"


def _matched(words: Sequence[str], others: Sequence[str]) -> float:
    """The best pairs, each word once, by likeness."""
    pairs = [(_word_alike(mine, yours), here, there)
             for here, mine in enumerate(words) for there, yours in enumerate(others)]
    # subtle: among equals by their letters, so that the answer is the same the other way round
    pairs.sort(key=lambda pair: (-pair[0], sorted((words[pair[1]], others[pair[2]]))))
    taken: set[int] = set()
    others_taken: set[int] = set()
    total = 0.0
    for likeness, here, there in pairs:
        if likeness and here not in taken and there not in others_taken:
            taken.add(here)
            others_taken.add(there)
            total += likeness
    return total


def _word_alike(word: str, other: str) -> float:
    if word == other:
        return 1.0
    kept = 1 - _edits(word, other) / max(len(word), len(other))
    key = sound(word)
    if len(key) > 1 and key == sound(other):
        return _SOUND_FLOOR + (1 - _SOUND_FLOOR) * kept
    return kept * kept if kept >= _WORST_EDIT and min(len(word), len(other)) > 2 else 0.0


def _edits(word: str, other: str) -> int:
    """Letters to put in, take out, change or swap with the next (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        row = [at]
        for to, wanted in enumerate(other, 1):
            cost = min(above[to] + 1, row[to - 1] + 1, above[to - 1] + (letter != wanted))
            if at > 1 and to > 1 and letter == other[to - 2] and word[at - 2] == wanted:
                cost = min(cost, before[to - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
