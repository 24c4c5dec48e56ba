"""Small statistics of evaluations. Leaves out: anything that a library would do better."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def wilson_interval(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a proportion, 95 % by default (Wilson 1927); (0, 1) of nothing."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile, linearly interpolated; 0 of nothing."""
    return float(np.percentile(values, percent)) if values else 0.0
