"""``iotcall demo``: type at a simulated home, or play a script to it."""

from __future__ import annotations

import signal
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Annotated

import typer

from iotcall.cli.output import BundleOption, bundle_folder

_HOME, _BUNDLE = "family", "home"
_SHIPPED_SCRIPT, _TOUR = "1", "tour"


def demo(
    script: Annotated[str | None, typer.Option(
        metavar="FILE|1", help="Say the lines of a file and check what comes of them; 1 plays the "
                               "shipped one, for the shipped home.")] = None,
    home: Annotated[str, typer.Option(
        metavar="FILE|NAME", help="A home's file, or the name of a shipped one.")] = _HOME,
    bundle: BundleOption = _BUNDLE,
    broker: Annotated[str | None, typer.Option(
        metavar="URL", help="A running broker; without one, the demo starts its own.")] = None,
    site: Annotated[str, typer.Option(
        help="Where you stand: a satellite of the home.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON line per turn.")] = False,
) -> None:
    """Try the hub on a simulated home: broker, devices and hub start and end with it."""
    from iotcall.demo.prompt import Display, converse, play
    from iotcall.demo.script import read_script
    from iotcall.demo.stage import Cast, running_stage
    from iotcall.devices import load_home
    from iotcall.hub.logs import configure_logs
    from iotcall.shipped import find

    configure_logs("error")
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave nothing running, as at Ctrl-C
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    home_path = find("devices/homes", home, ".toml")
    known_home = load_home(home_path)
    lines = None
    if script is not None:
        name = _TOUR if script == _SHIPPED_SCRIPT else script
        lines = read_script(find("devices/homes", name, ".script"), known_home)
    cast = Cast(home=known_home, home_path=home_path, bundle=str(bundle_folder(bundle)),
                broker_url=broker, site_id=site)
    display = Display(json=json)
    leaving: AbstractContextManager[None] = nullcontext()
    if lines is None:
        leaving = suppress(KeyboardInterrupt)  # Ctrl-C at the prompt is no failure
    with running_stage(cast) as stage, leaving:
        display.say(f"{len(known_home.devices)} simulated devices and the hub are on "
                    f"{stage.broker_url} ({stage.broker_name})", style="dim")
        if lines is None:
            converse(stage, display)
        elif not play(lines, stage, display):
            raise typer.Exit(1)
