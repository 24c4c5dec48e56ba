"""``iotcall selftest``: does a bundle make its calls on this machine?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, BundleOption, JsonOption, bundle_folder, print_json

if TYPE_CHECKING:
    from iotcall.evaluate import SelfTest


def selftest(
    bundle: BundleOption = DEFAULT_BUNDLE,
    threads: Annotated[int, typer.Option(min=1, help="Of one pass, on the CPU.")] = 2,
    turns: Annotated[int | None, typer.Option(
        min=1, help="Decode so many golden turns only.")] = None,
    provider: Annotated[Path | None, typer.Option(
        hidden=True, help="JSON with other provider settings, for an export's emulation.")] = None,
    out: Annotated[Path | None, typer.Option(
        hidden=True, help="Write the JSON here: native libraries print to standard output.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Decode the bundle's golden dialogues here and compare the calls with the export's.

    Exit code 1 where fewer agree than the target asks for.
    """
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from iotcall.bundle import ProviderSettings, open_bundle
    from iotcall.evaluate import selftest as run
    from iotcall.runtime import Student

    opened = open_bundle(bundle_folder(bundle))
    if provider:
        settings = msgspec.json.decode(provider.read_bytes(), type=ProviderSettings)
        opened = msgspec.structs.replace(
            opened, layout=msgspec.structs.replace(opened.layout, provider=settings, contexts=()))
    console = Console(stderr=True)
    with Student.open(opened, threads=threads) as student, Progress(
            transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("golden turns", total=None)
        found = run(opened, student, most=turns,
                    progress=lambda done: bar.update(task, completed=done))
    if out:
        out.write_bytes(msgspec.json.encode(found))
    if json:
        print_json(found)
    else:
        typer.echo(_report(found))
    if not found.passed:
        raise typer.Exit(1)


def _report(found: SelfTest) -> str:
    lines = [f"{found.agreed} of {found.turns} golden turns give torch's calls on this machine "
             f"({found.instruction_set}); {found.needed} are needed"
             f"{f' beside {found.ties} ties' if found.ties else ''}: "
             f"{'passed' if found.passed else 'FAILED'}"]
    if found.same_as_export is not None:
        lines.append(f"{found.same_as_export} of {found.turns} are as the export saw them on this "
                     "instruction set")
    else:
        lines.append("the export was made on another instruction set")
    lines += [str(placement) for placement in found.placements if placement]
    lines += [f"parted: {utterance}" for utterance in found.parted]
    return "\n".join(lines)
