"""Buffers of keys and values that many states share. Leaves out: how a graph writes into them."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from iotcall.runtime.decoders.decoder import Decoder, State

Convolutions = dict[str, NDArray[np.float32]]
"""State input -> columns before the next token (1, width, taps - 1)."""


class Buffers:
    """Arrays of (1, kv heads, capacity, head size), filled from the front.

    They are mapped, not allocated: memory that no token has reached costs addresses only.
    """

    def __init__(self, arrays: dict[str, NDArray[np.float32]], filled: int) -> None:
        self.arrays = arrays
        """By state input."""
        self.filled = filled
        """Tokens that some state holds."""

    @classmethod
    def empty(cls, shapes: Mapping[str, tuple[int, ...]]) -> Buffers:
        """Buffers without tokens."""
        return cls({name: _mapped(shape) for name, shape in shapes.items()}, 0)

    def to_append(self, length: int, total: int) -> Buffers:
        """Where a state of `length` tokens may grow to `total`: here, if it is the longest one."""
        if self.filled != length:
            copied = self.empty({name: array.shape for name, array in self.arrays.items()})
            for name, array in self.arrays.items():
                copied.arrays[name][:, :, :length] = array[:, :, :length]
            copied.filled = total
            return copied
        self.filled = total
        return self


def _mapped(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Zeros that take memory page by page, as they are written.

    subtle: numpy's own zeros ask for huge pages, and come from memory that was freed before and
    must be written again.
    """
    memory = mmap.mmap(-1, 4 * math.prod(shape))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Linux
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32).reshape(shape)


class BufferedDecoder(Decoder):
    """States share buffers: a pass appends to its state's buffers in place as long as nobody else
    has appended behind that state, else to a copy of what the state holds."""

    _names: list[str]
    """State inputs in the graph's order."""
    _kv: dict[str, tuple[int, ...]]
    """Shapes of the buffers."""
    _conv: dict[str, tuple[int, ...]]

    def _take_states(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Learn the state inputs and their shapes."""
        self._names = list(shapes)
        self._kv = {name: shape for name, shape in shapes.items()
                    if name.endswith((".key", ".value"))}
        self._conv = {name: shape for name, shape in shapes.items() if name not in self._kv}
        self._token_bytes = sum(4 * shape[1] * shape[3] for shape in self._kv.values())

    def empty_state(self) -> State:
        return self._state(0, Buffers.empty(self._kv), {
            name: np.zeros(shape, np.float32) for name, shape in self._conv.items()})

    def export_state(self, state: State) -> list[NDArray[np.float32]]:
        buffers, convolutions = state.values
        return [np.array(buffers.arrays[name][:, :, :state.length]) if name in self._kv
                else np.array(convolutions[name]) for name in self._names]

    def import_state(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> State:
        given = dict(zip(self._names, arrays, strict=True))
        buffers = Buffers.empty(self._kv)
        for name in self._kv:
            buffers.arrays[name][:, :, :length] = given[name]
        buffers.filled = length
        return self._state(length, buffers, {name: np.ascontiguousarray(given[name], np.float32)
                                             for name in self._conv})

    def _state(self, length: int, buffers: Buffers, convolutions: Convolutions) -> State:
        size = length * self._token_bytes + sum(array.nbytes for array in convolutions.values())
        return State(length, size, (buffers, convolutions))
