"""A bundle's student, ready to answer. Leaves out: homes and devices.

Every site has a past of its own, which begins with what all prompts begin with; so a follow-up
costs only its new tokens, and nothing that is kept changes an answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType

import msgspec

from iotcall.bundle import Bundle
from iotcall.bundle.bundle import SKILLS, TOKENS
from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import BundleError
from iotcall.formats import PromptPieces
from iotcall.grammar import Automaton
from iotcall.grammar.binding import Names
from iotcall.grammar.machine import TokenBytes
from iotcall.runtime.admission import Limits, Pace
from iotcall.runtime.answers import Decoding, Outcome, Trace, joined, unanswered
from iotcall.runtime.board import RuntimeSettings, tuned
from iotcall.runtime.decoders import Past
from iotcall.runtime.decoding import CHUNK, decode_greedily
from iotcall.runtime.decoding import Path as Decoded
from iotcall.runtime.drafting import Draft, Earlier, Guesses
from iotcall.runtime.loading import load
from iotcall.runtime.memory import Memories, Memory
from iotcall.runtime.others import Others, find_others
from iotcall.runtime.part import LEAST_ROOM, Part, Parts, Turn
from iotcall.runtime.passes import in_passes
from iotcall.runtime.prefix import graph_hashes, past_after, write_prefix
from iotcall.runtime.reading import Reading, read_dialogue
from iotcall.speech import Speller

TOKEN_BUDGET = 160
"""Tokens of an answer, at most."""


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """Ways to decode, for comparisons; a hub takes the defaults."""

    prefix_kv: bool = True
    """Use the shipped past after the prefix, and remember."""
    drafting: bool = True
    """Guess answers and confirm them in one pass."""
    one_by_one: bool = False
    """Run every answer token in a pass of its own."""
    traced: bool = False
    """Keep every decision's logits (`Decoding.trace`)."""


PLAIN = Modes(prefix_kv=False, drafting=False, one_by_one=True)
"""The reference: no memory, no guesses, a token at a time."""


