"""The manifest of a bundle. Leaves out: the files it names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from iotcall.errors import BundleError

FORMAT_VERSION = 4
"""Of the folder's layout; a bundle of another version is refused."""

MANIFEST = "manifest.json"


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    """Hexadecimal."""
    size: int
    """Bytes."""


class StudentInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    architecture: str
    """As transformers names it: qwen3, gemma3_text, lfm2."""
    parameters: int
    """Weights in the checkpoint, tied ones once."""
    format: str
    """Wire format, by name."""
    history_turns: int
    """Earlier turns that it was made for; a runtime shows it no more."""
    checkpoint_sha256: str
    """Of the weights it was exported from."""


class TargetInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    """File name in ``export/targets/``."""
    provider: str
    """Execution provider, ORT's exact name."""
    precision: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``manifest.json``. Parts that not every bundle has are optional files under `files`."""

    format_version: int
    name: str
    catalogue: str
    student: StudentInfo
    target: TargetInfo
    made_with: dict[str, str]
    """Version of every tool that made it."""
    allowed: tuple[str, ...] = ()
    """Where parity is below the target's bar, as the person who exported it allowed."""
    files: dict[str, FileEntry]
    """Every file of the bundle but the manifest and its signature, by its path below the folder."""

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle's folder.

    Raises:
        BundleError: it is missing, unreadable or of another format version.
    """
    return parse_manifest(folder, manifest_bytes(folder))


def manifest_bytes(folder: Path) -> bytes:
    """The manifest as it lies there, for what is said of its bytes.

    Raises:
        BundleError: it is missing.
    """
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder}: expected a bundle, found no readable {MANIFEST}; "
                          "see 'iotcall bundles' for the shipped ones") from error


def parse_manifest(folder: Path, raw: bytes) -> Manifest:
    """As `read_manifest`, for bytes that were read already."""
    try:
        found = msgspec.json.decode(raw, type=dict).get("format_version")
        if found != FORMAT_VERSION:
            raise BundleError(f"{folder}: expected bundle format {FORMAT_VERSION}, found {found}; "
                              "export the checkpoint again with this version of iotcall")
        return msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(f"{folder / MANIFEST}: is no manifest: {error}") from error


def file_entry(path: Path) -> FileEntry:
    """Hash and size of a file."""
    with path.open("rb") as file:
        return FileEntry(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
