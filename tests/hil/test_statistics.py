"""Percentiles, intervals, early stopping, drift and leaks, beside slow oracles and known cases."""

from __future__ import annotations

import random
import statistics
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from iotcall.errors import InputError
from iotcall.hil.statistics import (
    MOST_POINTS,
    RESAMPLES,
    bootstrap_interval,
    change_interval,
    early_stopping,
    first_and_last,
    leak_slope,
    overlatency,
    queries_needed,
    summarise,
)


def latencies(count: int, *, seed: int = 1, ms: float = 100) -> list[float]:
    drawn = random.Random(seed)
    return [ms * drawn.lognormvariate(0, 0.3) for _ in range(count)]


def test_percentiles_are_those_of_the_sorted_samples() -> None:
    found = summarise([float(each) for each in range(101)][::-1])
    assert (found.p50, found.p90, found.p99, found.most, found.samples) == (50, 90, 99, 100, 101)
    assert found.mean == 50


def test_an_interval_is_that_of_percentiles_drawn_one_by_one() -> None:
    samples = latencies(40)
    places = np.random.default_rng(5).integers(0, 40, (RESAMPLES, 40))
    drawn = sorted(statistics.quantiles([samples[place] for place in row], n=10,
                                        method="inclusive")[8] for row in places)
    ends = statistics.quantiles(drawn, n=40, method="inclusive")
    assert bootstrap_interval(samples, 90, seed=5) == pytest.approx((ends[0], ends[-1]))
    assert summarise(samples, seed=5).p90_interval95 == bootstrap_interval(samples, 90, seed=5)


def test_an_interval_holds_the_true_percentile_about_as_often_as_it_says() -> None:
    true = 100 * np.exp(0.3 * statistics.NormalDist().inv_cdf(0.9))
    held = sum(low <= true <= high for low, high in (
        bootstrap_interval(latencies(120, seed=seed), 90) for seed in range(200)))
    assert 0.89 <= held / 200 <= 0.99


def test_the_same_samples_give_the_same_figures() -> None:
    assert summarise(latencies(70)) == summarise(latencies(70))


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")], [float("inf")]])
def test_samples_that_are_none_are_refused(samples: list[float]) -> None:
    with pytest.raises(InputError, match="expected"):
        summarise(samples)


def test_a_change_is_told_with_both_runs_uncertainty() -> None:
    low, high = change_interval(latencies(200), latencies(200, seed=2, ms=120), 50)
    assert 1.05 < low < 1.2 < high < 1.35
    low, high = change_interval(latencies(200), latencies(200, seed=2), 50)
    assert low < 1 < high


@pytest.mark.parametrize(("queries", "percent", "discarded"), [
    # what LoadGen 6.0 itself told of runs with so many queries
    (64, 90, 0), (65, 90, 0), (300, 90, 17), (1000, 90, 77), (1000, 99, 1)])
def test_early_stopping_discards_what_loadgen_discards(queries: int, percent: float,
                                                       discarded: int) -> None:
    samples = latencies(queries)
    assert early_stopping(samples, percent) == sorted(samples)[queries - 1 - discarded]


def test_early_stopping_needs_as_many_queries_as_mlperf_says() -> None:
    assert (queries_needed(90), queries_needed(99)) == (64, 662)
    assert early_stopping(latencies(63)) is None
    assert early_stopping([]) is None
    assert summarise(latencies(63)).p90_early_stopping is None


@pytest.mark.parametrize("queries", [*range(60, 130, 3), 300])
def test_overlatency_is_the_binomial_rule_in_exact_fractions(queries: int) -> None:
    def at_most(count: int) -> Fraction:
        return Fraction(sum(comb(queries, over) * 9 ** (queries - over)
                            for over in range(count + 1)), 10 ** queries)

    allowed = [count for count in range(1, queries) if at_most(count) <= Fraction(1, 100)]
    assert overlatency(queries) == max(allowed, default=0)


def test_the_last_minute_is_held_against_the_first() -> None:
    seconds = [each / 2 for each in range(600)]
    values = [100.0 + each % 7 for each in range(300)] + [130.0 + each % 7 for each in range(300)]
    found = first_and_last(seconds, values)
    assert found is not None
    assert (found.first, found.last) == (103, 133)
    assert found.interval95[0] > 1.2
    assert first_and_last(seconds[:200], values[:200]) is None
    assert first_and_last([], []) is None


def test_a_leak_is_the_median_slope_of_all_pairs() -> None:
    drawn = random.Random(3)
    seconds = [10.0 * each for each in range(40)]
    values = [80 + each / 360 + drawn.gauss(0, 0.3) for each in seconds]  # 10 MB an hour
    found = leak_slope(seconds, values)
    slow = statistics.median((values[two] - values[one]) / (seconds[two] - seconds[one])
                             for one, two in combinations(range(40), 2))
    assert found is not None
    assert found.per_hour == pytest.approx(slow * 3600)
    assert found.interval95[0] < 10 < found.interval95[1]


def test_the_interval_of_a_slope_is_that_of_scipy() -> None:
    scipy = pytest.importorskip("scipy.stats")
    drawn = random.Random(4)
    seconds = [float(each) for each in range(50)]
    values = [each * 0.01 + drawn.gauss(0, 1) for each in seconds]
    theirs, ours = scipy.theilslopes(values, seconds), leak_slope(seconds, values)
    assert ours is not None
    assert ours.per_hour == pytest.approx(theirs.slope * 3600)
    assert ours.interval95 == pytest.approx(
        (theirs.low_slope * 3600, theirs.high_slope * 3600), rel=0.05, abs=1)


def test_spikes_and_a_warm_up_are_no_leak() -> None:
    seconds = [float(each) for each in range(200)]
    values = [50 + min(each, 20) * 2 + (30 if each % 11 == 0 else 0) for each in seconds]
    found = leak_slope(seconds, values, settle_s=20)
    assert found is not None
    assert found.per_hour == 0
    assert leak_slope(seconds[:2], values[:2]) is None
    assert leak_slope([1, 1, 1], [1, 2, 3]) is None


def test_a_long_series_is_thinned_and_says_so() -> None:
    seconds = [float(each) for each in range(4000)]
    found = leak_slope(seconds, [each / 3600 for each in seconds])
    assert found is not None
    assert found.points == MOST_POINTS
    assert found.per_hour == pytest.approx(1)


@pytest.mark.parametrize("measure", [first_and_last, leak_slope])
def test_times_and_values_must_be_as_many(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(InputError, match="expected as many"):
        measure([1.0, 2.0], [1.0])
