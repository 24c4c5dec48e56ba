"""What confidence is worth: the risk-coverage curve and the calibration error.

Leaves out: choosing a threshold (see conformal).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from iotcall.evaluate.judging import Judged

BINS = 15
"""Of the calibration error, of equal width: Guo et al. 2017."""


class Accepted(msgspec.Struct, frozen=True):
    """What comes of accepting answers of at least some confidence."""

    threshold: float
    coverage: float
    """Share of all items that are accepted."""
    risk: float
    """Share of those that are wrong."""


class RiskCoverage(msgspec.Struct, frozen=True):
    """From the surest answers to all of them.

    El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification".
    """

    area: float
    """Mean risk over the coverages 1/n, 2/n, ... 1, the expected one where confidences tie; 0 is
    best. Geifman, Uziel and El-Yaniv 2019, https://arxiv.org/abs/1805.08206 ("AURC")."""
    points: tuple[Accepted, ...]
    """One for each confidence that occurs, descending; items without an answer are the last."""


def risk_coverage(items: Sequence[Judged]) -> RiskCoverage:
    """The curve of some items."""
    ordered = sorted(items, key=lambda item: -item.confidence)
    points, area, wrong, at = [], 0.0, 0, 0
    while at < len(ordered):
        confidence = ordered[at].confidence
        tied = [item for item in ordered[at:] if item.confidence == confidence]
        errors = sum(not item.right for item in tied)
        for place in range(1, len(tied) + 1):
            area += (wrong + errors * place / len(tied)) / (at + place)
        at += len(tied)
        wrong += errors
        points.append(Accepted(confidence, at / len(ordered), wrong / at))
    return RiskCoverage(area / max(len(ordered), 1), tuple(points))


def calibration_error(items: Sequence[Judged], bins: int = BINS) -> float:
    """Mean distance, weighted by items, between confidence and share right in each bin.

    The expected calibration error of Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    groups: list[list[Judged]] = [[] for _ in range(bins)]
    for item in items:
        groups[min(int(item.confidence * bins), bins - 1)].append(item)
    return sum(abs(sum(item.confidence for item in group) - sum(item.right for item in group))
               for group in groups) / max(len(items), 1)
