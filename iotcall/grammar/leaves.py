"""A slot -> the automaton over bytes of what it may hold. Build side only.

Numbers are written digit by digit under their bounds and step; strings by their pattern and format;
all in the writing of their format. Leaves out: where values come from at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np

from iotcall.catalogue import Integer, Number, Text
from iotcall.catalogue.text_formats import FORMATS
from iotcall.errors import InputError
from iotcall.formats import Slot, pattern
from iotcall.grammar.ecma import whole_expression
from iotcall.grammar.expression import Dfa, Edges, dfa_of, trimmed
from iotcall.grammar.machine import DEAD, Machine

S = TypeVar("S", bound=Hashable)
_MOST_REMAINDERS = 5_000
"""Remainders of a step times digits: what a number's automaton keeps apart."""
_MOST_STATES = 20_000  # states are kept as int16


@lru_cache(maxsize=512)
def machine_of(slot: Slot) -> Machine:
    """The machine of a slot.

    Raises:
        InputError: what it asks for has no automaton of reasonable size, or nothing fits it.
    """
    if isinstance(slot.node, Text):
        return _text(slot)
    return _table(_numbers(slot.node), low=0, high=len(f"{slot.node.minimum:f}") + 48,
                  by_arrival=False)


@lru_cache(maxsize=128)
def acyclic(machine: Machine) -> Dfa:
    """The machine with its bounds counted in its states, so that every path ends.

    Raises:
        InputError: it has too many states.
    """
    moves = [[(byte, *machine.step(state, byte)) for byte in range(256)
              if machine.step(state, byte)[0] != DEAD] for state in range(len(machine.table))]

    def step(state: tuple[int, int]) -> Iterable[tuple[int, tuple[int, int]]]:
        for byte, target, counted in moves[state[0]]:
            if machine.can_finish(target, state[1] + counted):
                yield byte, (target, state[1] + counted)

    return _explored({(0, 0)}, step, lambda state: machine.is_done(*state))


def _text(slot: Slot) -> Machine:
    node = slot.node
    assert isinstance(node, Text)
    if node.pattern is None and node.format is None:
        return _table(dfa_of(f"{slot.writing.character}*"), low=node.min_length,
                      high=node.max_length, by_arrival=True)
    dfas = []
    if node.pattern is not None:
        dfas.append(dfa_of(whole_expression(node.pattern)))
    if node.format is not None:
        dfas.append(dfa_of(FORMATS[node.format]))
    forbidden = set(slot.writing.forbidden.encode())

    def step(state: tuple[int, ...]) -> Iterable[tuple[int, tuple[int, ...]]]:
        rows = [dfa.edges.get(at, {}) for dfa, at in zip(dfas, state, strict=True)]
        for byte, target in rows[0].items():
            targets = [row.get(byte) for row in rows[1:]]
            if byte not in forbidden and None not in targets:
                yield byte, (target, *(at for at in targets if at is not None))

    dfa = _explored({tuple(dfa.start for dfa in dfas)}, step, lambda state: all(
        at in dfa.accepting for dfa, at in zip(dfas, state, strict=True)))
    machine = _table(dfa, low=node.min_length, high=node.max_length, by_arrival=False)
    if not machine.can_finish(0, 0):
        raise InputError(f"no string of {node.min_length}..{node.max_length} characters satisfies "
                         "pattern and format in this writing")
    return machine


# ---------------------------------------------------------------------- numbers

