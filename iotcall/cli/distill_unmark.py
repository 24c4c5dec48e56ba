"""``iotcall distill unmark``: dialogues written by hand as training dialogues."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError
from iotcall.shipped import find


def unmark(
    files: Annotated[list[Path], typer.Argument(
        metavar="FILE...", help="Dialogues with marked spans (.said).")],
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="The tools whose calls they hold.")],
    out: Annotated[Path, typer.Option(help="JSON Lines to write.")],
    json: JsonOption = False,
) -> None:
    """Write marked dialogues as JSON Lines for train, eval and validate."""
    from iotcall.catalogue import load_catalogue
    from iotcall.evaluate import write_dialogues
    from iotcall.evaluate.marked import read_marked, unmarked

    tools = load_catalogue(find("grammars", catalogue))
    dialogues = [unmarked(dialogue) for path in files for dialogue in read_marked(path, tools)]
    if not dialogues:
        raise FileError(files[0], "holds no dialogue; expected lines such as "
                                  "`turn the [hall light](target) off | turn state=off`")
    if out.resolve() in {path.resolve() for path in files}:
        raise FileError(out, "is one of the files to read; choose another --out")
    try:
        write_dialogues(dialogues, out)
    except OSError as error:
        raise FileError(out, f"cannot be written: {error.strerror}") from error
    turns = sum(len(dialogue.turns) for dialogue in dialogues)
    if json:
        print_json({"out": str(out), "dialogues": len(dialogues), "turns": turns})
    else:
        typer.echo(f"{len(dialogues)} dialogues ({turns} turns) in {out}")
