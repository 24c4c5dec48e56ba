"""Open a bundle and check it. Leaves out: running its student (see runtime)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from iotcall.bundle.calibration import CALIBRATION, Calibration, read_calibration
from iotcall.bundle.layout import DECODER, DecoderLayout
from iotcall.bundle.manifest import MANIFEST, Manifest, file_entry, manifest_bytes, parse_manifest
from iotcall.bundle.signature import SIGNATURE, check_signature
from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.errors import BundleError, IotcallError
from iotcall.formats import Format, PromptPieces, format_named
from iotcall.grammar import Automaton
from iotcall.speech import Lexicon, ValuePrior

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOKENIZER = "tokenizer.json"
PROMPT = "prompt.json"
AUTOMATON = "automaton.npz"
TOKENS = "tokens.npz"
CATALOGUE = "catalogue.json"
DIALOGUE = "dialogue.toml"
GOLDEN = "golden.jsonl"
SKILLS = "skills"
LEXICON = "lexicon.json.gz"
PRIOR = "prior.json"
DRAFT = "draft"
REQUIRED = (DECODER, TOKENIZER, PROMPT, AUTOMATON, CATALOGUE, GOLDEN)

_T = TypeVar("_T")
_SMALL_BYTES = 1_000_000
"""Files up to this size are hashed at every start; larger ones only in a full check."""


class BundleSkill(msgspec.Struct, frozen=True):
    """A skill's own prompt and grammar."""

    name: str
    catalogue: Catalogue
    """Its tools."""
    pieces: PromptPieces
    automaton: Automaton


class Bundle(msgspec.Struct, frozen=True):
    """An opened bundle: small parts read, large ones as paths."""

    folder: Path
    manifest: Manifest
    layout: DecoderLayout
    """How its graphs are fed."""
    catalogue: Catalogue
    format: Format
    pieces: PromptPieces
    """With skills: of the first decision, which picks them."""
    automaton: Automaton
    """With skills: of the first decision."""
    skills: tuple[BundleSkill, ...]
    """Empty: one prompt and one automaton hold all tools."""
    dialogue_toml: str | None
    """Dialogue settings of the catalogue, read by `iotcall.dialogue`; None: not for a hub."""
    calibration: Calibration | None = None
    """Threshold that was measured for this student; None: dialogue.toml's holds."""
    lexicon: Lexicon | None = None
    """By which slips of the finger are spelt right before the student reads; None: it reads what
    was said."""
    prior: ValuePrior | None = None
    """By which its likeliest answers are weighed; None: the first counts."""
    draft: Bundle | None = None
    """A much smaller student of the same tools, which guesses what this one confirms."""

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def tokenizer_path(self) -> Path:
        return self.folder / TOKENIZER

    @property
    def golden_path(self) -> Path:
        return self.folder / GOLDEN


def open_bundle(folder: Path, *,
                trusted_keys: Collection[Ed25519PublicKey] | None = None) -> Bundle:
    """The bundle in a folder, after a quick check; with trusted keys, after a full one.

    Raises:
        BundleError: a file is missing or altered, the bundle is of another format version, its
            signature is broken, or none of the trusted keys signed it; says what was found and
            what was expected.
    """
    manifest = verify_bundle(folder, full=False, trusted_keys=trusted_keys)
    try:
        catalogue = catalogue_from_json(json.loads((folder / CATALOGUE).read_bytes()),
                                        manifest.catalogue)
        skills = tuple(
            BundleSkill(skill.name, catalogue.of_skill(skill),
                        _pieces(folder / SKILLS / skill.name / PROMPT),
                        Automaton.load(folder / SKILLS / skill.name / AUTOMATON))
            for skill in catalogue.skills)
        return Bundle(
            folder=folder,
            manifest=manifest,
            layout=_layout(folder, manifest),
            catalogue=catalogue,
            format=format_named(manifest.student.format),
            pieces=_pieces(folder / PROMPT),
            automaton=Automaton.load(folder / AUTOMATON),
            skills=skills,
            dialogue_toml=((folder / DIALOGUE).read_text(encoding="utf-8")
                           if DIALOGUE in manifest.files else None),
            calibration=(read_calibration(folder / CALIBRATION)
                         if CALIBRATION in manifest.files else None),
            lexicon=_read(folder / LEXICON, Lexicon) if LEXICON in manifest.files else None,
            prior=_read(folder / PRIOR, ValuePrior) if PRIOR in manifest.files else None,
            draft=(open_bundle(folder / DRAFT) if f"{DRAFT}/{MANIFEST}" in manifest.files
                   else None),
        )
    except BundleError:
        raise
    except (IotcallError, OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{folder}: {error}") from error


def _layout(folder: Path, manifest: Manifest) -> DecoderLayout:
    layout = msgspec.json.decode((folder / DECODER).read_bytes(), type=DecoderLayout)
    absent = [name for name in layout.graphs if name not in manifest.files]
    if absent:
        raise BundleError(f"{folder}: {DECODER} names {absent[0]}, which the manifest does not; "
                          "export it again")
    return layout


def _read(path: Path, shape: type[_T]) -> _T:
    written = path.read_bytes()
    try:
        return msgspec.json.decode(
            gzip.decompress(written) if path.suffix == ".gz" else written, type=shape)
    except (msgspec.DecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BundleError(f"{path}: {error}; export it again") from error


def _pieces(path: Path) -> PromptPieces:
    return msgspec.json.decode(path.read_bytes(), type=PromptPieces)


def verify_bundle(folder: Path, *, full: bool,
                  trusted_keys: Collection[Ed25519PublicKey] | None = None) -> Manifest:
    """The manifest, if every file is what it says and the signature, if there is one, holds.

    Quick: all files are there with their sizes, and the small ones have their hashes. Full: every
    hash, and no file that the manifest does not name. With trusted keys one of them must have
    signed, and the check is full: a signature says nothing of a file that is not hashed.

    Raises:
        BundleError: the first fault, by file.
    """
    raw = manifest_bytes(folder)
    check_signature(folder, raw, trusted_keys)
    manifest = parse_manifest(folder, raw)
    verify_files(folder, manifest, full=full or trusted_keys is not None)
    return manifest


def verify_files(folder: Path, manifest: Manifest, *, full: bool) -> None:
    """Nothing if the files are what the manifest says; as `verify_bundle` without the signature.

    Raises:
        BundleError: the first fault, by file.
    """
    for name in REQUIRED:
        if name not in manifest.files:
            raise BundleError(f"{folder}: the manifest names no {name}; export it again")
    for name, expected in sorted(manifest.files.items()):
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BundleError(f"{folder}: the manifest names {name}, which lies outside the bundle")
        if not path.is_file():
            raise BundleError(f"{folder}: {name} is missing; copy the bundle again")
        size = path.stat().st_size
        if size != expected.size:
            raise BundleError(f"{folder}: {name} was altered: expected {expected.size} bytes, "
                              f"found {size}; copy the bundle again")
        if full or size <= _SMALL_BYTES:
            found = file_entry(path).sha256
            if found != expected.sha256:
                raise BundleError(f"{folder}: {name} was altered: expected SHA-256 "
                                  f"{expected.sha256}, found {found}; copy the bundle again")
    if full:
        named = {*manifest.files, MANIFEST, SIGNATURE}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and str(path.relative_to(folder)) not in named:
                raise BundleError(f"{folder}: {path.relative_to(folder)} is not in the manifest; "
                                  "remove it")
