"""A token automaton as flat arrays: what a hub follows. Leaves out: how it is compiled.

Slots stand in it as placeholder edges; what they hold is bound at run time (see walk).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.errors import BundleError
from iotcall.grammar.machine import Machine, machine_arrays, machine_from_arrays

Ids = NDArray[np.int32]
SLOT_TOKEN = 1 << 30
"""First number that stands for a slot among the edges: above every vocabulary."""


class SlotInfo(msgspec.Struct, frozen=True):
    """A placeholder: where its content comes from and how it is written."""

    writing: str
    """How the format writes strings there: json, quoted, delimited."""
    numeric: bool
    source: Literal["", "said", "registry"] = ""
    """Empty: free, whatever its machine takes; else see `iotcall.catalogue.Source`."""
    name: str = ""
    derived: dict[str, int | float | str] = {}
    """Phrase -> value that it stands for."""
    spans: bool = False
    """A said string may be any span of the dialogue's words: no pattern or format narrows it."""


class AutomatonStats(msgspec.Struct, frozen=True):
    states: int
    edges: int
    branching_states: int
    """States with more than one way on, or with a slot: where the student is asked."""
    live_tokens: int
    """Distinct vocabulary ids on any edge, contents of slots aside."""
    slots: int
    array_bytes: int


class Automaton:
    """Acyclic, with one start and one final state; every path from start to final is an answer.

    Stored as compressed sparse rows: the edges of state ``s`` are ``starts[s]:starts[s + 1]`` of
    `tokens` (ascending; slots last, as `SLOT_TOKEN` + slot) and `targets` (states). Forced runs are
    the same way in `run_starts`, `run_tokens`; `run_ends` is the state behind a run.
    """

    start = 0

    def __init__(self, starts: Ids, tokens: Ids, targets: Ids, *,
                 slots: Sequence[SlotInfo] = (), machines: Sequence[Machine] = (),
                 runs: tuple[Ids, Ids, Ids] | None = None) -> None:
        self.starts = starts  # (states + 1,) int32
        self.tokens = tokens  # (edges,) int32
        self.targets = targets  # (edges,) int32
        self.slots = tuple(slots)
        self.machines = tuple(machines)
        _check_edges(starts, tokens, targets)
        runs = runs or _forced_runs(starts, tokens, targets)
        self.run_starts, self.run_tokens, self.run_ends = runs
        self._rows: dict[int, dict[int, int]] = {}
        self._views: dict[frozenset[int], View] = {}

    @staticmethod
    def of_edges(start: int, edges: Mapping[int, Mapping[int, int]], *,
                 slots: Sequence[SlotInfo] = (), machines: Sequence[Machine] = ()) -> Automaton:
        """The automaton of a graph without cycles, renumbered from its start on."""
        order = _topological(start, edges)
        number = {state: index for index, state in enumerate(order)}
        rows = [sorted((token, number[target]) for token, target in edges.get(state, {}).items())
                for state in order]
        flat = [edge for row in rows for edge in row]
        return Automaton(
            np.cumsum([0, *map(len, rows)]).astype(np.int32),
            np.array([token for token, _ in flat], dtype=np.int32),
            np.array([target for _, target in flat], dtype=np.int32),
            slots=slots, machines=machines)

    @property
    def states(self) -> int:
        return len(self.starts) - 1

    def row(self, state: int) -> dict[int, int]:
        """Token, or `SLOT_TOKEN` + slot -> state, ascending; empty only in the final state."""
        row = self._rows.get(state)
        if row is None:
            low, high = self.starts[state], self.starts[state + 1]
            row = self._rows[state] = dict(zip(self.tokens[low:high].tolist(),
                                               self.targets[low:high].tolist(), strict=True))
        return row

    def is_final(self, state: int) -> bool:
        return bool(self.starts[state] == self.starts[state + 1])

    def forced_run(self, state: int) -> tuple[list[int], int]:
        """Tokens that are without alternative from here, and the state behind them."""
        low, high = self.run_starts[state], self.run_starts[state + 1]
        return self.run_tokens[low:high].tolist(), int(self.run_ends[state])

    def without(self, empty_slots: frozenset[int]) -> View:
        """What is left where these slots can hold nothing; remembered across utterances."""
        found = self._views.get(empty_slots)
        if found is None:
            found = self._views[empty_slots] = View(self, empty_slots)
        return found

    def stats(self) -> AutomatonStats:
        degrees = np.diff(self.starts)
        ordinary = self.tokens[self.tokens < SLOT_TOKEN]
        sources = np.repeat(np.arange(self.states), degrees)
        asked = set(np.flatnonzero(degrees > 1).tolist()) | set(
            sources[self.tokens >= SLOT_TOKEN].tolist())
        return AutomatonStats(
            states=self.states, edges=len(self.tokens), branching_states=len(asked),
            live_tokens=len(np.unique(ordinary)), slots=len(self.slots),
            array_bytes=sum(array.nbytes for array in self._arrays().values()))

    def save(self, path: Path) -> None:
        """Write the arrays as a compressed ``.npz``; the same arrays give the same bytes."""
        path.write_bytes(self._file())

    def file_bytes(self) -> int:
        """Size of the file that `save` writes."""
        return len(self._file())

    @staticmethod
    def load(path: Path) -> Automaton:
        """The automaton of a file that `save` wrote.

        Raises:
            BundleError: the file is not one.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            slots = msgspec.json.decode(arrays["slots"].tobytes(), type=list[SlotInfo])
            starts, tokens, targets, *runs = (
                arrays[name].astype(np.int32, casting="safe") for name in (
                    "starts", "tokens", "targets", "run_starts", "run_tokens", "run_ends"))
            _check_runs(starts, *runs)
            automaton = Automaton(
                starts, tokens, targets, runs=(runs[0], runs[1], runs[2]), slots=slots,
                machines=[machine_from_arrays(arrays, index) for index in range(len(slots))])
        except (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, IndexError,
                AttributeError, msgspec.DecodeError, zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(f"{path}: expected an automaton's arrays: {error}") from error
        return automaton

    @property
    def largest_token(self) -> int:
        """The highest vocabulary id on any edge."""
        return int(self.tokens[self.tokens < SLOT_TOKEN].max(initial=0))

    def _file(self) -> bytes:
        arrays: dict[str, Any] = self._arrays()
        with io.BytesIO() as buffer:
            np.savez_compressed(buffer, **arrays)
            return buffer.getvalue()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        slots = np.frombuffer(msgspec.json.encode(self.slots), dtype=np.uint8)
        return {"starts": self.starts, "tokens": self.tokens, "targets": self.targets,
                "run_starts": self.run_starts, "run_tokens": self.run_tokens,
                "run_ends": self.run_ends, "slots": slots, **machine_arrays(self.machines)}


class View:
    """An automaton without the ways that lead to nothing because some slots are empty."""

    def __init__(self, automaton: Automaton, empty_slots: frozenset[int]) -> None:
        self._automaton = automaton
        self.whole = not empty_slots
        closed = {SLOT_TOKEN + slot for slot in empty_slots}
        alive = [True] * automaton.states
        if empty_slots:
            for state in reversed(range(automaton.states)):
                row = automaton.row(state)
                alive[state] = not row or any(
                    alive[target] for token, target in row.items() if token not in closed)
        self.alive = alive
        """Which states still lead to the end."""
        self._allowed: list[Ids | None] = [None] * automaton.states

    def allowed(self, state: int) -> Ids:
        """Vocabulary ids that lead on from a state, slots aside, ascending."""
        found = self._allowed[state]
        if found is None:
            found = self._allowed[state] = np.array(
                [token for token, target in self._automaton.row(state).items()
                 if token < SLOT_TOKEN and self.alive[target]], dtype=np.int32)
        return found

    def target(self, state: int, token: int) -> int | None:
        """The state behind a token; None where it is not allowed."""
        target = self._automaton.row(state).get(token)
        return target if target is not None and self.alive[target] and token < SLOT_TOKEN else None


def _check_edges(starts: Ids, tokens: Ids, targets: Ids) -> None:
    """
    Raises:
        ValueError: the edges are not those of an acyclic automaton.
    """
    degrees = np.diff(starts)
    states = len(degrees)
    if states < 1 or starts[0] != 0 or (degrees < 0).any() or not (
            starts[-1] == len(tokens) == len(targets)):
        raise ValueError("the rows are not in order")
    sources = np.repeat(np.arange(states), degrees)
    if ((targets <= sources) | (targets >= states)).any() or tokens.min(initial=0) < 0:
        raise ValueError("edges lead nowhere or back; export the bundle again")


def _check_runs(starts: Ids, run_starts: Ids, run_tokens: Ids, run_ends: Ids) -> None:
    """
    Raises:
        ValueError: the forced runs are not of as many states, or lead nowhere or back.
    """
    states = len(starts) - 1
    if (run_starts.shape != starts.shape or run_ends.shape != (states,) or run_starts[0] != 0
            or (np.diff(run_starts) < 0).any() or run_starts[-1] != len(run_tokens)
            or (run_ends < np.arange(states)).any() or (run_ends >= states).any()):
        raise ValueError("forced runs lead nowhere or back; export the bundle again")


def _forced_runs(starts: Ids, tokens: Ids, targets: Ids) -> tuple[Ids, Ids, Ids]:
    """Of every state its forced tokens and where they end."""
    degrees = np.diff(starts)
    states = len(degrees)
    runs: list[list[int]] = [[]] * states
    ends = np.arange(states, dtype=np.int32)
    for state in reversed(range(states)):
        if degrees[state] == 1 and (token := int(tokens[starts[state]])) < SLOT_TOKEN:
            target = int(targets[starts[state]])
            runs[state] = [token, *runs[target]]
            ends[state] = ends[target]
    lengths = [len(run) for run in runs]
    return (np.cumsum([0, *lengths]).astype(np.int32),
            np.array([token for run in runs for token in run], dtype=np.int32), ends)


def _topological(start: int, edges: Mapping[int, Mapping[int, int]]) -> list[int]:
    """Every state before all that it leads to."""
    order: list[int] = []
    seen = {start}
    stack = [(start, iter(_targets(edges.get(start, {}))))]
    while stack:
        state, targets = stack[-1]
        for target in targets:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(_targets(edges.get(target, {})))))
                break
        else:
            order.append(state)
            stack.pop()
    return order[::-1]


def _targets(row: Mapping[int, int]) -> Iterable[int]:
    return [target for _, target in sorted(row.items(), reverse=True)]
