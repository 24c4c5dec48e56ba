"""``iotcall bundles``: what is shipped, whether it is whole, and who signed it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, JsonOption, bundle_folder, print_json
from iotcall.errors import InputError


def bundles(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[DIR|NAME]...", help="Bundles to look at; all shipped ones by default.")] = None,
    verify: Annotated[bool, typer.Option(
        help="Check the hash of every file, not only of the small ones.")] = False,
    json: JsonOption = False,
) -> None:
    """List bundles and check that they are whole; see 'keys verify' for whom to trust."""
    folders = ([bundle_folder(name) for name in names] if names
               else _shipped_folders())
    found = [_look(folder, full=verify) for folder in folders]
    if json:
        print_json(found)
    else:
        for item in found:
            typer.echo(_line(item))
    if any("error" in item for item in found):
        raise typer.Exit(2)


def _shipped_folders() -> list[Path]:
    """All shipped bundles; a name that begins with a dot is of one in the making."""
    from iotcall.shipped import shipped

    root = shipped("bundles")
    return sorted(path for path in root.iterdir()
                  if path.is_dir() and not path.name.startswith(".")) if root.is_dir() else []


def _look(folder: Path, *, full: bool) -> dict[str, Any]:
    """What is in a bundle, or what is wrong with it."""
    from iotcall.bundle import verify_bundle, verify_signature

    try:
        manifest = verify_bundle(folder, full=full)
        signature = verify_signature(folder)
    except (InputError, OSError) as error:
        return {"folder": str(folder), "error": str(error)}
    return {
        "name": manifest.name, "default": manifest.name == DEFAULT_BUNDLE,
        "catalogue": manifest.catalogue, "folder": str(folder),
        "architecture": manifest.student.architecture,
        "parameters": manifest.student.parameters, "format": manifest.student.format,
        "target": manifest.target.name, "provider": manifest.target.provider,
        "precision": manifest.target.precision,
        "bytes": sum(entry.size for entry in manifest.files.values()),
        "verified": "every hash" if full else "sizes and small files",
        "signed_by": signature.key_id if signature else None,
    }


def _line(item: dict[str, Any]) -> str:
    if "error" in item:
        return f"broken: {item['error']}"
    mark = " (default)" if item["default"] else ""
    signer = f"signed by {item['signed_by']}" if item["signed_by"] else "unsigned"
    return (
        f"{item['name']}{mark}: {item['parameters'] / 1e6:.1f} M parameters, "
        f"{item['architecture']}, {item['precision']} on {item['provider']}, "
        f"{item['bytes'] / 1e6:.1f} MB\n  catalogue {item['catalogue']}, format "
        f"{item['format']}, checked: {item['verified']}, "
        f"{signer}\n  {item['folder']}")
