"""Spreads and ratios of what was measured, with how sure they are. Leaves out: measuring."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 1000


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure is distributed, in its own unit."""

    samples: int
    mean: float
    p50: float
    p50_interval95: tuple[float, float]
    """Percentile bootstrap that draws whole groups: samples of one utterance belong together
    (source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993)."""
    p95: float
    p99: float
    most: float


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Of pairs that were measured side by side, so that a busy moment strikes both."""

    pairs: int
    median: float
    p5: float
    p95: float


def spread(groups: Sequence[Sequence[float]], *, seed: int = 1) -> Spread:
    """The spread of samples in groups, one group for each utterance; at least one sample."""
    values = np.concatenate([np.asarray(group, np.float64) for group in groups])
    low, high = np.percentile(_medians(groups, seed), (2.5, 97.5))
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return Spread(samples=len(values), mean=float(values.mean()), p50=float(p50),
                  p50_interval95=(float(low), float(high)), p95=float(p95), p99=float(p99),
                  most=float(values.max()))


def ratio(over: Sequence[float], under: Sequence[float]) -> Ratio:
    """The spread of one figure over another, pair by pair; at least one pair."""
    found = np.asarray(over, np.float64) / np.asarray(under, np.float64)
    p5, median, p95 = np.percentile(found, (5, 50, 95))
    return Ratio(pairs=len(found), median=float(median), p5=float(p5), p95=float(p95))


def _medians(groups: Sequence[Sequence[float]], seed: int) -> NDArray[np.float64]:
    """Medians of as many groups, drawn with replacement again and again."""
    draw = np.random.default_rng(seed)
    whole = [np.asarray(group, np.float64) for group in groups]
    return np.array([
        np.median(np.concatenate([whole[place] for place in draw.integers(0, len(whole),
                                                                          len(whole))]))
        for _ in range(_RESAMPLES)])
