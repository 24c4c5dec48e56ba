"""A bundle's student, ready to answer. Leaves out: homes and devices.

Keeps the state after the prefix and after recent prompts, so that a follow-up costs only its new
tokens. States are never changed, hence shared freely.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from tokenizers import Tokenizer

from iotcall.bundle import Bundle
from iotcall.bundle.bundle import SKILLS
from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import BundleError, CallError
from iotcall.formats import PromptPieces
from iotcall.grammar import Automaton, Binder
from iotcall.grammar.binding import Names
from iotcall.runtime.decoders import State, open_decoder
from iotcall.runtime.decoding import Decoding, Outcome, Trace, decode_greedily, unanswered
from iotcall.runtime.prefix import graph_hashes, prefix_key, read_prefix, write_prefix
from iotcall.runtime.prompt import PromptTokens

TOKEN_BUDGET = 160
"""Tokens of an answer, at most."""
REMEMBERED_PROMPTS = 16
"""States kept besides the prefix, the least recently used going first."""
_LEAST_ROOM = 48
"""Tokens that must fit behind a prompt: a short answer. Older turns give way to it."""
REMEMBERED_BYTES = 64_000_000
"""Memory that they may hold together."""


class Turn(msgspec.Struct, frozen=True):
    """An earlier turn of a dialogue."""

    utterance: str
    calls: tuple[ToolCall, ...]


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """Ways to decode, for comparisons; a hub takes the defaults."""

    prefix_kv: bool = True
    """Use the shipped state after the prefix, and remember prompts."""
    one_by_one: bool = False
    """Run every answer token in a pass of its own."""
    traced: bool = False
    """Keep every decision's logits (`Decoding.trace`)."""


