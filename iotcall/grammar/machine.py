"""What a slot may hold: a small automaton over bytes with a bound on characters.

Follows text byte by byte, and whole tokens of a vocabulary at once. Leaves out: how it is made (see
leaves), and values that come from a dialogue or a home (see contents).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DEAD = -1
_LONGEST_TOKEN = 48
"""Bytes; longer tokens (runs of spaces) are never part of a slot."""


class Machine:
    """An automaton over bytes; a text fits if it ends in an accepting state within the bounds."""

    def __init__(self, classes: NDArray[np.uint8], table: NDArray[np.int16],
                 accepting: NDArray[np.bool_], *, low: int, high: int, by_arrival: bool) -> None:
        self.classes = classes  # (256,) uint8: byte -> column of the table
        self.table = table  # (states, columns) int16; DEAD: no way on; state 0 is the start
        self.accepting = accepting  # (states,) bool
        self.low = low
        self.high = high
        self.by_arrival = by_arrival
        """How characters are counted: at arrival in an accepting state (text in which several
        bytes may write one character), or at every byte that begins one."""
        self._feasible: list[int] | None = None

    def step(self, state: int, byte: int) -> tuple[int, int]:
        """The next state and how many characters (0 or 1) the byte completed."""
        target = int(self.table[state, self.classes[byte]])
        if target == DEAD:
            return DEAD, 0
        counted = bool(self.accepting[target]) if self.by_arrival else byte & 0xC0 != 0x80
        return target, int(counted)

    def follow(self, text: bytes, state: int = 0, used: int = 0) -> tuple[int, int] | None:
        """State and characters after the text; None where it cannot go on."""
        for byte in text:
            state, counted = self.step(state, byte)
            if state == DEAD:
                return None
            used += counted
        return (state, used) if self.can_finish(state, used) else None

    def fits(self, text: bytes) -> bool:
        """Whether the text is one of the slot's."""
        found = self.follow(text)
        return found is not None and self.is_done(*found)

    def is_done(self, state: int, used: int) -> bool:
        return bool(self.accepting[state]) and self.low <= used <= self.high

    def can_finish(self, state: int, used: int) -> bool:
        """Whether some text leads on to an end within the bounds."""
        if used > self.high:
            return False
        # bit n of feasible: it can end after n more characters
        window = (self._ways()[state] >> max(0, self.low - used))
        return bool(window & ((1 << (self.high - max(self.low, used) + 1)) - 1))

    def _ways(self) -> list[int]:
        if self._feasible is None:
            self._feasible = self._count_ways()
        return self._feasible

    def _count_ways(self) -> list[int]:
        states = len(self.table)
        begins = np.ones(self.table.shape[1], dtype=bool)
        begins[self.classes[0x80:0xC0]] = False  # columns of bytes inside a character
        edges: list[list[tuple[int, int]]] = []
        for state in range(states):
            row = set()
            for column in range(self.table.shape[1]):
                target = int(self.table[state, column])
                if target != DEAD:
                    counted = self.accepting[target] if self.by_arrival else begins[column]
                    row.add((target, int(counted)))
            edges.append(sorted(row))
        ways = [int(accepting) for accepting in self.accepting]
        mask = (1 << (self.high + 1)) - 1
        changed = True
        while changed:
            changed = False
            for state in reversed(range(states)):  # numbered from the start on: ends come last
                found = ways[state]
                for target, counted in edges[state]:
                    found |= ways[target] << counted
                found &= mask
                if found != ways[state]:
                    ways[state], changed = found, True
        return ways


