"""Takes down the figures of a run and judges them by the suite's budgets. Leaves out: baselines.

A time of an emulated or simulated board is never taken down: it would say something of the
emulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iotcall.evaluate.golden import Answer
from iotcall.hil.rows import Row, Series, Stamp, Verdict

TIMES = ("ms", "s")
"""Units that only a real board has figures in."""


class Recorder:
    """Rows and series, in the order in which they are found."""

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.rows: list[Row] = []
        self.series: list[Series] = []
        self.exact: tuple[bool, ...] = ()
        """Of every golden turn, in order, whether its calls were right."""
        self.calls: tuple[Answer, ...] = ()
        """Of every golden turn, in order."""

    def figure(self, check: str, value: float, unit: str, told: str, *, do: str = "",
               at_least: float | None = None, at_most: float | None = None,
               samples: Sequence[float] = (), interval95: tuple[float, float] | None = None,
               labels: Mapping[str, str] | None = None) -> None:
        """A figure with its budget, if it has one; `do`: what to do where it is over that."""
        if self.stamp != "measured" and unit in TIMES:
            return
        bounds = [*([f">= {at_least:g}"] if at_least is not None else []),
                  *([f"<= {at_most:g}"] if at_most is not None else [])]
        verdict: Verdict = "reported"
        if bounds:
            verdict = "passed" if ((at_least is None or value >= at_least)
                                   and (at_most is None or value <= at_most)) else "failed"
        if verdict == "failed":
            told = f"{told}; expected {' and '.join(bounds)}" + (f"; {do}" if do else "")
        self.rows.append(Row(
            check=check, stamp=self.stamp, verdict=verdict, told=told, value=value, unit=unit,
            samples=tuple(samples), interval95=interval95, budget=" and ".join(bounds),
            labels=dict(labels or {})))

    def verdict(self, check: str, passed: bool, told: str, *, do: str = "",
                labels: Mapping[str, str] | None = None) -> None:
        """Something that holds or does not, without a figure."""
        self.rows.append(Row(
            check=check, stamp=self.stamp, verdict="passed" if passed else "failed",
            told=told if passed or not do else f"{told}; {do}", labels=dict(labels or {})))

    def report(self, check: str, told: str) -> None:
        """Something that nobody judges, such as why a check was left out."""
        self.rows.append(Row(check=check, stamp=self.stamp, verdict="reported", told=told))

    def watched(self, name: str, unit: str, seconds: Sequence[float],
                values: Sequence[float]) -> None:
        """Something that was watched over time."""
        self.series.append(Series(name=name, unit=unit, stamp=self.stamp, seconds=tuple(seconds),
                                  values=tuple(values)))
