"""Which charts a run has. Leaves out: drawing them, and the page around them.

Figures of different stamps are never in one chart; every caption bears its stamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from iotcall.hil.report import drawing
from iotcall.hil.report.words import (
    STAMPS,
    TIMES,
    between,
    counted,
    figure,
    key_of,
    labelled,
    number,
    percent,
    plain,
    rate,
)
from iotcall.hil.rows import Row, Run, Series, Stamp
from iotcall.hil.statistics import first_and_last, leak_slope, queries_needed, summarise

MOST_CURVES = 5
FEW = 10
"""Samples under which a p90 is not told."""
SETTLE_S = 60.0
"""Of a series, before its slope is told: caches fill."""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One chart with its words."""

    title: str
    stamp: Stamp
    told: str
    """What it shows, in figures."""
    svg: str


def latencies(run: Run, before: Run | None) -> Iterator[Chart]:
    """How samples are distributed, one chart for each check."""
    timed = [row for row in run.rows if row.unit in TIMES and len(row.samples) > 1]
    last = {key_of(row): row.samples for row in before.rows} if before else {}
    for (check, stamp, _), some in _grouped(timed, _every_label(timed)).items():
        rows = some[:MOST_CURVES]
        old = last.get(key_of(rows[0]), ()) if len(rows) == 1 else ()
        unit = rows[0].unit
        told = " ".join(_percentiles(row, named=len(rows) > 1) for row in rows)
        yield Chart(title=plain(check), stamp=stamp, told=told, svg=drawing.distribution(
            f"latency {check} {stamp}", [(labelled(row.labels) or "this run", row.samples)
                                         for row in rows], unit, told, old))


def by_tool(run: Run) -> Iterator[Chart]:
    """Shares right of each tool, the worst on top."""
    rows = [row for row in run.rows if "tool" in row.labels and row.unit == "share"
            and row.value is not None and rate(row.labels) in (None, 0)]
    for (check, stamp, rest), some in _grouped(rows, ("tool", "wer")).items():
        found = sorted(((row.value or 0, row.labels["tool"] or "no call", row.interval95)
                        for row in some), key=lambda each: each[:2])
        wrong = [f"{name} {percent(share)}" for share, name, _ in found if share < 1]
        told = (f"{counted(len(found), 'tool')}; "
                + (f"not all right: {', '.join(wrong[:6])}"
                   + (f" and {len(wrong) - 6} more" if len(wrong) > 6 else "")
                   if wrong else "all of every tool right") + ".")
        yield Chart(title=_named(f"{plain(check).removesuffix(' of')} by tool", rest), stamp=stamp,
                    told=told, svg=drawing.bars(f"tools {check} {stamp} {rest}", [
                        (name, share, interval) for share, name, interval in found], told))


def by_noise(run: Run) -> Iterator[Chart]:
    """Shares right against word error rate; all of one stamp in one chart."""
    noisy = [row for row in _shares(run) if rate(row.labels) is not None]
    for stamp in STAMPS:
        curves = [(_named(plain(check), rest), _points(rows, "wer", 100))
                  for (check, of, rest), rows in _grouped(noisy, ("wer",)).items() if of == stamp]
        curves = [(name, points) for name, points in curves if len(points) > 1]
        if curves:
            told = ("Transcripts as a recogniser would write them. "
                    + _told(curves, "at {}% of words misheard"))
            yield Chart(title="accuracy against word error rate", stamp=stamp, told=told,
                        svg=drawing.lines(f"noise {stamp}", curves[:MOST_CURVES],
                                          "% of words misheard", "% right", told, share=True))


def by_turns(run: Run) -> Iterator[Chart]:
    """Dialogues without a mistake by their turns, beside what independent errors would leave."""
    rows = [row for row in _shares(run) if row.labels.get("turns", "").isdecimal()]
    sets = dict.fromkeys((stamp, rest) for _, stamp, rest in _grouped(rows, ("turns", "wer")))
    for stamp, rest in sets:
        curves = [(plain(check).removesuffix(" of"), _points(some, "turns", 1))
                  for (check, of, other), some in _grouped(rows, ("turns", "wer")).items()
                  if (of, other) == (stamp, rest)]
        if max(len(points) for _, points in curves) > 1:
            told = ("Every turn of them right, beside what errors that do not depend on each "
                    "other would leave. " + _told(curves, "of {}-turn ones"))
            yield Chart(title=_named("dialogues without a mistake", rest), stamp=stamp, told=told,
                        svg=drawing.lines(f"turns {stamp} {rest}", curves[:MOST_CURVES],
                                          "turns of a dialogue", "% without a mistake", told,
                                          share=True))


def over_time(run: Run) -> Iterator[Chart]:
    """What was watched; series of one unit and stamp in one chart."""
    watched = [series for series in run.series if len(series.values) > 1]
    for unit, stamp in dict.fromkeys((series.unit, series.stamp) for series in watched):
        found = [series for series in watched if (series.unit, series.stamp) == (unit, stamp)]
        longest = max(series.seconds[-1] for series in found)
        scale, along = (60, "minutes") if longest > 300 else (1, "seconds")
        told = " ".join(_course(series) for series in found)
        names = " and ".join(series.name.replace("_", " ") for series in found[:3])
        yield Chart(
            title=f"{names} over time", stamp=stamp, told=told,
            svg=drawing.lines(f"series {unit} {stamp}", [
                (series.name.replace("_", " "), [(second / scale, value, None) for second, value
                                                 in zip(series.seconds, series.values,
                                                        strict=False)])
                for series in found[:MOST_CURVES]], along, unit, told))


