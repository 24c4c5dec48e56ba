"""``iotcall export``: a checkpoint goes in, a bundle comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError, InputError
from iotcall.shipped import find


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a Hugging Face checkpoint.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle; its name is the bundle's.")],
    catalogue: Annotated[str | None, typer.Option(
        metavar="DIR|NAME", help="tools.json, golden.jsonl and dialogue.toml; by default what the "
                                 "checkpoint was trained for.")] = None,
    target: Annotated[str, typer.Option(metavar="FILE|NAME",
                                        help="Recipe of export/targets/.")] = "cpu-int8",
    format: Annotated[str | None, typer.Option(
        help="Wire format; the student's own by default.")] = None,
    replace: Annotated[bool, typer.Option(help="Replace the bundle at --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Export a checkpoint to a bundle and prove that it makes the same calls."""
    from rich.console import Console

    from iotcall.catalogue import load_catalogue

    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: expected the folder of a checkpoint, found none")
    note = _note(checkpoint, needed=not (format and catalogue))
    folder = find("grammars", catalogue) if catalogue else _trained_for(checkpoint, note)
    if note and not _is_same(note.catalogue, folder):
        typer.echo(f"note: {checkpoint} was trained for the catalogue {note.catalogue!r}, not for "
                   f"{catalogue!r}", err=True)
    console = Console(stderr=True, quiet=json)
    with console.status("loading Optimum") as status:
        from iotcall.export.exporter import export_student
        from iotcall.export.target import load_target

        name, recipe = load_target(target)
        report = export_student(checkpoint, folder, load_catalogue(folder), name, recipe, out,
                                format_name=format, replace=replace, progress=status.update)
    if json:
        print_json(report)
        return
    parity = report.parity
    typer.echo(
        f"{report.bundle}: {report.bytes / 1e6:.1f} MB for {name}\n"
        f"fp32 graph to torch: largest logit difference {parity.logit_difference:.1e}\n"
        f"quantised to fp32:   {parity.call_agreement:.1%} of {parity.turns} golden turns give the "
        f"same calls\ngolden dialogues:    {parity.golden_equivalence:.1%} right")
    for line in report.notes:
        typer.echo(f"note: {line}")


def _note(checkpoint: Path, *, needed: bool) -> CheckpointNote | None:
    """The checkpoint's note; None of one that cannot be read where options say all of it."""
    try:
        return read_note(checkpoint)
    except FileError as error:
        if needed:
            raise
        typer.echo(f"note: {error.path} is left out: {error.detail}", err=True)
        return None


def _trained_for(checkpoint: Path, note: CheckpointNote | None) -> Path:
    """The folder of the catalogue that the note names."""
    if note is None:
        raise InputError(f"{checkpoint} does not say which catalogue it was trained for; "
                         "add --catalogue")
    try:
        return find("grammars", note.catalogue)
    except InputError as error:
        raise InputError(f"{checkpoint} was trained for the catalogue {note.catalogue!r}, which "
                         "is not here; add --catalogue") from error


def _is_same(trained_for: str, folder: Path) -> bool:
    try:
        return find("grammars", trained_for).resolve() == folder.resolve()
    except InputError:
        return Path(trained_for).name == folder.resolve().name  # trained elsewhere
