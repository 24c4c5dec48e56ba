"""``iotcall grammar``: look at the automaton that makes every call valid."""

from __future__ import annotations

from typing import Annotated

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, BundleOption, JsonOption, bundle_folder, print_json

grammar = typer.Typer(no_args_is_help=True, help="Look at a bundle's automaton.")


@grammar.command("stats")
def stats(bundle: BundleOption = DEFAULT_BUNDLE, json: JsonOption = False) -> None:
    """Count states, edges and decisions."""
    import msgspec

    from iotcall.bundle import open_bundle

    opened = open_bundle(bundle_folder(bundle))
    found = opened.automaton.stats()
    if json:
        print_json({"bundle": opened.name, **msgspec.structs.asdict(found)})
        return
    typer.echo(
        f"{opened.name}: {found.states} states, {found.edges} edges, {found.array_bytes / 1e3:.0f}"
        f" kB\n{found.branching_states} states ask the student, the rest is forced; "
        f"{found.live_tokens} vocabulary ids are alive")


@grammar.command("sample")
def sample(
    bundle: BundleOption = DEFAULT_BUNDLE,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100_000,
                                       help="Answers to draw.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the random choices.")] = 0,
    json: JsonOption = False,
) -> None:
    """Draw random answers; each is checked against the catalogue."""
    import numpy as np
    from tokenizers import Tokenizer

    from iotcall.bundle import open_bundle

    opened = open_bundle(bundle_folder(bundle))
    tokenizer = Tokenizer.from_file(str(opened.tokenizer_path))
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        text = tokenizer.decode(opened.automaton.sample(random)[:-1], skip_special_tokens=False)
        calls = opened.format.parse(text, opened.catalogue)
        for call in calls:
            opened.catalogue.check(call)
        found.append({"text": text, "calls": [{"name": call.name, "arguments": call.arguments}
                                              for call in calls]})
    if json:
        print_json(found)
    else:
        typer.echo("\n".join(str(item["text"]) for item in found))
