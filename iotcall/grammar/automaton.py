"""A token automaton as flat arrays: what a hub follows. Leaves out: how it is compiled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.errors import BundleError

Ids = NDArray[np.int32]


class AutomatonStats(msgspec.Struct, frozen=True):
    states: int
    edges: int
    branching_states: int
    """States with more than one token: where the student is asked."""
    live_tokens: int
    """Distinct vocabulary ids on any edge."""
    array_bytes: int


class Automaton:
    """Acyclic, with one start and one final state; every path from start to final is an answer.

    Stored as compressed sparse rows: the edges of state ``s`` are ``starts[s]:starts[s + 1]`` of
    `tokens` (ascending vocabulary ids) and `targets` (states).
    """

    start = 0

    def __init__(self, starts: Ids, tokens: Ids, targets: Ids) -> None:
        self.starts = starts  # (states + 1,) int32
        self.tokens = tokens  # (edges,) int32
        self.targets = targets  # (edges,) int32

    def allowed(self, state: int) -> Ids:
        """Vocabulary ids that may follow, ascending; empty only in the final state."""
        return self.tokens[self.starts[state]:self.starts[state + 1]]

    def target(self, state: int, choice: int) -> int:
        """The state behind the edge that is `choice`-th in `allowed`."""
        return int(self.targets[self.starts[state] + choice])

    def step(self, state: int, token: int) -> int | None:
        """The state behind `token`, or None where it is not allowed."""
        allowed = self.allowed(state)
        choice = int(np.searchsorted(allowed, token))
        if choice == len(allowed) or allowed[choice] != token:
            return None
        return self.target(state, choice)

    def is_final(self, state: int) -> bool:
        return bool(self.starts[state] == self.starts[state + 1])

    def forced_run(self, state: int) -> tuple[list[int], int]:
        """Tokens that are without alternative from here, and the state behind them."""
        tokens = []
        while self.starts[state + 1] - self.starts[state] == 1:
            tokens.append(int(self.tokens[self.starts[state]]))
            state = int(self.targets[self.starts[state]])
        return tokens, state

    def accepts(self, tokens: list[int]) -> bool:
        """Whether these tokens are one whole answer, its end included."""
        state: int | None = self.start
        for token in tokens:
            state = self.step(state, token) if state is not None else None
        return state is not None and self.is_final(state)

    def sample(self, random: np.random.Generator) -> list[int]:
        """A random answer: at every state each edge is equally likely."""
        return list(self._walk(random))

    def stats(self) -> AutomatonStats:
        degrees = np.diff(self.starts)
        return AutomatonStats(
            states=len(degrees), edges=len(self.tokens),
            branching_states=int((degrees > 1).sum()),
            live_tokens=len(np.unique(self.tokens)),
            array_bytes=self.starts.nbytes + self.tokens.nbytes + self.targets.nbytes,
        )

    def save(self, path: Path) -> None:
        """Write the arrays as a compressed ``.npz``; the same arrays give the same bytes."""
        np.savez_compressed(path, starts=self.starts, tokens=self.tokens, targets=self.targets)

    @staticmethod
    def load(path: Path) -> Automaton:
        """The automaton of a file that `save` wrote.

        Raises:
            BundleError: the file is not one.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                automaton = Automaton(arrays["starts"], arrays["tokens"], arrays["targets"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError,
                zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(f"{path}: expected an automaton's arrays: {error}") from error
        if not automaton._is_sound():
            raise BundleError(f"{path}: expected an acyclic automaton, found edges that lead "
                              "nowhere or back; export the bundle again")
        return automaton

    @property
    def largest_token(self) -> int:
        """The highest vocabulary id on any edge."""
        return int(self.tokens.max(initial=0))

    def _is_sound(self) -> bool:
        """Rows in order, and every edge leads to a later state: nothing can go round for ever."""
        degrees = np.diff(self.starts)
        if len(degrees) < 1 or self.starts[0] != 0 or (degrees < 0).any():
            return False
        if not self.starts[-1] == len(self.tokens) == len(self.targets):
            return False
        sources = np.repeat(np.arange(len(degrees)), degrees)
        return bool((self.targets > sources).all() and (self.targets < len(degrees)).all()
                    and self.tokens.min(initial=0) >= 0)

    def _walk(self, random: np.random.Generator) -> Iterator[int]:
        state = self.start
        while not self.is_final(state):
            choice = int(random.integers(len(self.allowed(state))))
            yield int(self.allowed(state)[choice])
            state = self.target(state, choice)
