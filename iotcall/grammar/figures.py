"""What an automaton costs and saves along answers. Leaves out: compiling it, drawing it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import numpy as np

from iotcall.grammar.walk import Inside, Place, Walk


class Course(msgspec.Struct, frozen=True):
    """One answer, token by token."""

    tokens: int
    forced: int
    """Tokens without alternative."""
    in_slots: int
    """Tokens of slots' contents."""
    forced_in_slots: int
    step_us: float
    """Median time of one step, the allowed ids of the next place included."""


def course(walk: Walk, tokens: Sequence[int]) -> Course | None:
    """Follow an answer; None where it is not one of the walk's."""
    place: Place | None = walk.start
    forced = in_slots = forced_in_slots = 0
    times = []
    for token in tokens:
        if place is None:
            return None
        alone = len(walk.allowed(place)) == 1
        inside = _is_inside(place)
        began = time.perf_counter()
        place = walk.step(place, token)
        if place is None:
            return None
        walk.allowed(place)
        times.append(time.perf_counter() - began)
        forced += alone
        in_slots += inside
        forced_in_slots += alone and inside
    if place is None or not walk.is_final(place):
        return None
    return Course(len(tokens), forced, in_slots, forced_in_slots,
                  1e6 * float(np.median(times)) if times else 0.0)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over several answers."""

    answers: int
    not_in_language: int
    """Answers that the automaton does not take."""
    tokens_per_call: float
    decisions_per_call: float
    forced_share: float
    """Of all tokens."""
    forced_share_outside_slots: float
    step_us: float
    """Median over answers of the median step."""


def summary(courses: Sequence[Course | None]) -> Summary:
    """Figures over the answers that were taken."""
    found = [each for each in courses if each is not None]
    tokens = sum(each.tokens for each in found) or 1
    forced = sum(each.forced for each in found)
    outside = tokens - sum(each.in_slots for each in found) or 1
    count = len(found) or 1
    return Summary(
        answers=len(courses), not_in_language=len(courses) - len(found),
        tokens_per_call=round(tokens / count, 2),
        decisions_per_call=round((tokens - forced) / count, 2),
        forced_share=round(forced / tokens, 4),
        forced_share_outside_slots=round(
            (forced - sum(each.forced_in_slots for each in found)) / outside, 4),
        step_us=round(float(np.median([each.step_us for each in found])), 2) if found else 0.0)


def _is_inside(place: Place) -> bool:
    return not isinstance(place, int) and any(isinstance(item, Inside) for item in place)
