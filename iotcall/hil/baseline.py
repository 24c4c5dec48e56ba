"""A run against a baseline that was reviewed. Leaves out: measuring, budgets of suites, showing.

A baseline is a run file in ``hil/baselines/`` that holds what the gates need and nothing else: it
is changed by `accept_baseline` and reviewed like code. The gates:

| rows | fail where |
|---|---|
| in ms, with samples | the lower end of p90's 95 % interval is over the baseline's p90 + 5 % |
| in instructions | the count differs by more than 2 % |
| ``claims.elsewhere`` | more nodes run outside the provider than the baseline allows of the graph |
| ``numerics.agreement`` | fewer golden turns give torch's calls than 99 % of the baseline's |
| `Run.exact` | fewer turns are exactly right, and McNemar's test finds that likelier than 95 % |

Rows meet by check, stamp and labels; runs by board. What does not meet is said by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import msgspec

from iotcall.errors import FileError, InputError
from iotcall.evaluate.comparison import compare
from iotcall.hil.rows import Row, Run, Stamp, Verdict
from iotcall.hil.statistics import bootstrap_interval, queries_needed, summarise

BASELINES = "baselines"
"""Folder in ``hil/``."""
NODES_ELSEWHERE = "claims.elsewhere"
CALL_AGREEMENT = "numerics.agreement"
SLOWER = 0.05
INSTRUCTIONS = 0.02
AGREEMENT = 0.99
SIGNIFICANCE = 0.05
OURS = "baseline."
"""What the gates' checks begin with."""

_Key = tuple[str, Stamp, tuple[tuple[str, str], ...]]
_ACCEPT = "if this is meant, accept the run as the new baseline ('iotcall hil accept')"
_MOST_NAMED = 12
_PATH = re.compile(r"(?<!\w)(?:~?/|[A-Za-z]:\\)\w")


def judge_against(run: Run, baseline: Run) -> tuple[Row, ...]:
    """Rows of the gates, which join the run's own; one that fails fails the run."""
    if run.board != baseline.board:
        return (_row("compared", "failed", _stamp(run.rows), f"Nothing was compared: the baseline "
                     f"is of the board {baseline.board}, the run of {run.board}; give a baseline "
                     f"of {run.board}, or none."),)
    ours, theirs = _judged(run.rows), _judged(baseline.rows)
    few = {key for key, row in ours.items() if _few(row) or _few(theirs.get(key, row))}
    rows = [row for key, now in ours.items() if key in theirs and key not in few
            for row in _gate(now, theirs[key])]
    allowed = {key for key in ours if key not in theirs and key[0] == NODES_ELSEWHERE}
    rows += [_nodes(ours[key], 0) for key in ours if key in allowed]
    rows += _exact(run, baseline)
    unmet = [f"{_said(ours[key])} (fewer than {queries_needed()} samples)"
             for key in ours if key in few]
    unmet += _unmet(ours, theirs, allowed | few)
    return (*rows, _compared(run, baseline, len(rows), unmet))


