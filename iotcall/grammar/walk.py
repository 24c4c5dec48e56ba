"""Follow an automaton whose slots are bound. Leaves out: what slots are bound to (see binding).

A place is a state of the automaton or, at and inside slots, a tuple of alternatives: each a state
whose ordinary edges are open, or a slot with how far its content has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.grammar.automaton import SLOT_TOKEN, Automaton
from iotcall.grammar.contents import Content

Ids = NDArray[np.int32]


class Inside(msgspec.Struct, frozen=True):
    """Somewhere in a slot."""

    slot: int
    content: int
    """Which of the slot's contents."""
    target: int
    """State behind the slot."""
    place: Any
    """State of the content."""


Place = int | tuple[int | Inside, ...]


class Walk:
    """An automaton with its slots bound for one utterance; cheap to make, not thread-safe."""

    def __init__(self, automaton: Automaton, contents: Sequence[Sequence[Content]]) -> None:
        self._automaton = automaton
        self._contents = contents
        self._starts = [[(index, place) for index, content in enumerate(of_slot)
                         if (place := content.start()) is not None] for of_slot in contents]
        empty = frozenset(slot for slot, starts in enumerate(self._starts) if not starts)
        self._view = automaton.without(empty)
        self._allowed: dict[tuple[int | Inside, ...], Ids] = {}
        self._entered: dict[int, Place] = {}
        self._unions: dict[tuple[int, ...], tuple[list[Ids], Ids]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no answer is possible: what every tool requires was not said or is not there."""
        return not self._view.alive[self._automaton.start]

    @property
    def start(self) -> Place:
        return self._enter(self._automaton.start)

    def is_final(self, place: Place) -> bool:
        return isinstance(place, int) and self._automaton.is_final(place)

    def allowed(self, place: Place) -> Ids:
        """Vocabulary ids that may follow, ascending; empty only in the final state."""
        if isinstance(place, int):
            return self._view.allowed(place)
        found = self._allowed.get(place)
        if found is None:
            found = self._allowed[place] = self._ids(place)
        return found

    def step(self, place: Place, token: int) -> Place | None:
        """The place behind `token`, or None where it is not allowed."""
        if isinstance(place, int):
            target = self._view.target(place, token)
            return None if target is None else self._enter(target)
        found: list[int | Inside] = []
        for item in place:
            after: Place | None = None
            if isinstance(item, int):
                target = self._view.target(item, token)
                if target is not None:
                    after = self._enter(target)
            else:
                inner = self._contents[item.slot][item.content].step(item.place, token)
                if inner is not None:
                    found.append(Inside(item.slot, item.content, item.target, inner))
                if self._is_done(item):
                    after = self.step(self._enter(item.target), token)
            if after is not None:
                found += [after] if isinstance(after, int) else after
        if len(found) == 1 and isinstance(found[0], int):
            return found[0]
        return tuple(dict.fromkeys(found)) or None

    def forced_run(self, place: Place) -> tuple[list[int], Place]:
        """Tokens that are without alternative from here, and the place behind them."""
        tokens: list[int] = []
        while not self.is_final(place):
            if isinstance(place, int) and self._view.whole:
                run, end = self._automaton.forced_run(place)
                if not run:
                    break
                tokens += run
                place = self._enter(end)
                continue
            allowed = self.allowed(place)
            if len(allowed) != 1:
                break
            tokens.append(int(allowed[0]))
            after = self.step(place, tokens[-1])
            assert after is not None
            place = after
        return tokens, place

    def accepts(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens are one whole answer, its end included."""
        place: Place | None = self.start
        for token in tokens:
            place = self.step(place, token) if place is not None else None
        return place is not None and self.is_final(place)

    def sample(self, random: np.random.Generator) -> list[int]:
        """A random answer: at every place each way on is equally likely, ends of slots too."""
        place: Place = self.start
        tokens = []
        while not self.is_final(place):
            allowed = self.allowed(place)
            exits = self._exits(place)
            # subtle: among a hundred thousand tokens of a free string its end would never come
            among = exits if len(exits) and random.random() < 0.25 else allowed
            tokens.append(int(among[int(random.integers(len(among)))]))
            after = self.step(place, tokens[-1])
            assert after is not None
            place = after
        return tokens

    def _exits(self, place: Place) -> Ids:
        """Ids that end a content here."""
        if isinstance(place, int):
            return np.empty(0, dtype=np.int32)
        found = [self.allowed(self._enter(item.target)) for item in place
                 if isinstance(item, Inside) and self._is_done(item)]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int32)

    def _is_done(self, item: Inside) -> bool:
        return self._view.alive[item.target] and (
            self._contents[item.slot][item.content].is_done(item.place))

    def _enter(self, state: int) -> Place:
        """The state, with the slots that begin there opened."""
        found = self._entered.get(state)
        if found is None:
            found = self._entered[state] = self._opened(state)
        return found

    def _opened(self, state: int) -> Place:
        row = self._automaton.row(state)
        items: list[int | Inside] = []
        if any(token < SLOT_TOKEN for token in row):
            items.append(state)
        for token, target in row.items():
            if token >= SLOT_TOKEN and self._view.alive[target]:
                slot = token - SLOT_TOKEN
                items += [Inside(slot, content, target, place)
                          for content, place in self._starts[slot]]
        return state if not items or items == [state] else tuple(items)

    def _ids(self, place: tuple[int | Inside, ...]) -> Ids:
        parts: list[Ids] = []
        for item in place:
            if isinstance(item, int):
                parts.append(self._view.allowed(item))
            else:
                parts.append(self._contents[item.slot][item.content].tokens(item.place))
                if self._is_done(item):
                    parts.append(self.allowed(self._enter(item.target)))
        if len(parts) == 1:
            return parts[0]
        # the same arrays come again and again inside a free string
        key = tuple(map(id, parts))
        if key not in self._unions:
            self._unions[key] = (parts, _union(parts))
        return self._unions[key][1]


def _union(parts: list[Ids]) -> Ids:
    """Ascending, without doubles; the largest part may hold a whole vocabulary."""
    largest, *others = sorted(parts, key=len, reverse=True)
    more = np.array(sorted(set().union(*(part.tolist() for part in others))), dtype=np.int32)
    places = largest.searchsorted(more)
    known = (places < len(largest)) & (largest[np.minimum(places, len(largest) - 1)] == more) \
        if len(largest) else np.zeros(len(more), dtype=np.bool_)
    return np.insert(largest, places[~known], more[~known])
