"""Constrained greedy decoding. Leaves out: how the prompt is made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.catalogue import ToolCall
from iotcall.grammar import Walk
from iotcall.grammar.scoring import choose, mass_on
from iotcall.runtime.decoders import Scores, State

Outcome = Literal["call", "too_long", "too_slow", "no_text", "nothing_fits", "no_logits", "invalid"]
Tokens = NDArray[np.int64]

_CHUNK = 128
"""Tokens of a prompt in one pass, at most."""


class Run(Protocol):
    """`Decoder.run`, or what stands for it."""

    def __call__(self, ids: Sequence[int], state: State, allowed: Tokens | None = None, *,
                 first: bool = False) -> tuple[Scores | None, State]: ...


class Decision(msgspec.Struct, frozen=True):
    """Where the student chose among several tokens."""

    after: int
    """Answer tokens before it."""
    allowed: Tokens
    logits: NDArray[np.float32]
    """Of the allowed tokens, in their order."""
    margin: float
    """To the next best, in log-probability."""


class Trace(msgspec.Struct, frozen=True):
    """What an answer was chosen from."""

    prompt: tuple[int, ...]
    """Tokens of the whole prompt."""
    tokens: tuple[int, ...]
    """Tokens of the answer."""
    decisions: tuple[Decision, ...]


class Decoding(msgspec.Struct, frozen=True, kw_only=True):
    """What the student answered."""

    calls: tuple[ToolCall, ...]
    """Empty unless the outcome is "call"."""
    text: str
    """The answer as written, without its end; unfinished unless the outcome is "call"."""
    confidence: float
    """P(answer | grammar) along the tokens chosen, 0..1; 0 unless the outcome is "call"."""
    outcome: Outcome
    """too_long: not finished within the token budget; too_slow: not before the deadline; no_text:
    nothing was said; nothing_fits: no tool can be called with what was said and what exists;
    no_logits: the student's numbers are none; invalid: the automaton let a call pass that the
    catalogue refuses."""
    decisions: int
    """Tokens that the student chose among several."""
    tokens: int
    """Tokens of the answer, its end included."""
    passes: int
    """Runs of the graph, the prefill included."""
    prefill_ms: float
    decode_ms: float
    """After the prefill."""
    smallest_margin: float = math.inf
    """Least difference of log-probability between a chosen token and the next best; inf without a
    decision."""
    grammar_mass: float = 1.0
    """Share of its probability that the unmasked student put on valid first tokens of the first
    decision, 0..1: low where it would rather say something else. 1 without a decision."""
    trace: tuple[Trace, ...] = ()
    """With skills, of the first decision and each skill; empty unless it was asked for."""


def unanswered(outcome: Outcome) -> Decoding:
    """The answer where the student was not asked."""
    return Decoding(calls=(), text="", confidence=0.0, outcome=outcome, decisions=0, tokens=0,
                    passes=0, prefill_ms=0.0, decode_ms=0.0)


class Path(msgspec.Struct, frozen=True):
    """The tokens of an answer, as decoded."""

    tokens: tuple[int, ...]
    log_probability: float
    smallest_margin: float
    grammar_mass: float
    outcome: Outcome
    decisions: int
    passes: int
    prefill_ms: float
    decode_ms: float
    prompt_state: State | None
    """State after the first pass; None if the deadline came before it."""
    prompt_tokens: tuple[int, ...]
    """Answer tokens that were forced and ran with the prompt."""
    trace: tuple[Decision, ...] = ()
    """What was chosen from, where that was asked for."""


def decode_greedily(
    walk: Walk, run: Run, pending: Sequence[int], state: State, *,
    token_budget: int, deadline: float | None = None,
    fits: Callable[[int, int], bool] | None = None,
    one_by_one: bool = False, traced: bool = False,
) -> Path:
    """Choose the likeliest allowed token until the automaton is done.

    `pending` are the prompt's tokens that are not in `state` yet (at least one). Forced tokens ride
    along with the next pass and the forced tail is never run. `deadline` is on the monotonic clock;
    `fits` says whether a state of some length can take so many tokens more. For comparisons only:
    `one_by_one` runs every answer token in a pass of its own, `traced` keeps every decision's
    logits.
    """
    began = time.monotonic()
    forced, place = walk.forced_run(walk.start)
    answer = list(forced)
    waiting = [*pending, *forced]
    log_probability, decisions, passes, prefill_ms = 0.0, 0, 0, 0.0
    smallest_margin, grammar_mass = math.inf, 1.0
    prompt_state: State | None = None
    outcome: Outcome = "call"
    trace: list[Decision] = []
    while len(waiting) > _CHUNK and not (deadline and time.monotonic() >= deadline):
        # a long prompt goes in chunks, so that the deadline is looked at between them
        if fits and not fits(state.length, len(waiting)):
            break
        _, state = run(waiting[:_CHUNK], state)
        passes, waiting = passes + 1, waiting[_CHUNK:]
    while not walk.is_final(place):
        if len(answer) >= token_budget:
            outcome = "too_long"
            break
        if deadline is not None and time.monotonic() >= deadline:
            outcome = "too_slow"
            break
        if fits and not fits(state.length, len(waiting)):
            outcome = "too_long"
            break
        allowed = walk.allowed(place).astype(np.int64)
        if one_by_one and prompt_state is not None:
            for token in waiting[:-1]:
                _, state = run([token], state)
                passes += 1
            waiting = waiting[-1:]
        scores, state = run(waiting, state, allowed, first=not decisions)
        assert scores is not None  # they were asked for
        passes += 1
        if prompt_state is None:
            prompt_state = state
            prefill_ms = 1000 * (time.monotonic() - began)
        chosen = choose(scores.allowed)
        if chosen is None:
            outcome = "no_logits"
            break
        if not decisions:
            grammar_mass = mass_on(scores.allowed, scores.rest)
        if traced:
            trace.append(Decision(len(answer), allowed, scores.allowed.copy(), chosen.margin))
        log_probability += chosen.log_probability
        smallest_margin = min(smallest_margin, chosen.margin)
        decisions += 1
        token = int(allowed[chosen.index])
        after = walk.step(place, token)
        assert after is not None  # it was allowed
        forced, place = walk.forced_run(after)
        waiting = [token, *forced]
        answer += waiting
    return Path(
        tokens=tuple(answer), log_probability=log_probability, smallest_margin=smallest_margin,
        grammar_mass=grammar_mass, outcome=outcome, decisions=decisions, passes=passes,
        prefill_ms=prefill_ms, decode_ms=1000 * (time.monotonic() - began) - prefill_ms,
        prompt_state=prompt_state, prompt_tokens=tuple(walk.forced_run(walk.start)[0]),
        trace=tuple(trace),
    )
