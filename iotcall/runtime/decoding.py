"""Constrained greedy decoding. Leaves out: how the prompt is made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.catalogue import ToolCall
from iotcall.grammar import Automaton
from iotcall.runtime.decoder import State

Outcome = Literal["call", "too_long", "too_slow", "no_text", "invalid"]
Run = Callable[[Sequence[int], State], tuple[NDArray[np.float32], State]]

_CHUNK = 128
"""Tokens of a prompt in one pass, at most."""


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
    nothing was said; invalid: the automaton let a call pass that the catalogue refuses."""
    decisions: int
    """Tokens that the student chose among several."""
    tokens: int
    """Tokens of the answer, its end included."""
    passes: int
    """Runs of the graph, the prefill included."""
    prefill_ms: float
    decode_ms: float
    """After the prefill."""


NOTHING_SAID = Decoding(calls=(), text="", confidence=0.0, outcome="no_text", decisions=0, tokens=0,
                        passes=0, prefill_ms=0.0, decode_ms=0.0)
"""The answer to an utterance without text."""


class Path(msgspec.Struct, frozen=True):
    """The tokens of an answer, as decoded."""

    tokens: tuple[int, ...]
    log_probability: float
    outcome: Outcome
    decisions: int
    passes: int
    prefill_ms: float
    decode_ms: float
    prompt_state: State | None
    """State after the first pass; None if the deadline came before it."""
    prompt_tokens: tuple[int, ...]
    """Answer tokens that were forced and ran with the prompt."""


def decode_greedily(
    automaton: Automaton, run: Run, pending: Sequence[int], state: State, *,
    token_budget: int, deadline: float | None = None,
) -> Path:
    """Choose the likeliest allowed token until the automaton is done.

    `pending` are the prompt's tokens that are not in `state` yet (at least one). Forced tokens ride
    along with the next pass and the forced tail is never run. `deadline` is on the monotonic clock.
    """
    began = time.monotonic()
    forced, node = automaton.forced_run(automaton.start)
    answer = list(forced)
    waiting = [*pending, *forced]
    log_probability, decisions, passes, prefill_ms = 0.0, 0, 0, 0.0
    prompt_state: State | None = None
    outcome: Outcome = "call"
    while len(waiting) > _CHUNK and not (deadline and time.monotonic() >= deadline):
        # a long prompt goes in chunks, so that the deadline is looked at between them
        _, state = run(waiting[:_CHUNK], state)
        passes, waiting = passes + 1, waiting[_CHUNK:]
    while not automaton.is_final(node):
        if len(answer) >= token_budget:
            outcome = "too_long"
            break
        if deadline is not None and time.monotonic() >= deadline:
            outcome = "too_slow"
            break
        logits, state = run(waiting, state)
        passes += 1
        if prompt_state is None:
            prompt_state = state
            prefill_ms = 1000 * (time.monotonic() - began)
        allowed = automaton.allowed(node)
        choice, chosen = _best(logits[allowed])
        log_probability += chosen
        decisions += 1
        token = int(allowed[choice])
        forced, node = automaton.forced_run(automaton.target(node, choice))
        waiting = [token, *forced]
        answer += waiting
    return Path(
        tokens=tuple(answer), log_probability=log_probability, outcome=outcome,
        decisions=decisions, passes=passes, prefill_ms=prefill_ms,
        decode_ms=1000 * (time.monotonic() - began) - prefill_ms, prompt_state=prompt_state,
        prompt_tokens=tuple(automaton.forced_run(automaton.start)[0]),
    )


def _best(logits: NDArray[np.float32]) -> tuple[int, float]:
    """Index of the largest logit and the logarithm of its softmax share."""
    choice = int(np.argmax(logits))
    shifted = logits.astype(np.float64) - float(logits[choice])
    return choice, -math.log(float(np.exp(shifted).sum()))
