"""``iotcall bundles``: what is shipped, and whether it is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, JsonOption, bundle_folder, print_json


def bundles(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[DIR|NAME]...", help="Bundles to look at; all shipped ones by default.")] = None,
    verify: Annotated[bool, typer.Option(
        help="Check the hash of every file, not only of the small ones.")] = False,
    json: JsonOption = False,
) -> None:
    """List bundles and check that they are whole."""
    from iotcall.bundle import verify_bundle
    from iotcall.shipped import shipped

    folders = ([bundle_folder(name) for name in names] if names
               else sorted(path for path in shipped("bundles").iterdir() if path.is_dir()))
    found = []
    for folder in folders:
        manifest = verify_bundle(folder, full=verify)
        found.append({
            "name": manifest.name, "default": manifest.name == DEFAULT_BUNDLE,
            "catalogue": manifest.catalogue, "folder": str(folder),
            "architecture": manifest.student.architecture,
            "parameters": manifest.student.parameters, "format": manifest.student.format,
            "target": manifest.target.name, "provider": manifest.target.provider,
            "precision": manifest.target.precision,
            "bytes": sum(entry.size for entry in manifest.files.values()),
            "verified": "every hash" if verify else "sizes and small files",
        })
    if json:
        print_json(found)
        return
    for item in found:
        mark = " (default)" if item["default"] else ""
        typer.echo(
            f"{item['name']}{mark}: {int(str(item['parameters'])) / 1e6:.1f} M parameters, "
            f"{item['architecture']}, {item['precision']} on {item['provider']}, "
            f"{int(str(item['bytes'])) / 1e6:.1f} MB\n  catalogue {item['catalogue']}, format "
            f"{item['format']}, checked: {item['verified']}\n  {item['folder']}")
