"""A student's decoder that notes which passes run. Leaves out: what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from iotcall.evaluate.bench.floor import Pass
from iotcall.runtime import Student
from iotcall.runtime.decoders import Decoder, Past, Scores, Wanted


class CountedDecoder:
    """Runs another decoder and keeps count; it is one itself."""

    def __init__(self, decoder: Decoder) -> None:
        self.counted = decoder
        self._ran: list[tuple[Past, Pass]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.counted, name)

    def run(self, ids: Sequence[int], past: Any, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        self._ran.append((past, Pass(len(ids), past.length)))
        return self.counted.run(ids, past, wanted)

    def begin(self) -> None:
        """Forget what was counted."""
        self._ran.clear()

    @property
    def ran(self) -> tuple[Pass, ...]:
        """The passes since the beginning."""
        return tuple(each for _, each in self._ran)

    @property
    def needed(self) -> tuple[Pass, ...]:
        """One pass for each prompt, over its new tokens and those of the answer that the last
        decision looks back on: what right guesses of everything would have run."""
        began: dict[int, tuple[Past, int]] = {}
        for past, each in self._ran:
            began.setdefault(id(past), (past, each.past))
        # subtle: tokens of wrong guesses have been cut off the past by now
        return tuple(Pass(past.length - length, length) for past, length in began.values())


class CountedStudent:
    """A student whose passes are counted, those of its draft student apart."""

    def __init__(self, student: Student, decoder: Decoder | None = None) -> None:
        self.student = student
        self.own = _count(student, decoder)
        self.draft = _count(student.drafter) if student.drafter else None

    def begin(self) -> None:
        """Forget what was counted."""
        self.own.begin()
        if self.draft:
            self.draft.begin()


def _count(student: Student, decoder: Decoder | None = None) -> CountedDecoder:
    """Counts the student's passes from now on, which run on `decoder` if one is given: the same
    graphs need not be in memory twice."""
    counted = CountedDecoder(decoder or student.decoder)
    student.decoder = cast(Decoder, counted)
    return counted
