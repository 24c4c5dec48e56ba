"""Counters and histograms, and the text that Prometheus reads. Leaves out: what is counted.

Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_OTHER = "other"


class Counter:
    """A number that only grows, for each value of one label. Thread-safe."""

    def __init__(self, name: str, help: str, label: str = "", values: Iterable[str] = ()) -> None:
        """`values` are told from the start, as 0; any other value is counted as "other", so that
        nobody outside can make a series of every word."""
        self.name, self._help, self._label = name, help, label
        self._lock = threading.Lock()
        self._counts = {value: 0 for value in values} if label else {"": 0}

    def add(self, value: str = "", by: int = 1) -> None:
        with self._lock:
            known = value if value in self._counts else _OTHER if self._label else ""
            self._counts[known] = self._counts.get(known, 0) + by

    def counts(self) -> dict[str, int]:
        """Label value -> count; without a label, of an empty text."""
        with self._lock:
            return dict(self._counts)

    def lines(self) -> list[str]:
        return [*_head(self.name, self._help, "counter"), *(
            f"{self.name}{_labels({self._label: value} if self._label else {})} {count}"
            for value, count in self.counts().items())]


class Gauge:
    """A number that is asked for when it is read."""

    def __init__(self, name: str, help: str, read: Callable[[], float | None],
                 labels: dict[str, str] | None = None) -> None:
        """`read` gives None where nobody knows: nothing is told then. It runs on the reader's
        thread and must not block."""
        self.name, self._help, self._labels = name, help, labels or {}
        self.read = read

    def lines(self) -> list[str]:
        value = self.read()
        if value is None:
            return []
        return [*_head(self.name, self._help, "gauge"),
                f"{self.name}{_labels(self._labels)} {number(value)}"]


class Histogram:
    """How often a value was at most as large as each bound. Thread-safe."""

    def __init__(self, name: str, help: str, bounds: Sequence[float]) -> None:
        """`bounds` rise; the last bucket, without a bound, is added here."""
        self.name, self._help, self._bounds = name, help, tuple(bounds)
        self._lock = threading.Lock()
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        if not math.isfinite(value):
            return
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def summary(self) -> dict[str, Any]:
        """Count, sum, and the bounds that half and 95 of 100 values did not exceed.

        A bound is None where there were no values, or so large ones that no bound holds them.
        """
        counts, total = self._read()
        return {"count": sum(counts), "sum": round(total, 4),
                "p50_at_most": self._quantile(counts, 0.5),
                "p95_at_most": self._quantile(counts, 0.95)}

    def lines(self) -> list[str]:
        counts, total = self._read()
        lines, seen = _head(self.name, self._help, "histogram"), 0
        for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
            seen += count
            lines.append(f"{self.name}_bucket{_labels({'le': number(bound)})} {seen}")
        return [*lines, f"{self.name}_sum {number(total)}", f"{self.name}_count {seen}"]

    def _read(self) -> tuple[list[int], float]:
        with self._lock:
            return list(self._counts), self._sum

    def _quantile(self, counts: Sequence[int], share: float) -> float | None:
        wanted, seen = share * sum(counts), 0
        for bound, count in zip(self._bounds, counts, strict=False):
            seen += count
            if wanted and seen >= wanted:
                return bound
        return None


def exposition(parts: Iterable[Counter | Gauge | Histogram]) -> str:
    """All of them as one text."""
    return "".join(f"{line}\n" for part in parts for line in part.lines())


def number(value: float) -> str:
    """As the format writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _head(name: str, help: str, kind: str) -> list[str]:
    plain = help.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {name} {plain}", f"# TYPE {name} {kind}"]


def _labels(labels: dict[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
