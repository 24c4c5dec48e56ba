"""Open a bundle and check it. Leaves out: running its student (see runtime)."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from iotcall.bundle.manifest import Manifest, file_entry, read_manifest
from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.errors import BundleError, IotcallError
from iotcall.formats import Format, PromptPieces, format_named
from iotcall.grammar import Automaton

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
PROMPT = "prompt.json"
AUTOMATON = "automaton.npz"
CATALOGUE = "catalogue.json"
DIALOGUE = "dialogue.toml"
GOLDEN = "golden.jsonl"
SKILLS = "skills"
REQUIRED = (MODEL, TOKENIZER, PROMPT, AUTOMATON, CATALOGUE, GOLDEN)

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

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL

    @property
    def tokenizer_path(self) -> Path:
        return self.folder / TOKENIZER

    @property
    def golden_path(self) -> Path:
        return self.folder / GOLDEN


def open_bundle(folder: Path) -> Bundle:
    """The bundle in a folder, after a quick check.

    Raises:
        BundleError: a file is missing or altered, or the bundle is of another format version;
            says what was found and what was expected.
    """
    manifest = verify_bundle(folder, full=False)
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
            catalogue=catalogue,
            format=format_named(manifest.student.format),
            pieces=_pieces(folder / PROMPT),
            automaton=Automaton.load(folder / AUTOMATON),
            skills=skills,
            dialogue_toml=((folder / DIALOGUE).read_text(encoding="utf-8")
                           if DIALOGUE in manifest.files else None),
        )
    except BundleError:
        raise
    except (IotcallError, OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{folder}: {error}") from error


def _pieces(path: Path) -> PromptPieces:
    return msgspec.json.decode(path.read_bytes(), type=PromptPieces)


def verify_bundle(folder: Path, *, full: bool) -> Manifest:
    """The manifest, if every file is what it says.

    Quick: all files are there with their sizes, and the small ones have their hashes. Full: every
    hash, and no file that the manifest does not name.

    Raises:
        BundleError: the first fault, by file.
    """
    manifest = read_manifest(folder)
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
        named = {*manifest.files, "manifest.json"}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and str(path.relative_to(folder)) not in named:
                raise BundleError(f"{folder}: {path.relative_to(folder)} is not in the manifest; "
                                  "remove it")
    return manifest
