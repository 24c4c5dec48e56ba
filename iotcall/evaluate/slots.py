"""Precision and recall over the arguments of calls. Leaves out: whether whole calls are right.

A slot is an argument with its value; a value is right where it is the same as JSON. Of an item with
several calls each is held against the first call of the same tool that is still free, the rest in
the order said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.catalogue.values import same
from iotcall.evaluate.judging import Judged

Pair = tuple[ToolCall | None, ToolCall | None]
"""A reference call and the student's; None: there is none."""


class SlotFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of all slots, or of those of one argument."""

    argument: str
    """Empty: all of them."""
    wanted: int
    """Slots of the references."""
    given: int
    """Slots of the student's calls."""
    right: int
    precision: float
    """right / given; 1 where nothing was given."""
    recall: float
    """right / wanted; 1 where nothing was wanted."""
    f1: float
    """Harmonic mean of both."""


def paired(expected: Sequence[ToolCall], got: Sequence[ToolCall]) -> list[Pair]:
    """The calls of an item side by side."""
    free = list(got)
    found: list[Pair] = []
    left: list[ToolCall] = []
    for call in expected:
        match = next((other for other in free if other.name == call.name), None)
        if match is None:
            left.append(call)
        else:
            free.remove(match)
            found.append((call, match))
    rest = max(len(left), len(free))
    pad: list[None] = [None] * rest
    found += zip([*left, *pad][:rest], [*free, *pad][:rest], strict=True)
    return found


def slot_figures(items: Iterable[Judged]) -> tuple[SlotFigures, ...]:
    """Of all slots first, then of each argument by name."""
    wanted: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for item in items:
        for reference, answer in paired(item.expected, item.got):
            asked = reference.arguments if reference else {}
            said = answer.arguments if answer else {}
            wanted.update(asked.keys())
            given.update(said.keys())
            right.update(key for key in asked.keys() & said.keys()
                         if same(asked[key], said[key]))
    return (_figures("", wanted.total(), given.total(), right.total()),
            *(_figures(name, wanted[name], given[name], right[name])
              for name in sorted(wanted.keys() | given.keys())))


def _figures(argument: str, wanted: int, given: int, right: int) -> SlotFigures:
    return SlotFigures(
        argument=argument, wanted=wanted, given=given, right=right,
        precision=right / given if given else 1.0, recall=right / wanted if wanted else 1.0,
        f1=2 * right / (wanted + given) if wanted + given else 1.0)
