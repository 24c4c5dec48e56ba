"""Regular expression -> deterministic automaton over bytes, by outlines-core's Index. Build side.

Labels are bytes (0..255), special tokens (`MARKER` + index) and slots (`SLOT` + index). Traps of
outlines-core that shape this: its automata are complete only where the expression ends with a
unique terminator, so that one is put behind every expression, and states are not merged, which is
done here. Leaves out: tokens of a student (see tokens).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
import outlines_core

from iotcall.errors import InputError
from iotcall.formats import MARKER_BASE, SLOT_BASE

MARKER, SLOT = 256, 4096
"""First labels of special tokens and of slots."""
_TERMINATOR = 0xF2000
_TERMINATOR_LABEL, _UNUSED_LABEL = 1 << 20, 1 << 21
_NOT_TEXT = {0xF3, 0xF4}  # first bytes of the stand-ins: they are never spelt byte by byte

Edges = dict[int, dict[int, int]]


class Dfa(msgspec.Struct, frozen=True):
    """Deterministic; every state leads to an accepting one."""

    start: int
    accepting: frozenset[int]
    edges: Edges
    """State -> label -> state; a state without edges may be absent."""

    def accepts(self, labels: Iterable[int]) -> bool:
        state: int | None = self.start
        for label in labels:
            state = self.edges.get(state, {}).get(label) if state is not None else None
        return state in self.accepting

    @property
    def states(self) -> int:
        return len({self.start, *self.edges, *self.accepting})


def dfa_of(expression: str) -> Dfa:
    """The automaton of exactly the texts that match as a whole.

    Raises:
        InputError: the expression is no valid one, or too large.
    """
    # a copy, since the vocabulary takes ownership
    vocabulary = outlines_core.Vocabulary(_UNUSED_LABEL, _labels(expression))
    try:
        # subtle: its build takes exponential time where a class follows a part of itself
        # (a[ab]{0,30}), unless every text begins with what stands nowhere else
        end = chr(_TERMINATOR)
        index = outlines_core.Index(f"{end}(?:{expression}){end}", vocabulary)
    except Exception as error:  # its errors are bare ValueErrors, and panics on size
        raise InputError(f"no automaton can be made of the expression: {str(error)[:200]}"
                         ) from error
    edges: Edges = {}
    accepting = set()
    transitions = index.get_transitions()
    start = transitions.pop(index.get_initial_state())[_TERMINATOR_LABEL]
    for state, row in transitions.items():
        kept = {}
        for label, target in row.items():
            if label == _TERMINATOR_LABEL:
                accepting.add(state)
            elif label != _UNUSED_LABEL:
                kept[label] = target
        edges[state] = kept
    return trimmed(start, accepting, edges)


def trimmed(start: int, accepting: Iterable[int], edges: Edges) -> Dfa:
    """Without states that are never reached or lead nowhere, the rest merged where they are alike.

    Raises:
        InputError: nothing is left.
    """
    found = set(accepting)
    alive = _leading_to(found, edges)
    if start not in alive:
        raise InputError("no text satisfies the expression")
    kept = {state: {label: target for label, target in row.items() if target in alive}
            for state, row in edges.items() if state in alive}
    return _merged(Dfa(start, frozenset(found & alive), kept))


def _labels(expression: str) -> dict[bytes, list[int]]:
    labels: dict[bytes, list[int]] = {
        bytes([byte]): [byte] for byte in range(256) if byte not in _NOT_TEXT}
    labels[chr(_TERMINATOR).encode()] = [_TERMINATOR_LABEL]
    for char in set(re.findall(f"[{chr(MARKER_BASE)}-{chr(_TERMINATOR - 1)}]", expression)):
        code = ord(char)
        labels[char.encode()] = [SLOT + code - SLOT_BASE if code >= SLOT_BASE else
                        MARKER + code - MARKER_BASE]
    return labels


def _leading_to(accepting: set[int], edges: Edges) -> set[int]:
    sources: dict[int, list[int]] = {}
    for state, row in edges.items():
        for target in row.values():
            sources.setdefault(target, []).append(state)
    alive, waiting = set(accepting), list(accepting)
    while waiting:
        for state in sources.get(waiting.pop(), ()):
            if state not in alive:
                alive.add(state)
                waiting.append(state)
    return alive


def _merged(dfa: Dfa) -> Dfa:
    """States that nothing tells apart become one."""
    order = _leaves_first(dfa)
    block = _merge_acyclic(dfa, order) if order else _merge_by_rounds(dfa)
    edges: Edges = {}
    for state, own in block.items():
        if own not in edges:
            edges[own] = {label: block[target]
                          for label, target in sorted(dfa.edges.get(state, {}).items())}
    return Dfa(block[dfa.start], frozenset(block[state] for state in block
                                           if state in dfa.accepting), edges)


def _merge_acyclic(dfa: Dfa, order: list[int]) -> dict[int, int]:
    block: dict[int, int] = {}
    rows: dict[object, int] = {}
    for state in order:
        row = (state in dfa.accepting,
               *((label, block[target])
                 for label, target in sorted(dfa.edges.get(state, {}).items())))
        block[state] = rows.setdefault(row, len(rows))
    return block


def _merge_by_rounds(dfa: Dfa) -> dict[int, int]:
    """Moore's algorithm: states are split until no edge tells two of a block apart."""
    states = _reachable(dfa)
    # how far the nearest end is tells two apart too, and spares a chain a round a state
    block = _to_the_end(dfa, states)
    count = len(set(block.values()))
    rows = {state: sorted(dfa.edges.get(state, {}).items()) for state in states}
    while True:
        numbers: dict[tuple[object, ...], int] = {}
        block = {state: numbers.setdefault(
            (block[state], *((label, block[target]) for label, target in rows[state])),
            len(numbers)) for state in states}
        if len(numbers) == count:
            return block
        count = len(numbers)


def _to_the_end(dfa: Dfa, states: list[int]) -> dict[int, int]:
    """Edges from each state to the nearest that accepts; -1 where none does."""
    sources: dict[int, set[int]] = {}
    for state in states:
        for target in dfa.edges.get(state, {}).values():
            sources.setdefault(target, set()).add(state)
    away = {state: 0 for state in states if state in dfa.accepting}
    waiting = list(away)
    for state in waiting:
        for source in sources.get(state, ()):
            if source not in away:
                away[source] = away[state] + 1
                waiting.append(source)
    return {state: away.get(state, -1) for state in states}


def _leaves_first(dfa: Dfa) -> list[int]:
    """Every state after all that it leads to; nothing where there is a cycle."""
    order: list[int] = []
    begun: set[int] = {dfa.start}
    ended: set[int] = set()
    stack = [(dfa.start, iter(dfa.edges.get(dfa.start, {}).values()))]
    while stack:
        state, targets = stack[-1]
        for target in targets:
            if target not in begun:
                begun.add(target)
                stack.append((target, iter(dfa.edges.get(target, {}).values())))
                break
            if target not in ended:
                return []
        else:
            order.append(state)
            ended.add(state)
            stack.pop()
    return order


def _reachable(dfa: Dfa) -> list[int]:
    order = [dfa.start]
    seen = {dfa.start}
    for state in order:
        for target in dfa.edges.get(state, {}).values():
            if target not in seen:
                seen.add(target)
                order.append(target)
    return order
