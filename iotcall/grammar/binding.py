"""Bind an automaton's slots to a dialogue and a home. Leaves out: following it (see walk).

A *said* slot takes spans of the dialogue's words, or its numbers in whatever words they were said;
a *registry* slot takes the names that exist now. Without a dialogue or a registry such slots take
whatever their machine takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from tokenizers import Tokenizer

from iotcall.formats.json_text import number_text
from iotcall.formats.writing import WRITINGS
from iotcall.grammar.automaton import Automaton, SlotInfo
from iotcall.grammar.contents import Content, Free, Spans, Trie, Words, WordTokens
from iotcall.grammar.machine import Machine, MachineTokens, TokenBytes
from iotcall.grammar.vocabulary import Vocabulary
from iotcall.grammar.walk import Walk
from iotcall.speech import said_numbers, words, written_out

Names = Mapping[str, Sequence[str]]
"""What exists in a home: list (areas, devices, ...) -> names."""


class Binder:
    """Makes walks over one automaton for one tokenizer; not thread-safe."""

    def __init__(self, automaton: Automaton, tokenizer: Tokenizer,
                 token_bytes: Callable[[], TokenBytes] | None = None) -> None:
        """`token_bytes`: the tokenizer's, read when a slot first stands free; None: worked out."""
        self.automaton = automaton
        self._read_bytes = token_bytes or (
            lambda: TokenBytes(Vocabulary(tokenizer).all_bytes()))
        self._tokenizer = tokenizer
        self._word_tokens = WordTokens(self._encode)
        self._free: list[Free | None] = [None] * len(automaton.slots)
        self._token_bytes: TokenBytes | None = None
        self._registry: list[Trie | None] = [None] * len(automaton.slots)
        self._unbound: Walk | None = None

    def bind_registry(self, names: Names | None) -> tuple[str, ...]:
        """Take the names that exist now; names that some slot cannot write are returned.

        Ten thousand names take a fraction of a second; the catalogue is not compiled again.
        """
        refused: dict[str, None] = {}
        self._unbound = None
        for index, (slot, machine) in enumerate(zip(self.automaton.slots, self.automaton.machines,
                                                    strict=True)):
            if slot.source != "registry":
                continue
            if names is None:
                self._registry[index] = None
                continue
            wanted = list(dict.fromkeys(names.get(slot.name, ())))
            written = [_written(slot, machine, name) for name in wanted]
            refused.update((name, None) for name, text in zip(wanted, written, strict=True)
                           if text is None)
            self._registry[index] = Trie(self._encode([text for text in written if text]))
        return tuple(refused)

    def walk(self, dialogue: Sequence[str] | None = None) -> Walk:
        """The automaton bound to what was said, newest utterance last; None: to nothing."""
        if dialogue is None or not any(slot.source == "said" for slot in self.automaton.slots):
            if self._unbound is None:
                self._unbound = Walk(self.automaton, [
                    self._standing(index) for index in range(len(self.automaton.slots))])
            return self._unbound
        said = _Said(dialogue, self._word_tokens)
        return Walk(self.automaton, [
            self._said(index, said) if slot.source == "said" else self._standing(index)
            for index, slot in enumerate(self.automaton.slots)])

    def _standing(self, index: int) -> list[Content]:
        """Contents that do not depend on the dialogue."""
        registry = self._registry[index]
        return [registry if registry is not None else self._free_content(index)]

    def _said(self, index: int, said: _Said) -> list[Content]:
        slot, machine = self.automaton.slots[index], self.automaton.machines[index]
        texts = [written for value in said.values(slot)
                 if (written := _written(slot, machine, value)) is not None]
        contents: list[Content] = []
        if texts:
            contents.append(Trie(self._encode(list(dict.fromkeys(texts)))))
        if not slot.numeric:
            contents.append(Spans(said.words, machine, WRITINGS[slot.writing].write))
        return contents

    def _free_content(self, index: int) -> Free:
        found = self._free[index]
        if found is None:
            if self._token_bytes is None:
                self._token_bytes = self._read_bytes()
            found = self._free[index] = Free(MachineTokens(self.automaton.machines[index],
                                                           self._token_bytes))
        return found

    def _encode(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(
            texts, add_special_tokens=False)]


class _Said:
    """What a dialogue offers to slots."""

    def __init__(self, dialogue: Sequence[str], tokens: WordTokens) -> None:
        self._dialogue = dialogue
        texts, gaps, follows = [], [], []
        for utterance in dialogue:
            end = 0
            for index, (start, stop) in enumerate(words(utterance)):
                texts.append(utterance[start:stop])
                gaps.append(utterance[end:start] if index else "")
                follows.append(index > 0)
                end = stop
        self.words = Words(texts, gaps, follows, tokens)
        self._numbers: tuple[list[Decimal], list[str]] | None = None
        self._names: list[str] | None = None

    def values(self, slot: SlotInfo) -> list[str]:
        """Texts that a slot may take besides spans: numbers, digits, names that were spelt out, and
        what phrases stand for."""
        values, digits = self._numbers_said()
        found = ([number_text(value) for value in values] if slot.numeric else
                 self._names_spelt_out() if slot.spans else digits)
        for phrase, value in slot.derived.items():
            if any(_holds(utterance, phrase) for utterance in self._dialogue):
                found.append(value if isinstance(value, str) else number_text(value))
        return list(dict.fromkeys(found))

    def _names_spelt_out(self) -> list[str]:
        if self._names is None:
            self._names = [name for utterance in self._dialogue for name in written_out(utterance)]
        return self._names

    def _numbers_said(self) -> tuple[list[Decimal], list[str]]:
        if self._numbers is None:
            said = [number for utterance in self._dialogue for number in said_numbers(utterance)]
            self._numbers = ([number.value for number in said],
                             [number.digits for number in said if number.digits])
        return self._numbers


def _written(slot: SlotInfo, machine: Machine, text: str) -> str | None:
    """The text as the slot's format writes it; None where it does not fit there."""
    written = WRITINGS[slot.writing].write(text)
    return written if written and machine.fits(written.encode()) else None


def _holds(utterance: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase.casefold())}(?!\w)",
                     utterance.casefold()) is not None
