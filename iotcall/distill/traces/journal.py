"""The journal of a run, beside its output: what became of every row, so that it can go on.

JSON Lines, only appended to, for its owner's eyes: the first line says what the run is, every other
one row. It holds redacted text only, and is open in one run at a time. Leaves out: what the rows
mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from iotcall.distill.alone import hold, in_use
from iotcall.errors import FileError, InputError

VERSION = 1


class Header(msgspec.Struct, frozen=True):
    """What must be the same for a run to go on."""

    sources: tuple[tuple[str, int], ...]
    """Name and bytes."""
    options: dict[str, Any]
    catalogue: str
    """SHA-256 of its JSON."""
    version: int = VERSION


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one row."""

    source: int
    row: int
    """Counted from 1, blank lines not."""
    why: str = ""
    """Why it is left out."""
    cut: str = ""
    """Why turns at its end are left out."""
    replaced: dict[str, int] = {}
    """Kind of personal data -> places."""
    kept: dict[str, Any] | None = None
    """The row as it will be written."""
    pattern: dict[str, Any] | None = None
    """The same with placeholders, if something was replaced."""


class Journal:
    """Open for appending, for this process alone."""

    def __init__(self, path: Path, header: Header, *, resume: bool) -> None:
        """Begin a journal, or go on with the one that is there.

        Raises:
            InputError: there is one and `resume` is not set, it is of another run, or another run
                has it open.
            FileError: it cannot be written.
        """
        self.path = path
        self.entries: list[Entry] = []
        """What was there already."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(handle, "r+b")
            try:
                self._begin(header, resume=resume)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise FileError(path, f"cannot be written: {error.strerror}") from error

    def add(self, entry: Entry) -> None:
        self._append(entry)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _begin(self, header: Header, *, resume: bool) -> None:
        self._lock()
        begun = os.fstat(self._file.fileno()).st_size > 0
        if begun and not resume:
            raise InputError(f"{self.path} is the journal of a run that was interrupted; add "
                             "--resume to go on, or remove it to begin anew")
        whole = self._read(header) if begun else 0
        self._file.truncate(whole)  # a line that was torn
        self._file.seek(whole)
        if not whole:
            self._append(header)
            self._file.flush()

    def _lock(self) -> None:
        hold(self._file, self.path)
        # subtle: a run that ended between the opening and the lock has removed what is locked here
        if not os.fstat(self._file.fileno()).st_nlink:
            raise in_use(self.path)

    def _append(self, value: Any) -> None:
        self._file.write(msgspec.json.encode(value) + b"\n")

    def _read(self, header: Header) -> int:
        """Bytes of the whole lines."""
        lines = self._file.read().split(b"\n")[:-1]
        if not lines:
            return 0
        try:
            found = msgspec.json.decode(lines[0], type=Header)
            self.entries = [msgspec.json.decode(line, type=Entry) for line in lines[1:]]
        except msgspec.DecodeError as error:
            raise InputError(f"{self.path} is no journal that can be read ({error}); remove it to "
                             "begin anew") from error
        differing = list(_differences(found, header))
        if differing:
            raise InputError(f"{self.path} is of another run: {'; '.join(differing)}; give the "
                             "same sources and options, or remove it to begin anew")
        return sum(len(line) + 1 for line in lines)


def _differences(found: Header, wanted: Header) -> Iterator[str]:
    if found.version != wanted.version:
        yield "another version of iotcall wrote it"
    if found.sources != wanted.sources:
        yield "the sources are others or have changed"
    if found.catalogue != wanted.catalogue:
        yield "the catalogue is another or has changed"
    for key in sorted(found.options.keys() | wanted.options.keys()):
        if found.options.get(key) != wanted.options.get(key):
            yield f"{key} is {found.options.get(key)!r} there, {wanted.options.get(key)!r} here"
