"""How long a student takes from utterance to call, in several modes taken in turn.

Every utterance is answered in all modes before the next, so that a busy moment strikes all of them.
Between two utterances the student may prepare, as on a hub, and no clock runs. Leaves out: what the
times come to (see report).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import msgspec
import numpy as np

from iotcall.bundle import Bundle
from iotcall.evaluate.bench.counted import CountedStudent
from iotcall.evaluate.bench.floor import Pass
from iotcall.evaluate.golden import Answer, GoldenTurn, answer_of
from iotcall.grammar.binding import Names
from iotcall.runtime import PLAIN, Modes, Student
from iotcall.runtime.board import RuntimeSettings

ModeName = Literal["guesses", "no guesses", "plain"]
MODES: dict[ModeName, Modes] = {"guesses": Modes(), "no guesses": Modes(drafting=False),
                                "plain": PLAIN}
_MOST_WARMING = 4


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    turn: int
    """Place among the turns."""
    round: int
    """From 0; in later ones the very same was said before."""
    mode: ModeName
    follow_up: bool
    ms: float
    """From utterance to call."""
    prefill_ms: float
    passes: int
    """The student's own."""
    decisions: int
    tokens: int
    drafted: int
    """Decisions that were guessed right, and so cost no pass."""
    ran: tuple[Pass, ...]
    draft_ran: tuple[Pass, ...]
    """Passes of the draft student."""
    needed: tuple[Pass, ...]
    """What would have run, had everything been guessed right."""
    answer: Answer


class Drawn(msgspec.Struct, frozen=True):
    """Golden turns in the order of a seed."""

    warming: tuple[GoldenTurn, ...]
    """Said first and not measured; none where there are too few."""
    measured: tuple[GoldenTurn, ...]


def draw_turns(turns: Sequence[GoldenTurn], most: int | None, seed: int) -> Drawn:
    """Turns to warm up with, and the first `most` others."""
    order = np.random.default_rng(seed).permutation(len(turns))
    warming = min(_MOST_WARMING, (len(turns) - 1) // 2)
    chosen = [turns[place] for place in order]
    stop = None if most is None else warming + most
    return Drawn(tuple(chosen[:warming]), tuple(chosen[warming:stop]))


@contextmanager
def open_students(bundle: Bundle, settings: RuntimeSettings, modes: Sequence[ModeName],
                  names: Names | None = None) -> Iterator[dict[ModeName, CountedStudent]]:
    """A student for each mode; all run on the first one's graphs."""
    with ExitStack() as stack:
        students: dict[ModeName, CountedStudent] = {}
        for mode in modes:
            student = stack.enter_context(
                Student.open(bundle, settings=settings, modes=MODES[mode]))
            student.bind_registry(names)
            first = next(iter(students.values()), None)
            students[mode] = CountedStudent(student, first.own.counted if first else None)
        yield students


def warm_up(students: dict[ModeName, CountedStudent], turns: Sequence[GoldenTurn]) -> None:
    """Answer turns that are not measured: memory is taken, and the first paths are run."""
    for turn in turns:
        for counted in students.values():
            counted.student.prepare(turn.history)
            counted.student.decode(turn.history, turn.utterance)


def measure_round(students: dict[ModeName, CountedStudent], turns: Sequence[GoldenTurn], *,
                  number: int, seed: int,
                  progress: Callable[[], None] = lambda: None) -> list[Sample]:
    """Every turn once in every mode; order of turns and modes differs from round to round."""
    found = []
    modes = list(students)
    order = np.random.default_rng([seed, number]).permutation(len(turns))
    for place, turn in enumerate(int(each) for each in order):
        first = (place + number) % len(modes)
        for mode in modes[first:] + modes[:first]:
            found.append(_answer(students[mode], turns[turn], mode, turn, number))
            progress()
    return found


def _answer(counted: CountedStudent, item: GoldenTurn, mode: ModeName, turn: int,
            number: int) -> Sample:
    student = counted.student
    student.prepare(item.history)
    counted.begin()
    began = time.perf_counter()
    decoding = student.decode(item.history, item.utterance)
    ms = 1000 * (time.perf_counter() - began)
    return Sample(
        turn=turn, round=number, mode=mode, follow_up=bool(item.history), ms=ms,
        prefill_ms=decoding.prefill_ms, passes=decoding.passes, decisions=decoding.decisions,
        tokens=decoding.tokens, drafted=decoding.drafted, ran=counted.own.ran,
        draft_ran=counted.draft.ran if counted.draft else (), needed=counted.own.needed,
        answer=answer_of(decoding))
