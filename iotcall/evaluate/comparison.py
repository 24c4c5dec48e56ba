"""Two students, or one with and without noise, on the same items. Leaves out: asking them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from iotcall.evaluate.statistics import wilson_interval


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Paired items: the first against the second."""

    items: int
    both: int
    """Right by both."""
    only_first: int
    only_second: int
    neither: int
    difference: float
    """Share right by the first minus share right by the second."""
    interval95: tuple[float, float]
    """Of the difference: see `paired_interval`."""
    p_value: float
    """McNemar's exact test, two-sided: how likely discordant items would part at least so unevenly
    if neither were better."""


def compare(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Which items each has right, in the same order; there must be as many."""
    pairs = list(zip(first, second, strict=True))
    both, one = pairs.count((True, True)), pairs.count((True, False))
    other, neither = pairs.count((False, True)), pairs.count((False, False))
    return Comparison(
        items=len(pairs), both=both, only_first=one, only_second=other, neither=neither,
        difference=(one - other) / max(len(pairs), 1), p_value=mcnemar(one, other),
        interval95=paired_interval(both, one, other, neither))


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value: discordant items fall to either side like coins.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions or
    percentages".
    """
    discordant = only_first + only_second
    tail = sum(math.comb(discordant, count)
               for count in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


def paired_interval(both: int, only_first: int, only_second: int, neither: int
                    ) -> tuple[float, float]:
    """95 % interval of the difference of two paired shares; (-1, 1) of nothing.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", Statistics in Medicine 17:2635-2650, method 10: Wilson's intervals of
    both shares, squared and added, with the correlation of the pairs.
    """
    items = both + only_first + only_second + neither
    if not items:
        return -1.0, 1.0
    first, second = (both + only_first) / items, (both + only_second) / items
    low1, high1 = wilson_interval(both + only_first, items)
    low2, high2 = wilson_interval(both + only_second, items)
    phi = _correlation(both, only_first, only_second, neither)
    down1, up1, down2, up2 = first - low1, high1 - first, second - low2, high2 - second
    below = math.sqrt(max(0.0, down1 ** 2 - 2 * phi * down1 * up2 + up2 ** 2))
    above = math.sqrt(max(0.0, up1 ** 2 - 2 * phi * up1 * down2 + down2 ** 2))
    difference = first - second
    return max(-1.0, difference - below), min(1.0, difference + above)


def _correlation(a: int, b: int, c: int, d: int) -> float:
    """Of the pairs, with Newcombe's correction for continuity; 0 where a margin is empty."""
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if not margins:
        return 0.0
    product = float(a * d - b * c)
    if product > 0:
        product = max(0.0, product - (a + b + c + d) / 2)
    return product / math.sqrt(margins)
