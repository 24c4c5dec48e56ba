"""``iotcall hil setup``: make an emulated board on this machine. Leaves out: real boards (docs)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from iotcall.hil.steps import Made
    from iotcall.runtime.board import Board


def setup(
    board: Annotated[str, typer.Argument(
        metavar="NAME|FILE", help="A file of devices/boards/ whose board is emulated here.")
    ] = "emu-arm64",
    mirror: Annotated[str | None, typer.Option(
        metavar="URL", help="Of Debian, for a board that is a system; deb.debian.org by "
                             "default.")] = None,
    json: JsonOption = False,
) -> None:
    """Make an emulated board, a system or an NPU, in the cache; needs no rights of root.

    Interrupted, it goes on where it was when it is called again.
    """
    from rich.console import Console

    from iotcall.hil import image, userland
    from iotcall.hil.bench import BOOTED, EMULATED, made_here
    from iotcall.hil.emulated import emulated_folder
    from iotcall.runtime.board import load_board

    known = load_board(board)
    driver, system = made_here(known, board)
    folder = emulated_folder(system)
    with Console(stderr=True, quiet=json).status("looking at what is there") as status:
        def progress(line: str) -> None:
            status.update(line[:100].replace("[", "\\["))

        if driver in (EMULATED, BOOTED):
            set_up = image.set_up if driver == BOOTED else userland.set_up
            made = set_up(folder, mirror=mirror or userland.MIRROR, progress=progress)
        else:
            made = _set_up_npu(folder, known, progress)
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


def _set_up_npu(folder: Path, board: Board, progress: Callable[[str], None]) -> Made:
    """The environment of the provider is one for all boards and exports that need it."""
    from packaging.requirements import Requirement

    from iotcall.export.providers.environments import provider_python
    from iotcall.export.target import load_target
    from iotcall.hil.emulated_npu import load_student, set_up_npu

    assert board.bench
    student = load_student(board.bench.student, board.target)
    provider = load_target(board.target)[1].provider
    python = provider_python(provider, progress=progress)
    return set_up_npu(folder, student, python, progress=progress,
                      packages=tuple(Requirement(each).name for each in provider.packages))
