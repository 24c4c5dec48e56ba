"""``iotcall distill teach``: a teacher writes dialogues from seeds. Leaves out: the doing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iotcall.cli.distill_service import (
    AttemptsOption,
    KeyOption,
    LimitOption,
    ParallelOption,
    TemperatureOption,
    TimeoutOption,
    ask_all,
    endpoint_of,
    say_why,
    show_table,
)
from iotcall.cli.output import JsonOption, print_json
from iotcall.errors import FileError, InputError
from iotcall.shipped import find


def teach(
    seeds: Annotated[Path, typer.Option(
        help="Dialogues to start from: seeds.jsonl of `distill curate`, or any of that form.")],
    out: Annotated[Path, typer.Option(help="JSON Lines to write; the same one goes on.")],
    base_url: Annotated[str, typer.Option(
        "--base-url", metavar="URL",
        help="OpenAI-compatible service, e.g. http://localhost:11434/v1.")],
    model: Annotated[str, typer.Option(help="The teacher, as the service calls it.")],
    catalogue: Annotated[str, typer.Option(metavar="DIR|NAME")] = "smart_home",
    dialogues: Annotated[int, typer.Option(min=1, help="How many to have written.")] = 100,
    kinds: Annotated[str, typer.Option(
        metavar="A,B,...", help="What to have written, e.g. paraphrase,follow_up. "
                                "[default: all]")] = "",
    seed: Annotated[int, typer.Option(help="The same seed asks for the same dialogues.")] = 1,
    key_variable: KeyOption = None,
    parallel: ParallelOption = 8,
    limit: LimitOption = None,
    temperature: TemperatureOption = None,
    timeout: TimeoutOption = 120.0,
    attempts: AttemptsOption = 6,
    json: JsonOption = False,
) -> None:
    """Have a teacher write dialogues, and keep those whose calls it makes a second time."""
    from iotcall.catalogue import load_catalogue
    from iotcall.distill.curation import read_traces
    from iotcall.distill.teacher import Patience
    from iotcall.distill.teaching import kinds_named, plan, taught, write_taught

    tools = load_catalogue(find("grammars", catalogue))
    chosen = kinds_named(kinds)
    endpoint = endpoint_of(base_url, model, key_variable)
    if out.is_dir() or not out.name:
        raise InputError(f"{out} is a folder; choose a file for --out")
    if seeds.resolve() == out.resolve():
        raise InputError(f"{out} holds the seeds, which would be written over; choose another "
                         "--out")
    ledger = out.with_name(f"{out.name.removesuffix('.jsonl')}.answers.jsonl")
    if out.exists() and not ledger.exists():
        raise InputError(f"{out} is there and was not written by this command ({ledger.name} is "
                         "not beside it); choose another --out")
    read = read_traces(seeds, tools)
    if not read.dialogues:
        raise InputError(f"{seeds} holds no dialogue that fits the catalogue {tools.name!r}; "
                         "is it the right --catalogue?")
    lessons = plan(read.dialogues, chosen, dialogues, seed)
    results, asker = ask_all(
        endpoint, ledger, lessons, lambda asker, lesson: taught(asker, tools, lesson),
        patience=Patience(timeout_seconds=timeout, attempts=attempts), parallel=parallel,
        limit=limit, temperature=temperature, quiet=json, what="dialogues")
    if asker.hopeless:
        say_why(asker)  # what is there stays
    try:
        counted = write_taught(lessons, results, read.dialogues, out)
    except OSError as error:
        raise FileError(out, f"cannot be written: {error}") from error
    written = sum(row["kept"] + row["cut short"] for row in counted.values())
    if json:
        print_json({"out": str(out), "dialogues": written, "seeds": len(read.dialogues),
                    "left_out": read.left_out, "outcomes": counted,
                    "requests": asker.counts.to_json(), "stopped": asker.why})
    else:
        outcomes = sorted({outcome for row in counted.values() for outcome in row})
        show_table(f"{written} dialogues in {out}", ("kind", *outcomes), [
            (kind, *(row[outcome] for outcome in outcomes))
            for kind, row in sorted(counted.items())])
        show_table("requests", ("", "number"), asker.counts.rows())
    say_why(asker)