class Student:
    """Answers utterances with valid calls; a context manager; one thread at a time."""

    def __init__(self, bundle: Bundle, *, threads: int, token_budget: int = TOKEN_BUDGET,
                 modes: Modes | None = None) -> None:
        self.bundle = bundle
        self._modes = modes or Modes()
        try:
            self._tokenizer = Tokenizer.from_file(str(bundle.tokenizer_path))
        except Exception as error:  # tokenizers raises bare exceptions
            raise BundleError(f"{bundle.tokenizer_path}: is no tokenizer: {error}") from error
        self.decoder = open_decoder(bundle.folder, bundle.layout, threads=threads)
        self._token_budget = token_budget
        self._remembered: OrderedDict[tuple[int, ...], State] = OrderedDict()
        self._main = self._part(bundle.catalogue.router() if bundle.skills else bundle.catalogue,
                                bundle.pieces, bundle.automaton, "")
        self._main_state = self._after_prefix(self._main)
        self._skills = {skill.name: self._part(skill.catalogue, skill.pieces, skill.automaton,
                                               f"{SKILLS}/{skill.name}")
                        for skill in bundle.skills}

    @staticmethod
    def open(bundle: Bundle, *, threads: int | None = None,
             token_budget: int = TOKEN_BUDGET, modes: Modes | None = None) -> Student:
        """The student of an opened bundle.

        Raises:
            BundleError: its model cannot be loaded.
        """
        return Student(bundle, threads=threads or min(2, os.cpu_count() or 1),
                       token_budget=token_budget, modes=modes)

    def decode(self, history: Sequence[Turn], utterance: str, *,
               deadline: float | None = None) -> Decoding:
        """The student's answer after the given earlier turns.

        The calls are valid by construction. Of the history only the newest turns count, as many as
        the student was trained with. `deadline` is on the monotonic clock.
        """
        kept = self.bundle.manifest.student.history_turns
        shown = history[-kept:] if kept else ()
        if not self._skills:
            return self._decode(self._main, shown, utterance, deadline)
        picked = self._decode(self._main, [self._as_skills(turn) for turn in shown], utterance,
                              deadline)
        if picked.outcome != "call":
            return picked
        answers = []
        for name in dict.fromkeys(call.name for call in picked.calls):
            own = self._skills[name]
            answers.append(self._decode(
                own, [_only(turn, own.catalogue) for turn in shown], utterance, deadline))
            if answers[-1].outcome != "call":
                break
        return _joined(picked, answers)

    def _part(self, catalogue: Catalogue, pieces: PromptPieces, automaton: Automaton,
              folder: str) -> _Part:
        size = self.bundle.layout.vocabulary
        if automaton.largest_token >= size:
            raise BundleError(f"{self.bundle.folder}: the automaton uses token "
                              f"{automaton.largest_token}, the model knows {size}; export it "
                              "again")
        prompt = PromptTokens(self._tokenizer, self.bundle.format, pieces, catalogue)
        prefix = tuple(prompt.prefix())
        if not self.decoder.fits(0, len(prefix) + _LEAST_ROOM):
            raise BundleError(f"{self.bundle.folder}: the tool declarations take {len(prefix)} "
                              f"tokens, the student's past holds {self.bundle.layout.capacity}; "
                              "export it again for a larger one")
        return _Part(catalogue, prompt, Binder(automaton, self._tokenizer),
                     prefix, self.bundle.folder / folder)

    def _after_prefix(self, part: _Part) -> State:
        """The state after a part's prefix: shipped, or run."""
        state = self.decoder.empty_state()
        if not part.prefix:
            return state
        shipped = read_prefix(part.folder, self.decoder, part.prefix, prefix_key(
            part.prefix, graph_hashes(self.bundle))) if self._modes.prefix_kv else None
        return shipped or self.decoder.run(part.prefix, state)[1]

    def _as_skills(self, turn: Turn) -> Turn:
        """An earlier turn as the first decision was answered."""
        names = [next((name for name, part in self._skills.items()
                       if any(tool.name == call.name for tool in part.catalogue.tools)), None)
                 for call in turn.calls]
        return Turn(turn.utterance, tuple(ToolCall(name) for name in dict.fromkeys(names) if name))

    def _decode(self, part: _Part, history: Sequence[Turn], utterance: str,
                deadline: float | None) -> Decoding:
        """The answer of one prompt and grammar."""
        said = part.prompt.clean(utterance)
        if not said:
            return unanswered("no_text")
        walk = part.binder.walk([*(part.prompt.clean(turn.utterance) for turn in history), said])
        if walk.is_empty:
            return unanswered("nothing_fits")
        turns = [part.prompt.past_turn(turn.utterance, turn.calls) for turn in history]
        opening = part.prompt.open_turn(utterance)
        while turns and not self.decoder.fits(len(part.prefix), sum(map(len, turns))
                                              + len(opening) + _LEAST_ROOM):
            turns.pop(0)
        ids = [*part.prefix, *(token for turn in turns for token in turn), *opening]
        known, state = (self._longest_known(part, ids) if self._modes.prefix_kv
                        else (0, self.decoder.empty_state()))
        path = decode_greedily(
            walk, self.decoder.run, ids[known:], state, token_budget=self._token_budget,
            deadline=deadline, fits=self.decoder.fits, one_by_one=self._modes.one_by_one,
            traced=self._modes.traced)
        if path.prompt_state is not None:
            self._remember((*ids, *path.prompt_tokens), path.prompt_state)
        finished = path.outcome == "call"
        written = path.tokens[:-1] if finished else path.tokens
        text = self._tokenizer.decode(list(written), skip_special_tokens=False)
        outcome: Outcome = path.outcome
        calls: tuple[ToolCall, ...] = ()
        if finished:
            outcome, calls = self._read(text, part.catalogue)
        return Decoding(
            calls=calls, text=text, outcome=outcome,
            confidence=math.exp(path.log_probability) if outcome == "call" else 0.0,
            decisions=path.decisions, tokens=len(path.tokens), passes=path.passes,
            prefill_ms=path.prefill_ms, decode_ms=path.decode_ms,
            smallest_margin=path.smallest_margin, grammar_mass=path.grammar_mass,
            trace=(Trace(tuple(ids), path.tokens, path.trace),) if self._modes.traced else (),
        )

    def write_prefixes(self) -> int:
        """Write the state after each part's prefix into the bundle's folder, for its next opening;
        returns the tokens of the first one."""
        for part in (self._main, *self._skills.values()):
            if part.prefix:
                state = self.decoder.run(part.prefix, self.decoder.empty_state())[1]
                write_prefix(part.folder, self.decoder, state,
                             prefix_key(part.prefix, graph_hashes(self.bundle)))
        return len(self._main.prefix)

    def bind_registry(self, names: Names | None) -> tuple[str, ...]:
        """Take the names that exist in the home now: list (areas, devices, ...) -> names.

        Names that the student's format cannot write are returned; they cannot be said.
        """
        refused = [name for part in (self._main, *self._skills.values())
                   for name in part.binder.bind_registry(names)]
        return tuple(dict.fromkeys(refused))

    def close(self) -> None:
        """Let go of all states."""
        self._remembered.clear()

    def __enter__(self) -> Student:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _read(self, text: str, catalogue: Catalogue) -> tuple[Outcome, tuple[ToolCall, ...]]:
        """The calls of a finished answer: the automaton is trusted, and checked."""
        try:
            calls = self.bundle.format.parse(text, catalogue)
            for call in calls:
                catalogue.check(call)
        except CallError:
            return "invalid", ()
        return "call", calls

    def _longest_known(self, part: _Part, ids: Sequence[int]) -> tuple[int, State]:
        """The longest remembered prompt that begins `ids` and leaves something to run."""
        best: tuple[int, ...] = part.prefix if part.prefix == self._main.prefix else ()
        for known in self._remembered:
            if len(best) < len(known) < len(ids) and known == tuple(ids[:len(known)]):
                best = known
        if best == self._main.prefix:
            return len(best), self._main_state
        if len(best) < len(part.prefix):
            # a skill that was not asked for of late
            state = self._after_prefix(part)
            self._remember(part.prefix, state)
            return len(part.prefix), state
        if not best:
            return 0, self.decoder.empty_state()
        self._remembered.move_to_end(best)
        return len(best), self._remembered[best]

    def _remember(self, ids: tuple[int, ...], state: State) -> None:
        self._remembered[ids] = state
        self._remembered.move_to_end(ids)
        # the newest one stays in any case: a follow-up is likeliest
        while len(self._remembered) > 1 and (len(self._remembered) > REMEMBERED_PROMPTS or sum(
                kept.bytes for kept in self._remembered.values()) > REMEMBERED_BYTES):
            self._remembered.popitem(last=False)


