"""``iotcall hil``: the bench. A suite on a board, judged; and what a board still wants for that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.hil_runs import accept, report
from iotcall.cli.hil_setup import setup
from iotcall.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from iotcall.hil.rows import Run

hil = typer.Typer(no_args_is_help=True, help="Check a bundle on a board, as a house would use it.")
hil.command("report")(report)
hil.command("accept")(accept)
hil.command("setup")(setup)


@hil.command("run")
def run(
    suite: Annotated[str, typer.Option(
        "--suite", metavar="NAME|FILE", help="What is checked: a file of hil/suites/.")
    ] = "pull_request",
    board: Annotated[str, typer.Option(
        "--board", metavar="NAME|FILE", help="Where: a file of devices/boards/ with a [bench].")
    ] = "host-x86",
    bundle: Annotated[str | None, typer.Option(
        "--bundle", "-b", metavar="NAME|DIR", help="In place of the suite's.")] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", metavar="DIR", help="For run.json, junit.xml and report.html; "
                                     "build/hil/BOARD/SUITE by default.")] = None,
    baseline: Annotated[Path | None, typer.Option(
        "--baseline", metavar="FILE", help="An earlier run to be judged against.")] = None,
    others: Annotated[list[Path] | None, typer.Option(
        "--other", metavar="RUN", help="A run of the same bundle on another board, whose calls it "
                                       "is compared with; as often as you like.")] = None,
    json: JsonOption = False,
) -> None:
    """Install a bundle on a board, drive it over MQTT, say what holds.

    Exit code 1 where something does not.
    """
    import labgrid  # noqa: F401
    import pytest  # noqa: F401  the extra is asked for before anything is begun

    from iotcall.hil.bench import JUNIT, run_suite
    from iotcall.hil.rows import RUN

    place = out or Path("build") / "hil" / Path(board).stem / Path(suite).stem
    found = run_suite(suite=suite, board=board, bundle=bundle, out=place, baseline=baseline,
                      others=others or (), quiet=json)
    if json:
        print_json(found)
    else:
        typer.echo(_table(found))
        typer.echo(f"{place / 'report.html'}, {RUN}, {JUNIT}")
    if found.failed:
        raise typer.Exit(1)


@hil.command("doctor")
def doctor(
    board: Annotated[str, typer.Argument(
        metavar="NAME|FILE", help="A file of devices/boards/.")] = "host-x86",
    json: JsonOption = False,
) -> None:
    """Say what is missing for runs on a board, here and there, and what to do about it.

    Exit code 2 where something is.
    """
    from iotcall.hil.doctor import examine

    findings = examine(board)
    if json:
        print_json(findings)
    else:
        for found in findings:
            typer.echo(f"{found.level:<8}{found.what}: {found.found}"
                       + (f"; {found.do}" if found.do else ""))
    if any(found.level == "error" for found in findings):
        raise typer.Exit(2)


def _table(run: Run) -> str:
    lines = [f"{run.bundle} on {run.board}, suite {run.suite}: {len(run.rows)} rows, "
             f"{len(run.failed)} failed, {run.seconds:.0f} s"]
    for row in run.rows:
        labels = " ".join(f"{key}={value}" for key, value in row.labels.items())
        if row.verdict == "failed" or not row.labels:
            lines.append(f"{row.verdict:<9}{row.check}{f' [{labels}]' if labels else ''}: "
                         f"{row.told}")
    return "\n".join(lines)
