"""What a written dialogue says in its spans and beside them. Leaves out: what may stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from iotcall.evaluate.marked import MarkedTurn, Span

Role = tuple[str, ...]
Key = tuple[str, str]
"""What is exchanged as one: (argument, value), of free texts ("", words in small letters)."""


class Facts(msgspec.Struct, frozen=True):
    """What a dialogue says besides its spans, and which words have to stay."""

    beside: str
    """All text outside of spans, `bare`."""
    numbers: frozenset[Decimal]
    """In that text."""
    held: frozenset[str]
    """Free texts, in small letters."""
    taken: frozenset[str]
    """Free texts as written: what others may not become."""
    unmarked: tuple[tuple[str, str, Any], ...]
    marked: frozenset[Key]
    """(argument, value) of the spans."""
    uses: dict[str, frozenset[Role]]
    """Thing without a noun -> what is done with it here."""

    def says(self, words: str) -> bool:
        return f" {bare(words)} " in self.beside


def said_of(turn: MarkedTurn, span: Span) -> str:
    """The span's words."""
    return turn.utterance[span.start:span.end]


def value_of(turn: MarkedTurn, span: Span) -> Any:
    """What they are in the call."""
    return turn.calls[span.call].arguments[span.argument]


def next_word(turn: MarkedTurn, span: Span) -> str:
    """The word behind, in small letters; "" where none is, or a sign."""
    found = re.match(r" (\w+)", turn.utterance[span.end:])
    return found[1].casefold() if found else ""


def beside(turn: MarkedTurn) -> str:
    """What is said outside of spans, a bar for each of them."""
    parts, at = [], 0
    for start, end in sorted({(span.start, span.end) for span in turn.spans}):
        parts.append(turn.utterance[at:start])
        at = end
    return " | ".join([*parts, turn.utterance[at:]])


def bare(text: str) -> str:
    """The words in small letters, and bars."""
    return " ".join(re.findall(r"[\w']+|\|", text.casefold()))


def spoken_value(value: object) -> str:
    """ "living_room" -> "living room"."""
    return str(value).replace("_", " ").casefold()


def unmarked_of(dialogue: Iterable[MarkedTurn]) -> Iterator[tuple[str, str, Any]]:
    """(tool, argument, value) of all arguments that no span stands for."""
    for turn in dialogue:
        marked = {(span.call, span.argument) for span in turn.spans}
        for place, call in enumerate(turn.calls):
            for key, value in call.arguments.items():
                if (place, key) not in marked:
                    yield call.name, key, value
