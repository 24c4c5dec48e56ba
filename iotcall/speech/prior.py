"""What people usually say in the arguments of calls: a prior of values. Leaves out: its use.

Where nearly all that people say in the arguments of a catalogue has been said before, what has not
is more often a span cut wrongly ("fan cranking") than a new thing, and a word that is usually a
value ("attic") seldom stands in a sentence for nothing.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Container, Sequence
from typing import Annotated

import msgspec

from iotcall.speech.words import words

LONGEST = 3
"""Words of a value that are looked for in a sentence, at most."""
_POWER = 0.3
"""Of the shares: a student knows most of it already."""

Said = tuple[str, ...]


class ValuePrior(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a catalogue; ``prior.json`` of a bundle, all in small letters."""

    novelty: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """Share of values that nobody else had said in that argument."""
    values: dict[str, tuple[str, ...]]
    """Argument -> what has been said in it; only arguments for words of the person's own."""
    shares: dict[str, Annotated[float, msgspec.Meta(gt=0, lt=1)]]
    """Words that are values -> the share of sentences with them in which they are one or a part
    of one."""

    def weight(self, utterance: str, values: Sequence[tuple[str, str]]) -> float:
        """How usual it is to mean the values (argument, words) by an utterance, as the logarithm
        of a factor that only counts beside those of other values."""
        taken = [spoken(value) for _, value in values]
        new = sum(" ".join(said) not in self.values[key]
                  for (key, _), said in zip(values, taken, strict=True) if key in self.values)
        found = sum(math.log(share if any(holds(value, said) for value in taken) else 1 - share)
                    for said, share in self._in(spoken(utterance)).items())
        return new * math.log(self.novelty) + _POWER * found

    def _in(self, said: Said) -> dict[Said, float]:
        return {part: self.shares[" ".join(part)] for part in parts_of(said, self.shares)}


def spoken(text: str) -> Said:
    """Its words in small letters, accents and apostrophes written in one way."""
    text = unicodedata.normalize("NFC", text.replace("\u2019", "'")).casefold()
    return tuple(text[start:end] for start, end in words(text))


def parts_of(said: Said, known: Container[str]) -> list[Said]:
    """The known ones of its parts, the longest from each word on, without overlap."""
    found: list[Said] = []
    at = 0
    while at < len(said):
        length = next((length for length in range(min(LONGEST, len(said) - at), 0, -1)
                       if " ".join(said[at:at + length]) in known), 0)
        if length:
            found.append(said[at:at + length])
        at += length or 1
    return found


def holds(said: Said, part: Said) -> bool:
    """Whether the words stand in it in a row."""
    return any(said[at:at + len(part)] == part for at in range(len(said) - len(part) + 1))
