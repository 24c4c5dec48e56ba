"""Golden dialogues turn by turn, and the calls that an export recorded for them.

Leaves out: how the record was made (see export); judging students on other data (evaluation).
"""

from __future__ import annotations

import math
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


Answer = tuple[ToolCall, ...] | None
"""The calls of a turn; None where the answer became none."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """``selftest.json``: the calls that the export saw, for every golden turn in order."""

    reference: tuple[Answer, ...]
    """By torch in fp32, under the same grammar."""
    margins: tuple[float, ...]
    """Torch's smallest, of each turn, between a token and the next best, in log-probability."""
    here: dict[str, tuple[Answer, ...]]
    """By the bundle itself, for the instruction set that it was exported on; see
    `instruction_set`. Blocks of 4 bits at accuracy level 4 round differently on others."""
    tie: float
    """A turn that parts from torch and whose margin is smaller is a tie."""
    call_agreement: float
    """Share of turns, ties left out, that must agree with the reference."""


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle does on this machine, beside what its export saw."""

    turns: int
    agreed: int
    """With torch, as the export recorded it."""
    ties: int
    """Turns that part where torch itself hardly preferred its answer."""
    needed: int
    """Turns that must agree, ties left out."""
    instruction_set: str
    same_as_export: int | None
    """Turns equal to the bundle's own record on this instruction set; None: it has none."""
    parted: tuple[str, ...]
    """Utterances whose calls are not torch's."""
    calls: tuple[Answer, ...]
    """Of every turn."""
    placements: tuple[Placement | None, ...]
    """Of every graph: which provider runs which nodes."""

    @property
    def passed(self) -> bool:
        return self.agreed >= self.needed


def answer_of(decoding: Decoding) -> Answer:
    """The calls of a decoding, if it became any."""
    return decoding.calls if decoding.outcome == "call" else None


def same_answer(one: Answer, other: Answer) -> bool:
    """Whether both are the same calls, or neither is any."""
    if one is None or other is None:
        return one is other
    return equivalent_all(one, other)


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
    calls = tuple(map(answer_of, decode_turns(student, items, progress)))
    own = record.here.get(instruction_set())
    parted = [number for number, (found, wanted) in enumerate(zip(
        calls, record.reference[:most], strict=True)) if not same_answer(wanted, found)]
    ties = sum(record.margins[number] < record.tie for number in parted)
    return SelfTest(
        turns=len(items), agreed=len(items) - len(parted),
        ties=ties, needed=math.ceil((len(items) - ties) * record.call_agreement - 1e-9),
        parted=tuple(items[number].utterance for number in parted), calls=calls,
        instruction_set=instruction_set(), placements=student.decoder.placements,
        same_as_export=None if own is None else sum(
            same_answer(wanted, found) for wanted, found in zip(own[:most], calls, strict=True)))


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
