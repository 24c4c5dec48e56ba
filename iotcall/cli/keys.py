"""``iotcall keys``: make keys, sign bundles with them, and see who signed one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iotcall.cli.output import JsonOption, bundle_folder, print_json
from iotcall.errors import BundleError, FileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

keys = typer.Typer(no_args_is_help=True, help="Sign bundles, and see who signed them.")

PASSPHRASE = "IOTCALL_KEY_PASSPHRASE"
"""Environment variable; opens a protected private key, and protects a new one."""

BundleArgument = Annotated[str, typer.Argument(
    metavar="DIR|NAME", help="A bundle's folder, or the name of a shipped one.")]


@keys.command("new")
def new(
    out: Annotated[Path, typer.Option(
        help="File of the private key; the public one is put beside it, ending in .pub.")],
    passphrase: Annotated[bool, typer.Option(
        "--passphrase", help=f"Ask for a passphrase that protects the private key. {PASSPHRASE} "
                             "in the environment does so without asking.")] = False,
    json: JsonOption = False,
) -> None:
    """Make a key: a private file to sign with and a public one for hubs."""
    from iotcall.bundle import generate_key, key_id, write_key_pair

    secret = os.environ.get(PASSPHRASE) or (_ask(out, confirm=True) if passphrase else None)
    key = generate_key()
    public = write_key_pair(out, key, passphrase=secret)
    name = key_id(key.public_key())
    if json:
        print_json({"key_id": name, "private": out, "public": public, "protected": bool(secret)})
    else:
        typer.echo(f"key {name}\n"
                   f"  {out}: private, {'protected by a passphrase' if secret else 'unprotected'}; "
                   f"keep it off the hub\n  {public}: public, for --trusted-key of hubs")


@keys.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="A private or a public key.")],
    json: JsonOption = False,
) -> None:
    """Print a key's id."""
    from iotcall.bundle import holds_private_key, key_id, read_public_key

    private = holds_private_key(file)
    key = signing_key(file).public_key() if private else read_public_key(file)
    kind = "private" if private else "public"
    if json:
        print_json({"key_id": key_id(key), "kind": kind, "public_key": key.public_bytes_raw()})
    else:
        typer.echo(f"key {key_id(key)} ({kind}, Ed25519)")


@keys.command("sign")
def sign(
    bundle: BundleArgument,
    key: Annotated[Path, typer.Option(help="File of the private key.")],
    replace: Annotated[bool, typer.Option(
        "--replace", help="Replace a signature by another key, or a broken one.")] = False,
    json: JsonOption = False,
) -> None:
    """Check every hash of a bundle and sign its manifest."""
    from iotcall.bundle import SIGNATURE, sign_bundle

    folder = bundle_folder(bundle)
    signature = sign_bundle(folder, signing_key(key), replace=replace)
    if json:
        print_json({"folder": folder, "signed_by": signature.key_id})
    else:
        typer.echo(f"{folder / SIGNATURE}: signed by {signature.key_id}")


@keys.command("verify")
def verify(
    bundle: BundleArgument,
    trusted: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="A public key that may have signed; may be repeated. Without any, "
                             "whoever signed is named.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a bundle's signature and every hash."""
    from iotcall.bundle import SIGNATURE, read_public_key, verify_bundle, verify_signature

    folder = bundle_folder(bundle)
    public = [read_public_key(path) for path in trusted or ()] or None
    verify_bundle(folder, full=True, trusted_keys=public)
    signature = verify_signature(folder, public)
    if signature is None:
        raise BundleError(f"{folder}: expected a {SIGNATURE}, found none; sign the bundle with "
                          "'iotcall keys sign'")
    if json:
        print_json({"folder": folder, "signed_by": signature.key_id, "trusted": bool(public)})
    else:
        trust = "trusted" if public else "give --trusted to say whom you trust"
        typer.echo(f"{folder}: every file is as {signature.key_id} signed it; {trust}")


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file, with its passphrase from the environment or the terminal.

    Raises:
        FileError: as `read_private_key`; or a passphrase is needed and nobody can be asked.
    """
    from iotcall.bundle import read_private_key

    return read_private_key(path, lambda: os.environ.get(PASSPHRASE) or _ask(path, confirm=False))


def _ask(path: Path, *, confirm: bool) -> str:
    if not sys.stdin.isatty():
        raise FileError(path, f"needs a passphrase, and there is no terminal to ask at; set "
                              f"{PASSPHRASE}")
    return str(typer.prompt(f"Passphrase of {path}", hide_input=True, confirmation_prompt=confirm,
                            err=True))
