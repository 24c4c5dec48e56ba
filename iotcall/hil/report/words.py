"""Figures and names as people read them. Leaves out: HTML."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from iotcall.hil.rows import Row, Stamp

STAMPS: tuple[Stamp, ...] = ("measured", "emulated", "simulated")
TIMES = ("ms", "s")
MEANING: Mapping[Stamp, str] = {
    "measured": "on the hardware that it is said of",
    "emulated": "on an emulation of that hardware, which says nothing of its speed",
    "simulated": "by a model of that hardware",
}

Key = tuple[str, Stamp, tuple[tuple[str, str], ...]]


def key_of(row: Row) -> Key:
    """Rows with the same key are of the same figure."""
    return row.check, row.stamp, tuple(sorted(row.labels.items()))


def figure(value: float | None, unit: str) -> str:
    """``0.973, share`` -> 97.3%; ``182.4, ms`` -> 182 ms; empty: there is no figure."""
    if value is None:
        return ""
    if unit == "share":
        return percent(value)
    return f"{number(value)} {unit}" if unit and unit != "count" else number(value)


def percent(share: float) -> str:
    """Never 100% or 0% unless it is all or none."""
    if not math.isfinite(share) or min(abs(share), abs(1 - share)) < 1e-9:
        return f"{share:.0%}"
    shown = f"{share:.1%}"
    return {"100.0%": "over 99.9%", "0.0%": "under 0.1%"}.get(shown, shown)


def number(value: float) -> str:
    """Three digits: 1234567890 -> 1.23 G, 182.44 -> 182, 0.0123 -> 0.0123."""
    if not math.isfinite(value):
        return str(value)
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def between(interval: tuple[float, float] | None, unit: str) -> str:
    """A 95 % interval; empty: there is none."""
    if interval is None:
        return ""
    low, high = interval
    if unit == "share":
        return f"{percent(low)} to {percent(high)}"
    return f"{number(low)} to {figure(high, unit)}"


def change(now: float, before: float) -> str:
    """``+12%`` of what was, or ``5 times``; of nothing the difference."""
    if not before:
        return f"{now - before:+.3g}"
    times = now / before
    return f"{times - 1:+.1%}" if 0 < times < 3 else f"{times:.3g} times"


def points(now: float, before: float) -> str:
    """Between two shares, e.g. ``-1.2 points``."""
    return f"{(now - before) * 100:+.1f} points"


def plain(check: str) -> str:
    """``latency.utterance_to_command`` -> ``utterance to command``; one word stays."""
    member, _, name = check.partition(".")
    return (name or member).replace("_", " ")


def member(check: str) -> str:
    """What comes first in a check's name, e.g. ``latency``."""
    return check.partition(".")[0]


def labelled(labels: Mapping[str, str], *, without: Sequence[str] = ()) -> str:
    """``{"wer": "0.1"}`` -> ``wer 0.1``; empty: no label."""
    return ", ".join(f"{name} {value}" for name, value in sorted(labels.items())
                     if name not in without)


def named(row: Row) -> str:
    """A row by its check and labels."""
    labels = labelled(row.labels)
    return f"{row.check} ({labels})" if labels else row.check


def counted(count: int, one: str, many: str = "") -> str:
    """``1, check`` -> 1 check; ``3, check`` -> 3 checks."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def stamps_of(stamps: Iterable[Stamp]) -> str:
    """``37 measured, 4 emulated``."""
    found = Counter(stamps)
    return ", ".join(f"{found[stamp]} {stamp}" for stamp in STAMPS if found[stamp])


def rate(labels: Mapping[str, str]) -> float | None:
    """Word error rate of a row, 0..1; None: it has none."""
    try:
        found = float(labels["wer"])
    except (KeyError, ValueError):
        return None
    return found if math.isfinite(found) else None
