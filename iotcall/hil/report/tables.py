"""The report's tables: every check, what changed since the last run, boards side by side.

Leaves out: charts, the page. Figures of different stamps are in lines of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import msgspec

from iotcall.evaluate import percentile
from iotcall.evaluate.page import escaped
from iotcall.hil.report.words import (
    MEANING,
    TIMES,
    between,
    change,
    counted,
    figure,
    key_of,
    labelled,
    member,
    named,
    plain,
    points,
    rate,
)
from iotcall.hil.rows import Row, Run, Stamp, Verdict
from iotcall.hil.statistics import change_interval

_LITTLE = 0.005
"""Relative change under which a figure counts as the same."""
_OF_ALL: tuple[Verdict, ...] = ("failed", "passed", "reported")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in two runs."""

    row: Row
    before: Row
    sure: bool
    """More than chance: the interval of the change, or both figures' intervals, say so."""

    @property
    def flipped(self) -> bool:
        return "failed" in (self.row.verdict, self.before.verdict) and (
            self.row.verdict != self.before.verdict)

    @property
    def relative(self) -> float:
        now, old = self.row.value or 0, self.before.value or 0
        return abs(now / old - 1) if old else float(now != old)


def stamp_mark(stamp: Stamp) -> str:
    """The stamp as it stands on every figure."""
    return f'<span class="stamp {stamp}" title="{MEANING[stamp]}">{stamp}</span>'


def checks(rows: Sequence[Row]) -> Iterator[str]:
    """Every row, one fold for each member of the suite; open where something failed."""
    for name, found in itertools.groupby(sorted(rows, key=lambda row: _order(rows, row)),
                                         lambda row: member(row.check)):
        some = list(found)
        counts = {verdict: sum(row.verdict == verdict for row in some) for verdict in _OF_ALL}
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        word = next(verdict for verdict in _OF_ALL if counts[verdict])
        opened = " open" if counts["failed"] else ""
        yield (f"<details{opened}><summary><b>{escaped(name)}</b>"
               f'<span class="word {word}">{said}</span></summary>\n<table class="stack checks">\n'
               "<thead><tr><th>Check</th><th>Found</th><th>Expected</th><th>Stamp</th>"
               "<th>Verdict</th></tr></thead>\n<tbody>")
        yield from map(_check, some)
        yield "</tbody>\n</table></details>"


def changes(run: Run, before: Run) -> tuple[list[Change], list[str]]:
    """Figures that both have with the same stamp, and what only one of them has, by name."""
    ours, theirs = ({key_of(row): row for row in one.rows if member(row.check) != "baseline"}
                    for one in (run, before))
    only = [f"{named(row)} is new" for key, row in ours.items() if key not in theirs]
    only += [f"{named(row)} was not checked" for key, row in theirs.items() if key not in ours]
    return [Change(row=row, before=theirs[key], sure=_sure(row, theirs[key]))
            for key, row in ours.items() if key in theirs], only


def changed(found: Sequence[Change]) -> Iterator[str]:
    """What moved: what flipped first, what may be chance in a fold."""
    moved = sorted((each for each in found if each.flipped or (
        each.row.value is not None and each.before.value is not None
        and each.relative > _LITTLE)), key=lambda each: (not each.flipped, -each.relative))
    sure = [each for each in moved if each.sure or each.flipped]
    chance = [each for each in moved if each not in sure]
    if sure:
        yield _changes(sure)
    else:
        yield "<p>No figure moved by more than chance.</p>"
    if chance:
        yield (f"<details><summary>{counted(len(chance), 'change')} within the 95 % intervals: "
               f"may be chance</summary>{_changes(chance)}</details>")
    rest = len(found) - len(moved)
    if rest:
        yield (f'<p class="soft">{counted(rest, "other figure")} moved by less than '
               f"{_LITTLE:.1%}.</p>")