def _numbers(node: Integer | Number) -> Dfa:
    """Decimals in full: no leading zeros, none behind the last digit after the point, no "-0"."""
    with suppress(InputError):  # bounds of a plain shape have an expression
        return dfa_of(pattern.number(node))
    step = Decimal(node.step)
    digits = node.digits if isinstance(node, Number) else 0
    scale = Decimal(10) ** digits
    low, high = int(Decimal(node.minimum) * scale), int(Decimal(node.maximum) * scale)
    every = int(step * scale)
    if every * (len(str(max(abs(low), abs(high)))) + 1) > _MOST_REMAINDERS:
        raise InputError(f"steps of {node.step} between {node.minimum:f} and {node.maximum:f} "
                         "take too many states; narrow the bounds")
    ranges = []
    if high >= 0:
        ranges.append(("", max(low, 0), high))
    if low < 0:
        ranges.append(("-", max(1, -high), -low))
    starts = set()
    for sign, least, most in ranges:
        for whole in range(1, max(1, len(str(most)) - digits) + 1):
            smallest = max(least, 10 ** (whole - 1 + digits) if whole > 1 else 0)
            largest = min(most, 10 ** (whole + digits) - 1)
            if smallest <= largest:
                width = whole + digits
                starts.add(_Digits(sign, whole, str(smallest).zfill(width),
                                   str(largest).zfill(width)))

    def steps(at: _Digits) -> Iterable[tuple[int, _Digits]]:
        if at.sign:
            yield ord("-"), at._replace(sign="")
        elif at.place == at.whole and at.last != "." and digits:
            yield ord("."), at._replace(last=".")
        elif at.place < len(at.least):
            first = at.least[at.place] if at.at_least else "0"
            final = at.most[at.place] if at.at_most else "9"
            for digit in range(int(first), int(final) + 1):
                text = str(digit)
                yield ord(text), at._replace(
                    place=at.place + 1, rest=(at.rest * 10 + digit) % every, last=text,
                    at_least=at.at_least and text == first, at_most=at.at_most and text == final)

    def done(at: _Digits) -> bool:
        if at.sign or at.place < at.whole or at.last == "." or (
                at.place > at.whole and at.last == "0"):
            return False
        # the zeros that are not written: still above the least, still a multiple
        zeros = len(at.least) - at.place
        return (not at.at_least or not at.least[at.place:].strip("0")) and (
            at.rest * 10**zeros % every == 0)

    return _explored(starts, steps, done)


class _Digits(NamedTuple):
    """A number half written: one of `whole` digits before the point."""

    sign: str
    whole: int
    least: str  # all digits of the smallest such number
    most: str
    place: int = 0  # digits written
    rest: int = 0  # what is written, modulo the step
    at_least: bool = True  # written so far: the beginning of the least
    at_most: bool = True
    last: str = ""


# ---------------------------------------------------------------------- automata

def _explored(starts: set[S], step: Callable[[S], Iterable[tuple[int, S]]],
              done: Callable[[S], bool]) -> Dfa:
    """The deterministic automaton of a nondeterministic one that is given by its steps."""
    numbers: dict[frozenset[S], int] = {frozenset(starts): 0}
    waiting = [frozenset(starts)]
    edges: Edges = {}
    accepting = set()
    for states in waiting:
        if len(numbers) > _MOST_STATES:
            raise InputError(f"it takes more than {_MOST_STATES} states; narrow the bounds")
        row: dict[int, set[S]] = {}
        for state in states:
            for byte, target in step(state):
                row.setdefault(byte, set()).add(target)
        if any(map(done, states)):
            accepting.add(numbers[states])
        edges[numbers[states]] = found = {}
        for byte, targets in row.items():
            key = frozenset(targets)
            if key not in numbers:
                numbers[key] = len(numbers)
                waiting.append(key)
            found[byte] = numbers[key]
    return trimmed(0, accepting, edges)


def _table(dfa: Dfa, *, low: int, high: int, by_arrival: bool) -> Machine:
    """As arrays: states in the order of discovery, bytes with equal columns as one class."""
    order = {dfa.start: 0}
    for state in list_of(dfa):
        order.setdefault(state, len(order))
    if len(order) > _MOST_STATES:
        raise InputError(f"it takes more than {_MOST_STATES} states; shorten or anchor the pattern")
    full = np.full((len(order), 256), DEAD, dtype=np.int16)
    for state, row in dfa.edges.items():
        for byte, target in row.items():
            full[order[state], byte] = order[target]
    # subtle: bytes inside a character never share a class with those that begin one
    inside = (np.arange(256) & 0xC0) == 0x80
    columns, classes = np.unique(np.vstack([full, inside.astype(np.int16)]), axis=1,
                                 return_inverse=True)
    accepting = np.zeros(len(order), dtype=np.bool_)
    accepting[[order[state] for state in dfa.accepting]] = True
    return Machine(classes.reshape(256).astype(np.uint8), np.ascontiguousarray(columns[:-1]),
                   accepting, low=low, high=high, by_arrival=by_arrival)


def list_of(dfa: Dfa) -> list[int]:
    """States by discovery from the start."""
    order, seen = [dfa.start], {dfa.start}
    for state in order:
        for _, target in sorted(dfa.edges.get(state, {}).items()):
            if target not in seen:
                seen.add(target)
                order.append(target)
    return order
