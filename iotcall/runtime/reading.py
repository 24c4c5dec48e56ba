"""A dialogue as the student reads it: slips of the finger spelt right. Leaves out: the spelling.

The student sees the words that were meant; its calls hold those that were said, letter for letter,
so that names stay as their owners write them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from iotcall.catalogue import Array, Catalogue, Node, Text, ToolCall, Union, misfit
from iotcall.runtime.part import Turn
from iotcall.speech import Respelt, Speller
from iotcall.speech.context import spoken


def read_dialogue(history: Sequence[Turn], utterance: str, catalogue: Catalogue,
                  clean: Callable[[str], str], speller: Speller | None) -> Reading:
    """How a student reads an utterance after earlier turns.

    Args:
        clean: what is left of an utterance for a prompt (see `PromptTokens.clean`).
        speller: None: the words that were said are those that are read.
    """
    if speller is None:
        return Reading(history, utterance, catalogue, None)
    return Reading([Turn(clean(turn.utterance), turn.calls) for turn in history],
                   clean(utterance), catalogue, speller)


class Reading:
    """Earlier turns and an utterance, there and back."""

    def __init__(self, history: Sequence[Turn], utterance: str, catalogue: Catalogue,
                 speller: Speller | None) -> None:
        """`utterance` and `history` as they were said, cleaned; without a speller they stay so."""
        self._catalogue = catalogue
        self.history, self.utterance = history, utterance
        self._changed: list[Respelt] = []
        """The newest first; empty: the words that were said are those that are read."""
        self.doubts: tuple[tuple[str, str], ...] = ()
        """Words of the utterance, and what else they may have been meant for."""
        if speller is None:
            return
        texts = [speller.respelt(text) for text in (
            utterance, *(turn.utterance for turn in reversed(history)))]
        self.doubts = texts[0].doubts
        if not any(text.words for text in texts):
            return
        self._changed, self._speller = texts, speller
        self.utterance = texts[0].read
        self.history = tuple(
            Turn(text.read, tuple(self._with(call, self._spelt) for call in turn.calls))
            for text, turn in zip(reversed(texts[1:]), history, strict=True))

    def as_said(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Calls of what is read as calls of what was said: words of the dialogue go back."""
        if not self._changed:
            return tuple(calls)
        return tuple(self._with(call, self._said) for call in calls)

    @property
    def slips(self) -> tuple[tuple[str, str], ...]:
        """Each word that is read otherwise than it was said: as it was said, and as it is read. Of
        earlier turns only words that stand otherwise in none that came later."""
        found: dict[str, str] = {}
        heard: set[str] = set()
        for text in self._changed:
            found |= {text.said[start:end]: text.read[first:last]
                      for start, end, first, last in text.words
                      if first < last and text.said[start:end].lower() not in heard}
            heard.update(word for _, _, word in spoken(text.said))
        return tuple(found.items())

    def as_read(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """The other way round: calls of what was said as those of what is read."""
        if not self._changed:
            return tuple(calls)
        return tuple(self._with(call, self._spelt) for call in calls)

    def _spelt(self, words: str) -> str:
        return self._speller.respelt(words).read

    def _said(self, words: str) -> str:
        for text in self._changed:
            at = text.read.find(words)
            if at >= 0:
                return text.as_said(at, at + len(words))
        return words

    def _with(self, call: ToolCall, change: Callable[[str], str]) -> ToolCall:
        """The call with every grounded text in it changed."""
        nodes = {field.name: field.node
                 for field in self._catalogue.tool(call.name).parameters.fields}
        return ToolCall(call.name, {key: _changed(value, nodes.get(key), change)
                                    for key, value in call.arguments.items()})


def _changed(value: Any, node: Node | None, change: Callable[[str], str]) -> Any:
    if isinstance(node, Union):
        node = next((option for option in node.options if not misfit(option, value, "")), node)
    if isinstance(node, Text) and node.source is not None and node.source.kind == "said":
        changed = change(value)
        return value if misfit(node, changed, "") else changed  # it may have become too long
    if isinstance(node, Array):
        return [_changed(item, node.items, change) for item in value]
    return value
