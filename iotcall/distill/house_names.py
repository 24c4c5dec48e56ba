"""What devices and rooms may be called, put together anew. Leaves out: the sentences around them.

Targets are put together from what people put before nouns ("Nan's", "upstairs", "big") and the
nouns of their sort, so that there are always names that were never seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec
from num2words import num2words

from iotcall.distill.invention import pseudo_word

Nouns = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Sort of device -> words for one, words for several."""

_MADE_UP = 0.45
"""Share of exchanged targets that are put together anew."""


class Ending(msgspec.Struct, frozen=True):
    """A noun at the end of a name."""

    noun: str
    sort: str
    number: str
    """one or several."""


class HouseNames:
    """Names by the nouns of a dialogue.toml; without nouns nothing is made up."""

    def __init__(self, nouns: Nouns) -> None:
        self._nouns = nouns
        self._endings = sorted(
            (Ending(noun, sort, number) for sort, numbers in nouns.items()
             for number, ends in zip(("one", "several"), numbers, strict=True) for noun in ends),
            key=lambda each: -len(each.noun))
        self._before: dict[str, None] = {}
        self._rooms: list[str] = []

    def learn(self, targets: Iterable[str], rooms: Iterable[str]) -> None:
        """Take what stands before the nouns, and the rooms, from names that were written."""
        self._rooms = list(dict.fromkeys(rooms))
        for words in targets:
            if ending := self.ending(words):
                front = words[:-len(ending.noun)].strip()
                if front and len(front.split()) < 4 and " and " not in front:
                    self._before[front] = None

    def ending(self, words: str) -> Ending | None:
        """The noun at the end of the words."""
        text = f" {words.casefold()}"
        return next((each for each in self._endings if text.endswith(f" {each.noun}")), None)

    def target(self, sort: str, number: str, random: Random) -> str | None:
        """A made-up name of that sort, now and then."""
        if sort not in self._nouns or not self._before or random.random() > _MADE_UP:
            return None
        ends = self._nouns[sort][0 if number == "one" else 1] or self._nouns[sort][0]
        front = random.choice(list(self._before))
        if random.random() < 0.25:
            front = pseudo_word(random)
        if random.random() < 0.12 and self._rooms:
            front = random.choice(self._rooms)
        if number == "one" and random.random() < 0.06:
            return f"{front} {random.choice(ends)} {_count(random, 9)}"
        return f"{front} {random.choice(ends)}"

    def room(self, random: Random) -> str | None:
        """A numbered room, or somebody's, now and then."""
        if not self._nouns or random.random() > 0.25:
            return None
        kind = random.choice(("room", "bedroom", "studio", "suite", "office", "floor", "cabin"))
        if random.random() < 0.5:
            return f"{kind} {_count(random, 40)}"
        owner = pseudo_word(random)
        return f"{owner}'s {random.choice(('room', 'bedroom', 'office', 'den', 'corner'))}"


def _count(random: Random, most: int) -> str:
    number = random.randint(1, most)
    return str(number) if random.random() < 0.5 else str(num2words(number)).replace("-", " ")
