"""``iotcall targets``: what a student can be exported for, and whether it works here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from iotcall.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from iotcall.export.providers.probe import Probe
    from iotcall.export.target import Target


def targets(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[NAME|FILE]...", help="Recipes to show in full, or to probe; all by default.")
    ] = None,
    probe: Annotated[bool, typer.Option(
        help="Try the provider of each on two tiny graphs, in its emulation where it has one; "
             "installs what that needs into a cache. Exit code 1 where one that was named is not "
             "available.")] = False,
    board: Annotated[bool, typer.Option(
        help="With --probe: on the board itself, with its own options.")] = False,
    json: JsonOption = False,
) -> None:
    """List the targets of an export, show one in full, or probe what works on this machine."""
    from iotcall.export.target import load_target, load_unserved, shipped_targets

    chosen = dict(load_target(name) for name in names) if names else shipped_targets()
    if board and not probe:
        raise typer.BadParameter("--board goes with --probe")
    if probe:
        available = _probe(chosen, board=board, json=json)
        if names and not available:
            raise typer.Exit(1)
    elif json:
        print_json({"targets": chosen, **({} if names else {"unserved": load_unserved()})})
    elif names:
        typer.echo("\n\n".join(_in_full(name, target) for name, target in chosen.items()))
    else:
        for line in _table(chosen):
            typer.echo(line)
        typer.echo("\nnot served:")
        for name, unserved in load_unserved().items():
            typer.echo(f"  {name}: {unserved.reason}; use {unserved.instead}")


def _probe(chosen: dict[str, Target], *, board: bool, json: bool) -> bool:
    """Probe and print each; whether all are available."""
    from rich.console import Console

    from iotcall.export.providers.probe import probe

    found: list[Probe] = []
    with Console(stderr=True, quiet=json).status("making two tiny graphs") as status:
        for name, target in chosen.items():
            found.append(probe(name, target, board=board, progress=status.update))
            if not json:
                typer.echo(_probed(found[-1]))
    if json:
        print_json(found)
    return all(item.outcome == "available" for item in found)


def _probed(item: Probe) -> str:
    where = "" if item.where == "board" else f" in {item.where}"
    if item.where == "another device":
        where = " on another device of its provider, which says nothing of its own"
    lines = [f"{item.target}: {item.outcome}{where}"]
    if not item.graphs:
        lines.append(f"  {item.detail}")
    said = ""
    for graph in item.graphs:
        text = graph.detail or str(graph.placement or "")
        if graph.difference is not None and graph.outcome == "available":
            text += f", largest difference of a probability {graph.difference:.1e}"
        lines.append(f"  {graph.graph}: {graph.outcome}: "
                     f"{'the same' if text == said else text}")
        said = text
    if item.versions:
        lines.append("  " + ", ".join(f"{name} {version}"
                                      for name, version in item.versions.items()))
    return "\n".join(lines)


def _in_full(name: str, target: Target) -> str:
    """Every part of a recipe that says something, and all sources."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(target)
    lines = [f"{name}: {plain.pop('summary')}",
             f"{plain.pop('verified')}: {plain.pop('verified_with')}", ""]
    sources = plain.pop("sources")
    for key, value in plain.items():
        if isinstance(value, dict):
            said = {inner: one for inner, one in value.items() if one not in (None, "", (), {})}
            if said:
                lines.append(f"{key}:")
                lines += [f"  {inner}: {_value(one)}" for inner, one in said.items()]
        elif value is not None:
            lines.append(f"{key}: {_value(value)}")
    if sources:
        lines += ["", "sources:", *(f"  - {source}" for source in sources)]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} = {_value(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(one) for one in value)
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _table(chosen: dict[str, Target]) -> list[str]:
    """A line of aligned columns for each, and how it was verified below it."""
    rows = [("target", "precision", "provider", "verified", "for"), *(
        (name, target.precision, target.provider.name, target.verified, target.summary)
        for name, target in chosen.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)),
                        row[-1]]) for row in rows]
    how = ["", *(f"    {target.verified_with}" for target in chosen.values())]
    return [line for pair in zip(lines, how, strict=True) for line in pair if line]
