"""``iotcall bench``: how fast a bundle answers on this machine, and how fast it could."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from iotcall.cli.output import (
    DEFAULT_BOARD,
    DEFAULT_BUNDLE,
    BoardOption,
    JsonOption,
    bundle_folder,
    print_json,
)
from iotcall.errors import InputError


class Mode(StrEnum):
    """Modes as they are written on the command line."""

    GUESSES = "guesses"
    NO_GUESSES = "no-guesses"
    PLAIN = "plain"


def bench(
    bundle: Annotated[str, typer.Argument(
        metavar="[DIR|NAME]", help="A bundle's folder, or the name of a shipped one.")
    ] = DEFAULT_BUNDLE,
    utterances: Annotated[int, typer.Option(
        min=1, help="Golden turns to say, at most; some others are said before, to warm up.")
    ] = 60,
    repeat: Annotated[int, typer.Option(
        min=1, help="How often each is said; from the second time on it was said before.")] = 3,
    mode: Annotated[list[Mode] | None, typer.Option(
        help="As on a hub, without guesses, or a token at a time without memory; "
             "repeat it for several. All by default.")] = None,
    starts: Annotated[int, typer.Option(
        min=0, help="Fresh processes to start, for memory and the time to a first answer; 0 "
                    "leaves both out.")] = 5,
    threads: Annotated[int | None, typer.Option(
        min=1, help="Of one pass, in place of what the board says.")] = None,
    board: BoardOption = DEFAULT_BOARD,
    home: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="A home, for parameters that take its names.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the turns' choice and order.")] = 1,
    out: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Write the JSON here too.")] = None,
    plot: Annotated[Path | None, typer.Option(
        metavar="FILE.png", help="Draw how many answers came after how long; needs matplotlib.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure how fast a bundle answers here, its memory and its start, beside the machine's floor.

    Run it while the machine has nothing else to do: others slow it down, and are reported.
    """
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from iotcall.bundle import open_bundle
    from iotcall.devices import load_home
    from iotcall.evaluate.bench import MODES, BenchSettings, draw, find_matplotlib, measure, table
    from iotcall.runtime.board import load_board
    from iotcall.shipped import find

    _check_place(out, "--out")
    _check_place(plot, "--plot", (".png", ".svg", ".pdf"))
    if plot:
        find_matplotlib()  # before anything is measured
    opened = open_bundle(bundle_folder(bundle))
    names = load_home(find("devices/homes", home, ".toml")).names() if home else None
    runtime = load_board(board).runtime
    if threads:
        runtime = msgspec.structs.replace(runtime, threads=threads)
    chosen = {each.value.replace("-", " ") for each in mode or ()}
    settings = BenchSettings(
        utterances=utterances, rounds=repeat, starts=starts, seed=seed, runtime=runtime,
        modes=tuple(each for each in MODES if not chosen or each in chosen))
    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as bar:
        tasks = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=None)
            bar.update(tasks[step], completed=done, total=total or None)

        report = measure(opened, settings, names=names, progress=progress)
    if out:
        try:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
        except OSError as error:
            raise InputError(f"{out} cannot be written: {error.strerror}") from error
    if plot:
        draw(report, plot)
    if json:
        print_json(report)
    else:
        typer.echo(table(report))


def _check_place(path: Path | None, option: str, kinds: tuple[str, ...] = ()) -> None:
    """Nothing if a file can be made there: a bench takes minutes, and shall not end in an error."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"has no folder {path.parent} to lie in"
        raise InputError(f"{path} {what}; choose another {option}")
    if kinds and path.suffix not in kinds:
        raise InputError(f"{path} ends in none of {', '.join(kinds)}; choose another {option}")
