"""A bundle's student, ready to answer. Leaves out: homes and devices.

Keeps the state after the prefix and after recent prompts, so that a follow-up costs only its new
tokens. States are never changed, hence shared freely.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType

import msgspec
from tokenizers import Tokenizer

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.errors import BundleError, CallError
from iotcall.grammar import Binder
from iotcall.grammar.binding import Names
from iotcall.runtime.decoder import Decoder, State
from iotcall.runtime.decoding import Decoding, Outcome, decode_greedily, unanswered
from iotcall.runtime.prompt import PromptTokens

TOKEN_BUDGET = 160
"""Tokens of an answer, at most."""
REMEMBERED_PROMPTS = 16
"""States kept besides the prefix, the least recently used going first."""
REMEMBERED_BYTES = 64_000_000
"""Memory that they may hold together."""


class Turn(msgspec.Struct, frozen=True):
    """An earlier turn of a dialogue."""

    utterance: str
    calls: tuple[ToolCall, ...]


class Student:
    """Answers utterances with valid calls; a context manager; one thread at a time."""

    def __init__(self, bundle: Bundle, *, threads: int, token_budget: int = TOKEN_BUDGET) -> None:
        self.bundle = bundle
        try:
            self._tokenizer = Tokenizer.from_file(str(bundle.tokenizer_path))
        except Exception as error:  # tokenizers raises bare exceptions
            raise BundleError(f"{bundle.tokenizer_path}: is no tokenizer: {error}") from error
        self._decoder = Decoder(bundle.model_path, provider=bundle.manifest.target.provider,
                                   threads=threads)
        size = self._decoder.vocabulary_size
        if isinstance(size, int) and bundle.automaton.largest_token >= size:
            raise BundleError(f"{bundle.folder}: the automaton uses token "
                              f"{bundle.automaton.largest_token}, the model knows {size}; export "
                              "it again")
        self._prompt = PromptTokens(self._tokenizer, bundle.format, bundle.pieces,
                                    bundle.catalogue)
        self._binder = Binder(bundle.automaton, self._tokenizer)
        self._token_budget = token_budget
        self._prefix = tuple(self._prompt.prefix())
        state = self._decoder.empty_state()
        if self._prefix:
            _, state = self._decoder.run(self._prefix, state)
        self._prefix_state = state
        self._remembered: OrderedDict[tuple[int, ...], State] = OrderedDict()

    @staticmethod
    def open(bundle: Bundle, *, threads: int | None = None,
             token_budget: int = TOKEN_BUDGET) -> Student:
        """The student of an opened bundle.

        Raises:
            BundleError: its model cannot be loaded.
        """
        return Student(bundle, threads=threads or min(2, os.cpu_count() or 1),
                       token_budget=token_budget)

    def decode(self, history: Sequence[Turn], utterance: str, *,
               deadline: float | None = None) -> Decoding:
        """The student's answer after the given earlier turns.

        The calls are valid by construction. Of the history only the newest turns count, as many as
        the student was trained with. `deadline` is on the monotonic clock.
        """
        if not self._prompt.clean(utterance):
            return unanswered("no_text")
        ids = list(self._prefix)
        kept = self.bundle.manifest.student.history_turns
        shown = history[-kept:] if kept else ()
        walk = self._binder.walk([*(self._prompt.clean(turn.utterance) for turn in shown),
                                  self._prompt.clean(utterance)])
        if walk.is_empty:
            return unanswered("nothing_fits")
        for turn in shown:
            ids += self._prompt.past_turn(turn.utterance, turn.calls)
        ids += self._prompt.open_turn(utterance)
        known, state = self._longest_known(ids)
        path = decode_greedily(walk, self._decoder.run, ids[known:], state,
                               token_budget=self._token_budget, deadline=deadline)
        if path.prompt_state is not None:
            self._remember((*ids, *path.prompt_tokens), path.prompt_state)
        finished = path.outcome == "call"
        written = path.tokens[:-1] if finished else path.tokens
        text = self._tokenizer.decode(list(written), skip_special_tokens=False)
        outcome: Outcome = path.outcome
        calls: tuple[ToolCall, ...] = ()
        if finished:
            outcome, calls = self._read(text)
        return Decoding(
            calls=calls, text=text, outcome=outcome,
            confidence=math.exp(path.log_probability) if calls else 0.0,
            smallest_margin=path.smallest_margin, grammar_mass=path.grammar_mass,
            decisions=path.decisions, tokens=len(path.tokens), passes=path.passes,
            prefill_ms=path.prefill_ms, decode_ms=path.decode_ms,
        )

    def bind_registry(self, names: Names | None) -> tuple[str, ...]:
        """Take the names that exist in the home now: list (areas, devices, ...) -> names.

        Names that the student's format cannot write are returned; they cannot be said.
        """
        return self._binder.bind_registry(names)

    def close(self) -> None:
        """Let go of all states."""
        self._remembered.clear()

    def __enter__(self) -> Student:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _read(self, text: str) -> tuple[Outcome, tuple[ToolCall, ...]]:
        """The calls of a finished answer: the automaton is trusted, and checked."""
        try:
            calls = self.bundle.format.parse(text, self.bundle.catalogue)
            for call in calls:
                self.bundle.catalogue.check(call)
        except CallError:
            return "invalid", ()
        return "call", calls

    def _longest_known(self, ids: Sequence[int]) -> tuple[int, State]:
        """The longest remembered prompt that begins `ids` and leaves something to run."""
        best: tuple[int, ...] = self._prefix
        for known in self._remembered:
            if len(best) < len(known) < len(ids) and known == tuple(ids[:len(known)]):
                best = known
        if best == self._prefix:
            return len(best), self._prefix_state
        self._remembered.move_to_end(best)
        return len(best), self._remembered[best]

    def _remember(self, ids: tuple[int, ...], state: State) -> None:
        self._remembered[ids] = state
        self._remembered.move_to_end(ids)
        while len(self._remembered) > REMEMBERED_PROMPTS or (
                sum(kept.bytes for kept in self._remembered.values()) > REMEMBERED_BYTES):
            self._remembered.popitem(last=False)