class Student:
    """Answers utterances with valid calls; a context manager; one thread at a time."""

    def __init__(self, bundle: Bundle, settings: RuntimeSettings, *, token_budget: int,
                 modes: Modes | None) -> None:
        self.bundle, self.prior = bundle, bundle.prior
        self._modes = modes or Modes()
        self.decoder, self.tokenizer = load(tuned(bundle, settings), settings.most_threads)
        self._token_budget = token_budget
        self._pace, self._earlier = Pace(), Earlier()
        self._speller = Speller(bundle.lexicon) if bundle.lexicon else None
        own, drafts = settings.with_draft() if bundle.draft else (settings, settings)
        self.memories = Memories(own.memory_bytes)
        self._graphs = graph_hashes(bundle)
        tokens = bundle.folder / TOKENS
        self._token_bytes = partial(TokenBytes.load, tokens) if tokens.is_file() else None
        main = self._part("", bundle.catalogue.router() if bundle.skills else
                          bundle.catalogue, bundle.pieces, bundle.automaton)
        self.parts = Parts(main, {skill.name: self._part(f"{SKILLS}/{skill.name}", skill.catalogue,
                                                         skill.pieces, skill.automaton)
                                  for skill in bundle.skills})
        self._main_start = self._after_prefix(main)
        self.drafter = (Student(bundle.draft, drafts, token_budget=TOKEN_BUDGET, modes=None)
                         if bundle.draft and self._modes.drafting else None)

    @staticmethod
    def open(bundle: Bundle, *, threads: int | None = None, settings: RuntimeSettings | None = None,
             token_budget: int = TOKEN_BUDGET, modes: Modes | None = None) -> Student:
        """The student of an opened bundle.

        Args:
            threads: of a pass, in place of what the settings say.
            settings: a board's; the host's by default.

        Raises:
            BundleError: its model cannot be loaded.
        """
        settings = settings or RuntimeSettings()
        if threads:
            settings = msgspec.structs.replace(settings, threads=threads)
        return Student(bundle, settings, token_budget=token_budget, modes=modes)

    def decode(self, history: Sequence[Turn], utterance: str, *, site: str = "",
               deadline: float = math.inf, cancelled: Callable[[], bool] = lambda: False,
               others: Others | None = None, draft: Draft | None = None) -> Decoding:
        """The student's answer after the given earlier turns.

        The calls are valid by construction. Of the history only the newest turns count, as many as
        the student was trained with.

        Args:
            site: whose past is continued.
            deadline: on the monotonic clock; what would not be finished then is not begun.
            cancelled: asked between passes.
            others: look for the likeliest other answers too, some passes more.
            draft: guesses in place of the student's own.
        """
        limits = Limits(token_budget=self._token_budget, deadline=deadline, cancelled=cancelled,
                        pace=self._pace)
        began = time.monotonic()
        reading = self._reading(history, utterance)
        shown, read = reading.history, reading.utterance
        guessed = () if draft or not self._modes.drafting else self._guessed(
            shown, read, site, limits)
        guessing_ms = 1000 * (time.monotonic() - began)
        request = _Request(read, site, limits, guessed, draft,
                           others and others.through(reading.as_said, reading.slips))
        try:
            if self.parts.skills:
                answer = self._decode_skills(shown, request)
            else:
                answer = self._decode(self.parts.main, shown, request)
        finally:
            self.memories.shrink()
        if answer.outcome == "call":
            self._earlier.learn(read, answer.calls)
        return msgspec.structs.replace(
            answer, prefill_ms=answer.prefill_ms + guessing_ms,
            calls=reading.as_said(answer.calls),
            slips=reading.slips, doubts=reading.doubts,
            is_known=self._speller is None or self._speller.knows(utterance),
            others=tuple(other.through(reading.as_said) for other in answer.others))

    def prepare(self, history: Sequence[Turn], *, site: str = "",
                cancelled: Callable[[], bool] = lambda: False) -> None:
        """Run what the prompt of the next utterance will begin with, while nobody waits."""
        if not self._modes.prefix_kv:
            return
        try:
            self._prepare(self._reading(history, "").history, site, cancelled)
        finally:
            self.memories.shrink()
        if self.drafter:
            self.drafter.prepare(history, site=site, cancelled=cancelled)

    def _prepare(self, shown: Sequence[Turn], site: str, cancelled: Callable[[], bool]) -> None:
        parts = [self.parts.main, *(self.parts.skills[name.removeprefix(f"{SKILLS}/")]
                                     for name in self.memories.of_site(site) if name)]
        for part in parts:
            ids = part.beginning(self.parts.turns_for(part, shown), self.decoder.fits)
            memory = self._memory(part, site)
            new = ids[memory.keep([*ids, -1]):]  # all of them may be known
            for some in in_passes(new, CHUNK, memory.around):
                if cancelled():
                    return
                self.decoder.run(some, memory.past)
                memory.tokens += some

    def forget(self, site: str | None = None) -> None:
        """Let go of a site's past; without one, of all that is kept, what was said too."""
        self.memories.forget(site)
        if site is None:
            self._earlier = Earlier()
        if self.drafter:
            self.drafter.forget(site)

    def write_prefixes(self) -> int:
        """Write the past after each part's prefix into the bundle's folder, for its next opening;
        returns the tokens of the first one."""
        for part in self.parts:
            if part.prefix:
                write_prefix(part.folder, self.decoder, part.prefix, self._graphs)
        return len(self.parts.main.prefix)

    def bind_registry(self, names: Names | None) -> tuple[str, ...]:
        """Take the names that exist in the home now: list (areas, devices, ...) -> names.

        Names that the student's format cannot write are returned; they cannot be said.
        """
        if self.drafter:
            self.drafter.bind_registry(names)
        return tuple(dict.fromkeys(name for part in self.parts
                                   for name in part.binder.bind_registry(names)))

    def expect_names(self, names: Iterable[str]) -> None:
        """Take what things in the home are called now: a slip in a name is read as the name."""
        if self._speller:
            self._speller = self._speller.at(names)

    def close(self) -> None:
        """Let go of all pasts."""
        self.forget()

    def __enter__(self) -> Student:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _part(self, name: str, catalogue: Catalogue, pieces: PromptPieces,
              automaton: Automaton) -> Part:
        size = self.bundle.layout.vocabulary
        if automaton.largest_token >= size:
            raise BundleError(f"{self.bundle.folder}: the automaton uses token "
                              f"{automaton.largest_token}, the model knows {size}; export it "
                              "again")
        part = Part(name, catalogue, self.bundle.format, pieces, automaton, self.tokenizer,
                    self.bundle.folder / name, self._token_bytes)
        if not self.decoder.fits(0, len(part.prefix) + LEAST_ROOM):
            raise BundleError(f"{self.bundle.folder}: the tool declarations take "
                              f"{len(part.prefix)} tokens, the student's past holds "
                              f"{self.bundle.layout.capacity}; export it again for a larger one")
        return part

    def _after_prefix(self, part: Part) -> Past:
        return past_after(self.decoder, part.prefix, part.folder if self._modes.prefix_kv else None,
                          self._graphs)

    def _memory(self, part: Part, site: str) -> Memory:
        """What is kept of a part at a site: at least its prefix."""
        around = self.bundle.layout.prefix_tokens

        def begin() -> Memory:
            if part is self.parts.main:
                start = self._main_start
            else:
                start = self.memories.of((None, part.name), self._start_of(part)).past
            return Memory(list(part.prefix), start.copy(), around=around)

        if not self._modes.prefix_kv:
            return Memory([], self.decoder.empty(), around=around)
        return self.memories.of((site, part.name), begin)

    def _start_of(self, part: Part) -> Callable[[], Memory]:
        def make() -> Memory:
            past = self._after_prefix(part)
            return Memory(list(part.prefix), past,
                          bytes=sum(array.nbytes for array in self.decoder.save(past)))

        return make

    def _shown(self, history: Sequence[Turn]) -> Sequence[Turn]:
        kept = self.bundle.manifest.student.history_turns
        return history[-kept:] if kept else ()

    def _reading(self, history: Sequence[Turn], utterance: str) -> Reading:
        """The newest turns and the utterance, as the student reads them."""
        return read_dialogue(self._shown(history), utterance, self.bundle.catalogue,
                             self.parts.main.clean, self._speller)

    def _guessed(self, shown: Sequence[Turn], utterance: str, site: str,
                 limits: Limits) -> tuple[tuple[ToolCall, ...], ...]:
        """Calls that the answer may come to, the likeliest first."""
        same = self._earlier.same(utterance)
        if same:
            return (same,)
        guessed = []
        if self.drafter:
            found = self.drafter.decode(shown, utterance, site=site, deadline=limits.deadline,
                                        cancelled=limits.cancelled)
            guessed.append(found.calls)
        guessed.append(self._earlier.alike(utterance))
        return tuple(calls for calls in guessed if calls)

    def _decode_skills(self, shown: Sequence[Turn], request: _Request) -> Decoding:
        picked = self._decode(self.parts.main, shown, msgspec.structs.replace(
            request, others=None))
        if picked.outcome != "call":
            return picked
        answers = []
        names = dict.fromkeys(call.name for call in picked.calls)
        if len(names) > 1:
            request = msgspec.structs.replace(request, others=None)
        for name in names:
            answers.append(self._decode(self.parts.skills[name], shown, request))
            if answers[-1].outcome != "call":
                break
        return joined(picked, answers)

    def _decode(self, part: Part, shown: Sequence[Turn], request: _Request) -> Decoding:
        """The answer of one prompt and grammar."""
        history = self.parts.turns_for(part, shown)
        walk = part.walk(history, request.utterance)
        if walk is None:
            return unanswered("no_text")
        if walk.is_empty:
            return unanswered("nothing_fits")
        ids = part.prompt(history, request.utterance, self.decoder.fits)
        memory = self._memory(part, request.site)
        known = memory.keep(ids)
        draft = request.draft or Guesses([part.written(self.parts.calls_for(part, calls))
                                          for calls in request.guessed])
        try:
            path = decode_greedily(walk, self.decoder, memory.past, ids[known:], request.limits,
                                   draft=draft, one_by_one=self._modes.one_by_one,
                                   around=memory.around)
            memory.tokens = [*ids, *path.tokens][:memory.past.length]
        except BaseException:
            memory.past.cut(known)  # as `keep` left the tokens
            raise
        decoding = self._decoding(part, path, ids)
        wanted = request.others
        if wanted and decoding.outcome == "call" and wanted.worth(
                decoding.calls, decoding.confidence, ()):
            found = find_others(walk, self.decoder, memory, ids, path, request.limits, wanted)
            decoding = decoding.beside(found, part.text, part.read)
        return decoding

    def _decoding(self, part: Part, path: Decoded, prompt: Sequence[int]) -> Decoding:
        finished = path.outcome == "call"
        text = part.text(path.tokens[:-1] if finished else path.tokens)
        calls = part.read(text) if finished else None
        outcome: Outcome = "invalid" if finished and calls is None else path.outcome
        good = outcome == "call"
        return Decoding(
            calls=calls or (), text=text, outcome=outcome,
            confidence=math.exp(path.log_probability) if good else 0.0,
            decisions=len(path.decisions), tokens=len(path.tokens), passes=path.passes,
            prefill_ms=path.prefill_ms, decode_ms=path.decode_ms, drafted=path.drafted,
            smallest_margin=path.smallest_margin, grammar_mass=path.grammar_mass,
            tools=part.chances.of(path.decisions, path.tokens) if good else (),
            trace=(Trace(tuple(prompt), tuple(path.tokens), tuple(path.decisions)),)
            if self._modes.traced else ())


class _Request(msgspec.Struct, frozen=True):
    """What was asked, the same for every part."""

    utterance: str
    site: str
    limits: Limits
    guessed: tuple[tuple[ToolCall, ...], ...]
    draft: Draft | None
    others: Others | None
