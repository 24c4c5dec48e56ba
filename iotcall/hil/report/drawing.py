"""Charts as SVG that takes its colours and its type from the page. Leaves out: which, and of what.

Colours are drawn as marks that are replaced by the page's, so that a chart is readable in the dark
and in the light; text stays text. Sizes are those of a phone: wider screens enlarge it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iotcall.evaluate.page import escaped, visible

Point = tuple[float, float, tuple[float, float] | None]
"""Along, up, and the 95 % interval of the latter."""
_INK, _SOFT, _LINE, _BAD = "#010203", "#010204", "#010205", "#010206"
_COLOURS = ("#010211", "#010212", "#010213", "#010214", "#010215")
_OF_PAGE = {_INK: "var(--ink)", _SOFT: "var(--soft)", _LINE: "var(--line)", _BAD: "var(--bad)",
            **{mark: f"var(--c{number})" for number, mark in enumerate(_COLOURS, 1)}}
_STYLES = ("-", "--", "-.", ":", (0, (5, 1)))
_MOST_STEPS = 400
"""Of a distribution: more samples are thinned to so many of their percentiles."""
_LOG_FROM = 20.0
"""Largest over smallest from which times are on a logarithmic scale."""
_WIDTH = 5.0
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "text.parse_math": False, "font.size": 10.5,
             "font.family": "sans-serif", "axes.unicode_minus": False}


def distribution(name: str, curves: Sequence[tuple[str, Sequence[float]]], unit: str,
                 told: str, before: Sequence[float] = ()) -> str:
    """Shares of samples up to each value, one curve each; `before` is drawn behind."""
    with _chart(name, told) as (figure, axes, svg):
        if len(before) > 1:
            _steps(axes, before, color=_SOFT, linestyle=(0, (1, 1.5)), linewidth=1.4,
                   label="last run")
        for number, (label, samples) in enumerate(curves):
            _steps(axes, samples, color=_COLOURS[number % 5], linewidth=1.8, label=label,
                   linestyle=_STYLES[number % 5])
        _times(axes, [value for _, samples in (*curves, ("", before)) for value in samples])
        axes.set_ylim(0, 101)
        axes.set_yticks((0, 25, 50, 75, 90, 100))
        _axes(axes, unit, "% of samples")
        if len(curves) > 1 or len(before) > 1:
            _legend(figure)
        return svg()


def bars(name: str, rows: Sequence[tuple[str, float, tuple[float, float] | None]],
         told: str) -> str:
    """Shares with their intervals, one line each, the first on top."""
    with _chart(name, told, height=0.75 + 0.24 * len(rows)) as (_, axes, svg):
        places = np.arange(len(rows))[::-1]
        for place, (_, share, interval) in zip(places, rows, strict=True):
            if interval is not None:
                axes.plot([end * 100 for end in interval], [place, place], color=_SOFT,
                          linewidth=1.2)
            axes.plot([share * 100], [place], "o", color=_COLOURS[0], markersize=5)
        ends = [end for _, share, interval in rows for end in (share, *(interval or ()))]
        _shares(axes, [end * 100 for end in ends])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_yticks(places, [_cut(label) for label, *_ in rows])
        _axes(axes, "% right, 95 % interval", "")
        return svg()


def lines(name: str, curves: Sequence[tuple[str, Sequence[Point]]], along: str, up: str,
          told: str, *, share: bool = False) -> str:
    """Points joined, with intervals as bands; `share`: up to 100."""
    with _chart(name, told) as (figure, axes, svg):
        for number, (label, found) in enumerate(curves):
            across = [point[0] for point in found]
            colour = _COLOURS[number % 5]
            axes.plot(across, [point[1] for point in found], color=colour, linewidth=1.8,
                      marker="o" if len(found) < 20 else "", markersize=4, label=label,
                      linestyle=_STYLES[number % 5])
            bands = [(point[0], *point[2]) for point in found if point[2] is not None]
            if bands:
                axes.fill_between([each[0] for each in bands], [each[1] for each in bands],
                                  [each[2] for each in bands], color=colour, alpha=0.15,
                                  linewidth=0)
        places = sorted({point[0] for _, found in curves for point in found})
        if len(places) < 10 and all(place == int(place) for place in places):
            axes.set_xticks(places, [f"{place:g}" for place in places])
        if share:
            bottom, _ = axes.get_ylim()
            axes.set_ylim(max(0, bottom), 101)
        _axes(axes, along, up)
        if len(curves) > 1:
            _legend(figure)
        return svg()


def boards(name: str, rows: Sequence[tuple[str, float, tuple[float, float] | None, float | None]],
           unit: str, told: str, *, share: bool = False) -> str:
    """One line a board: a dot, its interval, and a ring where a second figure lies."""
    with _chart(name, told, height=0.85 + 0.3 * len(rows)) as (_, axes, svg):
        places = np.arange(len(rows))[::-1]
        for place, (_, value, interval, second) in zip(places, rows, strict=True):
            colour = _COLOURS[0]
            if second is not None:
                axes.plot([value, second], [place, place], color=_LINE, linewidth=3, zorder=1)
                axes.plot([second], [place], "o", markerfacecolor="none", color=colour,
                          markersize=6)
            if interval is not None:
                axes.plot(interval, [place, place], color=_SOFT, linewidth=1.2)
            axes.plot([value], [place], "o", color=colour, markersize=5)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_yticks(places, [_cut(label) for label, *_ in rows])
        ends = [end for _, value, interval, second in rows
                for end in (value, *(interval or ()), *([] if second is None else [second]))]
        if share:
            _shares(axes, ends)
        else:
            _times(axes, ends)
            if axes.get_xscale() == "linear" and 0 < 2 * min(ends) < max(ends):
                axes.set_xlim(left=0)
        _axes(axes, unit, "")
        return svg()


@contextmanager
def _chart(name: str, told: str, height: float = 2.9
           ) -> Iterator[tuple[Figure, Axes, _Written]]:
    name = visible(name)
    # the salt makes ids that no other chart of the page has, and the same ones every time
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        yield figure, axes, _Written(figure, name, told)


class _Written:
    """Writes a figure, once it is drawn."""

    def __init__(self, figure: Figure, name: str, told: str) -> None:
        self._figure, self._name, self._told = figure, name, told

    def __call__(self) -> str:
        written = io.StringIO()
        self._figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        return _inline(written.getvalue(), self._name, self._told)


def _inline(svg: str, name: str, told: str) -> str:
    """The element alone, with ids of its own and the page's colours."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg"):], flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None  # matplotlib writes one
    svg = re.sub(r"^<svg[^>]*>", f'<svg viewBox="{box[1]}" role="img" '
                 f'aria-label="{escaped(told).replace(chr(34), "&quot;")}">', svg)
    own = f"c{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    svg = re.sub(r'\bid="', f'id="{own}-', svg)
    svg = re.sub(r'xlink:href="#', f'href="#{own}-', svg)
    svg = svg.replace("url(#", f"url(#{own}-")
    for mark, colour in _OF_PAGE.items():
        svg = svg.replace(mark, colour)
    return svg.strip()


