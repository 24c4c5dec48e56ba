"""A dialogue whose words can be altered and whose labels follow. Leaves out: which words to alter.

Noise must not make the right answer impossible, so each argument of a call is one of these:

- *Followed*: a grounded text that occurs once in the dialogue so far. When a word of it is altered,
  the label becomes the slice's new form, also in later turns that take it up; no word of it is
  dropped and none comes between.
- *Fixed*: what has one right form that altered words no longer tell. These words are left alone:
  those of a grounded text that occurs more than once (which one was meant?), of a text that need
  not be grounded (should the student copy the slip or mend it?), words that a text was made from
  ("notes dot txt"), numbers where a grounded number or digits are labelled, and phrases that the
  schema derives a value from.
- *Closed*: a value of the schema (an enumeration, a truth value, a number that is not grounded). It
  stays as it is, and its words may be altered: to read them all the same is what is measured.

An alteration after which a call that fitted its tool no longer would (too long) is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from iotcall.catalogue import (
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Node,
    Number,
    Text,
    ToolCall,
    Union,
)
from iotcall.errors import CallError
from iotcall.evaluate.dialogues import Dialogue, LabelledTurn
from iotcall.speech import is_number_word, words

_SPOKEN_MARKS = frozenset({"dot", "point", "slash", "dash", "hyphen", "underscore", "minus", "star",
                           "asterisk", "tilde", "space", "no"})


class _Link(msgspec.Struct, frozen=True):
    """A followed argument."""

    turn: int
    call: int
    argument: str
    source: int
    """Turn that the slice stands in."""
    first: int
    stop: int
    """Words of it."""
    folded: bool
    """The label is written without capitals, the slice is not."""


class Rewording:
    """One dialogue; words are counted as they were said, and stay countable when altered."""

    def __init__(self, dialogue: Dialogue, catalogue: Catalogue) -> None:
        self.dialogue = dialogue
        self._catalogue = catalogue
        spans = [words(turn.utterance) for turn in dialogue.turns]
        self._spans = spans
        self.said = [[turn.utterance[start:end] for start, end in found]
                     for turn, found in zip(dialogue.turns, spans, strict=True)]
        """Words of each turn; an altered one may hold a space, a dropped one is empty."""
        self.before = [[""] * len(found) for found in spans]
        """What is said before each word that was not."""
        self._gaps = [_gaps(turn.utterance, found)
                      for turn, found in zip(dialogue.turns, spans, strict=True)]
        self.fixed = [[False] * len(found) for found in spans]
        """Words that are left alone."""
        self._links: list[_Link] = []
        self._fitting = [self._fits(turn.calls) for turn in dialogue.turns]
        for turn in range(len(dialogue.turns)):
            self._label(turn)

    def utterance(self, turn: int) -> str:
        """As it is said now."""
        whole = self._slice(turn, 0, len(self.said[turn]), bare=False)
        return f"{self._gaps[turn][0]}{whole}{self._gaps[turn][-1]}".strip(" ,")

    def is_bound(self, turn: int, first: int, stop: int) -> bool:
        """Whether the words and what lies around them belong to different arguments, or are fixed:
        then they cannot become one word."""
        if any(self.fixed[turn][first:stop]):
            return True
        return any(link.source == turn and link.first < stop and first < link.stop
                   and not (link.first <= first and stop <= link.stop) for link in self._links)

    def is_inside(self, turn: int, word: int) -> bool:
        """Whether what comes before the word would stand inside an argument."""
        if self.fixed[turn][word] and word and self.fixed[turn][word - 1]:
            return True
        return any(link.source == turn and link.first < word < link.stop for link in self._links)

    def is_argument(self, turn: int, word: int) -> bool:
        """Whether the word is part of an argument."""
        return self.fixed[turn][word] or any(
            link.source == turn and link.first <= word < link.stop for link in self._links)

    def alter(self, turn: int, word: int, text: str, *, before: str = "") -> bool:
        """Say a word otherwise; False, and nothing happens, where a label would no longer fit."""
        kept = self.said[turn][word], self.before[turn][word]
        self.said[turn][word], self.before[turn][word] = text, before
        if self._is_possible(turn):
            return True
        self.said[turn][word], self.before[turn][word] = kept
        return False

    def join(self, turn: int, word: int) -> bool:
        """Run a word into the next one."""
        kept, gap = self.said[turn][word:word + 2], self._gaps[turn][word + 1]
        self.said[turn][word:word + 2] = ["".join(kept), ""]
        if self._is_possible(turn):
            return True
        self.said[turn][word:word + 2], self._gaps[turn][word + 1] = kept, gap
        return False

    def is_altered(self, turn: int, word: int) -> bool:
        """Whether the word is said otherwise than it was."""
        start, end = self._spans[turn][word]
        return self.said[turn][word] != self.dialogue.turns[turn].utterance[start:end]

    def gap(self, turn: int, word: int) -> str:
        """What stands before a word: a space, marks."""
        return self._gaps[turn][word]

    def result(self) -> Dialogue:
        """The dialogue as it is said now, with its labels."""
        return Dialogue(tuple(
            LabelledTurn(self.utterance(turn) if self._is_reworded(turn) else label.utterance,
                         self._calls(turn))
            for turn, label in enumerate(self.dialogue.turns)), self.dialogue.home)

    def _is_reworded(self, turn: int) -> bool:
        return any(self.before[turn]) or any(
            self.is_altered(turn, word) for word in range(len(self.said[turn])))

    def _is_possible(self, source: int) -> bool:
        if not self.utterance(source):
            return False
        return all(self._fits(self._calls(turn)) for turn in {
            link.turn for link in self._links if link.source == source} if self._fitting[turn])

    def _fits(self, calls: Sequence[ToolCall]) -> bool:
        try:
            for call in calls:
                self._catalogue.check(call)
        except CallError:
            return False
        return True

    def _calls(self, turn: int) -> tuple[ToolCall, ...]:
        calls = [ToolCall(call.name, dict(call.arguments))
                 for call in self.dialogue.turns[turn].calls]
        for link in self._links:
            if link.turn == turn:
                said = self._slice(link.source, link.first, link.stop)
                spans = self._spans[link.source]
                was = self.dialogue.turns[link.source].utterance[
                    spans[link.first][0]:spans[link.stop - 1][1]]
                if said != was:
                    calls[link.call].arguments[link.argument] = (
                        said.casefold() if link.folded else said)
        return tuple(calls)

    def _slice(self, turn: int, first: int, stop: int, *, bare: bool = True) -> str:
        """Words `first` to `stop`; bare: without what stands around them."""
        text = ""
        for word in range(first, stop):
            said, extra = self.said[turn][word], self.before[turn][word]
            if said or extra:
                text += self._gaps[turn][word] if word > first else ""
                text += f"{extra} {said}" if extra and said and not (
                    word == first and bare) else said or extra
        return text

    def _label(self, turn: int) -> None:
        for place, call in enumerate(self.dialogue.turns[turn].calls):
            for argument, value in call.arguments.items():
                node = _node(self._catalogue, call.name, argument)
                for text in _texts(value):
                    self._tie(turn, place, argument, text, node, whole=text is value)
                if _is_number(value) and _source(node):
                    self._fix(turn, is_number_word)
                for phrase in _phrases(node, value):
                    self._fix_slices(self._found(turn, phrase))

    def _tie(self, turn: int, call: int, argument: str, value: str, node: Node | None, *,
             whole: bool) -> None:
        if isinstance(node, Enumeration | Boolean | Number | Integer):
            return
        found = self._found(turn, value)
        if len(found) == 1 and whole and isinstance(node, Text) and _source(node):
            source, first, stop = found[0]
            start, end = self._spans[source][first][0], self._spans[source][stop - 1][1]
            exact = self.dialogue.turns[source].utterance[start:end] == value
            self._links.append(_Link(turn, call, argument, source, first, stop, not exact))
            if any(character.isdigit() for character in value):
                self._fix(turn, is_number_word)
        elif found:
            self._fix_slices(found)
        else:
            made = _plain(value)
            digits = any(character.isdigit() for character in value)
            self._fix(turn, lambda word: (len(word) > 1 and _plain(word) in made)
                      or word in _SPOKEN_MARKS or (digits and is_number_word(word)))

    def _fix_slices(self, found: Sequence[tuple[int, int, int]]) -> None:
        for source, first, stop in found:
            self.fixed[source][first:stop] = [True] * (stop - first)

    def _fix(self, turn: int, concerns: Any) -> None:
        """Leave alone every word so far that is concerned."""
        for source in range(turn + 1):
            for place, word in enumerate(self.said[source]):
                if concerns(word.casefold()):
                    self.fixed[source][place] = True

    def _found(self, turn: int, value: str) -> list[tuple[int, int, int]]:
        """(turn, first word, stop) of every slice up to the turn that says the value."""
        wanted, found = value.casefold(), []
        for source in range(turn + 1):
            spans, said = self._spans[source], self.dialogue.turns[source].utterance
            for first, (start, _) in enumerate(spans):
                for stop in range(first + 1, len(spans) + 1):
                    text = said[start:spans[stop - 1][1]]
                    if len(text) >= len(value):
                        if text.casefold() == wanted:
                            found.append((source, first, stop))
                        break
        return found


def _gaps(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What stands before each word, and at the end."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _node(catalogue: Catalogue, tool: str, argument: str) -> Node | None:
    try:
        fields = catalogue.tool(tool).parameters.fields
    except CallError:
        return None
    node = next((field.node for field in fields if field.name == argument), None)
    if isinstance(node, Union):  # what is not closed in every option is held to be open
        closed = [one for one in node.options if not isinstance(one, Enumeration | Boolean)]
        return closed[0] if closed else node.options[0]
    return node


def _source(node: Node | None) -> bool:
    """Whether the value must be said."""
    return isinstance(node, Text | Integer | Number) and (
        node.source is not None and node.source.kind == "said")


def _phrases(node: Node | None, value: Any) -> Iterator[str]:
    if isinstance(node, Text | Integer | Number) and node.source:
        for phrase, means in node.source.derived:
            if means == value:
                yield phrase
