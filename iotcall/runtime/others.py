"""The likeliest answer beside the one that was given. Leaves out: what a hub makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iotcall.grammar import Walk
from iotcall.grammar.scoring import Scored, best_answers
from iotcall.runtime.admission import Limits
from iotcall.runtime.decoders import Decoder, Wanted
from iotcall.runtime.decoding import Path
from iotcall.runtime.memory import Memory

_MOST_PASSES = 8
"""Of its own; what the answer's decisions have shown already costs nothing."""


def find_runner_up(walk: Walk, decoder: Decoder, memory: Memory, prompt: Sequence[int],
                   answer: Path, limits: Limits) -> tuple[Scored | None, int]:
    """The runner-up, None where there is none or it would take too long; and its passes.

    Exact: the likeliest beginning is looked at next, until a whole answer other than the given one
    is likelier than every beginning. Usually that is one pass or two.
    """
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
        if passes >= _MOST_PASSES or limits.refuse(len(new)) or not decoder.fits(
                memory.past.length, len(new)):
            raise _GivenUpError
        passes += 1
        scores, = decoder.run(new, memory.past,
                              [Wanted(len(new) - 1, allowed.astype(np.int64))])
        memory.tokens += new
        return scores.allowed, text

    try:
        begun: tuple[int, ...] = ()
        found = best_answers(walk, run, (), begun, count=2,
                             most_passes=len(answer.decisions) + _MOST_PASSES)
    except _GivenUpError:
        return None, passes
    return next((one for one in found if one.tokens != tuple(answer.tokens)), None), passes


class _GivenUpError(Exception):
    """There is no time or no room."""
