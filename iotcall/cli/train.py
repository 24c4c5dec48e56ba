"""``iotcall train``: dialogues -> a checkpoint that ``iotcall export`` takes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from iotcall.cli.eval import progress
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue
    from iotcall.distill.recipe import Recipe
    from iotcall.distill.training.beginning import Base
    from iotcall.distill.training.elder import Elder
    from iotcall.distill.training.log import Judgement, Row
    from iotcall.evaluate import Dialogue

_HEADINGS = ("step", "epoch", "loss", "right", "equivalence", "95 %", "names", "seconds", "")
_WIDTHS = (7, 7, 8, 11, 12, 15, 8, 8, 12)


def train(
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    recipe: Annotated[str | None, typer.Option(
        metavar="FILE|NAME",
        help="TOML of export/students/; options given here override it.")] = None,
    base: Annotated[str | None, typer.Option(
        metavar="DIR|ID", help="Fine-tune this checkpoint of Qwen3, Gemma3 or LFM2 (a folder, or a "
                               "model hub's id) in place of a student from scratch.")] = None,
    lora: Annotated[bool | None, typer.Option(
        "--lora/--full", help="Adapt the base by an update of low rank, or change all weights.")
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Of the update.")] = None,
    alpha: Annotated[float | None, typer.Option(
        help="The update counts alpha / rank times.")] = None,
    adapter: Annotated[bool | None, typer.Option(
        "--adapter/--merged", help="Write the update alone, or the base with it.")] = None,
    architecture: Annotated[str | None, typer.Option(
        help="From scratch: qwen3, gemma3, lfm2 or opt.")] = None,
    format: Annotated[str | None, typer.Option(help="Wire format, by name.")] = None,
    catalogue: Annotated[str | None, typer.Option(metavar="DIR|NAME")] = None,
    data: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="Dialogues (JSON Lines or .said) instead of synthetic ones; may be "
                             "repeated.")] = None,
    dev: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="Development dialogues (JSON Lines or .said): the student is judged "
                             "on them, and the best one is kept. May be repeated.")] = None,
    judge_every: Annotated[int | None, typer.Option(
        metavar="STEPS", help="Judge so often; 0: after every epoch.")] = None,
    patience: Annotated[int | None, typer.Option(
        metavar="COUNT", help="End after so many judgements without a better one; 0: never.")
    ] = None,
    public: Annotated[Path | None, typer.Option(
        help="Folder of public files, where the recipe learns from some.")] = None,
    dialogues: Annotated[int | None, typer.Option(help="Synthetic ones to draw.")] = None,
    epochs: Annotated[float | None, typer.Option()] = None,
    layers: Annotated[int | None, typer.Option()] = None,
    width: Annotated[int | None, typer.Option()] = None,
    vocabulary: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option(
        help="2e-3 from scratch, 5e-5 of a base, 2e-4 of an update, unless given.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Sequences a step.")] = None,
    passes: Annotated[int | None, typer.Option(
        help="Spread a step's sequences over so many: less memory, same student.")] = None,
    precision: Annotated[str | None, typer.Option(
        help="Of products: fp32, bf16, or auto: bf16 where the machine has it.")] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    checkpoint_every: Annotated[int, typer.Option(
        min=1, metavar="STEPS", help="Keep a checkpoint to resume from so often.")] = 500,
    resume: Annotated[bool, typer.Option(
        help="Continue an interrupted training in --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a student: from scratch, or a checkpoint of a published family.

    How it goes is printed and kept in training.jsonl in --out. Development dialogues are decoded
    greedily under the grammar that the bundle will have.
    """
    from iotcall.catalogue import load_catalogue
    from iotcall.distill.training.log import Judgement, read_log
    from iotcall.distill.training.record import check_place, note_of, standing

    check_place(out, resume=resume)
    wanted = _recipe(recipe, {
        "base": base, "architecture": architecture, "format": format, "catalogue": catalogue,
        "dialogues": dialogues, "epochs": epochs, "layers": layers, "width": width,
        "vocabulary": vocabulary, "learning_rate": learning_rate, "batch_size": batch_size,
        "passes": passes, "precision": precision, "judge_every": judge_every,
        "patience": patience, "seed": seed,
    }, lora, {"rank": rank, "alpha": alpha, "merged": None if adapter is None else not adapter})
    folder = find("grammars", wanted.catalogue)
    tools = load_catalogue(folder)
    elder = _elder(wanted)
    with _opened(wanted, tools) as (wanted, opened):
        rows = _dialogues(wanted, folder, tools, data, public, quiet=json)
        chosen = _dev(wanted, folder, tools, dev)
        note = note_of(wanted, rows, chosen, elder.sha256 if elder else "")
        finished = standing(out, note, resume=resume) == "finished"
        if not finished:
            texts = _texts(wanted, folder, data, public, quiet=json)
            _train(wanted, rows, tools, out, base=opened, elder=elder, dev=chosen, texts=texts,
                   resume=resume, quiet=json, checkpoint_every=checkpoint_every)
    judgements = [row for row in read_log(out) if isinstance(row, Judgement)]
    if json:
        print_json({"checkpoint": str(out), "recipe": msgspec.to_builtins(wanted),
                    "dialogues": len(rows), "judgements": judgements})
        return
    following = shlex.join(["iotcall", "export", str(out), "--catalogue", wanted.catalogue,
                            "--out", f"{out}-bundle"])
    for line in _kept(judgements):
        typer.echo(line)
    typer.echo(f"the training in {out} is finished; next: {following}" if finished
               else f"checkpoint in {out}; next: {following}")


