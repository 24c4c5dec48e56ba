"""Golden dialogues turn by turn, and the calls that an export recorded for them.

Leaves out: how the record was made (see export); judging students on other data (evaluation).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall, equivalent_all
from iotcall.errors import BundleError
from iotcall.evaluate.dialogues import Dialogue, read_dialogues
from iotcall.runtime import Decoding, Student, Turn
from iotcall.runtime.sessions import Placement

SELFTEST = "selftest.json"


class GoldenTurn(msgspec.Struct, frozen=True):
    """One item: what was said before, with the reference calls, and what is said now."""

    history: tuple[Turn, ...]
    utterance: str
    calls: tuple[ToolCall, ...]
    """Reference calls."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """``selftest.json``: the calls that the export saw, for every golden turn in order."""

    reference: tuple[tuple[ToolCall, ...], ...]
    """By torch in fp32, under the same grammar."""
    here: dict[str, tuple[tuple[ToolCall, ...], ...]]
    """By the bundle itself, for the instruction set that it was exported on; see
    `instruction_set`. Blocks of 4 bits at accuracy level 4 round differently on others."""
    call_agreement: float
    """Share of turns that must agree with the reference."""


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle does on this machine, beside what its export saw."""

    turns: int
    agreed: int
    """With torch, as the export recorded it."""
    needed: int
    """Turns that must agree."""
    instruction_set: str
    same_as_export: int | None
    """Turns equal to the bundle's own record on this instruction set; None: it has none."""
    parted: tuple[str, ...]
    """Utterances whose calls are not torch's."""
    calls: tuple[tuple[ToolCall, ...], ...]
    """Of every turn."""
    placements: tuple[Placement | None, ...]
    """Of every graph: which provider runs which nodes."""

    @property
    def passed(self) -> bool:
        return self.agreed >= self.needed


def golden_turns(dialogues: Sequence[Dialogue]) -> list[GoldenTurn]:
    """Every user turn, with the reference history."""
    items = []
    for dialogue in dialogues:
        history: list[Turn] = []
        for turn in dialogue.turns:
            items.append(GoldenTurn(tuple(history), turn.utterance, turn.calls))
            if turn.calls:
                history.append(Turn(turn.utterance, turn.calls))
    return items


def decode_turns(student: Student, items: Sequence[GoldenTurn],
                 progress: Callable[[int], None] = lambda done: None) -> list[Decoding]:
    """The student's answer to every item."""
    found = []
    for done, item in enumerate(items):
        progress(done)
        found.append(student.decode(item.history, item.utterance))
    return found


def read_record(folder: Path) -> Record:
    """The record of a bundle.

    Raises:
        BundleError: it has none that can be read.
    """
    try:
        return msgspec.json.decode((folder / SELFTEST).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as error:
        raise BundleError(f"{folder}: expected {SELFTEST}, which an export writes: "
                          f"{error}") from error


def selftest(bundle: Bundle, student: Student, *, most: int | None = None,
             progress: Callable[[int], None] = lambda done: None) -> SelfTest:
    """Decode the golden turns (the first `most`) here and compare with what the export saw.

    Raises:
        BundleError: the bundle has no record, or one of other golden turns.
    """
    record = read_record(bundle.folder)
    items = golden_turns(read_dialogues(bundle.golden_path))
    if len(items) != len(record.reference):
        raise BundleError(f"{bundle.folder}: {SELFTEST} is of {len(record.reference)} golden "
                          f"turns, the bundle has {len(items)}; export it again")
    items = items[:most]
    calls = tuple(decoding.calls for decoding in decode_turns(student, items, progress))
    own = record.here.get(instruction_set())
    parted = tuple(item.utterance for item, found, wanted in zip(
        items, calls, record.reference[:most], strict=True) if not equivalent_all(wanted, found))
    return SelfTest(
        turns=len(items), agreed=len(items) - len(parted),
        needed=-int(-len(items) * record.call_agreement // 1), parted=parted, calls=calls,
        instruction_set=instruction_set(), placements=student.decoder.placements,
        same_as_export=None if own is None else sum(
            equivalent_all(wanted, found) for wanted, found in zip(own[:most], calls, strict=True)))


def instruction_set() -> str:
    """This machine's, as far as integer products depend on it: e.g. ``x86_64-avx512vnni``."""
    machine = platform.machine().lower()
    known = ("avx512_vnni", "avx_vnni", "avx512bw", "avx2", "i8mm", "asimddp")
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return machine
    found = next((name for name in known if name in words), "")
    return f"{machine}-{found.replace('_', '')}" if found else machine
