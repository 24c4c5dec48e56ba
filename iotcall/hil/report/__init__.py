"""A run of the bench as a page that a person can read: ``report.html``, one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iotcall.errors import FileError
from iotcall.hil.report.page import report_page
from iotcall.hil.rows import Run

PAGE = "report.html"


def write_report(run: Run, folder: Path, before: Run | None = None,
                 others: Sequence[Run] = ()) -> Path:
    """Write ``report.html`` into a folder that is made if need be; returns its path.

    `before`: the last run on the same board; `others`: runs of other boards.

    Raises:
        FileError: it cannot be written.
    """
    path = folder / PAGE
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(report_page(run, before, others), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from error
    return path


__all__ = ["PAGE", "write_report"]
