"""Write a bundle, all or nothing. Leaves out: making its parts (see export)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from iotcall.bundle.bundle import verify_bundle, verify_files
from iotcall.bundle.keys import key_id
from iotcall.bundle.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    StudentInfo,
    TargetInfo,
    file_entry,
    manifest_bytes,
    parse_manifest,
)
from iotcall.bundle.signature import SIGNATURE, Signature, check_signature, sign_manifest
from iotcall.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@contextmanager
def write_bundle(out: Path, *, name: str, catalogue: str, student: StudentInfo,
                 target: TargetInfo, made_with: dict[str, str], allowed: tuple[str, ...] = (),
                 replace: bool = False,
                 sign_with: Ed25519PrivateKey | None = None) -> Iterator[Path]:
    """Yield an empty folder to fill; afterwards hash it, add the manifest and move it to `out`.

    With `sign_with` the manifest is signed before the move.

    Raises:
        BundleError: `out` exists and `replace` is not set, or holds something else than a bundle.
    """
    check_place(out, replace=replace)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise BundleError(f"{out}: no folder can be made there: {error}") from error
    retired = partial.with_name(partial.name + "-old")
    try:
        yield partial
        files = {str(path.relative_to(partial)): file_entry(path)
                 for path in sorted(partial.rglob("*")) if path.is_file()}
        manifest = Manifest(format_version=FORMAT_VERSION, name=name, catalogue=catalogue,
                            student=student, target=target, made_with=made_with, files=files,
                            allowed=allowed)
        (partial / MANIFEST).write_bytes(manifest.encode())
        if sign_with:
            sign_manifest(partial, manifest.encode(), sign_with)
        verify_bundle(partial, full=True)
        partial.chmod(0o777 & ~_umask())
        if out.exists():
            out.rename(retired)
        partial.rename(out)
    finally:
        if retired.exists() and not out.exists():
            retired.rename(out)  # the new one did not arrive: the old one stays
        shutil.rmtree(retired, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)


def sign_bundle(folder: Path, key: Ed25519PrivateKey, *, replace: bool = False) -> Signature:
    """Sign a bundle that is whole, after a check of every hash.

    Raises:
        BundleError: a file is missing, altered or unknown; or the bundle has another signature
            and `replace` is not set.
    """
    raw = manifest_bytes(folder)
    verify_files(folder, parse_manifest(folder, raw), full=True)
    found = None if replace else check_signature(folder, raw, None)
    if found and found.public_key != key.public_key().public_bytes_raw():
        raise BundleError(f"{folder}: expected a bundle without signature or with one by "
                          f"{key_id(key.public_key())}, found one by {found.key_id}; add --replace "
                          "to sign in its place")
    return sign_manifest(folder, raw, key)


def renew_files(folder: Path, files: Mapping[str, bytes], *, out: Path | None = None,
                sign_with: Ed25519PrivateKey | None = None) -> None:
    """Put files into a whole bundle, in place of those of their names, or into its copy at `out`,
    all or nothing.

    The old signature would not hold any more, so a signed bundle wants a key to be signed again.

    Raises:
        BundleError: a file is missing, altered or unknown; the bundle is signed and no key is
            given; or something is in the way at `out`.
    """
    folder = folder.resolve()
    check_signer(folder, sign_with)
    # subtle: altered files must not get new hashes here, nor a new signature
    manifest = verify_bundle(folder, full=True)
    with write_bundle(out or folder, name=manifest.name, catalogue=manifest.catalogue,
                      student=manifest.student, target=manifest.target,
                      made_with=manifest.made_with, allowed=manifest.allowed,
                      replace=out is None, sign_with=sign_with) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        for name in (MANIFEST, SIGNATURE):
            (partial / name).unlink(missing_ok=True)
        for name, data in files.items():
            (partial / name).write_bytes(data)


def check_signer(folder: Path, sign_with: Ed25519PrivateKey | None) -> None:
    """Nothing if a bundle would be signed after a change as it was before, or anew.

    Raises:
        BundleError: it is signed and there is no key.
    """
    signature = check_signature(folder, manifest_bytes(folder), None)
    if signature and sign_with is None:
        raise BundleError(f"{folder} is signed by {signature.key_id}, and would not be any more; "
                          "add --key FILE to sign it again")


def check_place(out: Path, *, replace: bool) -> None:
    """Nothing if a bundle may be written to `out`.

    Raises:
        BundleError: something is in the way; says how to go on.
    """
    if out.exists() and not out.is_dir():
        raise BundleError(f"{out} is a file; choose a folder for --out")
    if out.exists() and not replace:
        raise BundleError(f"{out} exists; choose another --out or add --replace")
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise BundleError(f"{out} is not empty and holds no bundle; it is not replaced")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
