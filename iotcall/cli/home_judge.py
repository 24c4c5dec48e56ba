"""``iotcall home judge``: what a student makes happen in homes it has never seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from iotcall.cli.eval import SeedOption, TyposOption, WerOption, noise_of
from iotcall.cli.output import BundleOption, JsonOption, bundle_folder, print_json

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue
    from iotcall.devices import Home
    from iotcall.evaluate.noise import NoiseFigures
    from iotcall.evaluate.outcomes import HomeFigures, SaidTurn

    Played = list[tuple[Home, list[SaidTurn]]]

_SHOWN = 20
"""Misses that are printed for people; --json has them all."""


def judge(
    homes: Annotated[Path, typer.Option(
        help="Folder of homes (NAME.toml) and what is said in them (NAME.outcomes).")],
    bundle: BundleOption = "home",
    threshold: Annotated[float | None, typer.Option(
        min=0, max=1, help="Confidence below which nothing is done; by default the bundle's.")
    ] = None,
    talk: Annotated[Path | None, typer.Option(
        help="Ordinary talk, an utterance a line, said in all homes in turn: how much of it "
             "becomes a command.")] = None,
    typos: TyposOption = 0,
    wer: WerOption = 0,
    seed: SeedOption = 0,
    quiet: Annotated[bool, typer.Option(help="Figures only, no misses.")] = False,
    json: JsonOption = False,
) -> None:
    """Play what people say in homes and compare what happens, device by device.

    With --typos or --wer all figures are of the noisy utterances, and what the noise cost is told
    beside them. What should happen stays what it was.
    """
    from rich.console import Console
    from rich.progress import Progress

    from iotcall.bundle import open_bundle
    from iotcall.devices import load_home
    from iotcall.dialogue import dialogue_of
    from iotcall.errors import InputError
    from iotcall.evaluate.files import read_utterances
    from iotcall.evaluate.outcomes import (
        TalkFigures,
        judge_home,
        judge_talk,
        read_outcomes,
        together,
    )
    from iotcall.hub.logs import configure_logs
    from iotcall.runtime import Student

    configure_logs("warning", json=json)
    files = sorted(homes.glob("*.outcomes"))
    if not files:
        raise InputError(f"{homes} holds no .outcomes files: expected NAME.toml with "
                         "NAME.outcomes beside it")
    played = [(known, read_outcomes(file, known)) for file in files
              for known in (load_home(file.with_suffix(".toml")),)]
    opened = open_bundle(bundle_folder(bundle))
    if opened.dialogue_toml is None:
        raise InputError(f"the bundle {bundle} has no dialogue.toml: it is not for a hub")
    settings = dialogue_of(opened)
    if threshold is not None:
        settings = msgspec.structs.replace(settings, fallback_below=threshold)
    overheard = [each.text for each in read_utterances(talk, opened.catalogue)] if talk else []
    noisy, noise = _with_noise(played, opened.catalogue, typos, wer, seed)
    with Student.open(opened) as student, Progress(
            console=Console(stderr=True), transient=True, disable=json) as bar:
        task = bar.add_task("turns", total=sum(len(turns) for _, turns in played) * (
            2 if noise else 1) + len(overheard))

        def judged(what: Played) -> list[HomeFigures]:
            figures = []
            for known, turns in what:
                student.expect_names(known.spoken_names())
                figures.append(judge_home(student, known, settings, opened.catalogue, turns,
                                          progress=lambda: bar.advance(task)))
            return figures

        found = judged(noisy)
        clean = together(judged(played)) if noise else None
        talked = []
        for place, (known, _) in enumerate(played):
            student.expect_names(known.spoken_names())
            talked.append(judge_talk(student, known, settings, opened.catalogue,
                                     overheard[place::len(played)],
                                     progress=lambda: bar.advance(task)))
        taken = TalkFigures.together(talked) if talk else None
    if json:
        print_json({"all": together(found),
                    "homes": {file.stem: figures
                              for file, figures in zip(files, found, strict=True)},
                    **({"noise": noise, "without_noise": clean} if noise else {}),
                    **({"talk": taken, "talk_share": taken.share,
                        "talk_interval95": taken.interval95, "passed": together(found).passed}
                       if taken else {})})
        return
    for (known, _), figures in zip(played, found, strict=True):
        typer.echo(f"{known.name:20} {len(known.devices):3} devices  {_line(figures)}")
    whole = together(found)
    low, high = whole.interval95
    typer.echo(f"{len(found)} home{'s' * (len(found) != 1)}: {_line(whole)}; "
               f"95 % interval {low:.1%} to {high:.1%}")
    if noise and clean:
        cost = clean.exactly_right - whole.exactly_right
        typer.echo(f"noise ({noise.kind}, seed {noise.seed}): {noise.altered} of "
                   f"{noise.utterances} utterances altered, word error rate "
                   f"{noise.word_error_rate:.1%}; it costs {100 * cost:.1f} points, without it: "
                   f"{_line(clean)}")
    if taken:
        low, high = taken.interval95
        typer.echo(f"ordinary talk: {len(taken.acted)} of {taken.utterances} become a command "
                   f"({taken.share:.1%}, 95 % interval {low:.1%} to {high:.1%}), "
                   f"{taken.asked} lead to a question, and {whole.passed:.1%} of "
                   f"{whole.items - whole.quiet} wishes are taken for one")
        for each in () if quiet else taken.acted[:_SHOWN]:
            typer.echo(f"  {each.home}: {each.utterance}\n    "
                       f"{'; '.join(map(str, each.calls))}   confidence {each.confidence:.2f}")
    for miss in () if quiet else whole.misses[:_SHOWN]:
        confidence = "" if miss.confidence is None else f"   confidence {miss.confidence:.2f}"
        typer.echo(f"{miss.home}, line {miss.line}: {miss.utterance}\n"
                   f"  {'; '.join(map(str, miss.calls)) or 'no call'}{confidence}\n"
                   f"  {miss.happened}")
    if not quiet and len(whole.misses) > _SHOWN:
        typer.echo(f"{len(whole.misses) - _SHOWN} more; --json has them all")


def _with_noise(played: Played, catalogue: Catalogue, typos: int, wer: float, seed: int
                ) -> tuple[Played, NoiseFigures | None]:
    """The same turns in noisy words; every word may be altered, names too."""
    from iotcall.evaluate import Dialogue, LabelledTurn

    said = [Dialogue((LabelledTurn(turn.utterance, ()),)) for _, turns in played for turn in turns]
    noise = noise_of(said, catalogue, typos, wer, seed)
    if noise is None:
        return played, None
    heard = iter(noise.dialogues)
    return [(known, [msgspec.structs.replace(turn, utterance=next(heard).turns[0].utterance)
                     for turn in turns]) for known, turns in played], noise.figures


def _line(found: HomeFigures) -> str:
    return (f"{found.exact:3} of {found.items:3} exactly right ({found.exactly_right:.1%}), "
            f"acted in {found.acted} of {found.quiet} where nothing should happen, "
            f"a wrong device in {found.wrong_device}")
