"""Phrases that name something here but for one slip: "desk amp", "the odor", "nitor bar".

What a lexicon lets pass because it is a word of its own, and words of which a recogniser lost an
end. Looked at last, where a phrase would mean nothing. Leaves out: what a phrase means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iotcall.devices import Home
from iotcall.dialogue.house.nouns import Noun
from iotcall.dialogue.words import words
from iotcall.speech.typos import one_slip_away

Words = tuple[str, ...]
_SHORTEST = 4
"""Letters of a word that was meant; shorter ones are one slip from too many others."""
_LOST = 2
"""Letters that a recogniser loses at either end of what it heard."""


def slipped_from(said: Words, home: Home, nouns: Sequence[Noun]) -> Iterator[Words]:
    """The phrases of which it is the one slip: one word exchanged by one that is spoken of here."""
    known = {word for name in home.spoken_names() for word in words(name)}
    known |= {word for noun in nouns for name in (*noun.one, *noun.several) for word in words(name)}
    for at, word in enumerate(said):
        if word in known or not word.isalpha():
            continue
        found = {other for other in one_slip_away(word)
                 if len(other) >= _SHORTEST and other in known}
        if len(word) >= _SHORTEST:
            found |= {other for other in known if 0 < len(other) - len(word) <= _LOST and (
                (at == 0 and other.endswith(word))
                or (at == len(said) - 1 and other.startswith(word)))}
        for meant in sorted(found):
            yield *said[:at], meant, *said[at + 1:]
