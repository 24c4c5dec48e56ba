"""One prompt with its grammar: a whole catalogue, the first decision, or a skill.

Leaves out: running it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import CallError
from iotcall.formats import Format, PromptPieces
from iotcall.grammar import Automaton, Binder, Walk
from iotcall.grammar.machine import TokenBytes
from iotcall.runtime.chances import Chances
from iotcall.runtime.prompt import PromptTokens

LEAST_ROOM = 48
"""Tokens that must fit behind a prompt: a short answer. Older turns give way to it."""


_TURNS_REMEMBERED = 1024


class Turn(msgspec.Struct, frozen=True):
    """An earlier turn of a dialogue."""

    utterance: str
    calls: tuple[ToolCall, ...]


class Part:
    """Makes prompts and walks, and reads answers."""

    def __init__(self, name: str, catalogue: Catalogue, format: Format, pieces: PromptPieces,
                 automaton: Automaton, tokenizer: Tokenizer, folder: Path,
                 token_bytes: Callable[[], TokenBytes] | None = None) -> None:
        self.name, self.catalogue, self.folder = name, catalogue, folder
        """The folder of the part's files."""
        self.binder = Binder(automaton, tokenizer, token_bytes)
        self._tokenizer, self._format, self._end = tokenizer, format, pieces.end
        self._prompt = PromptTokens(tokenizer, format, pieces, catalogue)
        self._turns: dict[tuple[str, str], list[int]] = {}
        self.chances = Chances(format, catalogue, self.text)
        self._opening = self._prompt.opening()
        self.prefix = (*self._prompt.prefix(), *self._opening)
        """Tokens that every prompt without earlier turns begins with."""

    def clean(self, utterance: str) -> str:
        """What is read of an utterance (see `PromptTokens.clean`)."""
        return self._prompt.clean(utterance)

    def walk(self, history: Sequence[Turn], utterance: str) -> Walk | None:
        """The grammar bound to what was said; None where nothing was said."""
        said = self._prompt.clean(utterance)
        if not said:
            return None
        return self.binder.walk([*(self._prompt.clean(turn.utterance) for turn in history), said])

    def prompt(self, history: Sequence[Turn], utterance: str,
               fits: Callable[[int, int], bool]) -> list[int]:
        """The prompt's tokens, with as many of the newest turns as leave room for an answer."""
        return self._fitted(history, self._prompt.open_turn(utterance), fits)

    def beginning(self, history: Sequence[Turn], fits: Callable[[int, int], bool]) -> list[int]:
        """What the prompt of the next utterance will begin with."""
        return self._fitted(history, self._opening, fits)

    def written(self, calls: Sequence[ToolCall]) -> list[int]:
        """An answer's tokens, its end included; none where the format cannot write it."""
        try:
            text = self._format.render(calls, self.catalogue) + self._end
        except CallError:
            return []
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def text(self, tokens: Sequence[int]) -> str:
        """What is written with some tokens of an answer."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))

    def read(self, text: str) -> tuple[ToolCall, ...] | None:
        """The calls of a finished answer; None where it is none: the automaton is trusted, and
        checked."""
        try:
            calls = self._format.parse(text, self.catalogue)
            for call in calls:
                self.catalogue.check(call)
        except CallError:
            return None
        return calls

    def _past_turn(self, turn: Turn) -> list[int]:
        """An earlier turn's tokens, remembered: it is shown again and again."""
        key = turn.utterance, str(turn.calls)
        found = self._turns.get(key)
        if found is None:
            if len(self._turns) >= _TURNS_REMEMBERED:
                self._turns.clear()
            found = self._turns[key] = self._prompt.past_turn(turn.utterance, turn.calls)
        return found

    def _fitted(self, history: Sequence[Turn], opening: list[int],
                fits: Callable[[int, int], bool]) -> list[int]:
        head = self.prefix[:len(self.prefix) - len(self._opening)]
        turns = [self._past_turn(turn) for turn in history]
        while turns and not fits(len(head), sum(map(len, turns)) + len(opening)
                                 + LEAST_ROOM):
            turns.pop(0)
        return [*head, *(token for turn in turns for token in turn), *opening]


class Parts:
    """A bundle's parts: the main one (with skills, the first decision), and its skills by name."""

    def __init__(self, main: Part, skills: dict[str, Part]) -> None:
        self.main, self.skills = main, skills

    def __iter__(self) -> Iterator[Part]:
        yield from (self.main, *self.skills.values())

    def turns_for(self, part: Part, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Earlier turns as a part answered them."""
        if not self.skills:
            return turns
        return [Turn(turn.utterance, self.calls_for(part, turn.calls)) for turn in turns]

    def calls_for(self, part: Part, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Calls as a part writes them: the first decision names skills, a skill its own tools."""
        if not self.skills:
            return tuple(calls)
        if part is not self.main:
            names = {tool.name for tool in part.catalogue.tools}
            return tuple(call for call in calls if call.name in names)
        of_tool = {tool.name: name for name, skill in self.skills.items()
                   for tool in skill.catalogue.tools}
        picked = dict.fromkeys(of_tool[call.name] for call in calls if call.name in of_tool)
        return tuple(ToolCall(name) for name in picked)
