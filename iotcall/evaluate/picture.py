"""A picture of an evaluation: risk and coverage, each tool, what was taken for what.

Leaves out: the figures. matplotlib is no part of a hub; who wants a picture installs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iotcall.errors import InputError
from iotcall.evaluate.bench.picture import find_matplotlib
from iotcall.evaluate.evaluation import Evaluation

_BLUE, _RED = "#30638e", "#d1495b"
_COLOURS = (_BLUE, _RED, "#edae49")
_MOST_SQUARES = 30
"""Tools whose counts are written into their squares."""


def draw(found: Evaluation, path: Path, *, title: str, name: str = "",
         others: Sequence[tuple[str, Evaluation]] = ()) -> None:
    """Write the picture; `others` have curves of their own beside the first's, which is of `name`.

    Raises:
        InputError: matplotlib is not installed, or the file cannot be written.
    """
    pyplot = find_matplotlib()
    side = max(2.6, 0.3 * len(_names(found)))
    figure, axes = pyplot.subplots(1, 3, figsize=(10.5 + side, max(4.2, side + 1.9)),
                                   layout="constrained", width_ratios=(4, 3, side))
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    _curve(axes[0], [(name, found), *others])
    _tools(axes[1], found)
    _confusion(axes[2], found)
    try:
        figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.1)
    except (OSError, ValueError) as error:  # ValueError: an ending that is no kind of picture
        raise InputError(f"{path} cannot be written: {error}") from error
    finally:
        pyplot.close(figure)


def _curve(axes: Any, found: Sequence[tuple[str, Evaluation]]) -> None:
    for number, (name, one) in enumerate(found):
        points = one.coverage.points
        colour = _COLOURS[number % len(_COLOURS)]
        axes.step([point.coverage * 100 for point in points],
                  [point.risk * 100 for point in points], where="post", linewidth=1.8,
                  color=colour, linestyle=("-", "--", ":")[number % 3],
                  label=f"{name + ': ' if name else ''}area {one.coverage.area:.4f}")
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("% of turns accepted, the surest first")
    axes.set_ylabel("% of those wrong")
    axes.set_title("Risk and coverage", fontsize=10, loc="left")
    axes.legend(fontsize=9, frameon=False, loc="upper left")
    _plain(axes)


def _tools(axes: Any, found: Evaluation) -> None:
    rows = found.by_tool[::-1]
    shares = np.array([row.share for row in rows]) * 100
    lows, highs = (np.array([row.interval95[end] for row in rows]) * 100 for end in (0, 1))
    places = np.arange(len(rows))
    axes.barh(places, shares, color=_BLUE, height=0.62)
    axes.errorbar(shares, places, xerr=np.clip([shares - lows, highs - shares], 0, None),
                  fmt="none", color="#222", linewidth=1, capsize=2)
    axes.set_yticks(places, [f"{_said(row.tool)} ({row.items})" for row in rows], fontsize=8)
    axes.set_xlim(0, 101)
    axes.set_xlabel("% of turns right, 95 % interval")
    axes.set_title("By tool (turns)", fontsize=10, loc="left")
    _plain(axes)


def _confusion(axes: Any, found: Evaluation) -> None:
    names = _names(found)
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for each in found.confusion:
        counts[place[each.expected], place[each.got]] = each.calls
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    wrong = [(row, column) for row, column in np.argwhere(counts) if row != column]
    if len(names) <= _MOST_SQUARES:
        for row, column in np.argwhere(counts):
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center",
                      fontsize=7, color=_RED if (row, column) in wrong else
                      "white" if shares[row, column] > 0.5 else "#222")
    ticks = np.arange(len(names))
    axes.set_xticks(ticks, [_said(name) for name in names], rotation=60, ha="right", fontsize=8,
                    rotation_mode="anchor")
    axes.set_yticks(ticks, [_said(name) for name in names], fontsize=8)
    axes.set_xlabel("answered")
    axes.set_ylabel("meant")
    axes.set_title("Calls, by tool; red: taken for another", fontsize=10, loc="left")


def _names(found: Evaluation) -> list[str]:
    return sorted({name for each in found.confusion for name in (each.expected, each.got)},
                  key=lambda name: (name == "", name))


def _said(tool: str) -> str:
    return tool or "no call"


def _plain(axes: Any) -> None:
    axes.grid(axis="both", color="#ddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