def accept_baseline(run: Run, path: Path) -> Path:
    """Write what the gates need of a run as a baseline; returns the path.

    Samples have four significant digits, a bundle its name without folders; versions that look like
    paths are dropped, as are words, calls and series. One line a row, so that a review shows what
    changed.

    Raises:
        InputError: the run failed by itself, or has nothing that a gate judges.
        FileError: the file cannot be written.
    """
    failed = sorted({row.check for row in run.failed if not row.check.startswith(OURS)})
    if failed:
        raise InputError(f"the run on {run.board} failed: {', '.join(failed)}; a baseline is a run "
                         "that holds: mend that and run it again")
    rows = [_kept(row) for _, row in sorted(_judged(run.rows).items()) if not _few(row)]
    if not rows and not run.exact:
        raise InputError(f"the run of {run.suite} on {run.board} has nothing that a gate judges "
                         "(latencies with samples, instructions, claims, agreement, exact calls); "
                         "run a suite that measures some of it")
    kept = msgspec.structs.replace(
        run, bundle=PurePath(run.bundle).name, seconds=float(round(run.seconds)), rows=tuple(rows),
        series=(), calls=(),
        versions={name: version for name, version in sorted(run.versions.items())
                  if not _PATH.search(version)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_lines(kept), encoding="utf-8")
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from error
    return path


def _gate(now: Row, before: Row) -> Iterator[Row]:
    if now.unit == "ms":
        yield _latency(now, before)
    elif now.check == NODES_ELSEWHERE:
        yield _nodes(now, before.value or 0)
    elif now.value is None or not before.value:
        return
    elif now.check == CALL_AGREEMENT:
        yield _agreement(now, now.value, before.value)
    else:
        yield _instructions(now, now.value, before.value)


def _few(row: Row) -> bool:
    """Too few samples for a p90 by MLPerf's rules."""
    return row.unit == "ms" and len(row.samples) < queries_needed()


def _latency(now: Row, before: Row) -> Row:
    p90, old = summarise(now.samples).p90, summarise(before.samples).p90
    low, high = bootstrap_interval(now.samples, 90)
    limit = old * (1 + SLOWER)
    slower = low > limit
    told = (f"The p90 of {_said(now)} is {p90:.4g} ms (95 % interval {low:.4g} to {high:.4g}), "
            f"{_change(p90, old)} the baseline's {old:.4g} ms")
    told += (f"; even its lower end is over {limit:.4g} ms. See what else ran on the board and "
             f"what changed in bundle, providers and hub; {_ACCEPT}." if slower else ".")
    return _row(now.check, _verdict(not slower), now.stamp, told, value=p90, unit="ms",
                interval95=(low, high), budget=f"<= {limit:.4g} (baseline + {SLOWER:.0%})",
                labels=now.labels)


def _instructions(now: Row, value: float, old: float) -> Row:
    within = abs(value / old - 1) <= INSTRUCTIONS
    told = (f"{value:.6g} instructions of {_said(now)}, {_change(value, old)} the baseline's "
            f"{old:.6g}")
    told += "." if within else (f"; expected within {INSTRUCTIONS:.0%}. Fewer count too: something "
                                f"may not have run. Otherwise {_ACCEPT}.")
    return _row(now.check, _verdict(within), now.stamp, told, value=value, unit="instructions",
                budget=f"baseline +- {INSTRUCTIONS:.0%}", labels=now.labels)


def _nodes(now: Row, allowed: float) -> Row:
    value = now.value or 0
    told = (f"{value:g} nodes of {now.labels.get('graph', 'the graphs')} run elsewhere; the "
            f"baseline allows {allowed:g}")
    told += "." if value <= allowed else (". The provider left them to another: look at the "
                                          f"target's options and operators; {_ACCEPT}.")
    return _row(now.check, _verdict(value <= allowed), now.stamp, told, value=value, unit="count",
                budget=f"<= {allowed:g}", labels=now.labels)


def _exact(run: Run, baseline: Run) -> Iterator[Row]:
    stamp = _stamp(run.rows)
    if not run.exact or len(run.exact) != len(baseline.exact):
        if run.exact or baseline.exact:
            yield _row("exact_calls", "reported", stamp, f"Exact calls were not compared: "
                       f"{len(run.exact)} golden turns in the run, {len(baseline.exact)} in the "
                       "baseline; they must be of the same turns.")
        return
    found = compare(baseline.exact, run.exact)
    worse = found.only_first > found.only_second and found.p_value < SIGNIFICANCE
    lost = [number for number, (before, now) in enumerate(zip(baseline.exact, run.exact,
                                                              strict=True), 1)
            if before and not now]
    told = (f"{sum(run.exact)} of {found.items} golden turns are exactly right, "
            f"{sum(baseline.exact)} in the baseline: {found.only_first} lost, "
            f"{found.only_second} won (McNemar's p = {found.p_value:.2g}).")
    if lost:
        told += f" Lost: turns {_some([str(number) for number in lost])}."
    if worse:
        told += f" This is more than chance: look at those turns; {_ACCEPT}."
    yield _row("exact_calls", _verdict(not worse), stamp, told,
               value=sum(run.exact) / found.items, unit="share",
               budget=f"no worse than the baseline, p >= {SIGNIFICANCE:g}")


def _agreement(now: Row, value: float, old: float) -> Row:
    agrees = value >= old * AGREEMENT
    told = f"{value:g} golden turns give torch's calls, {old:g} in the baseline"
    told += "." if agrees else (f"; expected {AGREEMENT:.0%} of these or more. Compare the board's "
                                f"arithmetic (instruction set, precision) with theirs; {_ACCEPT}.")
    return _row(now.check, _verdict(agrees), now.stamp, told, value=value, unit="count",
                budget=f">= {old * AGREEMENT:.4g}", labels=now.labels)


def _unmet(ours: dict[_Key, Row], theirs: dict[_Key, Row], known: set[_Key]) -> list[str]:
    """What one of the two lacks, with the reason where it is a stamp."""
    stamps = {(check, labels): stamp for check, stamp, labels in theirs}
    named = []
    for key, row in ours.items():
        if key in theirs or key in known:
            continue
        other = stamps.get((key[0], key[2]))
        named.append(f"{_said(row)} ({row.stamp}, but {other} in the baseline)" if other
                     else f"{_said(row)} (not in the baseline)")
    met = {(check, labels) for check, _, labels in ours}
    # subtle: fewer nodes on the CPU than allowed is no row at all
    named += [f"{_said(row)} (not in the run)" for key, row in theirs.items()
              if (key[0], key[2]) not in met and key[0] != NODES_ELSEWHERE]
    return named


def _compared(run: Run, baseline: Run, judged: int, unmet: Sequence[str]) -> Row:
    same = "the same bundle" if run.bundle_sha256 == baseline.bundle_sha256 else "another bundle"
    told = (f"{judged} figures were judged against the baseline of {baseline.began[:10]} "
            f"({same}, {baseline.bundle}).")
    if unmet:
        told += f" Not compared: {_some(unmet)}."
    if not judged:
        told += (" A baseline that judges nothing is no gate: give one of this suite, or none.")
    return _row("compared", "reported" if judged else "failed", _stamp(run.rows), told,
                value=float(judged), unit="count")


def _judged(rows: Sequence[Row]) -> dict[_Key, Row]:
    """Rows that are judged by meeting one of the baseline."""
    return {(row.check, row.stamp, tuple(sorted(row.labels.items()))): row for row in rows
            if not row.check.startswith(OURS)
            and ((row.unit == "ms" and row.samples) or row.unit == "instructions"
                 or row.check in (NODES_ELSEWHERE, CALL_AGREEMENT))}


def _kept(row: Row) -> Row:
    return Row(check=row.check, stamp=row.stamp, verdict="reported", told="", unit=row.unit,
               value=None if row.value is None else float(f"{row.value:.6g}"),
               samples=tuple(float(f"{sample:.4g}") for sample in row.samples), labels=row.labels)


def _lines(run: Run) -> str:
    """JSON with one line for each field, and for each row."""
    fields = []
    for name in run.__struct_fields__:
        value = getattr(run, name)
        if name == "rows":
            inside = ",\n  ".join(msgspec.json.encode(row).decode() for row in value)
            fields.append(f' "rows": [\n  {inside}\n ]' if value else ' "rows": []')
        else:
            fields.append(f' "{name}": {msgspec.json.encode(value).decode()}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _row(check: str, verdict: Verdict, stamp: Stamp, told: str, *, value: float | None = None,
         unit: str = "", interval95: tuple[float, float] | None = None, budget: str = "",
         labels: dict[str, str] | None = None) -> Row:
    return Row(check=OURS + check, stamp=stamp, verdict=verdict, told=told,
               value=value, unit=unit, interval95=interval95, budget=budget, labels=labels or {})


def _stamp(rows: Sequence[Row]) -> Stamp:
    """The weakest that takes part: what is said of a run holds only so far."""
    found = {row.stamp for row in rows}
    return ("simulated" if "simulated" in found else "emulated" if "emulated" in found
            else "measured")


def _verdict(holds: bool) -> Verdict:
    return "passed" if holds else "failed"


def _said(row: Row) -> str:
    labels = ", ".join(f"{name} {value}" for name, value in sorted(row.labels.items()))
    return f"{row.check} ({labels})" if labels else row.check


def _change(now: float, before: float) -> str:
    """How it stands to the baseline, e.g. ``12 % over``."""
    if not before:
        return "against"
    change = now / before - 1
    if abs(change) < 0.0005:
        return "as much as"
    return f"{abs(change):.1%} {'over' if change > 0 else 'under'}"


def _some(named: Sequence[str]) -> str:
    rest = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
