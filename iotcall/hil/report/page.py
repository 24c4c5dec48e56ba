"""A run as a page: the verdict, what failed and what to do, charts, every check.

Leaves out: drawing, tables, writing the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from iotcall.evaluate.page import STYLE, escaped, page
from iotcall.hil.report import charts, style, tables
from iotcall.hil.report.charts import Chart
from iotcall.hil.report.tables import stamp_mark
from iotcall.hil.report.words import (
    MEANING,
    STAMPS,
    TIMES,
    between,
    counted,
    figure,
    named,
    plain,
    rate,
    stamps_of,
)
from iotcall.hil.rows import Row, Run
from iotcall.hil.statistics import summarise


def report_page(run: Run, before: Run | None = None, others: Sequence[Run] = ()) -> str:
    """One self-contained HTML page; whatever rows say is escaped."""
    body = "\n".join((
        *_verdict(run), *_glance(run), *_failures(run),
        *_section("Latency", "Each step is a sample: the share of samples that took so long or "
                  "less. Where it crosses 50 and 90 are p50 and p90.",
                  charts.latencies(run, before)),
        *_section("Accuracy", "Lines and bands are 95 % intervals.", itertools.chain(
            charts.by_noise(run), charts.by_tool(run), charts.by_turns(run))),
        *_section("Over time", "", charts.over_time(run)),
        *_boards(run, others), *_last(run, before),
        "<h2>Every check</h2>", *(tables.checks(run.rows) or ()), *_facts(run)))
    return page(f"{_title(run)}: {_said(run)}", STYLE + style.STYLE, body)


def _title(run: Run) -> str:
    return f"{run.bundle} on {run.board}"


def _said(run: Run) -> str:
    judged = sum(row.verdict != "reported" for row in run.rows)
    if run.failed:
        return f"{len(run.failed)} of {counted(judged, 'check')} failed"
    if not judged:
        return "nothing was judged"
    return f"all {counted(judged, 'check')} passed" if judged > 1 else "its one check passed"


def _verdict(run: Run) -> Iterator[str]:
    judged = any(row.verdict != "reported" for row in run.rows)
    word = "failed" if run.failed else "passed" if judged else "reported"
    shown = {"reported": "nothing judged"}.get(word, word)
    stamps = stamps_of(row.stamp for row in run.rows)
    meaning = "; ".join(f"{stamp}: {MEANING[stamp]}" for stamp in STAMPS
                        if any(row.stamp == stamp for row in run.rows))
    yield (f'<div class="verdict {word}"><span class="word">{shown}</span>\n'
           f"<h1>{escaped(_title(run))}: {_said(run)}</h1>\n"
           f'<p class="soft">Suite {escaped(run.suite)}, begun {escaped(_when(run.began))}, '
           f"{_lasted(run.seconds)}. "
           f"{f'Figures: {stamps} ({meaning}).' if stamps else 'There are no figures.'}</p></div>")


def _glance(run: Run) -> Iterator[str]:
    """The few figures that people ask for first."""
    tiles = [tile for tile in (_speed(run.rows), _exact(run.rows), _memory(run.rows),
                               _instructions(run.rows)) if tile]
    if tiles:
        yield f'<ul class="tiles">{"".join(tiles)}</ul>'


def _speed(rows: Sequence[Row]) -> str:
    timed = [row for row in rows if row.unit in TIMES and len(row.samples) > 1]
    timed.sort(key=lambda row: "utterance" not in row.check)  # stable: else the first
    if not timed:
        return ""
    found, unit = summarise(timed[0].samples), timed[0].unit
    return _tile(f"{plain(timed[0].check)}, p90", figure(found.p90, unit),
                 f"p50 {figure(found.p50, unit)}; 95 %: {between(found.p90_interval95, unit)}",
                 timed[0])


def _exact(rows: Sequence[Row]) -> str:
    for row in rows:
        if row.check == "accuracy.exact" and rate(row.labels) in (None, 0):
            of = row.labels.get("data", "")
            return _tile(f"calls exactly right{f' ({of})' if of else ''}",
                         figure(row.value, row.unit),
                         f"95 %: {between(row.interval95, row.unit)}" if row.interval95 else "",
                         row)
    return ""


def _memory(rows: Sequence[Row]) -> str:
    for row in rows:
        if row.unit == "MB" and row.value is not None:
            return _tile(f"memory, {plain(row.check)}", figure(row.value, row.unit), "", row)
    return ""


def _instructions(rows: Sequence[Row]) -> str:
    for row in rows:
        if row.unit == "instructions" and row.value is not None:
            return _tile(plain(row.check), figure(row.value, ""), "", row)
    return ""


def _tile(name: str, value: str, more: str, row: Row) -> str:
    return (f"<li><span>{escaped(name)}</span><b>{escaped(value)}</b>"
            f"<small>{escaped(more)}</small>{stamp_mark(row.stamp)}</li>")


def _failures(run: Run) -> Iterator[str]:
    if not run.failed:
        return
    yield '<h2>What failed, and what to do</h2>\n<ul class="todo">'
    for row in run.failed:
        found = escaped(figure(row.value, row.unit))
        interval = escaped(between(row.interval95, row.unit))
        value = f" {found}{f' ({interval})' if interval else ''}" if found else ""
        budget = f", expected {escaped(row.budget)}" if (
            row.budget and found and row.budget not in row.told) else ""
        yield (f"<li><b>{escaped(named(row))}</b>{value}{budget} {stamp_mark(row.stamp)}"
               f"<p>{escaped(row.told)}</p></li>")
    yield "</ul>"


def _section(title: str, told: str, drawn: Iterable[Chart]) -> Iterator[str]:
    found = [_figure(chart) for chart in drawn]
    if found:
        yield f"<h2>{title}</h2>"
        if told:
            yield f'<p class="soft">{told}</p>'
        yield f'<div class="charts">{"".join(found)}</div>'


def _figure(chart: Chart) -> str:
    return (f"<figure><figcaption><b>{escaped(chart.title)}</b> {stamp_mark(chart.stamp)}"
            f"<p>{escaped(chart.told)}</p></figcaption>{chart.svg}</figure>\n")


def _boards(run: Run, others: Sequence[Run]) -> Iterator[str]:
    if not others:
        return
    yield "<h2>Across boards</h2>"
    other = [one for one in others if one.bundle_sha256 != run.bundle_sha256]
    if other:
        yield ("<p>" + escaped(", ".join(f"{one.board} ran another bundle ({one.bundle})"
                                         for one in other))
               + ": differences may be the bundle's.</p>")
    drawn = [_figure(chart) for chart in charts.across_boards(run, others)]
    if drawn:
        yield f'<div class="charts">{"".join(drawn)}</div>'
    yield from tables.boards((run, *others))


def _last(run: Run, before: Run | None) -> Iterator[str]:
    if before is None:
        return
    yield "<h2>Since the last run</h2>"
    if before.board != run.board:
        yield (f"<p>The last run was on {escaped(before.board)}, this one on "
               f"{escaped(run.board)}: they are not compared.</p>")
        return
    same = "the same bundle" if before.bundle_sha256 == run.bundle_sha256 else (
        f"another bundle ({before.bundle})")
    versions = [f"{name} {before.versions.get(name, 'absent')} → {run.versions.get(name, 'absent')}"
                for name in sorted({*run.versions, *before.versions})
                if run.versions.get(name) != before.versions.get(name)]
    found, only = tables.changes(run, before)
    yield (f'<p class="soft">Begun {escaped(_when(before.began))}, {escaped(same)}'
           f"{escaped('; ' + ', '.join(versions)) if versions else ''}.</p>")
    yield from tables.changed(found)
    if only:
        rest = len(only) - 20
        yield (f'<p class="soft">{escaped("; ".join(only[:20]))}'
               f"{f'; and {rest} more' if rest > 0 else ''}.</p>")


def _facts(run: Run) -> Iterator[str]:
    facts = {"bundle": run.bundle, "manifest's SHA-256": run.bundle_sha256, "begun": run.began,
             **{name: version for name, version in sorted(run.versions.items())}}
    rows = "\n".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>"
                     for name, value in facts.items())
    yield f'<h2>Who took part</h2>\n<dl class="facts">\n{rows}\n</dl>'


def _when(began: str) -> str:
    """To the minute; as it is where it is no date."""
    try:
        return f"{datetime.fromisoformat(began):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return began


def _lasted(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s long"
    return f"{seconds / 60:.0f} min long" if seconds < 5400 else f"{seconds / 3600:.1f} h long"
