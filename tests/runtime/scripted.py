"""A decoder that makes its logits up from all the tokens in its past, and grammars to run it in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from iotcall.export.parity.oracle import Text
from iotcall.grammar import Automaton
from iotcall.runtime.decoders import Scores, Wanted

SIZE = 6
"""Tokens of the vocabulary."""
PROMPT = (3, 1, 4, 1, 5)


class Scripted:
    """Stands for a decoder: what it says depends on every token before, as a student's does."""

    def __init__(self, seed: int, *, most_wanted: int | None = None, room: int = 1000) -> None:
        self.most_wanted = most_wanted
        self.passes: list[list[int]] = []
        self._seed, self._room = seed, room

    def fits(self, length: int, new: int) -> bool:
        return length + new <= self._room

    def logits_after(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        return np.random.default_rng([self._seed, *tokens]).normal(0, 3, SIZE).astype(np.float32)

    def run(self, ids: Sequence[int], past: Text, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        assert ids
        assert len(past.tokens) + len(ids) <= self._room
        assert not self.most_wanted or len(wanted) <= self.most_wanted
        self.passes.append(list(ids))
        start = len(past.tokens)
        past.tokens += ids
        rows = [self.logits_after(past.tokens[:start + item.position + 1]) for item in wanted]
        return [Scores(row[item.allowed], row) for row, item in zip(rows, wanted, strict=True)]


@st.composite
def automata(draw: st.DrawFn) -> Automaton:
    """Any acyclic automaton of some states, with forced tokens between its decisions."""
    states = draw(st.sampled_from([14, 10, 6, 3, 2]))
    edges = {}
    for state in range(states - 1):
        ways = draw(st.sampled_from([2, 1, 3, 1]))
        tokens = draw(st.lists(st.integers(0, SIZE - 1), unique=True, min_size=ways,
                               max_size=ways))
        edges[state] = {token: draw(st.integers(state + 1, min(state + 3, states - 1)))
                        for token in tokens}
    return Automaton.of_edges(0, edges)
