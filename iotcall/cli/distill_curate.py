"""``iotcall distill curate``: a judge scores traces; seeds and splits. Leaves out: the doing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.distill_service import (
    AttemptsOption,
    BaseUrlOption,
    KeyOption,
    LimitOption,
    ModelOption,
    ParallelOption,
    TemperatureOption,
    TimeoutOption,
    ask_all,
    endpoint_of,
    say_why,
    show_table,
)
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue
    from iotcall.distill.curation import Judged
    from iotcall.distill.teacher import Asker
    from iotcall.evaluate import Dialogue


def curate(
    data: Annotated[Path, typer.Option(help="Labelled dialogues or OpenAI messages (JSON Lines).")],
    out: Annotated[Path, typer.Option(help="Folder to write; the same one goes on.")],
    catalogue: Annotated[str, typer.Option(metavar="DIR|NAME")] = "smart_home",
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    without_judge: Annotated[bool, typer.Option(
        "--without-judge", help="Ask nobody and keep every dialogue.")] = False,
    clarity: Annotated[int, typer.Option(min=1, max=5, help="Leave out what is less clear.")] = 3,
    coherence: Annotated[int, typer.Option(
        min=1, max=5, help="Leave out what hangs together less.")] = 4,
    dev: Annotated[float, typer.Option(help="Share of the dialogues.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the dialogues.")] = 0.1,
    seeds: Annotated[int, typer.Option(min=0, help="How many, the same number a tool.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed divides the same way.")] = 1,
    key_variable: KeyOption = None,
    parallel: ParallelOption = 8,
    limit: LimitOption = None,
    temperature: TemperatureOption = None,
    timeout: TimeoutOption = 120.0,
    attempts: AttemptsOption = 6,
    json: JsonOption = False,
) -> None:
    """Score traces with a judge, pick seeds, and divide into train, dev and test."""
    from iotcall.catalogue import load_catalogue
    from iotcall.distill.curation import (
        LEDGER,
        Judged,
        Shares,
        Wanted,
        check_place,
        read_traces,
        write_curated,
    )
    from iotcall.distill.teacher import Patience

    if without_judge == bool(base_url or model):
        raise InputError("give --base-url and --model of a judge, or --without-judge to ask nobody")
    if not without_judge and not (base_url and model):
        raise InputError(f"--{'model' if base_url else 'base-url'} is missing")
    tools = load_catalogue(find("grammars", catalogue))
    wanted = Wanted(clarity=clarity, coherence=coherence, shares=Shares(dev, test), seeds=seeds,
                    seed=seed, judged=not without_judge)
    wanted.shares.check()
    check_place(out, data)
    read = read_traces(data, tools)
    if not read.dialogues:
        reasons = "; ".join(f"{count} with {reason}" for reason, count in read.left_out.items())
        raise InputError(f"{data} holds no dialogue that fits the catalogue {tools.name!r}: "
                         f"{reasons}; is it the right --catalogue?")
    asker: Asker | None = None
    judged = [Judged(dialogue) for dialogue in read.dialogues]
    if base_url and model:
        patience = Patience(timeout_seconds=timeout, attempts=attempts)
        found, asker = ask_all(
            endpoint_of(base_url, model, key_variable), out / LEDGER, read.dialogues,
            lambda asker, dialogue: _judged(asker, tools, dialogue), patience=patience,
            parallel=parallel, limit=limit, temperature=temperature, quiet=json, what="judged")
        if asker.hopeless:
            say_why(asker)  # what is there stays
        judged = [each or fallback for each, fallback in zip(found, judged, strict=True)]
    curated = write_curated(judged, wanted, out)
    if json:
        print_json({"out": str(out), "read": len(read.dialogues), "left_out": read.left_out,
                    **curated.to_json(), "requests": asker and asker.counts.to_json(),
                    "stopped": asker.why if asker else ""})
    else:
        show_table("dialogues", ("", "number"), [
            *((f"left out: {reason}", count) for reason, count in sorted(read.left_out.items())),
            *curated.verdicts.items(),
            ("in no half: tied to the training half", curated.set_aside),
            ("of dev and test, cut where they meet it", curated.cut)])
        show_table("by tool, the rarest of each dialogue", ("", *curated.halves), [
            *((tool, *row.values()) for tool, row in curated.by_tool.items()),
            ("together", *curated.halves.values())])
        if asker:
            show_table("requests", ("", "number"), asker.counts.rows())
    if asker:
        say_why(asker)


async def _judged(asker: Asker, catalogue: Catalogue, dialogue: Dialogue) -> Judged:
    from iotcall.distill.curation import Judged, judge_request, scores_of
    from iotcall.distill.teacher import GivenUp

    scores = await asker.ask(judge_request(catalogue, dialogue), scores_of, about="judge")
    if isinstance(scores, GivenUp):
        return Judged(dialogue, None, scores.reason)
    return Judged(dialogue, scores)
