"""``iotcall train`` and ``iotcall distill``: from rules of speech to a checkpoint."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from iotcall.cli.distill_curate import curate
from iotcall.cli.distill_teach import teach
from iotcall.cli.distill_traces import traces
from iotcall.cli.distill_unmark import unmark
from iotcall.cli.distill_validate import validate
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError, InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue
    from iotcall.distill.recipe import Recipe
    from iotcall.evaluate import Dialogue

distill = typer.Typer(no_args_is_help=True, help="Make training dialogues.")
distill.command("traces")(traces)
distill.command("unmark")(unmark)
distill.command("validate")(validate)
distill.command("curate")(curate)
distill.command("teach")(teach)


@distill.command("synthesise")
def synthesise(
    out: Annotated[Path, typer.Option(help="JSON Lines to write.")],
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="A catalogue with rules in synthesis/.")] = "smart_home",
    dialogues: Annotated[int, typer.Option(min=1, help="How many.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 1,
    json: JsonOption = False,
) -> None:
    """Write synthetic dialogues for a catalogue."""
    from iotcall.distill.source import source_of
    from iotcall.evaluate import write_dialogues

    folder = find("grammars", catalogue)
    try:
        write_dialogues(source_of(folder, seed).dialogues(dialogues), out)
    except OSError as error:
        raise FileError(out, f"cannot be written: {error}") from error
    if json:
        print_json({"out": str(out), "dialogues": dialogues, "seed": seed})
    else:
        typer.echo(f"{dialogues} dialogues in {out}")


def train(
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    recipe: Annotated[str | None, typer.Option(
        metavar="FILE|NAME",
        help="TOML of export/students/; options given here override it.")] = None,
    architecture: Annotated[str | None, typer.Option(help="qwen3, gemma3 or lfm2.")] = None,
    format: Annotated[str | None, typer.Option(help="Wire format, by name.")] = None,
    catalogue: Annotated[str | None, typer.Option(metavar="DIR|NAME")] = None,
    data: Annotated[Path | None, typer.Option(
        help="Dialogues (JSON Lines) instead of synthetic ones.")] = None,
    public: Annotated[Path | None, typer.Option(
        help="Folder of public files, where the recipe learns from some.")] = None,
    dialogues: Annotated[int | None, typer.Option(help="Synthetic ones to draw.")] = None,
    epochs: Annotated[float | None, typer.Option()] = None,
    layers: Annotated[int | None, typer.Option()] = None,
    width: Annotated[int | None, typer.Option()] = None,
    vocabulary: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    resume: Annotated[bool, typer.Option(
        help="Continue an interrupted training in --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a small student from scratch."""
    from iotcall.catalogue import load_catalogue
    from iotcall.distill.recipe import Recipe
    from iotcall.distill.record import check_dialogues, check_place, note_of, standing
    from iotcall.distill.source import source_of
    from iotcall.evaluate import read_dialogues
    from iotcall.formats import format_named
    from iotcall.settings import read_toml

    check_place(out, resume=resume)
    given = {"architecture": architecture, "format": format, "catalogue": catalogue,
             "dialogues": dialogues, "epochs": epochs, "layers": layers, "width": width,
             "vocabulary": vocabulary, "learning_rate": learning_rate,
             "batch_size": batch_size, "seed": seed}
    base = read_toml(find("export/students", recipe, ".toml"), Recipe) if recipe else Recipe()
    chosen = {key: value for key, value in given.items() if value is not None}
    try:
        wanted = msgspec.convert({**msgspec.to_builtins(base), **chosen}, Recipe)
    except msgspec.ValidationError as error:
        raise InputError(f"the student cannot be built: {error}") from error
    wire_format = format_named(wanted.format)
    folder = find("grammars", wanted.catalogue)
    tools = load_catalogue(folder)
    if data:
        rows = read_dialogues(data)
        check_dialogues(rows, wire_format, tools, data)
    else:
        rows = list(source_of(folder, wanted.seed, wanted.mixture, noise=wanted.noise,
                              public=public)
                    .dialogues(wanted.dialogues))
    finished = standing(out, note_of(wanted, rows), resume=resume) == "finished"
    if not finished:
        _train(wanted, rows, tools, out, resume=resume, quiet=json)
    if json:
        print_json({"checkpoint": str(out), "recipe": msgspec.to_builtins(wanted),
                    "dialogues": len(rows)})
        return
    following = shlex.join(["iotcall", "export", str(out), "--catalogue", wanted.catalogue,
                            "--out", f"{out}-bundle"])
    typer.echo(f"the training in {out} is finished; next: {following}" if finished
               else f"checkpoint in {out}; next: {following}")


def _train(recipe: Recipe, rows: Sequence[Dialogue], catalogue: Catalogue, out: Path, *,
           resume: bool, quiet: bool) -> None:
    from iotcall.distill.training import train_student

    try:
        with _progress(quiet=quiet) as callbacks:
            train_student(recipe, rows, catalogue, out, resume=resume, callbacks=callbacks)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
        typer.echo("the same command with --resume continues from the newest checkpoint in "
                   f"{out}, if there is one yet", err=True)
        raise


@contextmanager
def _progress(*, quiet: bool) -> Iterator[list[Any]]:
    """Callbacks for the Trainer that show steps, loss and the time left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from transformers import TrainerCallback

    console = Console(stderr=True)
    with Progress(TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                  TextColumn("{task.fields[loss]}"), console=console,
                  disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None, loss="")

        class Shown(TrainerCallback):  # type: ignore[misc]
            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                bar.update(task, completed=state.global_step, total=state.max_steps)

            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None,
                       **kwargs: Any) -> None:
                if logs and "loss" in logs:
                    bar.update(task, loss=f"loss {logs['loss']:.3f}")
                    if not quiet and not console.is_terminal:  # a log file: a line now and then
                        console.print(f"step {state.global_step} of {state.max_steps}, "
                                      f"loss {logs['loss']:.3f}")

        yield [Shown()]
