"""The likeliest answers beside the one that was given. Leaves out: what a hub makes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.catalogue import ToolCall
from iotcall.grammar import Walk
from iotcall.grammar.scoring import Scored, likeliest_answers
from iotcall.runtime.admission import Limits
from iotcall.runtime.answers import Found, Slips
from iotcall.runtime.decoders import Decoder, Wanted
from iotcall.runtime.decoding import Path
from iotcall.runtime.memory import Memory


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """How many other answers are looked for, and how hard."""

    count: int = 1
    worth: Callable[[tuple[ToolCall, ...], float, Slips], bool] = (
        lambda calls, confidence, slips: True)
    """Whether any are looked for beside an answer of these calls and this confidence, where those
    words were read otherwise than they were said."""
    least: float = 0.0
    """Share of the given answer's probability below which another is of no interest, 0..1."""
    passes: int = 8
    """At most, of their own; what the answer's decisions have shown already costs nothing."""

    def through(self, as_said: Callable[[Sequence[ToolCall]], tuple[ToolCall, ...]],
                slips: Slips) -> Others:
        """`worth` of calls that are changed before it sees them, for those slips."""
        return msgspec.structs.replace(self, worth=lambda calls, confidence, _: self.worth(
            as_said(calls), confidence, slips))


RUNNER_UP = Others()
"""The likeliest one."""


def find_others(walk: Walk, decoder: Decoder, memory: Memory, prompt: Sequence[int],
                answer: Path, limits: Limits, wanted: Others = RUNNER_UP
                ) -> Found:
    """The other answers, the likeliest first.

    Exact: the likeliest beginning is always looked at next, so that none that comes back is less
    likely than one that does not. Fewer come back where there are no more or it would take too
    long. Usually the first takes a pass or two.
    """
    began = time.monotonic()
    known = {tuple(answer.tokens[:decision.after]): decision.logits
             for decision in answer.decisions}
    passes = 0

    def run(tokens: Sequence[int], before: tuple[int, ...], allowed: NDArray[np.int32]) -> (
            tuple[NDArray[np.float32], tuple[int, ...]]):
        nonlocal passes
        text = (*before, *tokens)
        if text in known:
            return known[text], text
        ids = [*prompt, *text]
        new = ids[memory.keep(ids):]
        if passes >= wanted.passes or limits.refuse(len(new)) or not decoder.fits(
                memory.past.length, len(new)):
            raise _GivenUpError
        passes += 1
        scores, = decoder.run(new, memory.past,
                              [Wanted(len(new) - 1, allowed.astype(np.int64))])
        memory.tokens += new
        return scores.allowed, text

    least = answer.log_probability + (math.log(wanted.least) if wanted.least else -math.inf)
    found: list[Scored] = []
    begun: tuple[int, ...] = ()
    try:
        for one in likeliest_answers(walk, run, (), begun, least=least):
            if one.tokens != tuple(answer.tokens):
                found.append(one)
            if len(found) == wanted.count:
                break
    except _GivenUpError:
        pass
    return Found(answers=tuple(found), passes=passes, ms=1000 * (time.monotonic() - began))


class _GivenUpError(Exception):
    """There is no time or no room."""
