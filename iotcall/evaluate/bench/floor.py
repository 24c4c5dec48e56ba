"""What a call must cost at least on a machine. Leaves out: measuring either.

A pass reads all weights and the keys and values before it, and multiplies for each of its tokens.
The two may overlap, so a pass takes at least the longer of both (source: Williams, Waterman and
Patterson, "Roofline", 2009). What is left out makes the floor lower, never higher: the head, where
it is asked for some rows only, norms and activations, writing keys and values, Python.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from iotcall.bundle.layout import Cost
from iotcall.evaluate.bench.machine import Speed


class Pass(msgspec.Struct, frozen=True):
    """One run of a graph."""

    tokens: int
    past: int
    """Tokens before them, which they attend to."""


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds that passes take at least."""

    floor_ms: float = 0.0
    """Each pass as long as reading or multiplying, whichever is longer."""
    reading_ms: float = 0.0
    multiplying_ms: float = 0.0

    @property
    def in_turn_ms(self) -> float:
        """Of a machine that does not multiply while it reads."""
        return self.reading_ms + self.multiplying_ms

    def plus(self, other: Floor) -> Floor:
        return Floor(floor_ms=self.floor_ms + other.floor_ms,
                     reading_ms=self.reading_ms + other.reading_ms,
                     multiplying_ms=self.multiplying_ms + other.multiplying_ms)


def floor_of(passes: Iterable[Pass], cost: Cost, speed: Speed) -> Floor:
    """The floor of passes one after the other."""
    total = Floor()
    for each in passes:
        read = cost.pass_bytes + cost.past_bytes * each.past
        # the tokens of a pass attend to each other too, each to those before it
        attended = each.tokens * each.past + each.tokens * (each.tokens - 1) // 2
        products = cost.token_macs * each.tokens + cost.context_macs * attended
        reading_ms = 1000 * read / speed.bytes_per_s
        multiplying_ms = 1000 * products / speed.fastest
        total = total.plus(Floor(floor_ms=max(reading_ms, multiplying_ms), reading_ms=reading_ms,
                                 multiplying_ms=multiplying_ms))
    return total