class _Part(msgspec.Struct, frozen=True):
    """One prompt with its grammar: the whole catalogue, the first decision, or a skill."""

    catalogue: Catalogue
    prompt: PromptTokens
    binder: Binder
    prefix: tuple[int, ...]
    folder: Path
    """Of the part's files."""


def _only(turn: Turn, catalogue: Catalogue) -> Turn:
    """An earlier turn as a skill answered it."""
    names = {tool.name for tool in catalogue.tools}
    return Turn(turn.utterance, tuple(call for call in turn.calls if call.name in names))


def _joined(picked: Decoding, answers: Sequence[Decoding]) -> Decoding:
    """The answers of several skills as one; it fails where one of them failed."""
    parts = [picked, *answers]
    outcome = parts[-1].outcome
    good = outcome == "call"
    return Decoding(
        calls=tuple(call for part in answers for call in part.calls) if good else (),
        text="\n".join(part.text for part in answers), outcome=outcome,
        confidence=math.prod(part.confidence for part in parts) if good else 0.0,
        decisions=sum(part.decisions for part in parts), tokens=sum(part.tokens for part in parts),
        passes=sum(part.passes for part in parts),
        prefill_ms=sum(part.prefill_ms for part in parts),
        decode_ms=sum(part.decode_ms for part in parts),
        smallest_margin=min(part.smallest_margin for part in parts),
        grammar_mass=picked.grammar_mass,
        trace=tuple(trace for part in parts for trace in part.trace))
