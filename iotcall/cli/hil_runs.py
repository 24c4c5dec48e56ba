"""``iotcall hil report`` and ``accept``: what is made of runs. Leaves out: making runs (hil)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_RUN = "A run.json, or the folder that it lies in."


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN)],
    before: Annotated[Path | None, typer.Option(
        metavar="RUN", help="The last run on the same board, to be compared with.")] = None,
    others: Annotated[list[Path] | None, typer.Option(
        "--other", metavar="RUN", help="A run on another board, to be shown beside it; as often as "
                                       "you like.")] = None,
    out: Annotated[Path | None, typer.Option(
        metavar="DIR", help="For report.html; the run's folder by default.")] = None,
) -> None:
    """Write the page of a run again, beside runs on other boards or an earlier one."""
    from iotcall.hil.report import write_report
    from iotcall.hil.rows import read_run

    page = write_report(read_run(run), out or (run if run.is_dir() else run.parent),
                        read_run(before) if before else None,
                        [read_run(other) for other in others or ()])
    typer.echo(str(page))


def accept(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN)],
    out: Annotated[Path | None, typer.Option(
        metavar="FILE", help="The baseline; hil/baselines/BOARD-SUITE.json by default.")] = None,
) -> None:
    """Write what the gates need of a run as a baseline, which is then reviewed like code."""
    from iotcall.hil.baseline import BASELINES, accept_baseline
    from iotcall.hil.rows import read_run

    found = read_run(run)
    path = out or Path("hil") / BASELINES / f"{found.board}-{found.suite}.json"
    typer.echo(f"{accept_baseline(found, path)}: read what changed, and commit it")
