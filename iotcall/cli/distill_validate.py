"""``iotcall distill validate``: what of a file of dialogues may be learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import JsonOption, print_json, refuse_nan
from iotcall.errors import FileError, InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue
    from iotcall.distill.validation.heldout import HeldOut
    from iotcall.distill.validation.validate import Report

_LONGEST_DETAIL = 160


def validate(
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="The tools that the dialogues call.")],
    file: Annotated[str, typer.Argument(
        metavar="[FILE]", help="Dialogues: JSON Lines, Parquet, a URL. May be missing where only "
                               "hashes are written.")] = "",
    out: Annotated[Path | None, typer.Option(help="Where the clean rows go.")] = None,
    dropped: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Where the dropped rows go, with the reason of each.")] = None,
    held_out: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="Dialogues that must not be learnt from: JSON Lines or .said; may be "
                             "given several times.")] = None,
    hashes: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="The same as hashes that --write-hashes wrote.")] = None,
    write_hashes: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Write the held-out files' utterances as hashes.")] = None,
    near: Annotated[float, typer.Option(
        min=0.5, max=1.0, help="Dialogues with the same calls that are so alike are duplicates; "
                               "1 drops only equal ones.")] = 0.85,
    near_held_out: Annotated[float, typer.Option(
        min=0.5, max=1.0, help="Utterances that are so like a held-out one are dropped; 1 drops "
                               "only equal ones.")] = 0.9,
    commonplace: Annotated[int, typer.Option(
        min=0, max=10, help="Utterances of so many words may be in held-out files too: 2 lets "
                            "\"thank you\" pass.")] = 0,
    format: Annotated[list[str] | None, typer.Option(
        help="Wire format that calls must come back from; may be given several times. "
             "Default: all.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit code 1 if a row was dropped.")] = False,
    json: JsonOption = False,
) -> None:
    """Check dialogues: valid, grounded, each only once, none of them held out."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    from iotcall.catalogue import load_catalogue
    from iotcall.distill.traces.reading import find_sources
    from iotcall.distill.validation.heldout import HeldOut
    from iotcall.distill.validation.validate import Limits, write_lines
    from iotcall.distill.validation.validate import validate as check
    from iotcall.formats import FORMATS, format_named

    refuse_nan(near=near, near_held_out=near_held_out)
    tools = load_catalogue(find("grammars", catalogue))
    formats = [format_named(name) for name in dict.fromkeys(format or FORMATS)]
    if not file and not write_hashes:
        raise InputError("give a file to check, or --write-hashes with --held-out")
    if write_hashes and not held_out and not hashes:
        raise InputError("--write-hashes needs --held-out: the files whose utterances to write")
    _check_places([file, *(held_out or ()), *(hashes or ())], [out, dropped, write_hashes])
    known = HeldOut(near_held_out)
    for path in held_out or ():
        _add(known, path, tools)
    for path in hashes or ():
        known.read(path)
    if write_hashes:
        known.write(write_hashes)
        if not json:
            typer.echo(f"{len(known)} utterances as hashes in {write_hashes}")
    if not file:
        if json:
            print_json({"hashes": str(write_hashes), "held_out": len(known)})
        return
    sources = find_sources([file])
    if len(sources) > 1:
        raise InputError(f"{file} is {len(sources)} files; expected one")
    console = Console(stderr=True)
    with Progress(TextColumn("{task.completed} rows"), console=console, transient=True,
                  disable=json or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        report, clean, left = check(sources[0], tools, formats, known, Limits(near, commonplace),
                                    progress=lambda rows: bar.update(task, completed=rows))
    if out:
        write_lines(out, clean)
    if dropped:
        write_lines(dropped, left)
    if json:
        print_json(report)
    else:
        _show(report, out)
    if strict and report.dropped:
        raise typer.Exit(1)


def _check_places(read: list[str | Path], written: list[Path | None]) -> None:
    taken = {Path(path).resolve() for path in read if path}
    for path in filter(None, written):
        if path.resolve() in taken:
            raise InputError(f"{path} is read or written already; choose another place")
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"{path} cannot be written; expected a file in a folder that exists")
        taken.add(path.resolve())


def _add(known: HeldOut, path: Path, catalogue: Catalogue) -> None:
    """Read a held-out file; a file without utterances would let everything pass."""
    from iotcall.evaluate import read_dialogues
    from iotcall.evaluate.marked import read_marked

    if path.suffix == ".said":
        said = [turn.utterance for dialogue in read_marked(path, catalogue) for turn in dialogue]
    else:
        said = [turn.utterance for dialogue in read_dialogues(path) for turn in dialogue.turns]
    if not said:
        raise FileError(path, "holds no utterance; expected held-out dialogues")
    known.add(said)


def _show(report: Report, out: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    where = f" in {out}" if out else "; --out writes them to a file"
    typer.echo(f"{report.file}: {report.kept} of {report.rows} rows are clean "
               f"({report.turns} turns){where}")
    if report.dropped:
        table = Table("dropped", "rows", "for example", box=None, pad_edge=False)
        for reason, count in report.dropped.items():
            sample = report.samples[reason][0]
            detail = f"row {sample.row}" + (f", {sample.detail}" if sample.detail else "")
            table.add_row(Text(reason), str(count), Text(detail[:_LONGEST_DETAIL]))
        Console().print(table)
    lines = [f"calls were written and read back in {', '.join(report.formats)}"]
    if report.held_out:
        lines.append(f"held against {report.held_out} held-out utterances")
    else:
        lines.append("nothing was held against the file: no --held-out, no --hashes")
    if report.commonplaces:
        lines.append(f"{report.commonplaces} turns are held out too, but commonplaces")
    missing = [tool for tool, count in report.tools.items() if not count]
    if missing and report.kept:
        lines.append(f"no clean row calls {', '.join(missing)}")
    if report.unchecked:
        lines.append(f"names of homes are not checked: {', '.join(report.unchecked)}")
    typer.echo("\n".join(lines))
