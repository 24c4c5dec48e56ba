"""How sure a student is of an answer, given that it must be one of the grammar's.

The probability of an answer is the product, over its decisions, of the student's probabilities
renormalised over the tokens that may follow; over all answers it sums to one. Leaves out: passes
through a model (see runtime); thresholds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count as counter
from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.grammar.walk import Place, Walk

S = TypeVar("S")
Logits = NDArray[np.float32]
Run = Callable[[Sequence[int], S, NDArray[np.int32]], tuple[Logits, S]]
"""New tokens, the state before them, and the tokens that may follow -> logits of these after the
last new token, new state."""


class Choice(msgspec.Struct, frozen=True):
    index: int
    """Of the likeliest token among the allowed."""
    log_probability: float
    """Its share among them."""
    margin: float
    """To the next best, in log-probability; inf where there is none."""


class Scored(msgspec.Struct, frozen=True):
    tokens: tuple[int, ...]
    """A whole answer."""
    log_probability: float
    """Given the grammar."""


def choose(logits: Logits) -> Choice | None:
    """The likeliest of some tokens; None where no logit is a number to go by.

    What is not a number, or minus infinity, is never chosen; of several infinite ones the first is.
    """
    shares = log_shares(logits)
    if shares is None:
        return None
    index = int(np.argmax(shares))
    others = np.delete(shares, index)
    margin = float(shares[index] - others.max()) if len(others) else math.inf
    return Choice(index, float(shares[index]), margin)


def log_shares(logits: Logits) -> NDArray[np.float64] | None:
    """Logarithms of the softmax over some tokens; None where no logit is a number to go by."""
    wide = logits.astype(np.float64)
    wide[np.isnan(wide)] = -np.inf
    largest = wide.max(initial=-np.inf)
    if largest == -np.inf:
        return None
    if largest == np.inf:
        wide = np.where(wide == np.inf, 0.0, -np.inf)
        largest = 0.0
    shifted = wide - largest
    shares: NDArray[np.float64] = shifted - math.log(float(np.exp(shifted).sum()))
    return shares


def mass_on(allowed: Logits, rest: Logits) -> float:
    """Share of the unmasked student's probability that lies on the allowed tokens, 0..1.

    `rest` are the logits of every token looked at, the allowed ones among them.
    """
    shares = log_shares(rest)
    if shares is None:
        return 0.0
    # the logarithm of the normaliser, from any logit that is a number
    at = int(np.argmax(shares))
    largest = float(rest[at])
    if not np.isfinite(largest):
        return float(np.isin(rest[np.isinf(rest)], allowed).any())
    wide = allowed.astype(np.float64)
    wide[np.isnan(wide)] = -np.inf
    return min(1.0, float(np.exp(wide - largest + shares[at]).sum()))


class _Open(msgspec.Struct, Generic[S]):
    """A decision that has been run: its tokens by falling probability."""

    place: Place
    tokens: tuple[int, ...]
    log_probability: float
    ranked: NDArray[np.int32]
    shares: NDArray[np.float64]
    state: S


def likeliest_answers(walk: Walk, run: Run[S], pending: Sequence[int], state: S, *,
                      least: float = -math.inf) -> Iterator[Scored]:
    """All answers, best first: the call, the runner-up and so on.

    Exact, since no continuation is likelier than its beginning: the likeliest beginning is always
    taken next, one run each. Ends with the language, or before the first whose log-probability is
    less than `least`.
    """
    heap: list[tuple[float, int, _Open[S] | None, int, tuple[int, ...]]] = []
    order = counter()

    def reach(place: Place, tokens: tuple[int, ...], log_probability: float, waiting: Sequence[int],
              before: S) -> None:
        """Follow what is forced, then open the next decision or end."""
        forced, place = walk.forced_run(place)
        tokens = (*tokens, *forced)
        if walk.is_final(place):
            heapq.heappush(heap, (-log_probability, next(order), None, 0, tokens))
            return
        allowed = walk.allowed(place)
        logits, after = run([*waiting, *forced], before, allowed)
        shares = log_shares(logits)
        if shares is None:
            return
        ranks = np.argsort(-shares, kind="stable")
        push(_Open(place, tokens, log_probability, allowed[ranks], shares[ranks], after), 0)

    def push(decision: _Open[S], rank: int) -> None:
        if rank < len(decision.ranked) and decision.shares[rank] > -np.inf:
            total = decision.log_probability + float(decision.shares[rank])
            heapq.heappush(heap, (-total, next(order), decision, rank, ()))

    reach(walk.start, (), 0.0, pending, state)
    while heap:
        cost, _, decision, rank, tokens = heapq.heappop(heap)
        if -cost < least:
            return
        if decision is None:
            yield Scored(tokens, -cost)
            continue
        push(decision, rank + 1)
        token = int(decision.ranked[rank])
        after = walk.step(decision.place, token)
        assert after is not None
        reach(after, (*decision.tokens, token), -cost, [token], decision.state)
