"""``iotcall export``: a checkpoint goes in, a bundle comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError, InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.export.exporter import ExportReport


def export(
    checkpoint: Annotated[str, typer.Argument(
        metavar="DIR|ID", help="Folder of a Hugging Face checkpoint or LoRA adapter, or a model "
                               "hub's id (owner/name).")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle; its name is the bundle's.")],
    catalogue: Annotated[str | None, typer.Option(
        metavar="DIR|NAME", help="tools.json, golden.jsonl and dialogue.toml; by default what the "
                                 "checkpoint was trained for.")] = None,
    target: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="Recipe of export/targets/, see 'iotcall targets'; by default "
                                  "cpu-int4 for a student that learnt with weights of 4 bits, "
                                  "cpu-int8 for others.")] = None,
    format: Annotated[str | None, typer.Option(
        help="Wire format; the student's own by default.")] = None,
    goldens: Annotated[Path | None, typer.Option(
        help="Golden dialogues instead of the catalogue's golden.jsonl.")] = None,
    calibration: Annotated[Path | None, typer.Option(
        help="Dialogues that ranges and trimmed vocabularies rest on; the golden ones by default.")
    ] = None,
    base: Annotated[str | None, typer.Option(
        metavar="DIR|ID", help="The model that an adapter belongs to, if not what it names.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Of a model hub's repository.")] = None,
    sign_key: Annotated[Path | None, typer.Option(
        help="Sign the bundle with this private key; see 'iotcall keys new'.")] = None,
    prefix: Annotated[bool, typer.Option(
        "--prefix/--no-prefix", help="Ship the state after the tool declarations, so that no hub "
                                     "has to run them.")] = True,
    draft: Annotated[Path | None, typer.Option(
        metavar="BUNDLE", help="A much smaller student of the same tools, to go into the bundle: "
                               "it guesses calls, which this one confirms in one pass.")] = None,
    allow: Annotated[bool, typer.Option(
        help="Write the bundle below the target's bar of parity too; its manifest says so.")
    ] = False,
    replace: Annotated[bool, typer.Option(help="Replace the bundle at --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Export a checkpoint to a bundle and prove that it makes the same calls."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from iotcall.catalogue import load_catalogue
    from iotcall.cli.keys import signing_key
    from iotcall.export.target import load_target

    key = signing_key(sign_key) if sign_key else None
    folder, note = _catalogue(checkpoint, catalogue, needed=not (format and catalogue))
    name, recipe = load_target(target or ("cpu-int4" if note and note.bits == 4 else "cpu-int8"))
    if note and not _is_same(note.catalogue, folder):
        typer.echo(f"note: {checkpoint} was trained for the catalogue {note.catalogue!r}, not for "
                   f"{catalogue!r}", err=True)
    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                  TimeElapsedColumn(), transient=True, console=console,
                  disable=json or not console.is_terminal) as bar:
        task = bar.add_task("loading Optimum", total=None)
        from iotcall.export.exporter import Options, export_student

        report = export_student(
            checkpoint, folder, load_catalogue(folder), name, recipe, out, sign_with=key,
            options=Options(format_name=format, golden=goldens, calibration=calibration, base=base,
                            revision=revision, replace=replace, allow=allow, prefix_kv=prefix,
                            draft=draft),
            progress=lambda step, done, total: bar.update(
                task, description=step, completed=done, total=total or None))
    if json:
        print_json(report)
    else:
        _print(report)


def _print(report: ExportReport) -> None:
    certificate = report.certificate
    torch = certificate.stages[0]
    bundle = next(stage for stage in reversed(certificate.stages) if stage.turns == torch.turns)
    typer.echo(
        f"{report.bundle}: {report.bytes / 1e6:.1f} MB for {certificate.target}, of which "
        f"{report.model_bytes / 1e6:.1f} MB model\n"
        f"fp32 graphs to torch: largest logit difference {certificate.prefill_difference:.1e}")
    width = max(len(stage.name) for stage in certificate.stages)
    for stage in certificate.stages[1:]:
        ties = f", {stage.ties} ties" if stage.ties else ""
        typer.echo(f"{stage.name:<{width}}  torch's calls on {stage.agreed} of {stage.turns} "
                   f"golden turns{ties}")
    typer.echo(f"golden dialogues: {bundle.right} of {bundle.turns} turns right (torch: "
               f"{torch.right})")
    for line in (*(f"allowed: {line}" for line in report.allowed),
                 *(f"note: {line}" for line in report.notes)):
        typer.echo(line)


def _catalogue(checkpoint: str, given: str | None, *, needed: bool) -> tuple[
        Path, CheckpointNote | None]:
    """The catalogue's folder, and the checkpoint's note where it lies here and can be read."""
    folder = Path(checkpoint)
    if not folder.is_dir():
        if given is None:
            raise InputError(f"{checkpoint}: expected the folder of a checkpoint, found none; a "
                             "model hub's id needs --catalogue beside it")
        return find("grammars", given), None
    note = _note(folder, needed=needed)
    return (find("grammars", given) if given else _trained_for(folder, note)), note


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
