"""Who signed a bundle. Leaves out: the hashes of its files (see bundle) and key files (see keys).

``manifest.sig`` holds an Ed25519 signature (RFC 8032) over the bytes of ``manifest.json``, which
names every other file with its SHA-256: with all hashes checked it covers the whole bundle.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from iotcall.bundle.keys import key_id
from iotcall.bundle.manifest import manifest_bytes
from iotcall.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = "manifest.sig"

_LARGEST_BYTES = 4096
"""More than this is no signature; nothing of it is read."""


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``manifest.sig``."""

    algorithm: Literal["ed25519"]
    key_id: str
    """See `iotcall.bundle.keys.key_id`."""
    public_key: bytes
    """Raw, 32 bytes; base64 in the file."""
    signature: bytes
    """64 bytes; base64 in the file."""

    def encode(self) -> bytes:
        """The one form that the file may have."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def verify_signature(folder: Path, trusted: Collection[Ed25519PublicKey] | None = None
                     ) -> Signature | None:
    """The signature over a bundle's manifest, if it holds; the other files are not looked at.

    Without `trusted` any key may have signed, and None is said of a bundle that none has.

    Raises:
        BundleError: the signature is broken; or no trusted key has signed.
    """
    return check_signature(folder, manifest_bytes(folder), trusted)


def check_signature(folder: Path, manifest: bytes,
                    trusted: Collection[Ed25519PublicKey] | None) -> Signature | None:
    """As `verify_signature`, for a manifest that was read already."""
    signature = _read(folder)
    if signature is None:
        if trusted is None:
            return None
        raise BundleError(f"{folder}: expected a signature by {_ids(trusted)}, found none; copy "
                          "the bundle with its manifest.sig, or sign it with 'iotcall keys sign'")
    if trusted is not None and signature.public_key not in {
            key.public_bytes_raw() for key in trusted}:
        raise BundleError(f"{folder}: expected a signature by {_ids(trusted)}, found one by "
                          f"{signature.key_id}; trust that key only if you know whose it is")
    _check(folder, signature, manifest)
    return signature


def sign_manifest(folder: Path, manifest: bytes, key: Ed25519PrivateKey) -> Signature:
    """Sign the bytes of a manifest and write the signature into the folder.

    The same bytes and the same key give the same file.

    Raises:
        BundleError: the file cannot be written.
    """
    public = key.public_key()
    signature = Signature(algorithm="ed25519", key_id=key_id(public),
                          public_key=public.public_bytes_raw(), signature=key.sign(manifest))
    partial = folder / f".{SIGNATURE}"
    try:
        partial.write_bytes(signature.encode())
        partial.replace(folder / SIGNATURE)
    except OSError as error:
        raise BundleError(f"{folder}: {SIGNATURE} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return signature


def _read(folder: Path) -> Signature | None:
    """What ``manifest.sig`` says; None where there is none."""
    path = folder / SIGNATURE
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error
    try:
        signature = msgspec.json.decode(raw, type=Signature)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error
    # subtle: JSON and base64 write the same value in several ways; one is taken, so that no byte
    # of a signed bundle can be altered
    if raw != signature.encode():
        raise _broken(path, "expected it as 'iotcall keys sign' writes it, found other spacing, "
                            "order or base64")
    return signature


def _broken(path: Path, why: str) -> BundleError:
    return BundleError(f"{path}: is no signature: {why}; copy the bundle again, or sign it with "
                       "'iotcall keys sign --replace'")


def _check(folder: Path, signature: Signature, manifest: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(signature.public_key)
    except ValueError as error:
        raise BundleError(f"{folder / SIGNATURE}: expected a public key of 32 bytes, found "
                          f"{len(signature.public_key)} bytes; copy the bundle again") from error
    if signature.key_id != key_id(key):
        raise BundleError(f"{folder / SIGNATURE}: expected the key id {key_id(key)}, found "
                          f"{signature.key_id}; copy the bundle again")
    try:
        key.verify(signature.signature, manifest)
    except InvalidSignature as error:
        raise BundleError(f"{folder}: expected a manifest.json signed by {signature.key_id}, found "
                          "another: it or its signature was altered; copy the bundle again"
                          ) from error


def _ids(trusted: Collection[Ed25519PublicKey]) -> str:
    return " or ".join(sorted(map(key_id, trusted))) or "a trusted key (none is named)"
