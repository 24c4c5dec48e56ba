"""A picture of a bench: how many answers had come after how long. Leaves out: measuring.

matplotlib is no part of a hub; who wants a picture installs it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from iotcall.errors import InputError
from iotcall.evaluate.bench.report import Report, samples_of
from iotcall.evaluate.bench.table import row_name

_COLOURS = {"guesses, first time": "#d1495b", "guesses, said before": "#8f2d3a",
            "no guesses": "#30638e", "plain": "#edae49"}


def find_matplotlib() -> Any:
    """The library's pyplot, drawing into files.

    Raises:
        InputError: it is not installed; says how to.
    """
    try:
        importlib.import_module("matplotlib").use("Agg")
        return importlib.import_module("matplotlib.pyplot")
    except ModuleNotFoundError as error:
        raise InputError(f"--plot needs matplotlib, which is not installed ({error}); "
                         "pip install matplotlib, or leave --plot out") from error


def draw(report: Report, path: Path) -> None:
    """Write the picture.

    Raises:
        InputError: matplotlib is not installed, or the file cannot be written.
    """
    pyplot = find_matplotlib()
    figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
    for row in report.rows:
        ms = np.sort([sample.ms for sample in samples_of(report, row)])
        name = row_name(row)
        axes.step(ms, np.arange(1, len(ms) + 1) / len(ms) * 100, where="post", linewidth=1.8,
                  color=_COLOURS[name], label=f"{name}: p50 {row.ms.p50:.3g} ms")
        if row.against:
            axes.axvline(row.against.floor_ms, color=_COLOURS[name], linewidth=1,
                         linestyle=(0, (2, 3)))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylim(0, 101)
    axes.set_xlabel("ms from utterance to call")
    axes.set_ylabel("% of answers")
    floors = "; dotted: floor of its passes, median" if any(
        row.against for row in report.rows) else ""
    axes.set_title(f"{report.bundle} on {report.machine.name}, {report.threads} threads{floors}",
                   fontsize=10, loc="left")
    axes.legend(fontsize=9, frameon=False, loc="lower right")
    axes.grid(axis="both", color="#ddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        pyplot.close(figure)
