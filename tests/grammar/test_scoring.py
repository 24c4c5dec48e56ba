"""Probabilities of answers, against every path written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.grammar import Automaton, Walk
from iotcall.grammar.scoring import choose, likeliest_answers, log_shares, mass_on
from tests.workshop import steadily

SIZE = 6
INF, NAN = math.inf, math.nan


@st.composite
def automata(draw: st.DrawFn) -> Automaton:
    """Any acyclic automaton of a few states, each leading on to later ones."""
    states = draw(st.integers(2, 6))
    edges = {}
    for state in range(states - 1):
        tokens = draw(st.lists(st.integers(0, SIZE - 1), unique=True, min_size=1, max_size=4))
        edges[state] = {token: draw(st.integers(state + 1, states - 1)) for token in tokens}
    return Automaton.of_edges(0, edges)


def logits_after(seed: int, tokens: Sequence[int]) -> np.ndarray:
    """What a student says after these tokens: other at every prefix, always the same."""
    return np.random.default_rng([seed, *tokens]).normal(0, 3, SIZE).astype(np.float32)


def enumerated(walk: Walk, seed: int) -> dict[tuple[int, ...], float]:
    """Probability of every path, by the definition."""
    found: dict[tuple[int, ...], float] = {}

    def follow(place: Any, tokens: tuple[int, ...], probability: float) -> None:
        if walk.is_final(place):
            found[tokens] = probability
            return
        allowed = walk.allowed(place)
        weights = np.exp(logits_after(seed, tokens).astype(np.float64)[allowed])
        for token, weight in zip(allowed.tolist(), weights / weights.sum(), strict=True):
            follow(walk.step(place, token), (*tokens, token), probability * float(weight))

    follow(walk.start, (), 1.0)
    return found


@given(automata(), st.integers(0, 1000), st.integers(1, 200))
@steadily
def test_the_best_answers_are_the_likeliest_of_all(
    automaton: Automaton, seed: int, count: int
) -> None:
    walk = Walk(automaton, [])
    paths = enumerated(walk, seed)
    assert math.fsum(paths.values()) == pytest.approx(1)

    def run(new: Sequence[int], before: tuple[int, ...],
            allowed: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
        after = (*before, *new)
        return logits_after(seed, after)[allowed], after

    found = list(itertools.islice(likeliest_answers(walk, run, [], ()), count))
    assert len(found) == min(count, len(paths))
    likeliest = sorted(paths.values(), reverse=True)[:count]
    assert [math.exp(each.log_probability) for each in found] == pytest.approx(likeliest)
    for each in found:
        assert math.exp(each.log_probability) == pytest.approx(paths[each.tokens])
    assert len({each.tokens for each in found}) == len(found)


def test_answers_that_are_too_unlikely_are_not_looked_for() -> None:
    """64 answers, each of a chance in 64."""
    automaton = Automaton.of_edges(0, {state: {0: state + 1, 1: state + 1} for state in range(6)})
    made = []

    def run(new: Sequence[int], before: None, allowed: np.ndarray) -> tuple[np.ndarray, None]:
        made.append(new)
        return np.zeros(len(allowed), np.float32), None

    walk = Walk(automaton, [])
    assert list(likeliest_answers(walk, run, [], None, least=math.log(1 / 63))) == []
    made.clear()
    assert list(likeliest_answers(walk, run, [], None, least=math.log(1 / 3))) == []
    assert len(made) == 3  # the first decision, and the second after each of its tokens
    assert len(list(likeliest_answers(walk, run, [], None, least=math.log(1 / 65)))) == 64


@pytest.mark.parametrize(("logits", "index", "probability"), [
    ([0, 1, 0], 1, math.e / (math.e + 2)), ([3], 0, 1), ([NAN, 1], 1, 1), ([-INF, -5], 1, 1),
    ([INF, 7], 0, 1), ([1, INF, INF], 1, 0.5), ([NAN, -INF, -2], 2, 1), ([1e38, -1e38], 0, 1),
])
def test_the_likeliest_number_is_chosen(
    logits: list[float], index: int, probability: float
) -> None:
    choice = choose(np.array(logits, np.float32))
    assert choice is not None
    assert choice.index == index
    assert math.exp(choice.log_probability) == pytest.approx(probability)
    assert choice.margin >= 0


@pytest.mark.parametrize("logits", [[NAN], [NAN, NAN], [-INF], [NAN, -INF], []])
def test_where_nothing_is_a_number_nothing_is_chosen(logits: list[float]) -> None:
    array = np.array(logits, np.float32)
    assert choose(array) is None
    assert log_shares(array) is None
    assert mass_on(array, array) == 0


@given(st.lists(st.floats(width=32), min_size=1, max_size=6))
@steadily
def test_shares_sum_to_one_whatever_the_logits_are(logits: list[float]) -> None:
    array = np.array(logits, np.float32)
    shares = log_shares(array)
    if shares is not None:
        assert math.fsum(np.exp(shares)) == pytest.approx(1)
        assert mass_on(array, array) == pytest.approx(1)
        assert all(share == -INF for share, logit in zip(shares, logits, strict=True)
                   if math.isnan(logit))


def test_mass_is_the_share_of_the_allowed_among_all() -> None:
    logits = np.log(np.array([1, 2, 3, 4], np.float32))
    assert mass_on(logits[[1, 3]], logits) == pytest.approx(0.6)
    assert mass_on(logits[:0], logits) == 0