def _steps(axes: Axes, samples: Sequence[float], **drawn: object) -> None:
    values = np.sort(np.asarray(samples, np.float64))
    shares = np.arange(1, len(values) + 1) / len(values) * 100
    if len(values) > _MOST_STEPS:
        shares = np.linspace(100 / len(values), 100, _MOST_STEPS)
        values = np.percentile(values, shares, method="inverted_cdf")
    axes.step([values[0], *values], [0, *shares], where="post", **drawn)  # type: ignore[arg-type]


def _times(axes: Axes, values: Sequence[float]) -> None:
    if values and min(values) > 0 and max(values) / min(values) > _LOG_FROM:
        axes.set_xscale("log")
        # subtle: the usual formatters of such axes write TeX, which an SVG of real text shows raw
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(
            lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")


def _shares(axes: Axes, ends: Sequence[float]) -> None:
    """Percent, up to 100; from 0 unless all are far from it."""
    left = max(0, min(ends) - 4) if min(ends) > 50 else 0
    axes.set_xlim(left, 100)
    axes.set_xticks([place for place in axes.get_xticks() if left <= place <= 100])
    axes.set_xlim(left, 100 + (100 - left) * 0.02)  # room for a dot


def _axes(axes: Axes, along: str, up: str) -> None:
    axes.set_xlabel(visible(along), color=_SOFT)
    axes.set_ylabel(visible(up), color=_SOFT)
    axes.tick_params(colors=_SOFT, labelcolor=_INK, which="both", width=0.8)
    axes.grid(axis="x", color=_LINE, linewidth=0.6)
    axes.grid(axis="y", color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_LINE)


def _legend(figure: Figure) -> None:
    legend = figure.legend(loc="outside upper left", frameon=False, ncols=2, labelcolor=_INK,
                           handlelength=2.2, columnspacing=1.2, borderaxespad=0)
    legend.set_in_layout(True)


def _cut(label: str) -> str:
    label = visible(label).replace("\n", " ")
    return label if len(label) <= 26 else f"{label[:25]}…"
