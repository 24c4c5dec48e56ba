"""Judge a student on development dialogues while it learns. Leaves out: when (see trainer).

Decoding is greedy under the bundle's own grammar and in torch, with the reference's calls as
history: what ``iotcall eval`` will say of an exported bundle in fp32. All references are read in
one pass a batch; where the student would have chosen every token, that is its answer. Only the
others are decoded, from where they part, in batches with a cache.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils import parametrize
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from iotcall.catalogue import Catalogue, ToolCall, equivalent_all
from iotcall.checkpoint import HISTORY_TURNS
from iotcall.distill.training.batches import plain
from iotcall.evaluate import Dialogue, golden_turns
from iotcall.formats import Format, PromptPieces
from iotcall.grammar import Walk
from iotcall.grammar.compiler import compile_automaton
from iotcall.grammar.walk import Place
from iotcall.runtime.part import LEAST_ROOM, Part
from iotcall.runtime.reading import Reading, read_dialogue
from iotcall.runtime.student import TOKEN_BUDGET
from iotcall.speech import Lexicon, Speller

_PASS_TOKENS = 8192
"""Tokens of a batch, at most, so that memory stays small."""


class _Item(msgspec.Struct, frozen=True):
    reading: Reading
    prompt: list[int]
    written: list[int]
    """The reference's tokens, its end included."""
    walk: Walk
    calls: tuple[ToolCall, ...]
    """Reference calls."""


class _Begun(msgspec.Struct):
    """An answer that parts from the reference's."""

    item: _Item
    tokens: list[int]
    place: Place


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a student said to the items."""

    expected: tuple[tuple[ToolCall, ...], ...]
    got: tuple[tuple[ToolCall, ...] | None, ...]
    """None where the answer was not finished, or there was nothing to make one of."""
    seconds: float

    @property
    def correct(self) -> int:
        return sum(got is not None and equivalent_all(got, expected)
                   for got, expected in zip(self.got, self.expected, strict=True))

    @property
    def unanswered(self) -> int:
        return sum(got is None for got in self.got)

    @property
    def names(self) -> int:
        """Items with the right tools in the right order."""
        return sum(got is not None and [call.name for call in got] == [call.name for call in wanted]
                   for got, wanted in zip(self.got, self.expected, strict=True))


class Development:
    """Development dialogues, made ready once for a tokenizer and format."""

    def __init__(self, dialogues: Sequence[Dialogue], catalogue: Catalogue, format: Format,
                 pieces: PromptPieces, tokenizer: Tokenizer, positions: int,
                 lexicon: Lexicon | None = None) -> None:
        """
        Args:
            positions: that the student knows, at most; older turns give way.
            lexicon: by which a hub will spell what was said.

        Raises:
            InputError: the tokenizer lacks a token that calls need.
        """
        speller = Speller(lexicon) if lexicon else None
        automaton = compile_automaton(catalogue, format, pieces, tokenizer)
        self._part = Part("", catalogue, format, pieces, automaton, tokenizer, Path())
        self._tokenizer = tokenizer
        self._end: int = tokenizer.token_to_id(pieces.end)
        self._positions = positions
        self._expected: list[tuple[ToolCall, ...]] = []
        self._items: list[_Item | None] = []
        for turn in golden_turns(dialogues):
            reading = read_dialogue(turn.history[-HISTORY_TURNS:], turn.utterance, catalogue,
                                    self._part.clean, speller)
            walk = self._part.walk(reading.history, reading.utterance)
            self._expected.append(turn.calls)
            prompt = self._part.prompt(reading.history, reading.utterance,
                                       lambda past, new: past + new <= positions)
            written = self._part.written(reading.as_read(turn.calls))
            hopeless = (walk is None or walk.is_empty
                        or len(prompt) + max(len(written), LEAST_ROOM) > positions)
            self._items.append(
                None if walk is None or hopeless else _Item(
                    reading, prompt, written, walk, turn.calls))

    def __len__(self) -> int:
        return len(self._items)

    def answers(self, model: Any) -> Answers:
        """The student's answers; the model is left as it was."""
        began = time.monotonic()
        whole, learning = plain(model), model.training
        model.eval()
        try:
            with torch.no_grad(), parametrize.cached():
                items = [(number, item) for number, item in enumerate(self._items) if item]
                read = self._read(whole, [item for _, item in items])
                parted = [begun for begun in read if begun is not None]
                decoded = iter(self._decode(whole, parted))
                found: list[tuple[ToolCall, ...] | None] = [None] * len(self._items)
                for (number, item), begun in zip(items, read, strict=True):
                    found[number] = item.calls if begun is None else next(decoded)
        finally:
            model.train(learning)
        return Answers(expected=tuple(self._expected), got=tuple(found),
                       seconds=round(time.monotonic() - began, 2))

    def _read(self, model: Any, items: list[_Item]) -> list[_Begun | None]:
        """Of every item, the beginning of its own answer; None where that is the reference."""
        found: list[_Begun | None] = [None] * len(items)
        texts = [[*item.prompt, *item.written] for item in items]
        for batch in _batches(texts):
            longest = max(len(texts[number]) for number in batch)
            ids = torch.tensor([texts[number] + [self._end] * (longest - len(texts[number]))
                                for number in batch], device=model.device)
            lengths = torch.tensor([len(texts[number]) for number in batch], device=model.device)
            mask = (torch.arange(longest, device=model.device)[None] < lengths[:, None]).long()
            hidden = model.model(input_ids=ids, attention_mask=mask,
                                 use_cache=False).last_hidden_state
            for row, number in enumerate(batch):
                first = len(items[number].prompt) - 1
                of_answer = hidden[row, first:len(texts[number]) - 1]
                logits = model.get_output_embeddings()(of_answer).float().cpu().numpy()
                found[number] = _parted(items[number], logits)
        return found

    def _decode(self, model: Any, parted: Sequence[_Begun]) -> list[tuple[ToolCall, ...] | None]:
        """The calls of answers that have begun."""
        open_ones = []
        for begun in parted:
            forced, begun.place = begun.item.walk.forced_run(begun.place)
            begun.tokens += forced
            if not begun.item.walk.is_final(begun.place):
                open_ones.append(begun)
        texts = [[*begun.item.prompt, *begun.tokens] for begun in open_ones]
        for batch in _batches(texts):
            self._generate(model, [open_ones[number] for number in batch],
                           [texts[number] for number in batch])
        return [self._calls(begun) for begun in parted]

    def _generate(self, model: Any, batch: Sequence[_Begun], texts: Sequence[list[int]]) -> None:
        """Go on with each answer to its end, or until it is too long."""
        longest = max(map(len, texts))
        ids = torch.tensor([[self._end] * (longest - len(text)) + text for text in texts],
                           device=model.device)
        mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts],
                            device=model.device)
        # at most one token a pass is the student's own: shorter answers just end earlier
        room = min(TOKEN_BUDGET - min(len(begun.tokens) for begun in batch),
                   self._positions - longest)
        under = _Grammar(batch)
        made = model.generate(
            input_ids=ids, attention_mask=mask, logits_processor=LogitsProcessorList([under]),
            generation_config=GenerationConfig(
                max_new_tokens=max(room, 1), do_sample=False, use_cache=True,
                eos_token_id=self._end, pad_token_id=self._end),
            use_model_defaults=False)
        for begun, row in zip(batch, made[:, longest:].tolist(), strict=True):
            begun.tokens += row[:row.index(self._end) + 1] if self._end in row else row

    def _calls(self, begun: _Begun) -> tuple[ToolCall, ...] | None:
        if not begun.item.walk.accepts(begun.tokens) or len(begun.tokens) > TOKEN_BUDGET:
            return None
        calls = self._part.read(self._tokenizer.decode(begun.tokens[:-1],
                                                       skip_special_tokens=False))
        return None if calls is None else begun.item.reading.as_said(calls)