def across_boards(run: Run, others: Sequence[Run]) -> Iterator[Chart]:
    """Times and shares that several boards have with the same stamp."""
    for row in run.rows:
        timed = row.unit in TIMES and len(row.samples) > 1
        if {"tool", "turns"} & row.labels.keys() or rate(row.labels) not in (None, 0) or not (
                timed or (row.unit == "share" and row.interval95)):
            continue
        found = [(one.board, other) for one in (run, *others) for other in one.rows
                 if key_of(other) == key_of(row) and other.value is not None
                 and other.unit == row.unit]
        if len(found) < 2:
            continue
        lines = [_line(board, other) for board, other in found]
        unit = "% right, 95 % interval" if row.unit == "share" else (
            f"{row.unit}: p50 with its 95 % interval; ring: p90")
        told = "; ".join(f"{board} {number(value)}"
                         + (f" (p90 {number(second)})" if second is not None else "")
                         for board, value, _, second in lines) + (
            " %." if row.unit == "share" else f" {row.unit}.")
        rest = labelled(row.labels, without=("wer",))
        yield Chart(title=_named(plain(row.check), rest), stamp=row.stamp, told=told,
                    svg=drawing.boards(f"boards {key_of(row)}", lines, unit, told,
                                       share=row.unit == "share"))


def _line(board: str, row: Row) -> tuple[str, float, tuple[float, float] | None, float | None]:
    if row.unit == "share":
        interval = row.interval95 and (row.interval95[0] * 100, row.interval95[1] * 100)
        return board, (row.value or 0) * 100, interval, None
    if len(row.samples) < 2:
        return board, row.value or 0, row.interval95, None
    found = summarise(row.samples)
    return board, found.p50, found.p50_interval95, found.p90


def _course(series: Series) -> str:
    """Ends and most; of a long one how memory grows, how times and clocks end against their start.
    """
    unit, values = series.unit, series.values
    told = (f"{_title(series.name)}: {figure(values[0], unit)} at first, "
            f"{figure(max(values), unit)} at most, {figure(values[-1], unit)} at last")
    if unit == "MB":
        slope = leak_slope(series.seconds, values, settle_s=SETTLE_S)
        if slope is not None:
            told += (f"; after a minute {slope.per_hour:+.3g} {unit} an hour "
                     f"({slope.interval95[0]:+.3g} to {slope.interval95[1]:+.3g})")
    elif unit in (*TIMES, "MHz"):
        minutes = first_and_last(series.seconds, values)
        if minutes is not None:
            told += (f"; its last minute is {minutes.ratio:.3g} times its first "
                     f"({minutes.interval95[0]:.3g} to {minutes.interval95[1]:.3g})")
    return told + "."


def _percentiles(row: Row, *, named: bool) -> str:
    found, unit = summarise(row.samples), row.unit
    if found.samples < FEW:
        told = (f"p50 {figure(found.p50, unit)}, from {number(min(row.samples))} to "
                f"{figure(found.most, unit)}, {counted(found.samples, 'sample')}")
    else:
        told = (f"p50 {figure(found.p50, unit)}, p90 {figure(found.p90, unit)} "
                f"({between(found.p90_interval95, unit)}), p99 {figure(found.p99, unit)} of "
                f"{counted(found.samples, 'sample')}")
    if found.p90_early_stopping is not None:
        told += f"; MLPerf's p90 {figure(found.p90_early_stopping, unit)}"
    elif found.samples < queries_needed():
        told += f" (MLPerf's p90 takes {queries_needed()})"
    return f"{_title(labelled(row.labels)) + ': ' if named and row.labels else ''}{told}."


def _every_label(rows: Sequence[Row]) -> list[str]:
    return sorted({label for row in rows for label in row.labels})


def _shares(run: Run) -> list[Row]:
    return [row for row in run.rows if row.unit == "share" and row.value is not None
            and "tool" not in row.labels]


def _grouped(rows: Iterable[Row], without: Sequence[str]
             ) -> dict[tuple[str, Stamp, str], list[Row]]:
    """Check, stamp and the other labels -> rows, in their order."""
    found: dict[tuple[str, Stamp, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.check, row.stamp, labelled(row.labels, without=without)),
                         []).append(row)
    return found


def _points(rows: Sequence[Row], label: str, scale: float) -> list[drawing.Point]:
    points = [(float(row.labels[label]) * scale, (row.value or 0) * 100,
               row.interval95 and (row.interval95[0] * 100, row.interval95[1] * 100))
              for row in rows]
    return sorted(points, key=lambda point: point[0])


def _told(curves: Sequence[tuple[str, Sequence[drawing.Point]]], where: str) -> str:
    """First and last point of each."""
    return " ".join(f"{_title(name)}: " + ", ".join(
        f"{percent(points[place][1] / 100)} {where.format(f'{points[place][0]:g}')}"
        for place in (0, -1)) + "." for name, points in curves)


def _named(name: str, rest: str) -> str:
    return f"{name} ({rest.removeprefix('data ')})" if rest else name


def _title(name: str) -> str:
    name = name.replace("_", " ")
    return name[:1].upper() + name[1:]
