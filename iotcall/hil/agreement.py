"""Whether two machines make the same calls of the same turns. Leaves out: which of them are right.

Blocks of 4 bits round differently on each instruction set, so logits differ and calls need not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from iotcall.errors import InputError
from iotcall.evaluate.golden import Answer, same_answer
from iotcall.hil.rows import Run

_NAMED = 3


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """Of two machines' answers."""

    turns: int
    same: int
    parted: tuple[str, ...]
    """Where they part, the first few: turn (from 1), what the one says and what the other."""

    @property
    def share(self) -> float:
        return self.same / max(self.turns, 1)


def agreed(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Agreed:
    """How far the answers of two machines agree, turn by turn.

    Raises:
        InputError: they are not of as many turns.
    """
    if len(ours) != len(theirs):
        raise InputError(f"calls of {len(ours)} turns cannot be compared with those of "
                         f"{len(theirs)}")
    parted = [f"turn {place}: {written(one)} and {written(other)}"
              for place, (one, other) in enumerate(zip(ours, theirs, strict=True), 1)
              if not same_answer(one, other)]
    return Agreed(turns=len(ours), same=len(ours) - len(parted), parted=tuple(parted[:_NAMED]))


def written(answer: Answer) -> str:
    """As a run keeps it: JSON, ``null`` where there are no calls."""
    return msgspec.json.encode(answer, order="sorted").decode()


def calls_of(run: Run) -> list[Answer]:
    """What a run keeps."""
    return [msgspec.json.decode(text, type=Answer) for text in run.calls]


def check_other(run: Run, bundle_sha256: str) -> None:
    """See that a run's calls can be compared with those of a bundle.

    Raises:
        InputError: they cannot; says why.
    """
    if run.bundle_sha256 != bundle_sha256:
        raise InputError(f"the run on {run.board} is of another bundle than this one; run its "
                         "suite again, with the same")
    if not run.calls:
        raise InputError(f"the run on {run.board} kept no calls; its suite needs [numerics]")
