"""Which tool was taken for which, and how well each is served. Leaves out: arguments (see slots).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from iotcall.evaluate.judging import Judged
from iotcall.evaluate.slots import paired
from iotcall.evaluate.statistics import wilson_interval

NO_CALL = ""
"""Stands for the tool where there is no call."""


class Confused(msgspec.Struct, frozen=True):
    """Calls of one tool that were answered with another, or with the same."""

    expected: str
    """Tool; empty: no call was wanted."""
    got: str
    """Tool; empty: no call was given."""
    calls: int


class OfTool(msgspec.Struct, frozen=True, kw_only=True):
    """Items whose reference has a call of the tool."""

    tool: str
    """Empty: items whose reference is a refusal."""
    items: int
    correct: int
    share: float
    interval95: tuple[float, float]
    """Wilson's."""


def confusion(items: Iterable[Judged]) -> tuple[Confused, ...]:
    """Counts of calls by (expected tool, given tool), sorted by their names."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        for reference, answer in paired(item.expected, item.got) or [(None, None)]:
            counts[reference.name if reference else NO_CALL,
                   answer.name if answer else NO_CALL] += 1
    return tuple(Confused(*names, count) for names, count in sorted(counts.items()))


def by_tool(items: Iterable[Judged]) -> tuple[OfTool, ...]:
    """Tool-call equivalence of the items of each tool, sorted by its name."""
    seen: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for item in items:
        for name in {call.name for call in item.expected} or {NO_CALL}:
            seen[name] += 1
            right[name] += item.right
    return tuple(OfTool(tool=name, items=count, correct=right[name], share=right[name] / count,
                        interval95=wilson_interval(right[name], count))
                 for name, count in sorted(seen.items()))
