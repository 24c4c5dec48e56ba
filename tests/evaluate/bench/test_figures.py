from __future__ import annotations

import statistics

import numpy as np
import pytest

from iotcall.evaluate.bench.figures import ratio, spread


def test_a_spread_is_of_all_samples_whatever_their_groups() -> None:
    found = spread([[1.0, 2.0, 3.0], [4.0], [5.0, 105.0]])
    assert (found.samples, found.mean, found.p50, found.most) == (6, 20.0, 3.5, 105.0)
    assert found.p95 == pytest.approx(5 + 0.75 * 100)
    assert found.p99 == pytest.approx(5 + 0.95 * 100)


def test_the_interval_of_a_median_is_that_of_whole_groups_drawn_again() -> None:
    groups = [[float(number), number + 0.5] for number in range(40)]
    found = spread(groups)
    low, high = found.p50_interval95
    assert low < found.p50 < high
    draws = np.random.default_rng(9)
    medians = sorted(
        statistics.median(value for place in draws.integers(0, 40, 40) for value in groups[place])
        for _ in range(2000))
    assert low == pytest.approx(medians[50], abs=1.0)
    assert high == pytest.approx(medians[1949], abs=1.0)
    assert spread(groups) == found
    assert spread(groups, seed=2).p50 == found.p50


def test_samples_of_one_utterance_say_nothing_of_others() -> None:
    found = spread([[1.0, 2.0, 9.0]])
    assert found.p50_interval95 == (2.0, 2.0)


def test_a_ratio_is_taken_pair_by_pair() -> None:
    found = ratio([10.0, 30.0, 1000.0], [10.0, 10.0, 100.0])
    assert (found.pairs, found.median) == (3, 3.0)
    assert found.p5 == pytest.approx(1.2)
    assert found.p95 == pytest.approx(9.3)
