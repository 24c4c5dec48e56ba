"""``iotcall home``: what a hub knows of a home, and where each thing came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iotcall.cli.home_judge import judge
from iotcall.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from iotcall.devices import Device, DeviceStates, Home

_FILE_WIDTH = 160
_COMMON = {"linkquality", "last_seen", "update", "update_available", "identify"}
"""What every device has and nobody misses."""

home = typer.Typer(no_args_is_help=True, help="See what a hub knows of a home.")


@home.command("show")
def show(
    file: Annotated[str, typer.Argument(
        metavar="FILE|NAME", help="Your home's file, or the name of a shipped one.")],
    broker: Annotated[str | None, typer.Option(
        "--broker", metavar="URL", envvar="IOTCALL_BROKER",
        help="Listen there too: for announcements, as the file's [discovery] says, and for what "
             "the devices say.")] = None,
    seconds: Annotated[float, typer.Option(
        min=0.5, max=120, help="Listen that long at most.")] = 5.0,
    json: JsonOption = False,
) -> None:
    """Print rooms and devices, what each can be told, and who describes it.

    Without a broker only the file is read. The id in the last column is what `discovered` and
    `discovery.hide` of the file take.
    """
    from iotcall.devices import load_home
    from iotcall.errors import InputError
    from iotcall.hub.logs import configure_logs
    from iotcall.hub.settings import read_broker
    from iotcall.hub.survey import survey
    from iotcall.shipped import find

    configure_logs("warning", json=json)
    known = load_home(find("devices/homes", file, ".toml"))
    if known.file.discovery.sources and broker is None and not known.devices:
        raise InputError(f"{file} leaves its devices to discovery: name the broker with --broker")
    states = None
    if broker is not None:
        household = survey(known, read_broker(broker), seconds=seconds)
        known, states = household.home, household.states
    if json:
        print_json(_as_json(known, states))
    else:
        _print(known, states)


home.command("judge")(judge)


@home.command("pin")
def pin(json: JsonOption = False) -> None:
    """Ask for a PIN and print what `safety.pin_hash` of the home's file takes.

    The digits are read from the terminal without showing them, or from standard input.
    """
    from iotcall.dialogue.pins import pin_hash

    if sys.stdin.isatty():
        digits: str = typer.prompt("PIN", hide_input=True, confirmation_prompt=True)
    else:
        digits = sys.stdin.readline().strip()
    made = pin_hash(digits)
    if json:
        print_json({"pin_hash": made})
    else:
        typer.echo(f'pin_hash = "{made}"')


def _as_json(known: Home, states: DeviceStates | None) -> dict[str, Any]:
    from iotcall.devices.home_safety import unmatched

    return {
        "name": known.name,
        "rooms": {key: {"aliases": room.aliases, "floor": room.floor,
                        "from": "file" if key in known.file.rooms else "discovery"}
                  for key, room in known.rooms.items()},
        "devices": [{
            "id": device.id, "name": device.name, "room": device.room, "kind": device.kind,
            "aliases": device.aliases, "model": device.model, "label": device.label,
            "from": _origin(device, known), "group": device.is_group,
            "members": [each.id for each in device.members],
            "told": sorted(filter(device.can, device.points)),
            "tells": sorted(name for name, point in device.points.items() if point.reads),
            "not_understood": device.hidden,
            "online": states.online(device) if states else None,
            "state": states.of(device) if states else {}} for device in known.devices],
        "missing": [entry.name for entry in known.missing],
        "hidden": [device.id for device in known.hidden],
        "unmatched_safety": unmatched(known.file, known.devices),
        "scenes": sorted(known.scenes), "satellites": known.satellites,
    }


def _print(known: Home, states: DeviceStates | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from iotcall.devices.home_safety import unmatched

    table = Table(box=None, pad_edge=False)
    for title in ("room", "device", "kind", "can be told", "state", "from"):
        table.add_column(title, overflow="fold")
    if states is None:
        table.columns.pop(4)
    order = {key: place for place, key in enumerate(known.rooms)}
    for device in sorted(known.devices, key=lambda each: (order.get(each.room, 999), each.name)):
        name = device.name + (f" ({', '.join(device.aliases)})" if device.aliases else "")
        kind: str = device.kind
        if device.is_group:
            kind = f"{kind} group" if device.points else "group"
        told = ", ".join(sorted(filter(device.can, device.points))) or "nothing"
        state = [_state(device, states)] if states is not None else []
        table.add_row(*map(escape, (device.room or "-", name, kind, told, *state,
                                    _origin(device, known))))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_FILE_WIDTH)
    console.print(table)
    groups = [device for device in known.devices if device.is_group]
    counted = f"{len(known.devices) - len(groups)} devices" + (
        f" and {len(groups)} group{'s' * (len(groups) != 1)}" if groups else "")
    console.print(f"{counted} in {len(known.rooms)} rooms; scenes: "
                  f"{escape(', '.join(sorted(known.scenes)) or 'none')}")
    for device in groups:
        members = ", ".join(each.name for each in device.members)
        console.print(escape(f"members of {device.name}: {members or 'none that is known'}"))
    for entry in known.missing:
        console.print(escape(f"not announced: {entry.name} ({entry.discovered})"))
    for device in known.hidden:
        console.print(escape(f"hidden: {device.name} ({device.id})"))
    for pattern in unmatched(known.file, known.devices):
        console.print(escape(f"[safety] names {pattern!r}, and no device is called so"))
    for device in known.devices:
        if odd := [name for name in device.hidden if name not in _COMMON]:
            console.print(escape(f"not understood of {device.name}: {', '.join(odd)}"))


def _state(device: Device, states: DeviceStates | None) -> str:
    if states is None:
        return ""
    if states.online(device) is False:
        return "offline"
    return ", ".join(f"{name} {value}" for name, value in sorted(states.of(device).items())) or "?"


def _origin(device: Device, known: Home) -> str:
    entries = {entry.discovered for entry in known.file.devices if entry.discovered}
    if any(entry.driver and entry.name == device.name for entry in known.file.devices):
        return f"file, {device.id}"
    return f"file and {device.id}" if device.id in entries else device.id
