"""``iotcall grammar``: look at the automaton that makes every call valid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from iotcall.cli.grammar_check import check
from iotcall.cli.grammar_source import (
    BundleChoice,
    CatalogueOption,
    FormatOption,
    SkillOption,
    TokenizerOption,
    source_of,
)
from iotcall.cli.output import JsonOption, print_json

grammar = typer.Typer(no_args_is_help=True, help="Look at what makes every call valid: the "
                      "automaton of a bundle, or of a catalogue in a wire format.")
grammar.command("check")(check)

UtteranceOption = Annotated[list[str] | None, typer.Option(
    "--utterance", "-u", help="What was said: grounded slots take only that. May be repeated.")]


@grammar.command("stats")
def stats(bundle: BundleChoice = None, catalogue: CatalogueOption = None,
          format: FormatOption = None, tokenizer: TokenizerOption = None,
          skill: SkillOption = None, json: JsonOption = False) -> None:
    """Count states, bytes and decisions; time compiling and stepping."""
    from iotcall.cli.grammar_stats import grammar_stats

    found = grammar_stats(source_of(bundle, catalogue, format, tokenizer, skill))
    if json:
        print_json(found)
        return
    typer.echo(
        f"{found.catalogue} in {found.format} over {found.vocabulary} tokens: {found.states} "
        f"states, {found.edges} edges, {found.bytes / 1e3:.1f} kB shipped\n"
        f"{found.branching_states} states ask the student, the rest is forced; {found.live_ids} "
        f"vocabulary ids are alive outside {found.slots} slots\n"
        f"compiled in {found.compile_ms:.0f} ms; a step takes {found.step_us:.1f} us\n"
        f"along {found.answers} {found.along}: {found.tokens_per_call:.1f} tokens and "
        f"{found.decisions_per_call:.1f} decisions an answer, {found.forced_share:.1%} of the "
        f"tokens forced ({found.forced_share_outside_slots:.1%} outside slots)"
        + (f"; {found.not_in_language} are not in the language" if found.not_in_language else ""))


@grammar.command("sample")
def sample(
    bundle: BundleChoice = None,
    catalogue: CatalogueOption = None,
    format: FormatOption = None,
    tokenizer: TokenizerOption = None,
    skill: SkillOption = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000_000,
                                       help="Answers to draw.")] = 5,
    utterance: UtteranceOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random choices.")] = 0,
    json: JsonOption = False,
) -> None:
    """Draw random answers, one a line; each is checked against the catalogue."""
    import numpy as np

    from iotcall.errors import InputError
    from iotcall.grammar import Binder

    source = source_of(bundle, catalogue, format, tokenizer, skill)
    walk = Binder(source.automaton, source.tokenizer).walk(utterance or None)
    if walk.is_empty:
        raise InputError("no tool can be called with what was said; say a number or a name that "
                         "its required parameters take")
    random = np.random.default_rng(seed)
    for _ in range(count):
        ids = walk.sample(random)[:-1]
        text = source.tokenizer.decode(ids, skip_special_tokens=False)
        calls = source.format.parse(text, source.catalogue)
        for call in calls:
            source.catalogue.check(call)
        if json:
            row = {"text": text, "calls": [{"name": call.name, "arguments": call.arguments}
                                           for call in calls]}
            typer.echo(msgspec.json.encode(row).decode())
        else:
            typer.echo(text.replace("\n", "\\n"))


@grammar.command("show")
def show(
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture to write: .svg, .png, .pdf, or "
                                                          ".dot for Graphviz's own text.")],
    bundle: BundleChoice = None,
    catalogue: CatalogueOption = None,
    format: FormatOption = None,
    tokenizer: TokenizerOption = None,
    skill: SkillOption = None,
) -> None:
    """Draw the automaton: where the student decides, and what is forced between."""
    from iotcall.cli.grammar_picture import draw

    source = source_of(bundle, catalogue, format, tokenizer, skill)
    draw(source, out)
    typer.echo(f"{out}: {source.automaton.stats().branching_states} decisions of "
               f"{source.catalogue.name} in {source.format.name}")


@grammar.command("compile")
def compile_(bundle: Annotated[Path, typer.Argument(help="Folder of a bundle; it is rewritten.")],
             ) -> None:
    """Compile a bundle's automaton again, all else kept: after an update of iotcall."""
    from iotcall.export.recompile import recompile_grammar

    found = recompile_grammar(bundle).stats()
    typer.echo(f"{bundle}: {found.states} states, {found.branching_states} decisions")
