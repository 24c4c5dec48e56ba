from __future__ import annotations

import itertools
import math

import pytest

from iotcall.evaluate.comparison import compare, mcnemar, paired_interval


@pytest.mark.parametrize(("one", "other"), [(0, 0), (0, 1), (1, 5), (3, 4), (2, 8), (5, 5)])
def test_the_p_value_is_that_of_all_ways_the_coins_can_fall(one: int, other: int) -> None:
    flips = list(itertools.product((0, 1), repeat=one + other))
    uneven = sum(abs(2 * sum(each) - len(each)) >= abs(one - other) for each in flips)
    assert mcnemar(one, other) == pytest.approx(uneven / len(flips))


def test_thousands_of_discordant_items_are_no_overflow() -> None:
    assert 0 <= mcnemar(600, 1200) < 1e-40
    assert mcnemar(700, 700) == 1.0


def test_items_are_counted_in_pairs() -> None:
    found = compare([True, True, True, False, False], [True, False, False, True, False])
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 2, 1, 1)
    assert found.difference == pytest.approx(0.2)
    assert found.p_value == 1.0
    with pytest.raises(ValueError, match="shorter"):
        compare([True, True], [True])


@pytest.mark.parametrize("chances", [
    (0.9, 0.05, 0.03, 0.02), (0.5, 0.2, 0.1, 0.2), (0.25, 0.25, 0.25, 0.25),
    (0.6, 0.02, 0.3, 0.08)])
def test_the_interval_holds_the_true_difference_nineteen_times_of_twenty(
    chances: tuple[float, float, float, float]
) -> None:
    """All tables of 30 items with their chances: the coverage is exact, not drawn."""
    items, covered = 30, 0.0
    for a in range(items + 1):
        for b in range(items + 1 - a):
            for c in range(items + 1 - a - b):
                table = (a, b, c, items - a - b - c)
                low, high = paired_interval(*table)
                if low <= chances[1] - chances[2] <= high:
                    covered += math.exp(math.lgamma(items + 1) + sum(
                        count * math.log(chance) - math.lgamma(count + 1)
                        for count, chance in zip(table, chances, strict=True)))
    assert 0.93 <= covered <= 0.998


def test_the_second_against_the_first_is_the_mirror_image() -> None:
    low, high = paired_interval(40, 9, 3, 8)
    assert paired_interval(40, 3, 9, 8) == pytest.approx((-high, -low))
    assert low < 0.1 < high


def test_of_nothing_nothing_is_known() -> None:
    found = compare([], [])
    assert (found.difference, found.interval95, found.p_value) == (0.0, (-1.0, 1.0), 1.0)
