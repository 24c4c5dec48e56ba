"""``iotcall distill talk``: ordinary talk that a catalogue does not serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError, InputError
from iotcall.shipped import find


def talk(
    file: Annotated[Path, typer.Argument(
        metavar="FILE", help="Ordinary talk, JSON Lines with text and intent.")],
    catalogue: Annotated[str, typer.Option(
        metavar="DIR|NAME", help="Leave out the intents that its synthesis/off_topic.toml says it "
                                 "serves.")],
    part: Annotated[Literal["learn", "calibrate", "judge"], typer.Option(
        help="What training learns from, what a threshold may be chosen by, or what judges both.")],
    out: Annotated[Path, typer.Option(help="Text to write, a sentence a line.")],
    json: JsonOption = False,
) -> None:
    """Write one part of a file of ordinary talk, for calibrate and home judge."""
    from iotcall.distill.public import off_topic_rules, ordinary_talk

    if out.resolve() == file.resolve():
        raise FileError(out, "is the file to read; choose another --out")
    found = ordinary_talk(file, off_topic_rules(find("grammars", catalogue)), part)
    if not found:
        raise InputError(f"{file}: no sentence of it is for the part {part!r} that the catalogue "
                         f"{catalogue!r} does not serve")
    try:
        out.write_text("".join(f"{' '.join(text.split())}\n" for text in found), encoding="utf-8")
    except OSError as error:
        raise FileError(out, f"cannot be written: {error.strerror}") from error
    if json:
        print_json({"out": str(out), "sentences": len(found)})
    else:
        typer.echo(f"{len(found)} sentences in {out}")
