"""Whether a training begins, continues or is done: the record in its folder.

The same `CheckpointNote` lies in ``out/.steps`` from the start and in `out` at the end. Leaves out:
the training; torch is not needed to say no.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.catalogue import Catalogue
from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.distill.recipe import Recipe
from iotcall.errors import CallError, FileError, InputError
from iotcall.evaluate import Dialogue, dialogue_to_json
from iotcall.formats import Format

STEPS = ".steps"
"""Folder of intermediate checkpoints, inside that of the checkpoint."""

Standing = Literal["new", "begun", "finished"]


def note_of(recipe: Recipe, dialogues: Iterable[Dialogue]) -> CheckpointNote:
    """What a training of this recipe on these dialogues leaves beside its checkpoint."""
    digest = hashlib.sha256()
    for dialogue in dialogues:
        digest.update((json.dumps(dialogue_to_json(dialogue), ensure_ascii=False) + "\n").encode())
    return CheckpointNote(
        format=recipe.format, catalogue=recipe.catalogue, recipe=msgspec.to_builtins(recipe),
        dialogues_sha256=digest.hexdigest())


def check_place(out: Path, *, resume: bool) -> None:
    """Nothing if a training may write to `out`.

    Raises:
        InputError: `out` is no folder, or holds something and `resume` is not set.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; choose a folder for --out")
    if out.is_dir() and any(out.iterdir()) and not resume:
        raise InputError(f"{out} is not empty; choose another --out or add --resume")


def standing(out: Path, note: CheckpointNote, *, resume: bool) -> Standing:
    """How far the training of this note is in `out`.

    Raises:
        InputError: `out` is in the way, or holds another training; names what differs.
    """
    check_place(out, resume=resume)
    if not out.is_dir() or not any(out.iterdir()):
        return "new"
    finished = _note(out)
    found = finished or _note(out / STEPS)
    if found is None:
        raise InputError(f"{out} holds no training to resume; choose another --out")
    differences = _differences(found, note)
    if differences:
        raise InputError(f"{out} holds another training: {'; '.join(differences)}; give the same "
                         "recipe and data, or choose another --out")
    return "finished" if finished else "begun"


def check_dialogues(dialogues: Sequence[Dialogue], format: Format, catalogue: Catalogue,
                    path: Path) -> None:
    """Nothing if every turn of the file's dialogues can be learnt: one call of the catalogue.

    Raises:
        FileError: names row and turn.
    """
    for row, dialogue in enumerate(dialogues):
        for number, turn in enumerate(dialogue.turns):
            place = f"row {row}, turn {number} (counted from 0)"
            if len(turn.calls) != 1:
                found = f"{len(turn.calls)} calls" if turn.calls else "a refusal"
                raise FileError(path, f"expected one call, found {found}: a grammar cannot say "
                                      "that yet; leave the dialogue out", place=place)
            try:
                catalogue.check(turn.calls[0])
                format.render(turn.calls, catalogue)
            except CallError as error:
                raise FileError(path, f"is no call of the catalogue {catalogue.name!r}: {error}",
                                place=place) from error


def _note(folder: Path) -> CheckpointNote | None:
    try:
        return read_note(folder)
    except FileError as error:
        raise FileError(error.path, "is no record of a training; choose another --out") from error


def _differences(found: CheckpointNote, wanted: CheckpointNote) -> list[str]:
    keys = sorted(found.recipe.keys() | wanted.recipe.keys())
    differences = [
        f"{key} is {found.recipe.get(key)!r} there, {wanted.recipe.get(key)!r} here"
        for key in keys if found.recipe.get(key) != wanted.recipe.get(key)]
    if not differences and found.dialogues_sha256 != wanted.dialogues_sha256:
        differences.append("its dialogues are others")
    return differences
