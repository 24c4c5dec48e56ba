"""``iotcall eval``: judge a bundle on labelled dialogues, against another, and under noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from iotcall.cli.output import (
    DEFAULT_BUNDLE,
    BundleOption,
    JsonOption,
    bundle_folder,
    print_json,
    refuse_nan,
)
from iotcall.errors import InputError

if TYPE_CHECKING:
    from iotcall.bundle import Bundle
    from iotcall.catalogue import Catalogue
    from iotcall.evaluate import Dialogue
    from iotcall.evaluate.judging import History, Judged
    from iotcall.evaluate.noise import Noisy
    from iotcall.grammar.binding import Names

TyposOption = Annotated[int, typer.Option(
    min=0, max=9, help="Typos in every utterance; judged beside the clean ones.")]
WerOption = Annotated[float, typer.Option(
    min=0, max=0.5, help="Transcription noise at this word error rate, e.g. 0.1; judged beside the "
                         "clean utterances.")]
SeedOption = Annotated[int, typer.Option(help="Of the noise.")]
DataOption = Annotated[list[Path], typer.Option(
    "--data", metavar="FILE", help="Labelled dialogues: JSON Lines with 'question' and 'answer', "
                                   "or .said; may be repeated.")]


def eval_(
    data: DataOption,
    bundle: BundleOption = DEFAULT_BUNDLE,
    history: Annotated[Literal["reference", "model"], typer.Option(
        help="Whose calls stand before a turn: the reference's or the student's own.")
    ] = "reference",
    seen: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="What the student was trained on (dialogues, or an utterance a line); "
                             "figures are given without it too. May be repeated.")] = None,
    typos: TyposOption = 0,
    wer: WerOption = 0,
    seed: SeedOption = 0,
    compare: Annotated[str | None, typer.Option(
        metavar="DIR|NAME", help="Another bundle, on the same items.")] = None,
    plot: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Write a picture (.png, .svg, .pdf); needs matplotlib.")] = None,
    home: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="The home that dialogues without one are said in; only "
                             "catalogues that bind names use it.")] = None,
    json: JsonOption = False,
) -> None:
    """Judge a bundle on labelled dialogues; every user turn is one item.

    With --typos or --wer all figures are of the noisy utterances, and what the noise cost is told
    beside them.
    """
    import msgspec

    from iotcall.bundle import open_bundle
    from iotcall.cli.eval_report import report
    from iotcall.evaluate.bench.picture import find_matplotlib
    from iotcall.evaluate.comparison import compare as compared
    from iotcall.evaluate.evaluation import figures
    from iotcall.evaluate.files import read_labelled, read_utterances, unseen
    from iotcall.evaluate.judging import check_references

    if plot:  # before minutes of work
        find_matplotlib()
        if not plot.parent.is_dir():
            raise InputError(f"{plot} cannot be written: there is no folder {plot.parent}")
    opened = open_bundle(bundle_folder(bundle))
    other = open_bundle(bundle_folder(compare)) if compare else None
    dialogues = read_labelled(data, opened.catalogue)
    homes = homes_of(dialogues, home)
    new = unseen(dialogues, [text for path in seen
                             for text in read_utterances(path, opened.catalogue)]) if seen else None
    for each in (opened, other) if other else (opened,):
        check_references(dialogues, each.catalogue)
    noise = noise_of(dialogues, opened.catalogue, typos, wer, seed)
    said = list(noise.dialogues) if noise else dialogues
    judged = asked(opened, said, history, homes=homes, quiet=json)
    found = figures(judged, unseen=new)
    more, curves = {}, []
    if noise:
        clean = asked(opened, dialogues, history, homes=homes, quiet=json,
                      what="without noise")
        more["noise"] = {**msgspec.structs.asdict(noise.figures), "cost": compared(
            [item.right for item in clean], [item.right for item in judged])}
        curves.append(("without noise", figures(clean)))
    if other:
        theirs = asked(other, said, history, homes=homes, quiet=json, what=str(compare))
        more["comparison"] = {"bundle": str(compare), "correct": sum(
            item.right for item in theirs), **msgspec.structs.asdict(compared(
                [item.right for item in judged], [item.right for item in theirs]))}
        curves.append((str(compare), figures(theirs)))
    if json:
        print_json({**msgspec.structs.asdict(found), **more})
    else:
        typer.echo(report(found, noise=more.get("noise"), comparison=more.get("comparison")))
    if plot:
        from iotcall.evaluate.picture import draw

        draw(found, plot, title=f"{opened.name}: {found.tool_call_equivalence:.1%} of "
             f"{found.items} turns{_noised(typos, wer)}", others=curves,
             name=("with noise" if noise else opened.name) if curves else "")


def asked(bundle: Bundle, dialogues: Sequence[Dialogue], history: History = "reference", *,
          homes: Mapping[str, Names], quiet: bool, what: str = "dialogues") -> list[Judged]:
    """A bundle's answers to all items, with a bar on a terminal."""
    from iotcall.evaluate.judging import judge
    from iotcall.runtime import Student

    with Student.open(bundle) as student, progress(what, len(dialogues), quiet=quiet) as told:
        return judge(student, dialogues, history=history, progress=told, homes=homes)


@contextmanager
def progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Tells how many of the total are done, on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(transient=True, console=console,
                  disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def noise_of(dialogues: Sequence[Dialogue], catalogue: Catalogue, typos: int, wer: float, seed: int
             ) -> Noisy | None:
    """The dialogues with the noise that was asked for; None: with none."""
    from iotcall.evaluate.noise import mishear, mistype

    if typos and wer:
        raise InputError("--typos and --wer were both given; choose one, so that its cost is known")
    refuse_nan(wer=wer)
    if typos:
        return mistype(dialogues, catalogue, typos=typos, seed=seed)
    return mishear(dialogues, catalogue, rate=wer, seed=seed) if wer else None


def _noised(typos: int, wer: float) -> str:
    if typos:
        return f", {typos} typo{'s' * (typos > 1)} in each"
    return f", word error rate {wer:g}" if wer else ""


def homes_of(dialogues: Sequence[Dialogue], given: str | None = None) -> dict[str, Names]:
    """What can be named in each home that a dialogue tells, and under "" in the one that is given.

    Raises:
        FileError, InputError: a home cannot be read.
    """
    from iotcall.devices import load_home
    from iotcall.shipped import find

    told = {dialogue.home: dialogue.home for dialogue in dialogues if dialogue.home}
    return {key: load_home(find("devices/homes", name, ".toml")).names()
            for key, name in sorted((told | ({"": given} if given else {})).items())}
