"""``iotcall service``: make the hub a service of systemd, or take it away again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

service = typer.Typer(no_args_is_help=True, help="Run the hub as a service of systemd.")

UserOption = Annotated[bool, typer.Option(
    "--user", help="A service of your own systemd, in place of the machine's.")]
NameOption = Annotated[str, typer.Option(
    "--name", help="Of the service; several hubs of one machine need one each.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--unit-folder", metavar="DIR", help="Where the unit goes, in place of systemd's folder: for "
                                         "an image that is being built, say.")]


@service.command("install")
def install(
    config: Annotated[Path, typer.Option(
        "--config", metavar="FILE", help="The hub's settings, as devices/hub.toml shows.")],
    user: UserOption = False,
    name: NameOption = "iotcall",
    memory_max: Annotated[str, typer.Option(
        help="Memory above which the service is ended, e.g. 512M.")] = "1G",
    unit_folder: FolderOption = None,
    only_print: Annotated[bool, typer.Option(
        "--print", help="Print the unit and write nothing.")] = False,
    replace: Annotated[bool, typer.Option(
        "--replace", help="Overwrite a unit that iotcall did not write, or that was changed."
    )] = False,
) -> None:
    """Write a unit for the hub, and say what to run next."""
    from iotcall.hub.config import read_hub_file
    from iotcall.hub.service import Service, install_unit, obstacles, unit_text
    from iotcall.hub.service import unit_folder as default_folder

    wanted = Service(config=config.absolute(), file=read_hub_file(config), user=user, name=name,
                     python=Path(sys.executable).absolute(), memory_max=memory_max)
    text = unit_text(wanted)
    for line in obstacles(wanted):
        typer.echo(f"warning: {line}", err=True)
    if only_print:
        typer.echo(text, nl=False)
        return
    path = (unit_folder or default_folder(user=user)) / wanted.unit
    before = install_unit(path, text, replace=replace)
    systemctl = "systemctl --user" if user else "systemctl"
    typer.echo(f"{path}: {'written' if before == 'absent' else 'written anew'}; now run\n"
               f"  {systemctl} daemon-reload\n  {systemctl} enable --now {name}\n"
               f"  journalctl{' --user' if user else ''} -u {name} -f")
    if user:
        typer.echo("  loginctl enable-linger    # so that it runs while you are not logged in")


@service.command("uninstall")
def uninstall(
    user: UserOption = False,
    name: NameOption = "iotcall",
    unit_folder: FolderOption = None,
    replace: Annotated[bool, typer.Option(
        "--replace", help="Also a unit that iotcall did not write, or that was changed.")] = False,
) -> None:
    """Take the unit away; what the hub has kept stays."""
    from iotcall.errors import InputError
    from iotcall.hub.service import uninstall_unit
    from iotcall.hub.service import unit_folder as default_folder

    path = (unit_folder or default_folder(user=user)) / f"{name}.service"
    if "/" in name or not uninstall_unit(path, replace=replace):
        raise InputError(f"{path}: there is no such unit; --name says another, --user looks among "
                         "your own")
    systemctl = "systemctl --user" if user else "systemctl"
    kept = (f"~/.local/state/{name}, or ~/.config/{name} before systemd 254" if user
            else f"/var/lib/{name}")
    typer.echo(f"{path}: taken away; now run\n  {systemctl} stop {name}\n"
               f"  {systemctl} daemon-reload\nWhat it kept stays in {kept}.")
