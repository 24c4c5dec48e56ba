"""``iotcall distill traces``: production traces as training dialogues, without personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import JsonOption, print_json, refuse_nan
from iotcall.errors import FileError, InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.distill.traces.gather import Report
    from iotcall.distill.traces.reading import Source


def traces(
    sources: Annotated[list[str], typer.Argument(
        metavar="SOURCE...", help="Files, folders, patterns or URLs that fsspec reads: JSON Lines, "
                                  "JSON, Parquet, Arrow, a hub's records; .gz and the like too.")],
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="The tools whose calls the traces hold.")],
    out: Annotated[Path, typer.Option(help="JSON Lines to write.")],
    near: Annotated[float, typer.Option(
        min=0.5, max=1.0, help="Dialogues with the same calls that are so alike are duplicates; "
                               "1 keeps all but exact ones.")] = 0.85,
    region: Annotated[str, typer.Option(
        metavar="CODE", help="Country of telephone numbers without a country's code.")] = "US",
    names: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Names and words to replace too, one a line.")] = None,
    seed: Annotated[int, typer.Option(help="Of the made-up values.")] = 1,
    left_out: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Also write which rows were left out, and why.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was interrupted.")] = False,
    json: JsonOption = False,
) -> None:
    """Gather traces: redacted, each dialogue once, every row accounted for.

    Sources are files, folders, patterns or URLs that fsspec reads, of JSON Lines, JSON, Parquet or
    Arrow: OpenAI messages, a hub's own records, or rows of question and answer.
    """
    from iotcall.catalogue import load_catalogue
    from iotcall.distill.traces.gather import Options, gather
    from iotcall.distill.traces.reading import find_sources

    refuse_nan(near=near)
    tools = load_catalogue(find("grammars", catalogue))
    options = Options(near, _country(region), _names(names), seed)
    found = find_sources(sources)
    _check_places(found, out, left_out)
    try:
        with _progress(found, quiet=json) as progress:
            report = gather(found, tools, out, options, resume=resume, left_out=left_out,
                            progress=progress)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
        typer.echo("the same command with --resume goes on", err=True)
        raise
    if json:
        print_json(report)
    else:
        typer.echo(_shown(report))


def _country(code: str) -> str:
    import phonenumbers

    if code.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise InputError(f"--region: {code!r} is no country; expected a code of two letters such "
                         "as US or DE")
    return code.upper()


def _names(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    return tuple(sorted({line.strip() for line in lines if line.strip()}))


def _check_places(sources: list[Source], out: Path, left_out: Path | None) -> None:
    read = {Path(source.name).resolve() for source in sources}
    for path in (out, left_out):
        if path and path.resolve() in read:
            raise InputError(f"{path} is one of the sources; choose another place to write to")
        if path and path.is_dir():
            raise InputError(f"{path} is a folder; expected a file to write")
        if path and not path.parent.is_dir():
            raise InputError(f"{path.parent} is no folder; make it first")
    if left_out and left_out.resolve() == out.resolve():
        raise InputError("--out and --left-out are the same file")


@contextmanager
def _progress(sources: list[Source], *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(SpinnerColumn(), TextColumn("{task.description}", markup=False),
                  TextColumn("{task.completed} rows"), TimeElapsedColumn(), console=console,
                  transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(source: int, rows: int) -> None:
            bar.update(task, completed=rows,
                       description=f"{source + 1}/{len(sources)} {sources[source].name}")

        yield show


def _shown(report: Report) -> str:
    files = "1 file" if len(report.sources) == 1 else f"{len(report.sources)} files"
    lines = [f"{report.rows} rows in {files}: {report.kept} kept ({report.turns} turns) in "
             f"{report.out}"]
    for title, counts in (("left out", report.left_out),
                          ("kept up to a turn that was", report.cut_short),
                          ("personal data replaced", report.redacted),
                          ("calls", report.tools)):
        if counts:
            lines.append(f"{title}:")
            lines += [f"  {count:7d}  {name}" for name, count in counts.items()]
    if not report.kept:
        lines.append("nothing could be used; expected JSON objects, one a line, with `messages` in "
                     "the OpenAI format, or `question` and `answer`, and calls of the catalogue")
        return "\n".join(lines)
    lines.append("names and addresses of people are not looked for, but those in --names; read "
                 "the file before it is shared")
    return "\n".join(lines)