class _Grammar(LogitsProcessor):  # type: ignore[misc]  # untyped base
    """Leaves of each row's logits those that may follow its answer so far."""

    def __init__(self, batch: Sequence[_Begun]) -> None:
        self._walks = [begun.item.walk for begun in batch]
        self._places: list[Place | None] = [begun.place for begun in batch]
        self._length = 0
        """Of the texts at the last pass; 0: there was none yet."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._length:
            for row, token in enumerate(input_ids[:, -1].tolist()):
                place = self._places[row]
                if place is not None and not self._walks[row].is_final(place):
                    self._places[row] = self._walks[row].step(place, token)
        self._length = input_ids.shape[1]
        masked = torch.full_like(scores, -torch.inf)
        for row, (walk, place) in enumerate(zip(self._walks, self._places, strict=True)):
            if place is None or walk.is_final(place):
                masked[row] = scores[row]  # done: what comes is thrown away
            else:
                allowed = torch.from_numpy(walk.allowed(place).astype(np.int64)).to(scores.device)
                masked[row, allowed] = scores[row, allowed]
        return masked


def _parted(item: _Item, logits: np.ndarray) -> _Begun | None:
    """Where the student's answer parts from the reference; `logits` (written, vocabulary)."""
    place: Place | None = item.walk.start
    for number, token in enumerate(item.written):
        assert place is not None  # every token before was allowed and chosen
        allowed = item.walk.allowed(place)
        chosen = int(allowed[0] if len(allowed) == 1 else allowed[logits[number][allowed].argmax()])
        place = item.walk.step(place, chosen)
        if chosen != token:
            assert place is not None
            return _Begun(item, [*item.written[:number], chosen], place)
    if not item.written:  # the format cannot write the reference
        return _Begun(item, [], item.walk.start)
    return None


def _batches(texts: Sequence[list[int]]) -> Iterator[list[int]]:
    """Numbers of texts of similar length, as many together as a batch may hold."""
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    batch: list[int] = []
    for number in order:
        if batch and len(texts[number]) * (len(batch) + 1) > _PASS_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
