"""``iotcall grammar check``: do schemas compile, and is a value in their language?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from iotcall.export.schema_check import Checked, Report


def check(
    path: Annotated[Path, typer.Argument(
        metavar="FILE|DIR", help="A JSON Schema, a list of them with their tests, JSON Lines, or a "
                                 "folder of such files.")],
    instance: Annotated[Path | None, typer.Option(
        metavar="FILE", help="A JSON value: is it in the language of each schema?")] = None,
    tokenizer: Annotated[Path | None, typer.Option(
        metavar="FILE", help="tokenizer.json to compile over (default: the starter's).")] = None,
    json: JsonOption = False,
) -> None:
    """Compile JSON Schemas as they are found; what cannot be honoured is named."""
    from rich.progress import Progress

    from iotcall.cli.grammar_source import tokenizer_for
    from iotcall.export.schema_check import Checker, read_cases, read_json, summarise
    from iotcall.formats import COMPACT

    cases = read_cases(path)
    value = read_json(instance) if instance else None
    checker = Checker(tokenizer_for(COMPACT, tokenizer), COMPACT)
    found = []
    with Progress(transient=True, disable=json) as bar:
        task = bar.add_task("schemas", total=len(cases))
        for case in cases:
            found.append(checker.check(case, value, with_value=instance is not None))
            bar.advance(task)
    report = summarise(found)
    if json:
        print_json(report)
    else:
        typer.echo(_shown(report))
    if report.compiled == 0 and report.total == 1:
        raise typer.Exit(2)


def _shown(report: Report) -> str:
    lines = []
    if report.total <= 20:
        lines += [_line(each) for each in report.schemas]
    lines.append(f"{report.compiled} of {report.total} schemas compiled "
                 f"({report.compiled_share:.1%}), median {report.median_compile_ms:.1f} ms, "
                 f"longest {report.longest_compile_ms:.0f} ms")
    if report.refusals and report.total > 20:
        lines.append("refused:")
        lines += [f"  {count:5d}  {reason}" for reason, count in report.refusals.items()]
    if report.tests:
        lines.append(f"{report.tests} tests of compiled schemas: {report.unsound} invalid values "
                     f"accepted, {report.accepted} of {report.valid} valid values in the language")
    return "\n".join(lines)


def _line(each: Checked) -> str:
    verdict = (f"compiled in {each.compile_ms:.1f} ms, {each.states} states" if each.compiled
               else f"refused at {each.pointer or '/'}: {each.reason}")
    if each.accepted is not None:
        verdict += "; the value is " + ("" if each.accepted else "not ") + "in the language"
    return f"{each.name}: {verdict}"
