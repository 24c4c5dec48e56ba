"""``iotcall.json``: what a training leaves beside its checkpoint for the export.

Leaves out: the recipe's meaning (see distill).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from iotcall.errors import FileError

NOTE = "iotcall.json"
HISTORY_TURNS = 4
"""Earlier turns that a student is shown, at most, when it is trained, judged and exported."""


class CheckpointNote(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    """Wire format that it was trained in, by name."""
    catalogue: str
    recipe: dict[str, Any]
    """Of the training, as a record."""
    dialogues_sha256: str
    """Of the training dialogues, as ``evaluate.write_dialogues`` writes them."""
    dev_sha256: str = ""
    """Of the development dialogues that chose among its states, likewise; empty: there were none.
    """

    elder_sha256: str = ""
    """Of the weights that it began as; empty: as no other student, or not recorded."""

    @property
    def bits(self) -> int:
        """Of the weights that it learnt with at the end; 0: they were not rounded."""
        found = self.recipe.get("bits")
        return found if isinstance(found, int) else 0

    def write(self, checkpoint: Path) -> None:
        """Put it into the checkpoint's folder."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        (checkpoint / NOTE).write_bytes(text + b"\n")


def read_note(checkpoint: Path) -> CheckpointNote | None:
    """The note of a checkpoint that was trained here; None of another.

    Raises:
        FileError: there is one that cannot be read.
    """
    path = checkpoint / NOTE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckpointNote)
    except (OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise FileError(path, f"cannot be read: {error}; give --format and --catalogue") from error