def _recipe(given: str | None, options: dict[str, Any], lora: bool | None,
            of_lora: dict[str, Any]) -> Recipe:
    """The recipe with the options in it.

    Raises:
        InputError: no student can be built so.
    """
    from iotcall.distill.recipe import Recipe
    from iotcall.settings import read_toml

    read = msgspec.to_builtins(read_toml(find("export/students", given, ".toml"), Recipe)
                               if given else Recipe())
    settings = read | {key: value for key, value in options.items() if value is not None}
    chosen = {key: value for key, value in of_lora.items() if value is not None}
    if lora is False:
        settings["lora"] = None
    elif lora or (chosen and settings["lora"]):
        settings["lora"] = (settings["lora"] or {}) | chosen
    if chosen and not settings["lora"]:
        raise InputError("--rank, --alpha and --adapter are of an update of low rank; add --lora")
    try:
        return msgspec.convert(settings, Recipe)
    except msgspec.ValidationError as error:
        raise InputError(f"the student cannot be built: {error}") from error


def _elder(recipe: Recipe) -> Elder | None:
    """What the recipe begins as: the student of a bundle or of a checkpoint."""
    if not recipe.begins_as:
        return None
    import torch

    from iotcall.bundle import verify_bundle
    from iotcall.bundle.manifest import MANIFEST
    from iotcall.distill.training.elder import Elder, elder_in, vocabulary_of
    from iotcall.export.unpacking import bundle_weights

    folder = find("bundles", recipe.begins_as)
    if not (folder / MANIFEST).is_file():
        return elder_in(folder)
    verify_bundle(folder, full=True)
    weights = {name: torch.from_numpy(array) for name, array in bundle_weights(folder).items()}
    return Elder(str(folder), weights, vocabulary_of(folder))


@contextmanager
def _opened(recipe: Recipe, catalogue: Catalogue) -> Iterator[tuple[Recipe, Base | None]]:
    """The recipe with its wire format, and its base for as long as the context lasts."""
    from iotcall.formats import format_named

    if not recipe.base:
        from iotcall.distill.training.record import SCRATCH_FORMAT
        from iotcall.distill.training.warm_start import encoder_folder

        if recipe.warm_start:
            encoder_folder(recipe.warm_start)  # before dialogues are drawn
        name = recipe.format or SCRATCH_FORMAT
        format_named(name)
        yield msgspec.structs.replace(recipe, format=name), None
        return
    from iotcall.checkpoint import read_note
    from iotcall.distill.training.beginning import Base
    from iotcall.export.student.parts import FAMILY_FORMATS
    from iotcall.export.student.source import open_source
    from iotcall.export.student.template import template_pieces

    with open_source(recipe.base, progress=lambda step: typer.echo(step, err=True)) as source:
        if source.notes and recipe.lora and not recipe.lora.merged:
            raise InputError(f"{recipe.base} is an adapter itself; a second one could not be "
                             "exported: leave --adapter out, so that all is merged")
        note = read_note(source.folder) if not recipe.format else None
        name = recipe.format or (note.format if note else "") or FAMILY_FORMATS.get(
            source.architecture, "")
        if not name:
            raise InputError(f"no wire format is known for {source.architecture}; give --format")
        told = template_pieces(source.folder, format_named(name), catalogue)
        for line in told.notes:
            typer.echo(f"note: {line}", err=True)
        yield msgspec.structs.replace(recipe, format=name), Base(source.folder, told.pieces)


def _dialogues(recipe: Recipe, folder: Path, catalogue: Catalogue, data: Sequence[Path] | None,
               public: Path | None, *, quiet: bool) -> list[Dialogue]:
    """What is learnt from."""
    from iotcall.distill.source import source_of

    if data:
        return _labelled(data, recipe, catalogue)
    source = source_of(folder, recipe.seed, recipe.mixture, noise=recipe.noise, public=public)
    found = []
    with progress("drawing dialogues", recipe.dialogues, quiet=quiet) as told:
        for dialogue in source.dialogues(recipe.dialogues):
            found.append(dialogue)
            told(len(found))
    return found


