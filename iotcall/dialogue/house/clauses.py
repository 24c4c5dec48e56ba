"""Several commands in one breath, one by one: "lamp on" is no clause, "switch the lamp on" is.

A student that has to write three calls at once loses one or mixes them up; each clause by itself it
knows. Leaves out: what a clause means, and sentences that take something back or spare it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from iotcall.dialogue.words import has_any, words

_JOINT = re.compile(r"(?:\s*[,;.]\s*(?:and\s+)?(?:then\s+)?|\s+and\s+(?:then\s+)?|\s+then\s+)",
                    re.IGNORECASE)
_TAKEN_BACK = frozenset({
    "not", "don't", "dont", "no", "but", "except", "unless", "if", "when", "wait", "sorry",
    "actually", "instead", "leave", "rather", "without", "until", "or", "never", "because", "after",
    "before", "once", "while", "forget", "scratch", "undo", "cancel", "everywhere", "later",
    "tomorrow", "tonight", "minute", "minutes", "hour", "hours", "second", "seconds", "o'clock",
    "list", "lists", "shopping", "remind", "reminder", "note", "that back", "it back", "them back"})
"""Words that may bear on more than the clause they stand in, or say what is only to be noted."""
_PLACED = frozenset({"in", "upstairs", "downstairs"})
"""In the last clause: it may be meant of all."""
_LEAST, _MOST = 3, 5
"""Clauses."""
_SHORTEST = 2
"""Words of a clause."""


def clauses(utterance: str, verbs: Iterable[str], polite: Iterable[str]) -> tuple[str, ...]:
    """The clauses of three commands or more, each beginning with a verb; empty: it is no such
    chain.

    Args:
        verbs: words that begin a command ("switch").
        polite: words that may stand before the first ("please").
    """
    known = frozenset(verbs)
    before = {word for each in polite for word in words(each)} - known
    if has_any(words(utterance), _TAKEN_BACK) or "?" in utterance:
        return ()
    found: list[str] = []
    at = 0
    for start, end in [*((match.start(), match.end()) for match in _JOINT.finditer(utterance)),
                       (len(utterance), len(utterance))]:
        following = words(utterance[end:])[:1]
        if end < len(utterance) and not known.issuperset(following):
            continue  # "the lamp and the fan" is one
        found.append(utterance[at:start].strip(" .,;"))
        at = end
    found = [each for each in found if set(words(each)) - before]
    first = [word for word in words(found[0]) if word not in before] if found else []
    if not _LEAST <= len(found) <= _MOST or not known.issuperset(first[:1]) or any(
            len(words(each)) < _SHORTEST for each in found) or not _PLACED.isdisjoint(
            words(found[-1])):
        return ()
    return tuple(found)
