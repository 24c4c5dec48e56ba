"""Every answer of a service, in a file that only grows. Leaves out: what the answers mean.

A line is ``{"request", "model", "about", "answer"}``; the request by its hash. It is on the disk
before anybody uses the answer, so that whoever is interrupted has paid for nothing in vain. What a
power cut tore at the end is cut off when the file is next opened. It holds what people said and is
its owner's alone; keys of services are never in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from iotcall.distill.alone import hold
from iotcall.distill.teacher.request import Answer
from iotcall.errors import FileError, IotcallError

LARGEST_LINE = 1_048_576
"""Bytes; a longer answer is used but not kept."""


class _Line(msgspec.Struct, frozen=True):
    request: str
    model: str
    answer: Answer
    about: str = ""
    """What was asked, in a word; for whoever reads the file."""


class Ledger:
    """Answers by request; appends to a file that it has locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._known: dict[str, Answer] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, request: str) -> Answer | None:
        """The answer to the request of that hash."""
        return self._known.get(request)

    def add(self, request: str, answer: Answer, *, model: str, about: str = "") -> None:
        """Keep an answer; returns when it is on the disk.

        Raises:
            IotcallError: the disk is full or does not take it; no half line stays.
        """
        line = msgspec.json.encode(_Line(request, model, answer, about)) + b"\n"
        self._known[request] = answer
        if len(line) > LARGEST_LINE:
            return
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError("the disk is full")
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, end)
            raise IotcallError(f"{self.path}: an answer cannot be kept: {error}; make room, then "
                               "run the same command again") from error

    def _read(self) -> None:
        decoder = msgspec.json.Decoder(_Line)
        whole = 0  # bytes of lines that end
        with open(self._descriptor, "rb", closefd=False) as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                if not line.strip():
                    continue
                try:
                    kept = decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    raise FileError(self.path, f"is no answer of a service: {error}; delete that "
                                               "line, and its question is asked again; or is this "
                                               "another file?", place=f"line {number}") from error
                self._known[kept.request] = kept.answer
        if os.fstat(self._descriptor).st_size > whole:
            os.ftruncate(self._descriptor, whole)


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """The ledger in a file, made if it is not there, for this process alone.

    Raises:
        FileError: it cannot be opened, or is no ledger.
        InputError: another run has it open.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FileError(path, f"cannot be opened: {error.strerror}") from error
    try:
        hold(descriptor, path)
        yield Ledger(path, descriptor)
    finally:
        os.close(descriptor)
