from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.evaluate import percentile, wilson_interval
from tests.workshop import steadily

Z = 1.959964


# Newcombe 1998, Statistics in Medicine 17, table I, method 3
@pytest.mark.parametrize(("successes", "trials", "low", "high"), [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
])
def test_intervals_are_the_published_ones(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000).flatmap(
    lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
@steadily
def test_at_both_ends_the_share_is_z_standard_errors_away(case: tuple[int, int]) -> None:
    """Wilson's definition: the errors are those of the end itself, not of the share."""
    successes, trials = case
    share = successes / trials
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        error = math.sqrt(end * (1 - end) / trials)
        assert abs(share - end) == pytest.approx(Z * error, abs=1e-6)


@given(st.integers(0, 50), st.integers(1, 50))
@steadily
def test_successes_and_failures_mirror_each_other(successes: int, failures: int) -> None:
    low, high = wilson_interval(successes, successes + failures)
    assert wilson_interval(failures, successes + failures) == pytest.approx((1 - high, 1 - low))


def test_nothing_tried_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_a_higher_z_gives_a_wider_interval() -> None:
    narrow, wide = wilson_interval(9, 10), wilson_interval(9, 10, z=2.575829)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=20), st.floats(0, 100))
@steadily
def test_a_percentile_lies_between_its_neighbours(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    place = percent / 100 * (len(values) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    expected = low + (high - low) * (place - math.floor(place))
    assert percentile(values, percent) == pytest.approx(expected, abs=1e-6)


def test_percentiles_of_nothing_are_zero() -> None:
    assert percentile([], 95) == 0.0
    assert percentile([7.0], 99) == 7.0
