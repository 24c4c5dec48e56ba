"""What samples and series of a run say, and how surely. Leaves out: measuring, and judging rows.

Latency follows MLPerf's single stream: the 90th percentile is told after at least 64 queries, and
as an estimate that is too low once in a hundred runs. Intervals are percentile bootstraps (Efron
and Tibshirani, "An Introduction to the Bootstrap", 1993), seeded: the same samples give the same
figures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.errors import InputError

RESAMPLES = 2000
CONFIDENCE = 0.99
"""That an estimate of `early_stopping` is not under the percentile; MLPerf's."""
MOST_POINTS = 1500
"""Of a series, for its slope: each point is paired with each; a longer series is thinned evenly."""
_FLOATS_AT_ONCE = 2_000_000

Interval = tuple[float, float]
_Array = NDArray[np.float64]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of samples, in their unit; linearly interpolated."""

    samples: int
    mean: float
    p50: float
    p90: float
    p99: float
    most: float
    p50_interval95: Interval
    p90_interval95: Interval
    p99_interval95: Interval
    """Of few samples too short at its upper end: a bootstrap sees nothing above the largest."""
    p90_early_stopping: float | None
    """See `early_stopping`; None: under 64 samples."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """The last minute of a run against its first: more than 1 where a board throttles."""

    first: float
    """Median of the first window."""
    last: float
    ratio: float
    """last / first."""
    interval95: Interval
    """Of the ratio."""


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """How a series grows, in its unit an hour."""

    per_hour: float
    interval95: Interval
    points: int
    """That were paired."""


def summarise(samples: Sequence[float], *, seed: int = 1) -> Summary:
    """Percentiles of at least one sample, with their 95 % intervals.

    Raises:
        InputError: there is no sample, or one is not finite.
    """
    values = _finite(samples, "samples")
    p50, p90, p99 = (float(each) for each in np.percentile(values, (50, 90, 99)))
    low, high = _bootstrap(values, lambda drawn: np.percentile(drawn, (50, 90, 99), axis=1), seed)
    return Summary(
        samples=len(values), mean=float(values.mean()), p50=p50, p90=p90, p99=p99,
        most=float(values.max()), p50_interval95=(low[0], high[0]),
        p90_interval95=(low[1], high[1]), p99_interval95=(low[2], high[2]),
        p90_early_stopping=early_stopping(samples, 90))


def bootstrap_interval(samples: Sequence[float], percent: float, *, seed: int = 1) -> Interval:
    """95 % interval of one percentile of samples that were drawn independently.

    Raises:
        InputError: there is no sample, or one is not finite.
    """
    low, high = _bootstrap(_finite(samples, "samples"),
                           lambda drawn: np.percentile(drawn, (percent,), axis=1), seed)
    return low[0], high[0]


def change_interval(before: Sequence[float], now: Sequence[float], percent: float, *,
                    seed: int = 1) -> Interval:
    """95 % interval of a percentile now over the same one before; both runs are drawn again.

    Raises:
        InputError: one of them is empty, or has a percentile of 0.
    """
    old, new = _finite(before, "samples before"), _finite(now, "samples")
    draw = np.random.default_rng(seed)
    under = _percentiles(old, percent, draw)
    if not np.all(under > 0):
        raise InputError(f"samples before have a percentile of {under.min():g}; a change needs "
                         "more than 0")
    low, high = np.percentile(_percentiles(new, percent, draw) / under, (2.5, 97.5))
    return float(low), float(high)


def early_stopping(samples: Sequence[float], percent: float = 90, *,
                   confidence: float = CONFIDENCE) -> float | None:
    """MLPerf's single-stream estimate of a percentile: at most once in a hundred runs too low.

    Of n queries the t-th slowest, with the largest t for which t or fewer of n would be over the
    true percentile with a probability of at most 1 - confidence, each of them being over it with
    1 - percent (the binomial rule; source: MLPerf Inference Rules, "Early Stopping Criterion", and
    ``early_stopping.cc`` of MLCommons' LoadGen, tolerance 0). None: too few for any t from 1 on;
    see `queries_needed`.
    """
    if not samples:
        return None
    over = overlatency(len(samples), percent, confidence)
    return sorted(samples)[len(samples) - over] if over else None


def overlatency(queries: int, percent: float = 90, confidence: float = CONFIDENCE) -> int:
    """How many of so many queries may be over the estimate or on it; 0: too few queries."""
    share, found, below = 1 - percent / 100, -1, 0.0
    for count in range(queries):
        below += _binomial(queries, count, share)
        if below > 1 - confidence:
            break
        found = count
    return max(0, found)


@functools.cache
def queries_needed(percent: float = 90, confidence: float = CONFIDENCE) -> int:
    """The fewest queries of which `early_stopping` tells an estimate: 64 for p90, 662 for p99."""
    queries = 1
    while not overlatency(queries, percent, confidence):
        queries += 1
    return queries


def first_and_last(seconds: Sequence[float], values: Sequence[float], *, window_s: float = 60,
                   seed: int = 1) -> Drift | None:
    """Medians of the first window and the last; None where the two would overlap, or one is empty.

    `seconds`: when each value was measured, ascending, as many as values.
    """
    times, found = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    if len(times) != len(found):
        raise InputError(f"{len(times)} times for {len(found)} values; expected as many")
    if not len(times) or times[-1] - times[0] < 2 * window_s:
        return None
    first, last = found[times < times[0] + window_s], found[times > times[-1] - window_s]
    median = float(np.median(first))
    if not median > 0:
        return None
    return Drift(first=median, last=float(np.median(last)),
                 ratio=float(np.median(last)) / median,
                 interval95=change_interval(first.tolist(), last.tolist(), 50, seed=seed))


def leak_slope(seconds: Sequence[float], values: Sequence[float], *,
               settle_s: float = 0) -> Slope | None:
    """Growth of a series by Theil and Sen: the median of the slopes of all pairs of points.

    A few spikes do not move it (up to 29 % of the points may be anything). The interval is Sen's,
    by Kendall's variance (Sen 1968, "Estimates of the regression coefficient based on Kendall's
    tau"); it takes points as independent, so memory that wanders has a wider one in truth: judge by
    a budget, not by whether 0 is inside. `settle_s`: what is left out at the beginning, where
    caches fill. None: under three points.
    """
    times, found = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    if len(times) != len(found):
        raise InputError(f"{len(times)} times for {len(found)} values; expected as many")
    kept = times >= (times[0] if len(times) else 0) + settle_s
    times, found = times[kept], found[kept]
    if len(times) > MOST_POINTS:
        places = np.linspace(0, len(times) - 1, MOST_POINTS).round().astype(int)
        times, found = times[places], found[places]
    points = len(times)
    if points < 3:
        return None
    one, two = np.triu_indices(points, 1)
    apart = times[two] - times[one]
    slopes = np.sort((found[two] - found[one])[apart > 0] / apart[apart > 0])
    if not len(slopes):
        return None
    half = 1.959964 * math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    low = max(0, round((len(slopes) - half) / 2))
    high = min(len(slopes) - 1, round((len(slopes) + half) / 2))
    return Slope(per_hour=float(np.median(slopes)) * 3600, points=points,
                 interval95=(float(slopes[low]) * 3600, float(slopes[high]) * 3600))


def _binomial(trials: int, count: int, share: float) -> float:
    """Probability of exactly so many; in logarithms, so that no factorial overflows."""
    return math.exp(math.lgamma(trials + 1) - math.lgamma(count + 1)
                    - math.lgamma(trials - count + 1) + count * math.log(share)
                    + (trials - count) * math.log1p(-share))


def _finite(samples: Sequence[float], what: str) -> _Array:
    values = np.asarray(samples, np.float64)
    if not len(values):
        raise InputError(f"no {what}; expected at least one")
    if not np.all(np.isfinite(values)):
        raise InputError(f"{what} hold {values[~np.isfinite(values)][0]}; expected finite numbers")
    return values


def _bootstrap(values: _Array, statistic: Callable[[_Array], _Array], seed: int
               ) -> tuple[list[float], list[float]]:
    """`statistic`: (resamples, samples) -> (figures, resamples). Lower and upper ends."""
    draw = np.random.default_rng(seed)
    found = np.concatenate([statistic(drawn) for drawn in _drawn(values, draw)], axis=1)
    low, high = np.percentile(found, (2.5, 97.5), axis=1)
    return low.tolist(), high.tolist()


def _percentiles(values: _Array, percent: float, draw: np.random.Generator) -> _Array:
    """Of each resample, (RESAMPLES,)."""
    return np.concatenate([np.percentile(drawn, percent, axis=1)
                           for drawn in _drawn(values, draw)])


def _drawn(values: _Array, draw: np.random.Generator) -> Iterable[_Array]:
    """Resamples with replacement, in blocks that fit into memory: (some, samples) each."""
    block = max(1, _FLOATS_AT_ONCE // len(values))
    for begin in range(0, RESAMPLES, block):
        some = min(block, RESAMPLES - begin)
        yield values[draw.integers(0, len(values), (some, len(values)))]
