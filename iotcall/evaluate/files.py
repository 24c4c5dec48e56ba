"""Files of evaluations: labelled dialogues in any form, utterances alone. Leaves out: their rows.

``.said`` files hold dialogues with marked spans (see marked), all others JSON Lines (see
dialogues). Utterances alone may also stand one a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import Catalogue, without_surrogates
from iotcall.errors import FileError
from iotcall.evaluate.dialogues import Dialogue, read_dialogues
from iotcall.evaluate.marked import read_marked, unmarked
from iotcall.speech import words

SAID = ".said"
_CONVERSATIONS = ("question", "context", "messages")
"""Keys of a row whose value is an utterance, messages, or their JSON text."""
_TEXTS = ("text", "utterance")


class Said(msgspec.Struct, frozen=True):
    """An utterance of a file."""

    text: str
    intent: str = ""
    """What the file says that was meant; empty: nothing."""


def read_labelled(paths: Sequence[Path], catalogue: Catalogue) -> list[Dialogue]:
    """The dialogues of all files, in their order.

    Raises:
        FileError: one of them cannot be read, or holds no dialogue; names the line.
    """
    found: list[Dialogue] = []
    for path in paths:
        if path.suffix == SAID:
            marked = read_marked(path, catalogue)
            if not marked:
                raise FileError(path, "holds no dialogue; expected one utterance a line")
            found += map(unmarked, marked)
        else:
            found += read_dialogues(path)
    return found


def read_utterances(path: Path, catalogue: Catalogue) -> list[Said]:
    """What people say in a file: one utterance a line; JSON Lines with ``text`` or ``utterance``
    (and ``intent``), or dialogues; or a ``.said`` file.

    Raises:
        FileError: it cannot be read, or holds nothing; names the line.
    """
    if path.suffix == SAID:
        found = [Said(turn.utterance) for dialogue in read_marked(path, catalogue)
                 for turn in dialogue]
    else:
        found = list(_lines(path))
    if not found:
        raise FileError(path, "holds no utterance; expected one a line, or JSON Lines with 'text'")
    return found


def normalised(utterance: str) -> str:
    """The utterance's words without case, punctuation and spacing: what "word for word" means."""
    return " ".join(utterance[start:end].casefold() for start, end in words(utterance))


def unseen(dialogues: Sequence[Dialogue], seen: Sequence[Said]) -> list[bool]:
    """Of every turn, whether its utterance is none of those seen."""
    known = {normalised(said.text) for said in seen}
    return [normalised(turn.utterance) not in known
            for dialogue in dialogues for turn in dialogue.turns]


def _lines(path: Path) -> Iterator[Said]:
    try:
        # subtle: splitlines would also split at U+2028 and the like inside an utterance
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    as_json = path.suffix in (".jsonl", ".json")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not (as_json or line.lstrip().startswith("{")):
            yield Said(line.strip())
            continue
        try:
            row = without_surrogates(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise FileError(path, f"is no JSON: {error}", place=f"line {number}") from error
        said = list(_row(row))
        if not said:
            raise FileError(path, "expected an object with 'text', 'utterance' or 'question', "
                                  f"found {str(row)[:60]}", place=f"line {number}")
        yield from said


def _row(row: Any) -> Iterator[Said]:
    if not isinstance(row, dict):
        return
    intent = row.get("intent")
    for key in _TEXTS:
        if isinstance(row.get(key), str):
            yield Said(row[key], intent if isinstance(intent, str) else "")
            return
    for key in _CONVERSATIONS:
        yield from _conversation(row.get(key))


def _conversation(value: Any) -> Iterator[Said]:
    if isinstance(value, str):
        inner = None
        if value.lstrip().startswith("["):
            try:
                inner = json.loads(value)
            except (ValueError, RecursionError):
                inner = None
        if not isinstance(inner, list):
            yield Said(value)
            return
        value = inner
    for message in value if isinstance(value, list) else ():
        if (isinstance(message, dict) and message.get("role") == "user"
                and isinstance(message.get("content"), str)):
            yield Said(message["content"])
