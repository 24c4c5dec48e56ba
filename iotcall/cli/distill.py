"""``iotcall distill``: the steps from traces and rules of speech to training dialogues."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iotcall.cli.distill_curate import curate
from iotcall.cli.distill_lexicon import lexicon
from iotcall.cli.distill_talk import talk
from iotcall.cli.distill_teach import teach
from iotcall.cli.distill_traces import traces
from iotcall.cli.distill_unmark import unmark
from iotcall.cli.distill_validate import validate
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError
from iotcall.shipped import find

distill = typer.Typer(no_args_is_help=True, help="Make training dialogues.")
distill.command("traces")(traces)
distill.command("unmark")(unmark)
distill.command("talk")(talk)
distill.command("lexicon")(lexicon)
distill.command("validate")(validate)
distill.command("curate")(curate)
distill.command("teach")(teach)


@distill.command("synthesise")
def synthesise(
    out: Annotated[Path, typer.Option(help="JSON Lines to write.")],
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="A catalogue with written dialogues or rules of speech in "
                                 "synthesis/.")] = "smart_home",
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

