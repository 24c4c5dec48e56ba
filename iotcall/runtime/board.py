"""How the runtime uses a board: ``devices/boards/*.toml``. Leaves out: reaching a board (see hil).
"""

from __future__ import annotations

import os

import msgspec

from iotcall.bundle import Bundle
from iotcall.settings import read_toml
from iotcall.shipped import find

_SLEEPING = "session.intra_op.allow_spinning"
_SPIN_IN_RUNS_ONLY = "session.force_spinning_stop"
_MOST_THREADS = 2
"""Where a board does not say: small students gain little from more, and a hub has other work."""


class RuntimeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of the student's process."""

    threads: int = 0
    """Of a pass; 0: one per core, two at most."""
    spinning: bool = True
    """Whether threads wait for each other busily within a pass: faster on cores of their own, much
    slower on cores that others use."""
    arena: bool = True
    """Whether onnxruntime keeps the memory of a pass for the next."""
    memory_megabytes: float = 64
    """What may be kept of dialogues between utterances."""

    @property
    def most_threads(self) -> int:
        return self.threads or min(_MOST_THREADS, os.cpu_count() or 1)

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_megabytes * 1e6)


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A board file."""

    summary: str
    sources: tuple[str, ...] = ()
    """Where each setting comes from: measured, or whose documentation."""
    runtime: RuntimeSettings = RuntimeSettings()


def load_board(given: str) -> Board:
    """A board by the name of a shipped one or by path.

    Raises:
        InputError: there is none of that name; lists the shipped ones.
        FileError: the file does not fit.
    """
    return read_toml(find("devices/boards", given, ".toml"), Board)


def tuned(bundle: Bundle, settings: RuntimeSettings) -> Bundle:
    """The bundle, to be opened as the board wants it."""
    provider = bundle.layout.provider
    session = {_SPIN_IN_RUNS_ONLY: "1", _SLEEPING: str(int(settings.spinning)), **provider.session}
    layout = msgspec.structs.replace(bundle.layout, provider=msgspec.structs.replace(
        provider, session=session, arena=settings.arena))
    draft = tuned(bundle.draft, settings) if bundle.draft else None
    return msgspec.structs.replace(bundle, layout=layout, draft=draft)
