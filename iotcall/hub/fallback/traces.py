"""What was asked and answered, a JSON line for each utterance, to train a student on later.

Written only where `record` is set. A line is a dialogue that `iotcall.evaluate.read_dialogues`
reads (question messages, answer), with `source`, `verdict` and a few more keys beside it; only
lines whose verdict is "admitted" hold an answer to learn from. It holds what people said: the file
is its owner's alone, sites are hashed with a key that is never written, times are left out.

Leaves out: syncing to the disk. A line that a power cut tore is cut off at the next start.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from iotcall.catalogue import ToolCall
from iotcall.evaluate import Dialogue, LabelledTurn, dialogue_to_json
from iotcall.hub.fallback.prompt import clean
from iotcall.runtime import Turn

LARGEST_FILE = 4_194_304
"""Bytes: some ten thousand utterances."""
OLD_FILES = 3
"""How many full files are kept: NAME.1 is the newest of them."""
LARGEST_LINE = 65_536

_log = structlog.get_logger(__name__)


def trace(history: Sequence[Turn], utterance: str, calls: Sequence[ToolCall], *, verdict: str,
          rejected: Sequence[dict[str, Any]] = (), text: str = "", model: str = "",
          site: str = "", latency_ms: float = 0.0) -> dict[str, Any]:
    """One line: a row of labelled dialogues, and what it came from.

    Args:
        calls: the answer; empty unless the verdict is "admitted".
        verdict: "admitted", "said" (an answer in words) or the reason why there is none.
        rejected: calls of the model that were not admitted, as it wrote them.
        site: hashed already.
    """
    turns = [LabelledTurn(clean(turn.utterance), turn.calls) for turn in history]
    row = dialogue_to_json(Dialogue((*turns, LabelledTurn(clean(utterance), tuple(calls)))))
    more = {"rejected": list(rejected), "text": text, "model": model, "site": site}
    return {**row, "source": "fallback", "verdict": verdict, "latency_ms": round(latency_ms, 1),
            **{key: value for key, value in more.items() if value}}


class Recorder:
    """Appends lines to one file, and sets it aside when it is full; used by one thread.

    A file that cannot be written is logged and never stands in the way of an answer.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST_FILE, old_files: int = OLD_FILES
                 ) -> None:
        self._path, self._largest, self._old_files = path, largest, old_files
        self._key = secrets.token_bytes(16)  # of this run: nobody can look a site's name up by it
        self._begun = False

    def hashed(self, site: str) -> str:
        """The same text for the same site during one run of the hub."""
        return hashlib.blake2b(site.encode(errors="replace"), key=self._key,
                               digest_size=6).hexdigest()

    def add(self, row: dict[str, Any]) -> None:
        """Append a line."""
        try:
            line = (json.dumps(row, ensure_ascii=False) + "\n").encode(errors="replace")
        except RecursionError:  # a model's arguments, as deep as it liked
            _log.warning("fallback.trace_too_deep")
            return
        if len(line) > min(LARGEST_LINE, self._largest):
            _log.warning("fallback.trace_too_long", bytes=len(line))
            return
        try:
            if not self._begun:
                self._begin()
            self._append(line)
        except OSError as error:
            _log.error("fallback.trace_unwritten", path=str(self._path), reason=error.strerror)

    def _begin(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError), self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            tail_at = file.seek(max(0, size - LARGEST_LINE))
            whole = file.read(LARGEST_LINE).rfind(b"\n") + 1
            if tail_at + whole < size:
                file.truncate(tail_at + whole)
        self._begun = True

    def _append(self, line: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size + len(line) > self._largest:
                self._rotate()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        try:
            before = os.fstat(file).st_size
            if os.write(file, line) != len(line):
                os.ftruncate(file, before)  # the disk is full: no half lines
                _log.error("fallback.trace_unwritten", path=str(self._path), reason="disk full")
        finally:
            os.close(file)

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{number}")
                               for number in range(1, self._old_files + 1))]
        for newer, older in reversed(list(itertools.pairwise(names))):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        names[0].unlink(missing_ok=True)  # where no old file is kept
