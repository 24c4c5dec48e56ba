"""``iotcall hil setup``: make an emulated board on this machine. Leaves out: real boards (docs)."""

from __future__ import annotations

from typing import Annotated

import typer

from iotcall.cli.output import JsonOption, print_json


def setup(
    board: Annotated[str, typer.Argument(
        metavar="NAME|FILE", help="A file of devices/boards/ whose board is emulated here.")
    ] = "emu-arm64",
    mirror: Annotated[str | None, typer.Option(
        metavar="URL", help="Of Debian; deb.debian.org by default.")] = None,
    json: JsonOption = False,
) -> None:
    """Make the system of an emulated board, in a folder of the cache; needs no rights of root.

    Interrupted, it goes on where it was when it is called again.
    """
    from rich.console import Console

    from iotcall.hil import image, userland
    from iotcall.hil.bench import BOOTED, emulated_system
    from iotcall.hil.emulated import emulated_folder
    from iotcall.runtime.board import load_board

    driver, system = emulated_system(load_board(board), board)
    folder, set_up = emulated_folder(system), (image if driver == BOOTED else userland).set_up
    with Console(stderr=True, quiet=json).status("looking at what is there") as status:
        made = set_up(folder, mirror=mirror or userland.MIRROR,
                      progress=lambda line: status.update(line[:100].replace("[", "\\[")))
    if json:
        print_json({"folder": str(folder), **{
            "seconds": made.seconds, "versions": made.versions}})
        return
    for step, seconds in made.seconds.items():
        typer.echo(f"{step}: made in {seconds:.0f} s")
    if not made.seconds:
        typer.echo("everything was there")
    typer.echo(f"{folder}: " + ", ".join(f"{name} {of}" for name, of in made.versions.items()))
    typer.echo(f"now: iotcall hil run --board {board}")
