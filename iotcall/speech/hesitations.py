"""Sounds that people make while they think: "um", "er", "you know". Leaves out: words that they
repeat or take back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HESITATIONS = frozenset({"um", "uh", "uhm", "er", "erm", "hm", "hmm"})
_FOUND = re.compile(
    r"(?<!\S)(?:[Uu][hm]|[Uu]hm|(?<!\bthe )[Ee]rm?|[Hh]m+|[Yy]ou know)"
    r"(?:[,.?!]+|\u2026)?(?=\s|$)(?!,? huh\b)\s*")
"""Words of their own, so that "hm.txt" is none; "uh huh" is a yes, "the ER" a hospital."""
_WORD = re.compile(r"[\w'\u2019]+")
_THAT_KNOW = frozenset({
    "do", "did", "does", "don't", "didn't", "doesn't", "would", "could", "should", "can", "will",
    "wouldn't", "couldn't", "if", "let", "as", "anyone", "everyone", "someone", "anybody",
    "everybody", "somebody", "people", "what", "who", "that", "how", "when", "where", "than", "all",
    "everything", "anything", "something", "thing", "things", "because", "unless", "once"})
"""Behind these it is the verb: "do you know", "anyone you know"."""
_IS_KNOWN = frozenset({"if", "what", "who", "whose", "how", "when", "where", "why", "which", "that",
                       "whether", "about", "of", "any", "each", "them", "him", "her", "me", "us"})
"""Before these too: "you know who"."""


def hesitations(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end, with the spaces behind them, or before the last; none where nothing
    else was said."""
    found = [match.span() for match in _FOUND.finditer(text) if _says_nothing(text, match)]
    while len(found) > 1 and found[-2][1] == found[-1][0]:
        found[-2:] = [(found[-2][0], found[-1][1])]
    if found and found[-1][1] == len(text):
        found[-1] = len(text[:found[-1][0]].rstrip()), len(text)
    if sum(end - start for start, end in found) < len(text.rstrip()):
        yield from found


def _says_nothing(text: str, match: re.Match[str]) -> bool:
    if match[0][:1] not in "Yy":
        return True
    before = _WORD.findall(text[:match.start()].casefold().replace("\u2019", "'"))
    behind = _WORD.findall(text[match.end():].casefold())
    return not (before and before[-1] in _THAT_KNOW) and not (
        behind and behind[0] in _IS_KNOWN and not match[0].rstrip().endswith(","))
