"""Whether a training begins, continues or is done: the record in its folder.

The same `CheckpointNote` lies in ``out/.steps`` from the start and in `out` at the end. Leaves out:
the training; torch is not needed to say no.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from iotcall.catalogue import Catalogue
from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.distill.recipe import Recipe
from iotcall.errors import CallError, FileError, InputError
from iotcall.evaluate import Dialogue, dialogue_to_json
from iotcall.formats import Format

STEPS = ".steps"
"""Folder of intermediate checkpoints, inside that of the checkpoint."""
SCRATCH_FORMAT = "compact"
"""Wire format of a student from scratch whose recipe names none."""

Standing = Literal["new", "begun", "finished"]


def note_of(recipe: Recipe, dialogues: Iterable[Dialogue],
            dev: Sequence[Dialogue] = (), elder_sha256: str = "") -> CheckpointNote:
    """What a training of this recipe on these dialogues leaves beside its checkpoint."""
    return CheckpointNote(
        format=recipe.format or SCRATCH_FORMAT, catalogue=recipe.catalogue,
        recipe=msgspec.to_builtins(recipe), dialogues_sha256=_hash(dialogues),
        dev_sha256=_hash(dev) if dev else "", elder_sha256=elder_sha256)


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
    """Nothing if every turn of the file's dialogues can be learnt: calls of the catalogue, as many
    as it allows.

    Raises:
        FileError: names row and turn.
    """
    for row, dialogue in enumerate(dialogues):
        for number, turn in enumerate(dialogue.turns):
            place = f"row {row}, turn {number} (counted from 0)"
            if not (not catalogue.may_decline) <= len(turn.calls) <= catalogue.max_calls:
                found = f"{len(turn.calls)} calls" if turn.calls else "a refusal"
                raise FileError(path, f"expected {_answer(catalogue)}, found {found}, which the "
                                      "catalogue does not allow (max_tool_calls, tool_choice); "
                                      "leave the dialogue out", place=place)
            try:
                for call in turn.calls:
                    catalogue.check(call)
                format.render(turn.calls, catalogue)
            except CallError as error:
                raise FileError(path, f"is no call of the catalogue {catalogue.name!r}: {error}",
                                place=place) from error


def _answer(catalogue: Catalogue) -> str:
    most = "one call" if catalogue.max_calls == 1 else f"up to {catalogue.max_calls} calls"
    return f"{most} or a refusal" if catalogue.may_decline else most


def _hash(dialogues: Iterable[Dialogue]) -> str:
    """SHA-256 of the dialogues as rows of a file, hexadecimal."""
    digest = hashlib.sha256()
    for dialogue in dialogues:
        digest.update((json.dumps(dialogue_to_json(dialogue), ensure_ascii=False) + "\n").encode())
    return digest.hexdigest()


def _note(folder: Path) -> CheckpointNote | None:
    try:
        return read_note(folder)
    except FileError as error:
        raise FileError(error.path, "is no record of a training; choose another --out") from error


def _differences(found: CheckpointNote, wanted: CheckpointNote) -> list[str]:
    there, here = _whole(found), _whole(wanted)
    differences = [f"{key} is {there.get(key)!r} there, {here.get(key)!r} here"
                   for key in sorted(there.keys() | here.keys()) if there.get(key) != here.get(key)]
    if not differences and found.dialogues_sha256 != wanted.dialogues_sha256:
        differences.append("its dialogues are others")
    if not differences and found.dev_sha256 != wanted.dev_sha256:
        differences.append("its development dialogues are others")
    if not differences and found.elder_sha256 and found.elder_sha256 != wanted.elder_sha256:
        differences.append("what it begins as has other weights")
    return differences


def _whole(note: CheckpointNote) -> dict[str, Any]:
    """The note's recipe with every setting: an earlier version may have known fewer."""
    try:
        recipe = msgspec.convert(note.recipe, Recipe)
    except msgspec.ValidationError:
        return note.recipe
    return {**msgspec.to_builtins(recipe), "format": note.format, "learning_rate": recipe.rate}
