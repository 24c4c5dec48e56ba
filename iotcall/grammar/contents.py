"""What a slot may hold while one utterance is answered: free text, a trie, spans of words.

Each follows tokens from `start` and says when it may end. Leaves out: which slot holds which (see
binding), and the automaton around them (see walk).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from iotcall.grammar.machine import Machine, MachineTokens

Encode = Callable[[list[str]], list[list[int]]]
"""Texts -> token ids, special tokens never among them."""
Ids = NDArray[np.int32]
_END = -1


class Content(Protocol):
    """A set of token sequences."""

    def start(self) -> Any:
        """The state before any token; None where nothing can stand here."""

    def tokens(self, state: Any) -> Ids:
        """Ids that may follow."""

    def step(self, state: Any, token: int) -> Any:
        """The state after the token; None where it may not follow."""

    def is_done(self, state: Any) -> bool:
        """Whether the content may end here."""


class Free:
    """Whatever the slot's machine takes."""

    def __init__(self, tokens: MachineTokens) -> None:
        self._tokens = tokens

    def start(self) -> tuple[int, int]:
        return (0, 0)

    def tokens(self, state: tuple[int, int]) -> Ids:
        return self._tokens.allowed(*state)

    def step(self, state: tuple[int, int], token: int) -> tuple[int, int] | None:
        return self._tokens.step(*state, token)

    def is_done(self, state: tuple[int, int]) -> bool:
        return self._tokens.machine.is_done(*state)


class Trie:
    """One of some texts."""

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        self._root: dict[int, Any] = {}
        for sequence in sequences:
            node = self._root
            for token in sequence:
                node = node.setdefault(token, {})
            node[_END] = None

    def start(self) -> Node | None:
        return Node(self._root) if self._root else None

    def tokens(self, state: Node) -> Ids:
        return np.array(sorted(token for token in state.edges if token != _END), dtype=np.int32)

    def step(self, state: Node, token: int) -> Node | None:
        edges = state.edges.get(token) if token != _END else None
        return None if edges is None else Node(edges)

    def is_done(self, state: Node) -> bool:
        return _END in state.edges


class Node:
    """A place in a trie; equal only to itself."""

    __slots__ = ("edges",)

    def __init__(self, edges: dict[int, Any]) -> None:
        self.edges = edges

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.edges is other.edges

    def __hash__(self) -> int:
        return id(self.edges)


class Spans:
    """A run of the dialogue's own words, as they stand there, up to `LONGEST` words.

    A place is a set of (first word, tokens taken since), since one beginning may recur; the start
    is the empty set.
    """

    LONGEST = 12

    def __init__(self, words: Words, machine: Machine, write: Callable[[str], str | None]) -> None:
        self._words = words
        self._machine = machine
        self._write = write
        self._lengths: dict[str, int | None] = {}
        self._sequences: dict[int, tuple[list[int], list[int]]] = {}
        self._first: dict[int, list[int]] | None = None

    def start(self) -> tuple[tuple[int, int], ...] | None:
        return () if self._beginnings() else None

    def tokens(self, state: tuple[tuple[int, int], ...]) -> Ids:
        found = self._beginnings() if not state else {
            self._of(word)[0][place] for word, place in state if place < self._of(word)[1][-1]}
        return np.array(sorted(found), dtype=np.int32)

    def step(self, state: tuple[tuple[int, int], ...], token: int,
             ) -> tuple[tuple[int, int], ...] | None:
        if not state:
            return tuple((word, 1) for word in self._beginnings().get(token, ())) or None
        return tuple((word, place + 1) for word, place in state
                     if place < self._of(word)[1][-1]
                     and self._of(word)[0][place] == token) or None

    def is_done(self, state: tuple[tuple[int, int], ...]) -> bool:
        return any(place in self._of(word)[1] for word, place in state)

    def _beginnings(self) -> dict[int, list[int]]:
        """First token -> words that begin so and lead to a span that fits."""
        if self._first is None:
            self._first = {}
            for word, tokens in enumerate(self._words.alone):
                if tokens and self._leads_on(word):
                    self._first.setdefault(tokens[0], []).append(word)
        return self._first

    def _leads_on(self, word: int) -> bool:
        if self._machine.by_arrival and self._machine.low <= 1:
            length = self._length(self._words.texts[word])
            return length is not None and length <= self._machine.high
        return bool(self._of(word)[1])

    def _of(self, word: int) -> tuple[list[int], list[int]]:
        """Tokens of the longest span from a word on, and how many of them make a span."""
        found = self._sequences.get(word)
        if found is None:
            found = self._sequences[word] = self._sequence(word)
        return found

    def _sequence(self, word: int) -> tuple[list[int], list[int]]:
        tokens: list[int] = []
        ends: list[int] = []
        at = (0, 0)
        for index in range(word, min(len(self._words.alone), word + self.LONGEST)):
            if index == word:
                unit, more = self._words.texts[index], self._words.alone[index]
            elif self._words.joined[index] is None:
                break  # another utterance begins
            else:
                unit = self._words.gaps[index] + self._words.texts[index]
                more = self._words.joined[index] or []
            after = self._after(at, unit)
            if after is None:
                break
            at = after
            tokens = [*tokens, *more]
            if self._machine.is_done(*at):
                ends.append(len(tokens))
        return tokens, ends

    def _after(self, at: tuple[int, int], unit: str) -> tuple[int, int] | None:
        """State and characters of the machine after a word."""
        if self._machine.by_arrival:  # free text: after every character it is where it began
            length = self._length(unit)
            if length is None or at[1] + length > self._machine.high:
                return None
            return 0, at[1] + length
        written = self._write(unit)
        return None if written is None else self._machine.follow(written.encode(), *at)

    def _length(self, unit: str) -> int | None:
        """Characters of a word; None where the format cannot write it."""
        if unit not in self._lengths:
            written = self._write(unit)
            found = None if written is None else self._machine.follow(written.encode())
            self._lengths[unit] = None if found is None else found[1]
        return self._lengths[unit]


class Words:
    """The words of a dialogue with their tokens: alone, and behind the word before them."""

    def __init__(self, texts: list[str], gaps: list[str], follows: list[bool],
                 encode: WordTokens) -> None:
        self.texts = texts
        self.gaps = gaps  # what stands between a word and the one before it
        self.alone = encode.of(texts)
        joined = encode.of([gap + text for gap, text in zip(gaps, texts, strict=True)])
        self.joined: list[list[int] | None] = [
            tokens if follow else None for tokens, follow in zip(joined, follows, strict=True)]


class WordTokens:
    """Tokens of single words, remembered across utterances."""

    _MOST = 20_000

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._known: dict[str, list[int]] = {}

    def of(self, texts: list[str]) -> list[list[int]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            if len(self._known) > self._MOST:
                self._known.clear()
                new = list(dict.fromkeys(texts))
            self._known.update(zip(new, self._encode(new), strict=True))
        return [self._known[text] for text in texts]

