"""A confidence threshold for a chosen risk, with a guarantee. Leaves out: writing it anywhere.

The risk is the share of wrong calls among those accepted. For a threshold it is held to be too high
until items say otherwise: of n accepted items k wrong ones have the p-value P(Binomial(n, risk) <=
k). Thresholds are tested in a fixed order, from high to low, from several fixed starts that share
the allowed chance of error; each start goes on until a test fails. With that chance at most the
chosen threshold has a higher risk than asked for, however the student's confidences lie.

Angelopoulos, Bates, Candes, Jordan and Lei 2021, "Learn then Test: Calibrating Predictive
Algorithms to Achieve Risk Control", https://arxiv.org/abs/2110.01052: fixed sequence testing with
several starts (algorithm 1), exact binomial p-values (example 3, selective classification).

The guarantee is for items drawn as those of the file were: other people, other rooms and other
microphones are other items. Turns of one dialogue are counted as if they had been drawn apart.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from collections.abc import Sequence

import msgspec

STARTS = (0.999, 0.99, 0.95, 0.8, 0.5)
"""Thresholds that a chain of tests begins at; fixed before any item is seen."""
_STEPS = 400
"""Thresholds of the grid, evenly in log-odds from 0.9999 to 0.01; and 0, which accepts all."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold and what it rests on."""

    threshold: float
    """Calls of less confidence are not accepted."""
    proven: bool
    """Whether the guarantee holds; else the risk is only what these items had."""
    items: int
    accepted: int
    wrong: int
    """Of the accepted ones."""
    needed: int
    """Accepted items without a mistake that a guarantee takes at least."""


def choose(confidences: Sequence[float], right: Sequence[bool], *, risk: float,
           doubt: float = 0.1) -> Choice | None:
    """The lowest threshold whose risk is proven; where none is, the lowest that kept to the risk on
    these items at it and at all higher ones; None: not even that.

    Args:
        confidences: of calls, 0..1; answers that became no call are left out by the caller.
        risk: highest share of wrong calls among the accepted ones, 0..1, both ends excluded.
        doubt: chance, over drawings of the items, that the guarantee is wrong.
    """
    items = _Items(confidences, right)
    passed = [threshold for start in STARTS
              for threshold in _chain(items, start, risk, doubt / len(STARTS))]
    proven = bool(passed)
    if not passed:
        passed = _kept(items, risk)
    if not passed:
        return None
    threshold = min(passed)
    accepted, wrong = items.at(threshold)
    return Choice(threshold=threshold, proven=proven, items=len(confidences), accepted=accepted,
                  wrong=wrong, needed=needed(risk, doubt))


def choose_by_talk(heard: Sequence[float], utterances: int, *, risk: float,
                   doubt: float = 0.1) -> Choice | None:
    """The lowest threshold at which ordinary talk is proven to become a command as seldom as
    wanted; where none is, the lowest at which this talk kept to it; None: not even that.

    One sequence from the highest threshold down: of n utterances k that became commands have the
    p-value P(Binomial(n, risk) <= k).

    Args:
        heard: of the utterances that became commands, P(something is wanted at all).
        utterances: of ordinary talk, all of them.
        risk: highest share of them that may become commands.
    """
    items = _Items(heard, [False] * len(heard))
    passed: list[float] = []
    kept: list[float] = []
    for threshold in grid():
        wrong = items.at(threshold)[1]
        if wrong > risk * utterances:
            break
        kept.append(threshold)
        if len(passed) == len(kept) - 1 and binomial_tail(wrong, utterances, risk) <= doubt:
            passed.append(threshold)
    if not kept:
        return None
    threshold = min(passed or kept)
    wrong = items.at(threshold)[1]
    return Choice(threshold=threshold, proven=bool(passed), items=utterances, accepted=wrong,
                  wrong=wrong, needed=math.ceil(math.log(doubt) / math.log1p(-risk)))


class _Items:
    """Calls by confidence."""

    def __init__(self, confidences: Sequence[float], right: Sequence[bool]) -> None:
        ordered = sorted(zip(confidences, right, strict=True), key=lambda item: -item[0])
        self._doubts = [-confidence for confidence, _ in ordered]
        self._wrong = list(itertools.accumulate(
            (int(not is_right) for _, is_right in ordered), initial=0))

    def at(self, threshold: float) -> tuple[int, int]:
        """Items that are accepted, and the wrong ones of them."""
        accepted = bisect.bisect_right(self._doubts, -threshold)
        return accepted, self._wrong[accepted]


def needed(risk: float, doubt: float) -> int:
    """Accepted items without a mistake that a guarantee takes at least."""
    return math.ceil(math.log(doubt / len(STARTS)) / math.log1p(-risk))


def binomial_tail(most: int, trials: int, chance: float) -> float:
    """P(Binomial(trials, chance) <= most), 0 < chance < 1."""
    logs = [math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
            + count * math.log(chance) + (trials - count) * math.log1p(-chance)
            for count in range(min(most, trials) + 1)]
    return min(1.0, math.fsum(map(math.exp, logs)))


@functools.cache
def grid() -> tuple[float, ...]:
    """The thresholds that are tested, descending; the starts are among them."""
    high, low = _odds(0.9999), _odds(0.01)
    steps = [1 / (1 + math.exp(-(high + (low - high) * step / (_STEPS - 1))))
             for step in range(_STEPS)]
    return tuple(sorted({*(round(step, 6) for step in steps), *STARTS, 0.0}, reverse=True))


def _chain(items: _Items, start: float, risk: float, doubt: float) -> list[float]:
    """Thresholds from a start on whose risk is proven."""
    found = []
    for threshold in grid():
        if threshold > start:
            continue
        accepted, wrong = items.at(threshold)
        if binomial_tail(wrong, accepted, risk) > doubt:
            break
        found.append(threshold)
    return found


def _kept(items: _Items, risk: float) -> list[float]:
    """Thresholds with accepted items at which, and above which, the items kept to the risk."""
    found = []
    for threshold in grid():
        accepted, wrong = items.at(threshold)
        if accepted and wrong > risk * accepted:
            break
        if accepted:
            found.append(threshold)
    return found


def _odds(share: float) -> float:
    return math.log(share / (1 - share))