class TokenRows:
    """Tokens that a machine can take from one of its states, grouped by their outcome."""

    def __init__(self, ids: NDArray[np.int32], targets: NDArray[np.int16],
                 counts: NDArray[np.int16]) -> None:
        self.ids = ids  # (n,) ascending
        self.targets = targets  # (n,) states
        self.counts = counts  # (n,) characters completed
        packed = targets.astype(np.int32) * 256 + counts
        self._kinds, self._kind_of = np.unique(packed, return_inverse=True)
        self._outcomes = [(int(kind) // 256, int(kind) % 256) for kind in self._kinds]
        self._known: dict[tuple[bool, ...], NDArray[np.int32]] = {}

    def within(self, machine: Machine, used: int) -> NDArray[np.int32]:
        """Ids after which an end within the bounds can still be reached.

        The same array again where the same outcomes are good: far from the bounds, all of them.
        """
        good = tuple(machine.can_finish(target, used + counted)
                     for target, counted in self._outcomes)
        found = self._known.get(good)
        if found is None:
            found = self._known[good] = self.ids[np.array(good, dtype=np.bool_)[self._kind_of]]
        return found


class TokenBytes:
    """The bytes of a vocabulary's ordinary tokens as one matrix."""

    def __init__(self, spelt: dict[int, bytes]) -> None:
        short = sorted((len(text), id) for id, text in spelt.items()
                       if 0 < len(text) <= _LONGEST_TOKEN)
        self.ids = np.array([id for _, id in short], dtype=np.int32)
        self.lengths = np.array([length for length, _ in short], dtype=np.int16)
        width = int(self.lengths.max(initial=1))
        padded = b"".join(spelt[id].ljust(width, b"\0") for _, id in short)
        self.bytes = np.frombuffer(padded, dtype=np.uint8).reshape(len(short), width)

    def save(self, path: Path) -> None:
        """Write it as ``.npz``."""
        np.savez_compressed(path, ids=self.ids, lengths=self.lengths, bytes=self.bytes)

    @classmethod
    def load(cls, path: Path) -> TokenBytes:
        """What `save` wrote: some ten times faster than asking the tokenizer for every token."""
        made = cls({})
        with np.load(path) as file:
            made.ids, made.lengths, made.bytes = file["ids"], file["lengths"], file["bytes"]
        return made

    def rows(self, machine: Machine, state: int) -> TokenRows:
        """Every token that the machine can take from the state, bounds aside."""
        at = np.full(len(self.ids), state, dtype=np.int16)
        counts = np.zeros(len(self.ids), dtype=np.int16)
        for column in range(self.bytes.shape[1]):
            # rows are sorted by length, so those with a byte here are a tail
            first = int(np.searchsorted(self.lengths, column + 1))
            if first == len(self.ids):
                break
            byte, before = self.bytes[first:, column], at[first:]
            # subtle: -1 picks the last row, whose result is then put back to dead
            target = machine.table[before, machine.classes[byte]]
            target[before == DEAD] = DEAD
            arrived = (machine.accepting[target] if machine.by_arrival
                       else (byte & 0xC0) != 0x80)
            counts[first:] += (target != DEAD) & arrived
            at[first:] = target
        kept = np.flatnonzero(at != DEAD)
        kept = kept[np.argsort(self.ids[kept])]
        return TokenRows(self.ids[kept], at[kept], counts[kept])


class MachineTokens:
    """Tokens of a vocabulary that a machine takes, state by state, worked out when first asked."""

    def __init__(self, machine: Machine, tokens: TokenBytes) -> None:
        self.machine = machine
        self._tokens = tokens
        self._rows: dict[int, TokenRows] = {}
        self._allowed: dict[tuple[int, int], NDArray[np.int32]] = {}

    def allowed(self, state: int, used: int) -> NDArray[np.int32]:
        """Tokens after which an end within the bounds can still be reached, ascending."""
        found = self._allowed.get((state, used))
        if found is None:
            found = self._allowed[state, used] = self._of(state).within(self.machine, used)
        return found

    def step(self, state: int, used: int, token: int) -> tuple[int, int] | None:
        """State and characters after the token; None where it is not allowed."""
        rows = self._of(state)
        place = int(rows.ids.searchsorted(np.int32(token)))  # of the same type: no copy
        if place == len(rows.ids) or rows.ids[place] != token:
            return None
        target, total = int(rows.targets[place]), used + int(rows.counts[place])
        return (target, total) if self.machine.can_finish(target, total) else None

    def _of(self, state: int) -> TokenRows:
        if state not in self._rows:
            self._rows[state] = self._tokens.rows(self.machine, state)
        return self._rows[state]


def machine_arrays(machines: Iterable[Machine]) -> dict[str, NDArray[np.generic]]:
    """The machines as named arrays for a file."""
    found: dict[str, NDArray[np.generic]] = {}
    for index, machine in enumerate(machines):
        found[f"machine{index}_classes"] = machine.classes
        found[f"machine{index}_table"] = machine.table
        found[f"machine{index}_accepting"] = machine.accepting
        found[f"machine{index}_bounds"] = np.array(
            [machine.low, machine.high, machine.by_arrival], dtype=np.int32)
    return found


def machine_from_arrays(arrays: dict[str, NDArray[np.generic]], index: int) -> Machine:
    """The machine that `machine_arrays` wrote.

    Raises:
        KeyError, ValueError: the arrays are not those of a machine.
    """
    classes, table, accepting, bounds = (
        arrays[f"machine{index}_{part}"] for part in ("classes", "table", "accepting", "bounds"))
    low, high, by_arrival = (int(value) for value in bounds)
    states, columns = table.shape
    if (classes.shape != (256,) or accepting.shape != (states,) or int(classes.max()) >= columns
            or int(table.max()) >= states or int(table.min()) < DEAD or not 0 <= low <= high):
        raise ValueError(f"machine {index} is not sound")
    return Machine(classes.astype(np.uint8), table.astype(np.int16), accepting.astype(np.bool_),
                   low=low, high=high, by_arrival=bool(by_arrival))