def _texts(recipe: Recipe, folder: Path, data: Sequence[Path] | None, public: Path | None, *,
           quiet: bool) -> list[str]:
    """What a lexicon is made of, where the student gets one."""
    from iotcall.distill.training.lexicon import heard

    if data or not recipe.warm_start:
        return []
    with progress("listening for the lexicon", 0, quiet=quiet):
        return list(heard(recipe, folder, public))


def _dev(recipe: Recipe, folder: Path, catalogue: Catalogue, given: Sequence[Path] | None
         ) -> list[Dialogue]:
    """Development dialogues, as given or as the recipe names them."""
    paths = given or [folder / name for name in recipe.dev]
    if not paths and (recipe.judge_every or recipe.patience):
        raise InputError("--judge-every and --patience need development dialogues; add --dev FILE")
    return _labelled(paths, recipe, catalogue) if paths else []


def _labelled(paths: Sequence[Path], recipe: Recipe, catalogue: Catalogue) -> list[Dialogue]:
    from iotcall.distill.training.record import check_dialogues
    from iotcall.evaluate.files import read_labelled
    from iotcall.formats import format_named

    found = []
    for path in paths:
        rows = read_labelled([path], catalogue)
        check_dialogues(rows, format_named(recipe.format), catalogue, path)
        found += rows
    return found


def _train(recipe: Recipe, rows: Sequence[Dialogue], catalogue: Catalogue, out: Path, *,
           base: Base | None, elder: Elder | None, dev: Sequence[Dialogue], texts: Sequence[str],
           resume: bool, quiet: bool, checkpoint_every: int) -> None:
    from iotcall.distill.training.trainer import train_student

    try:
        with _progress(quiet=quiet) as (callbacks, told):
            train_student(recipe, rows, catalogue, out, base=base, elder=elder, dev=dev,
                          texts=texts, resume=resume, checkpoint_every=checkpoint_every,
                          callbacks=callbacks, told=told)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
        typer.echo("the same command with --resume continues from the newest checkpoint in "
                   f"{out}, if there is one yet", err=True)
        raise


@contextmanager
def _progress(*, quiet: bool) -> Iterator[tuple[list[Any], Callable[[Row], None]]]:
    """Callbacks for the Trainer that show steps, loss and the time left, and what shows rows."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from transformers import TrainerCallback

    from iotcall.distill.training.log import Begun, Judgement, Loss

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with Progress(TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                  TextColumn("{task.fields[loss]}"), console=console,
                  disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None, loss="")
        loss, judged = 0.0, 0

        class Shown(TrainerCallback):  # type: ignore[misc]
            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                bar.update(task, completed=state.global_step, total=state.max_steps)

        def told(row: Row) -> None:
            nonlocal loss, judged
            if quiet:
                return
            match row:
                case Begun():
                    console.print(
                        f"{row.sequences} sequences; {row.learning:,} of {row.parameters:,} "
                        f"parameters learn in {row.precision} on {row.device}"
                        + (f"; {row.shortened} lost turns that did not fit"
                           if row.shortened else "")
                        + (f", from step {row.step}" if row.step else ""))
                case Loss():
                    loss = row.loss
                    bar.update(task, loss=f"loss {loss:.3f}")
                    if not console.is_terminal:  # a log file: a line now and then
                        console.print(f"step {row.step}, loss {loss:.3f}")
                case Judgement():
                    if not judged:
                        console.print(_row(_HEADINGS))
                    judged += 1
                    console.print(_row(_cells(row, loss)))

        yield [Shown()], told


def _cells(row: Judgement, loss: float) -> tuple[str, ...]:
    low, high = row.interval95
    return (str(row.step), f"{row.epoch:.2f}", f"{loss:.3f}", f"{row.correct}/{row.items}",
            f"{row.equivalence:.1%}", f"{low:.1%}-{high:.1%}", f"{row.names:.1%}",
            f"{row.seconds:.0f}", "best" if row.best else "" if row.counts else "not rounded")


def _row(cells: Sequence[str]) -> str:
    return "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


def _kept(judgements: Sequence[Judgement]) -> Iterator[str]:
    """Which of the judged students the checkpoint is."""
    best = [row for row in judgements if row.best]
    if best:
        yield (f"kept: step {best[-1].step} of {judgements[-1].step}, {best[-1].correct} of "
               f"{best[-1].items} development turns right ({best[-1].equivalence:.1%})")
