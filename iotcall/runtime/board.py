"""What a board is and how the runtime uses it: ``devices/boards/*.toml``, for hub and bench.

Leaves out: reaching a board (see hil).
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

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

    def with_draft(self) -> tuple[RuntimeSettings, RuntimeSettings]:
        """Of a student and of its draft student, which keeps a quarter of the memory."""
        whole = self.memory_megabytes
        return (msgspec.structs.replace(self, memory_megabytes=0.75 * whole),
                msgspec.structs.replace(self, memory_megabytes=0.25 * whole))


class BenchAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the bench works on a board."""

    environment: str
    """labgrid environment that reaches it, by its name in ``hil/environments/``."""
    python: str = ""
    """Interpreter on the board that has iotcall; empty: the bench's own, as on this machine."""
    folder: str = ""
    """On the board; bundles are put below it while a run lasts. Empty: the board's ``$TMPDIR``."""
    student: str = ""
    """Of ``hil/students/``: what ``iotcall hil setup`` exports for this board, and runs there use
    in place of the suite's bundle and home. Empty: those of the suite."""
    services: bool = False
    """Whether the bench may install a service of systemd there, as root, and use the board's own
    mosquitto on port 1883 while a run lasts: never on a board that serves a home."""
    power_meter: str = ""
    """What measures its supply: a labgrid driver of the environment, or a file on the board
    (``.../power1_input``, ``.../energy_uj``); empty: nobody measures it."""
    counts_instructions: bool = False
    """Whether its clock counts instructions, a nanosecond for each (`BootedSystem`)."""


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A board file."""

    summary: str
    sources: tuple[str, ...] = ()
    """Where each setting comes from: measured, or whose documentation."""
    soc: str = ""
    """The chip, as its maker calls it; empty: any."""
    machine: str = ""
    """As ``uname -m`` says it: ``x86_64``, ``aarch64``; empty: any."""
    cores: int = 0
    """That a hub can use; 0: not stated."""
    memory_megabytes: int = 0
    """Of the board, in MiB; 0: not stated."""
    target: str = ""
    """Recipe in ``export/targets/`` that its bundles are exported for; a bundle for another one of
    the same execution provider runs too. Empty: not stated."""
    stamp: Literal["measured", "emulated", "simulated"] = "measured"
    """What its figures are: of the hardware, of an emulation that runs its programs, or of a model
    of its accelerator, in other programs; times of both say nothing."""
    patience: Annotated[float, msgspec.Meta(ge=1)] = 1.0
    """By which everything that the bench waits for is multiplied: emulations are slow, and what is
    judged there is no time."""
    verified: bool = False
    """Somebody has run the bench on it; else it is written from data sheets."""
    runtime: RuntimeSettings = RuntimeSettings()
    bench: BenchAccess | None = None
    """None: the bench does not know it; hubs use it all the same."""


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
