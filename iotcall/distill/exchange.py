"""Other words for a marked span: what may stand in its place. Leaves out: the rest of the sentence.

Words are exchanged within a role: a target for one of the same sort and number, a room for a room,
a value for one of the same property. Targets are also put together anew from what people put before
nouns ("Nan's", "upstairs", "big") and the nouns of their sort, so that there are always names that
were never seen: a student that has learnt the names by heart copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from num2words import num2words

from iotcall.catalogue import Catalogue, Enumeration
from iotcall.evaluate.marked import MarkedTurn

Role = tuple[str, ...]

_EXCHANGED = 0.8
"""Share of dialogues in which spans are exchanged."""
_MADE_UP = 0.45
"""Share of exchanged targets that are put together anew."""
_NUMBERS = {"brightness": (1, 100), "volume": (0, 100), "position": (0, 100), "speed": (1, 100),
            "temperature": (5, 30)}
_LETTERS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"


class Exchange:
    """What stands where in the written dialogues."""

    def __init__(self, catalogue: Catalogue, dialogues: Sequence[tuple[MarkedTurn, ...]],
                 nouns: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
        """`nouns`: sort of device -> words for one, words for several."""
        self.words = frozenset(
            (tool.name, field.name) for tool in catalogue.tools
            for field in tool.parameters.fields if not isinstance(field.node, Enumeration))
        self._ends = sorted(((noun, sort, number) for sort, numbers in nouns.items()
                             for number, ends in zip(("one", "several"), numbers, strict=True)
                             for noun in ends), key=lambda each: -len(each[0]))
        self._nouns = nouns
        self._pools: dict[Role, list[str]] = {}
        self._before: list[str] = []
        pools: dict[Role, dict[str, None]] = {}
        before: dict[str, None] = {}
        for turn in (turn for dialogue in dialogues for turn in dialogue):
            for span in turn.spans:
                words = turn.utterance[span.start:span.end]
                role = self._role(turn, span.call, span.argument, words)
                if not words.casefold().startswith(("my ", "our ", "your ", "the ")):
                    pools.setdefault(role, {})[words] = None
                if role[0] == "target" and (end := self._end(words)):
                    front = words[:-len(end[0])].strip()
                    if front and len(front.split()) < 4 and " and " not in front:
                        before[front] = None
        self._pools = {role: list(words) for role, words in pools.items()}
        self._before = list(before)

    def choose(self, dialogue: tuple[MarkedTurn, ...], random: Random) -> dict[str, str]:
        """Words as written, in small letters -> other words for them; what is not in it stays."""
        if random.random() > _EXCHANGED:
            return {}
        chosen: dict[str, str] = {}
        quoted = [str(value).casefold() for turn in dialogue for call in turn.calls
                  for key, value in call.arguments.items() if (call.name, key) in self.words]
        for turn in dialogue:
            for span in turn.spans:
                words = turn.utterance[span.start:span.end]
                key = words.casefold()
                # subtle: where a later turn takes over a part of it, the part must stay
                if key in chosen or any(part != key and part in key for part in quoted):
                    continue
                role = self._role(turn, span.call, span.argument, words)
                chosen[key] = self._other(role, words, random)
        return chosen

    def _role(self, turn: MarkedTurn, call: int, argument: str, words: str) -> Role:
        made = turn.calls[call]
        detail = str(made.arguments.get("property", ""))
        if argument in ("target", "except"):
            end = self._end(words)
            if " and " in words or "," in words:
                return ("target", "several", made.name)
            if end:
                return ("target", end[1], end[2])
            return ("target", made.name, detail)
        if argument == "room":
            return ("room",)
        return (argument, made.name, detail)

    def _end(self, words: str) -> tuple[str, str, str] | None:
        """(noun, sort, number) at the end of the words."""
        text = f" {words.casefold()}"
        return next(((noun, sort, number) for noun, sort, number in self._ends
                     if text.endswith(f" {noun}")), None)

    def _other(self, role: Role, words: str, random: Random) -> str:
        if role[0] == "value" and (number := self._number(role, words, random)):
            return number
        if role[0] == "target" and role[1] in self._nouns and random.random() < _MADE_UP:
            return self._made_up(role, random)
        if role[0] == "room" and random.random() < 0.25:
            return self._room(random)
        pool = self._pools.get(role, [words])
        return random.choice(pool)

    def _made_up(self, role: Role, random: Random) -> str:
        ends = self._nouns[role[1]][0 if role[2] == "one" else 1] or self._nouns[role[1]][0]
        front = random.choice(self._before)
        if random.random() < 0.25:
            front = _name(random)
        if random.random() < 0.12:
            front = f"{random.choice(self._pools[('room',)])}"
        if role[2] == "one" and random.random() < 0.06:
            return f"{front} {random.choice(ends)} {_count(random, 9)}"
        return f"{front} {random.choice(ends)}"

    def _room(self, random: Random) -> str:
        kind = random.choice(("room", "bedroom", "studio", "suite", "office", "floor", "cabin"))
        if random.random() < 0.5:
            return f"{kind} {_count(random, 40)}"
        return f"{_name(random)}'s {random.choice(('room', 'bedroom', 'office', 'den', 'corner'))}"

    def _number(self, role: Role, words: str, random: Random) -> str | None:
        """Another number in the same style: "40 percent" -> "65 percent", "twenty" -> "eleven"."""
        limits = _NUMBERS.get(role[2])
        first, _, rest = words.partition(" ")
        if limits is None:
            return None
        digits = first.rstrip("%")
        if digits.isdigit():
            tail = first[len(digits):] + (f" {rest}" if rest else "")
            return f"{random.randint(*limits)}{tail}"
        tails = [tail for tail in (" percent", " degrees") if words.casefold().endswith(tail)]
        if tails and random.random() < 0.7:
            return f"{_spoken(random.randint(*limits))}{tails[0]}"
        return None


def _spoken(number: int) -> str:
    return str(num2words(number)).replace("-", " ")


def _count(random: Random, most: int) -> str:
    number = random.randint(1, most)
    return str(number) if random.random() < 0.5 else _spoken(number)


def _name(random: Random) -> str:
    """A name that nobody has: two or three syllables."""
    return "".join(random.choice(_LETTERS) + random.choice(_VOWELS)
                   for _ in range(random.randint(2, 3))) + random.choice(("", "n", "s", "l", "k"))
