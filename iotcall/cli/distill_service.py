"""Options, progress and table of the commands that ask a judge or a teacher.

Leaves out: what they ask. Only the standard library and the command line's own are imported here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from iotcall.errors import IotcallError

if TYPE_CHECKING:
    from iotcall.distill.teacher import Asker, Counts, Endpoint, Patience

Item = TypeVar("Item")
Result = TypeVar("Result")

BaseUrlOption = Annotated[str | None, typer.Option(
    "--base-url", metavar="URL",
    help="OpenAI-compatible service, e.g. http://localhost:11434/v1.")]
ModelOption = Annotated[str | None, typer.Option(help="The model, as the service calls it.")]
KeyOption = Annotated[str | None, typer.Option(
    metavar="NAME", help="Environment variable with the service's key. "
                         "[default: IOTCALL_TEACHER_KEY, if it is set]")]
ParallelOption = Annotated[int, typer.Option(min=1, max=256, help="Questions under way at once.")]
LimitOption = Annotated[int | None, typer.Option(
    min=0, help="Requests to send in this run, at most; the next run goes on from there.")]
TemperatureOption = Annotated[float | None, typer.Option(
    min=0, max=2, help="Of the model. [default: the service's]")]
TimeoutOption = Annotated[float, typer.Option(
    min=0.1, max=3600, help="Seconds to the end of an answer.")]
AttemptsOption = Annotated[int, typer.Option(
    min=1, max=50, help="Times to try when the service fails.")]


def endpoint_of(base_url: str, model: str, key_variable: str | None) -> Endpoint:
    """The service that the options name, with its key from the environment."""
    from iotcall.distill.teacher import open_endpoint

    return open_endpoint(base_url, model, os.environ, key_variable=key_variable)


def ask_all(endpoint: Endpoint, ledger: Path, items: Sequence[Item],
            work: Callable[[Asker, Item], Awaitable[Result]], *, patience: Patience, parallel: int,
            limit: int | None, temperature: float | None, quiet: bool, what: str,
            ) -> tuple[list[Result | None], Asker]:
    """Results of the items (None: not asked to the end), and what became of the requests."""
    from iotcall.distill.teacher import Asker, open_ledger, opened, run_all

    with open_ledger(ledger) as kept, _Progress(len(items), what, quiet=quiet) as progress:
        async def run() -> tuple[list[Result | None], Asker]:
            async with opened(endpoint, patience.timeout_seconds) as post:
                asker = Asker(post, kept, model=endpoint.model, patience=patience,
                              temperature=temperature, limit=limit)
                return await run_all(
                    asker, items, lambda item: work(asker, item), parallel=parallel,
                    done=lambda: progress.step(asker.counts),
                    interrupted=progress.waiting), asker

        try:
            return asyncio.run(run())
        except (KeyboardInterrupt, SystemExit, IotcallError):
            progress.close()
            typer.echo(f"{len(kept)} answers are kept in {ledger}; the same command goes on from "
                       "there", err=True)
            raise


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on standard output: names left, numbers right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE, title_justify="left", show_header=any(columns))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", overflow="fold",
                         no_wrap=not index)
    for row in rows:
        table.add_row(*map(str, row))
    Console(markup=False, highlight=False).print(table)


def say_why(asker: Asker) -> None:
    """What the service had to say, and why not everything was asked, if it was not.

    Raises:
        IotcallError: the service was of no use.
    """
    for reason, detail in sorted(asker.counts.details.items()):
        typer.echo(f"given up as {reason}, at last: {detail}", err=True)
    told = f"stopped early: {asker.why}; the same command goes on from there"
    if asker.hopeless:
        raise IotcallError(told)
    if asker.why:
        typer.echo(told, err=True)


class _Progress:
    """A bar on a terminal, a line now and then in a log; on standard error."""

    def __init__(self, total: int, what: str, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True, markup=False, highlight=False)
        self._quiet, self._total, self._done, self._what = quiet, total, 0, what
        self._bar = Progress(
            TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"), console=self._console,
            disable=quiet or not self._console.is_terminal)
        self._task = self._bar.add_task("", total=total, counts="")

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._bar.stop()

    def step(self, counts: Counts) -> None:
        self._done += 1
        told = (f"{counts.sent} sent, {counts.kept} known, "
                f"{sum(counts.failed.values())} in vain")
        self._bar.update(self._task, completed=self._done, counts=told)
        if not self._quiet and not self._console.is_terminal and (
                self._done % max(1, self._total // 10) == 0 or self._done == self._total):
            self._console.print(f"{self._what}: {self._done} of {self._total}, {told}")

    def waiting(self) -> None:
        if not self._quiet:
            self._console.print("waiting for the answers under way; Ctrl-C again leaves them")
