"""Constrained greedy decoding. Leaves out: how the prompt is made, where guesses come from."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from iotcall.grammar import Walk
from iotcall.grammar.scoring import choose, mass_on
from iotcall.grammar.walk import Place
from iotcall.runtime.admission import Limits
from iotcall.runtime.answers import Decision, Outcome
from iotcall.runtime.decoders import Decoder, Scores, Wanted
from iotcall.runtime.drafting import Draft
from iotcall.runtime.passes import Around, in_passes

CHUNK = 128
"""Tokens of a pass, at most: between two, somebody may cancel, and memory stays small."""
_AHEAD = 64
"""Guessed tokens in one pass, at most."""
_WIDE = 4096
"""A decision among more tokens than this is not guessed past: the head's rows of all decisions of
a pass are computed for each of them."""


class Path(msgspec.Struct, kw_only=True):
    """The tokens of an answer, as decoded."""

    tokens: list[int]
    outcome: Outcome = "call"
    log_probability: float = 0.0
    grammar_mass: float = 1.0
    decisions: list[Decision] = []
    drafted: int = 0
    """Decisions that were looked at in a pass with an earlier one."""
    passes: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0

    @property
    def smallest_margin(self) -> float:
        return min((decision.margin for decision in self.decisions), default=math.inf)


class _Branch(msgspec.Struct):
    """A decision that a pass looks at."""

    place: Place
    wanted: Wanted
    guessed: list[int]
    """The token that is guessed there, and what is forced behind it; they run in the same pass
    unless the branch is the last."""


def decode_greedily(walk: Walk, decoder: Decoder, past: Any, pending: Sequence[int],
                    limits: Limits, *, draft: Draft | None = None,
                    one_by_one: bool = False, around: Around = None) -> Path:
    """Choose the likeliest allowed token until the automaton is done.

    Forced tokens ride along with the next pass and the forced tail is never run. Guessed tokens do
    too, each decision among them is looked at, and those behind the first wrong one are forgotten.

    Args:
        past: holds the prompt's tokens before `pending`; afterwards the prompt and so many of the
            answer's tokens as have been run.
        pending: the prompt's other tokens, at least one.
        one_by_one: every answer token in a pass of its own and no guesses; for comparisons.
        around: tokens around an utterance that is read both ways.
    """
    began = time.monotonic()
    forced, place = walk.forced_run(walk.start)
    path = Path(tokens=list(forced))
    waiting = [*pending, *forced]
    *before, _ = in_passes(waiting, CHUNK, around)
    for some in before:
        # a long prompt goes in chunks, so that the deadline is looked at between them
        if not _may_run(path, decoder, past, limits, waiting):
            break
        _run(path, decoder, past, limits, some, ())
        waiting = waiting[len(some):]
    while path.outcome == "call" and not walk.is_final(place):
        if len(path.tokens) >= limits.token_budget:
            path.outcome = "too_long"
        if not _may_run(path, decoder, past, limits, waiting):
            break
        if one_by_one and path.decisions:
            for token in waiting[:-1]:
                _run(path, decoder, past, limits, [token], ())
            waiting = waiting[-1:]
        start = past.length
        guess = draft.ahead(walk, place, path.tokens) if draft and not one_by_one else ()
        branches = _branches(walk, decoder, past, limits, waiting, place, guess, path)
        scores = _run(path, decoder, past, limits, waiting,
                      [branch.wanted for branch in branches])
        if not path.decisions:
            path.prefill_ms = 1000 * (time.monotonic() - began)
        for number, (branch, found) in enumerate(zip(branches, scores, strict=True)):
            chosen = _decide(path, branch, found)
            if chosen is None:
                path.outcome = "no_logits"
                break
            after = walk.step(branch.place, chosen)
            assert after is not None  # it was allowed
            forced, place = walk.forced_run(after)
            waiting = [chosen, *forced]
            path.tokens += waiting
            path.drafted += number > 0
            if waiting != branch.guessed:
                past.cut(start + branch.wanted.position + 1)
                break
    path.decode_ms = 1000 * (time.monotonic() - began) - path.prefill_ms
    return path


def _branches(walk: Walk, decoder: Decoder, past: Any, limits: Limits, ids: list[int],
              place: Place, guess: Sequence[int], path: Path) -> list[_Branch]:
    """The decision at `place` and those that follow if the guess is right; `ids` are the tokens to
    run, and get those of the guess that lead from one to the next."""
    allowed = walk.allowed(place).astype(np.int64)
    branches = [_Branch(place, Wanted(len(ids) - 1, allowed, others=not path.decisions),
                        [])]
    most = decoder.most_wanted or len(guess) + 1
    # an answer that has its budget is looked at no more
    room = len(ids) + min(_AHEAD, limits.token_budget - len(path.tokens) - 1)
    at = 0
    while at < len(guess) and len(branches) < most and len(allowed) <= _WIDE:
        after = walk.step(place, guess[at])
        if after is None:
            break
        forced, place = walk.forced_run(after)
        if walk.is_final(place):
            break
        tokens = [guess[at], *forced]
        allowed = walk.allowed(place).astype(np.int64)
        longer = len(ids) + len(tokens)
        if (len(allowed) > _WIDE or longer > room or not decoder.fits(past.length, longer)
                or not limits.affords(longer)):
            break
        branches[-1].guessed = tokens
        ids += tokens
        branches.append(_Branch(place, Wanted(len(ids) - 1, allowed), []))
        if list(guess[at:at + len(tokens)]) != tokens:
            break
        at += len(tokens)
    return branches


def _decide(path: Path, branch: _Branch, scores: Scores) -> int | None:
    """The student's choice, which the path takes note of; None where no logit is a number."""
    chosen = choose(scores.allowed)
    if chosen is None:
        return None
    if not path.decisions:
        path.grammar_mass = mass_on(scores.allowed, scores.rest)
    allowed = branch.wanted.allowed
    path.decisions.append(Decision(len(path.tokens), allowed, scores.allowed.copy(), chosen.margin,
                                   branch.place))
    path.log_probability += chosen.log_probability
    return int(allowed[chosen.index])


def _may_run(path: Path, decoder: Decoder, past: Any, limits: Limits,
             waiting: Sequence[int]) -> bool:
    """Whether the next pass may begin; if not, the path's outcome says why."""
    if path.outcome == "call":
        if not decoder.fits(past.length, len(waiting)):
            path.outcome = "too_long"
        elif refusal := limits.refuse(min(len(waiting), CHUNK)):
            path.outcome = refusal
    return path.outcome == "call"


def _run(path: Path, decoder: Decoder, past: Any, limits: Limits, ids: Sequence[int],
         wanted: Sequence[Wanted]) -> list[Scores]:
    began = time.monotonic()
    scores = decoder.run(ids, past, wanted)
    limits.pace.learn(len(ids), time.monotonic() - began)
    path.passes += 1
    return scores