def boards(runs: Sequence[Run]) -> Iterator[str]:
    """Figures that at least two boards have, a column for each; misheard ones are in charts."""
    found: dict[tuple[str, str, str], dict[int, list[Row]]] = {}
    for place, run in enumerate(runs):
        for row in run.rows:
            if (row.value is not None and not {"tool", "turns"} & row.labels.keys()
                    and rate(row.labels) in (None, 0)):
                key = (row.check, labelled(row.labels, without=("isa", "wer")), row.stamp)
                found.setdefault(key, {}).setdefault(place, []).append(row)
    shared = {(check, labels) for check, labels, _ in found if len(
        {place for key, columns in found.items() if key[:2] == (check, labels)
         for place in columns}) > 1}
    lines = {key: columns for key, columns in found.items() if key[:2] in shared}
    if not lines:
        yield "<p>No figure was found on more than one of the boards.</p>"
        return
    heads = "".join(f"<th>{escaped(run.board)}</th>" for run in runs)
    yield (f'<table class="stack beside">\n<thead><tr><th>Check</th><th>Stamp</th>{heads}</tr>'
           "</thead>\n<tbody>")
    # subtle: a check keeps its lines together, one for each stamp
    order = {pair: place for place, pair in enumerate(dict.fromkeys(key[:2] for key in lines))}
    for check, labels, stamp in sorted(lines, key=lambda key: (order[key[:2]],
                                                               key[2] != "measured")):
        some = lines[check, labels, stamp]
        cells = "".join(
            _cell(run.board, "; ".join(_found(row) for row in some.get(place, [])))
            for place, run in enumerate(runs))
        mark = next(stamp_mark(row.stamp) for rows in some.values() for row in rows)
        yield f"<tr><th>{escaped(check)}{_soft(labels)}</th><td>{mark}</td>{cells}</tr>"
    yield "</tbody>\n</table>"


def _changes(some: Sequence[Change]) -> str:
    rows = "\n".join(
        f"<tr><th>{escaped(each.row.check)}{_soft(labelled(each.row.labels))}</th>"
        f"{_cell('last run', _found(each.before))}{_cell('this run', _found(each.row))}"
        f"{_cell('change', _moved(each))}<td>{stamp_mark(each.row.stamp)}</td></tr>"
        for each in some)
    return ('<table class="stack beside">\n<thead><tr><th>Check</th><th>Last run</th>'
            "<th>This run</th><th>Change</th><th>Stamp</th></tr></thead>\n"
            f"<tbody>{rows}</tbody>\n</table>")


def _check(row: Row) -> str:
    labels, interval = _soft(labelled(row.labels)), _soft(between(row.interval95, row.unit))
    found = escaped(figure(row.value, row.unit))
    return (f"<tr><th>{escaped(plain(row.check))}{labels}"
            f"{_soft(row.told)}</th>"
            f"{_cell('found', found + interval)}{_cell('expected', escaped(row.budget))}"
            f"<td>{stamp_mark(row.stamp)}</td>"
            f'<td><span class="word {row.verdict}">{row.verdict}</span></td></tr>')


def _cell(name: str, inside: str) -> str:
    own = escaped(name).replace('"', "&quot;")
    return f'<td data-of="{own}">{inside}</td>' if inside else "<td></td>"


def _soft(text: str) -> str:
    """A line of its own below; empty: none."""
    return f'<span class="soft">{escaped(text)}</span>' if text else ""


def _found(row: Row) -> str:
    return escaped(figure(row.value, row.unit)) or row.verdict


def _moved(each: Change) -> str:
    now, old = each.row.value, each.before.value
    if now is None or old is None:
        return f'<span class="word {each.row.verdict}">{each.row.verdict}</span>'
    moved = points(now, old) if each.row.unit == "share" else change(now, old)
    flipped = (f' <span class="word {each.row.verdict}">now {each.row.verdict}</span>'
               if each.flipped else "")
    return f"{moved}{flipped}"


def _sure(now: Row, before: Row) -> bool:
    if now.unit in TIMES and min(len(now.samples), len(before.samples)) > 1:
        # the percentile that the figure is: the nearest of the usual ones
        percent = min((50, 90, 99), key=lambda each: abs(
            percentile(now.samples, each) - (now.value or 0)))
        low, high = change_interval(before.samples, now.samples, percent)
        return not low <= 1 <= high
    if now.interval95 and before.interval95:
        return now.interval95[0] > before.interval95[1] or now.interval95[1] < before.interval95[0]
    return now.unit in ("count", "instructions", "")


def _order(rows: Sequence[Row], row: Row) -> int:
    """Members stay in the order in which they were checked."""
    return next(place for place, other in enumerate(rows)
                if member(other.check) == member(row.check))
