from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.evaluate.conformal import (
    STARTS,
    binomial_tail,
    choose,
    choose_by_talk,
    grid,
    needed,
)
from tests.workshop import steadily


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.02, 0.1, 0.5, 0.9]))
@steadily
def test_the_tail_is_the_sum_in_exact_fractions(most: int, trials: int, chance: float) -> None:
    exact = Fraction(chance)
    expected = sum(math.comb(trials, count) * exact ** count * (1 - exact) ** (trials - count)
                   for count in range(min(most, trials) + 1))
    assert binomial_tail(most, trials, chance) == pytest.approx(float(expected), abs=1e-9)


def test_the_grid_falls_from_nearly_sure_to_everything_over_the_starts() -> None:
    steps = grid()
    assert list(steps) == sorted(set(steps), reverse=True)
    assert steps[-1] == 0.0
    assert set(STARTS) <= set(steps)


def test_a_guarantee_takes_as_many_items_as_it_says() -> None:
    least = needed(0.02, 0.1)
    for count, proven in ((least - 1, False), (least, True)):
        found = choose([0.999] * count, [True] * count, risk=0.02)
        assert found is not None
        assert (found.proven, found.needed, found.accepted) == (proven, least, count)


def test_sure_calls_pass_and_doubtful_ones_that_are_wrong_do_not() -> None:
    confidences = [0.97] * 300 + [0.6] * 100
    right = [True] * 300 + [True, False] * 50
    found = choose(confidences, right, risk=0.05)
    assert found is not None
    assert found.proven
    assert 0.6 < found.threshold <= 0.97
    assert (found.accepted, found.wrong, found.items) == (300, 0, 400)


def test_a_student_that_is_right_enough_needs_no_threshold() -> None:
    found = choose([0.9] * 290 + [0.01] * 10, [True] * 300, risk=0.05)
    assert found is not None
    assert found.threshold == 0.0


def test_a_student_that_is_surest_when_wrong_has_none() -> None:
    assert choose([0.99] * 50 + [0.5] * 500, [False] * 50 + [True] * 500, risk=0.02) is None
    assert choose([], [], risk=0.02) is None


def test_the_risk_is_kept_as_often_as_was_said() -> None:
    """Items are wrong more often the less sure the student is; the true risk is known in closed
    form: wrong with chance (1 - c) / 2 at a confidence c that is even between 0 and 1."""
    def true_risk(threshold: float) -> float:
        return (1 - threshold) / 4

    random, doubt, broken, chosen = Random(7), 0.1, 0, 0
    draws = 300
    for _ in range(draws):
        confidences = [random.random() for _ in range(400)]
        right = [random.random() >= (1 - confidence) / 2 for confidence in confidences]
        found = choose(confidences, right, risk=0.15, doubt=doubt)
        if found and found.proven:
            chosen += 1
            broken += true_risk(found.threshold) > 0.15
    assert chosen > draws / 2
    assert broken / draws <= doubt


def test_a_threshold_by_talk_is_the_lowest_at_which_little_enough_becomes_a_command() -> None:
    heard = [0.9] * 8 + [0.6] * 30
    found = choose_by_talk(heard, 1000, risk=0.02)
    assert found is not None
    assert found.proven
    assert 0.6 < found.threshold < 0.61  # with the thirty it would be 3.8 %
    assert (found.items, found.wrong) == (1000, 8)


def test_little_talk_proves_nothing_and_much_of_it_that_commands_forbids_any_threshold() -> None:
    few = choose_by_talk([], 50, risk=0.02)
    assert few is not None
    assert (few.proven, few.threshold) == (False, 0.0)
    assert choose_by_talk([], few.needed, risk=0.02) == msgspec.structs.replace(
        few, proven=True, items=few.needed)
    assert choose_by_talk([1.0] * 30, 1000, risk=0.02) is None


@pytest.mark.parametrize("chance", [0.03, 0.05])
def test_a_threshold_by_talk_is_too_low_as_seldom_as_said(chance: float) -> None:
    """Talk becomes a command with that chance, at any confidence alike."""
    random = Random(5)
    missed = 0
    for _ in range(300):
        heard = [random.random() for _ in range(400) if random.random() < chance]
        found = choose_by_talk(heard, 400, risk=0.02, doubt=0.1)
        missed += found is not None and found.proven and chance * (1 - found.threshold) > 0.02
    assert missed / 300 < 0.15
