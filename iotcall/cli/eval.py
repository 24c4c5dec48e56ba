"""``iotcall eval``: tool-call equivalence on labelled dialogues."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, BundleOption, JsonOption, bundle_folder, print_json

if TYPE_CHECKING:
    from iotcall.evaluate import Evaluation

_SHOWN = 20
"""Mistakes that are printed for people; --json has them all."""


def eval_(
    data: Annotated[Path, typer.Option(help="JSON Lines with 'question' and 'answer'.")],
    bundle: BundleOption = DEFAULT_BUNDLE,
    history: Annotated[Literal["reference", "model"], typer.Option(
        help="Whose calls stand before a turn: the reference's or the student's own.")
    ] = "reference",
    home: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="The home that dialogues without one are said in; only "
                             "catalogues that bind names use it.")] = None,
    json: JsonOption = False,
) -> None:
    """Judge a bundle on labelled dialogues; every user turn is one item."""
    from rich.progress import Progress

    from iotcall.bundle import open_bundle
    from iotcall.evaluate import evaluate, read_dialogues
    from iotcall.runtime import Student

    dialogues = read_dialogues(data)
    _check_homes({dialogue.home for dialogue in dialogues if dialogue.home}, home)
    opened = open_bundle(bundle_folder(bundle))
    with Student.open(opened) as student, Progress(transient=True, disable=json) as bar:
        task = bar.add_task("dialogues", total=len(dialogues))
        found = evaluate(student, dialogues, history=history,
                         progress=lambda done: bar.update(task, completed=done))
    if json:
        print_json(found)
    else:
        typer.echo(_report(found))


def _check_homes(named: set[str], given: str | None) -> None:
    """Every home must be readable, though only catalogues that bind names look into it."""
    from iotcall.devices import load_home
    from iotcall.shipped import find

    for name in sorted(named | ({given} if given else set())):
        load_home(find("devices/homes", name, ".toml"))


def _report(found: Evaluation) -> str:
    low, high = found.interval95
    lines = [
        f"tool-call equivalence {found.tool_call_equivalence:.1%} "
        f"({found.correct} of {found.items} items, 95 % interval {low:.1%} to {high:.1%})",
        f"name accuracy         {found.name_accuracy:.1%}",
        f"whole dialogues       {found.dialogues_correct} of {found.dialogues}",
        f"invalid calls         {found.invalid_calls}",
        f"latency               p50 {found.latency_ms.p50} ms, p95 {found.latency_ms.p95} ms, "
        f"p99 {found.latency_ms.p99} ms",
    ]
    for mistake in found.errors[:_SHOWN]:
        lines += [
            f"row {mistake.row}, turn {mistake.turn}: {mistake.utterance}",
            f"  expected {'; '.join(map(str, mistake.expected)) or 'no call'}",
            f"  got      {'; '.join(map(str, mistake.got)) or 'no call'}   "
            f"confidence {mistake.confidence:.2f}",
        ]
    if len(found.errors) > _SHOWN:
        lines.append(f"... and {len(found.errors) - _SHOWN} more mistakes; --json has them all")
    return "\n".join(lines)
