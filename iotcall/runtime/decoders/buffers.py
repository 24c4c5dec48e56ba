"""Buffers that hold a past of fixed capacity in one mapping. Leaves out: how graphs write them.

Keys and values of (1, kv heads, capacity, head size) are filled from the front. The columns of
short convolutions stand token by token, so that a past can be cut anywhere.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.runtime.decoders.decoder import Decoder

_PAGE = mmap.PAGESIZE


class Plan(msgspec.Struct, frozen=True):
    """Where each state stands in a mapping."""

    capacity: int
    """Tokens."""
    kv: dict[str, tuple[int, ...]]
    """State input -> (1, kv heads, capacity, head size)."""
    columns: dict[str, tuple[int, ...]]
    """State input -> (1, taps - 1, width)."""
    places: dict[str, tuple[int, tuple[int, ...]]]
    """State input -> offset in bytes, shape of the whole buffer."""
    size: int
    """Bytes of the mapping."""

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], capacity: int) -> Plan:
        kv = {name: shape for name, shape in shapes.items() if name.endswith((".key", ".value"))}
        columns = {name: shape for name, shape in shapes.items() if name not in kv}
        places, size = {}, 0
        for name, shape in shapes.items():
            if name in columns:  # before the first token there are columns of zeros
                shape = (1, shape[1] + capacity, shape[2])
            places[name] = size, shape
            size += -(-4 * math.prod(shape) // _PAGE) * _PAGE
        return cls(capacity, kv, columns, places, size)

    @property
    def token_bytes(self) -> int:
        """Of one token, in all buffers."""
        return (sum(4 * shape[1] * shape[3] for shape in self.kv.values())
                + sum(4 * shape[2] for shape in self.columns.values()))

    @property
    def stretches(self) -> int:
        """Places that the next token is written to: each of them may begin a page."""
        return sum(shape[1] for shape in self.kv.values()) + len(self.columns)

    def arrays(self, memory: mmap.mmap) -> dict[str, NDArray[np.float32]]:
        """The buffers of a mapping."""
        return {name: np.frombuffer(memory, np.float32, math.prod(shape), offset).reshape(shape)
                for name, (offset, shape) in self.places.items()}


class Beginning:
    """A past that many continue, in a file without a name that each of them maps privately.

    So what they have in common is in memory once, and a page is copied when one of them writes
    to it.
    """

    def __init__(self, plan: Plan, length: int, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        self.length = length
        self._file = _nameless()
        os.ftruncate(self._file, plan.size)
        with mmap.mmap(self._file, plan.size) as memory:
            views = plan.arrays(memory)
            for name in plan.kv:
                views[name][:, :, :length] = arrays[name]
            for name, (_, before, _) in plan.columns.items():
                views[name][:, length:length + before] = arrays[name]
            del views

    def mapped(self) -> mmap.mmap:
        """The file, with writes that nobody else sees."""
        return mmap.mmap(self._file, 0, access=mmap.ACCESS_COPY)

    def __del__(self) -> None:
        # subtle: modules may be gone already when the interpreter ends
        try:
            os.close(self._file)
        except (OSError, AttributeError, TypeError):
            return


class BufferedPast:
    """A past in a mapping; memory that no token has reached costs addresses only."""

    def __init__(self, plan: Plan, beginning: Beginning | None = None) -> None:
        self.length = beginning.length if beginning else 0
        self._plan, self._beginning = plan, beginning
        self._reached = self._own = self.length
        """How far it was written, and from where on it is not its beginning's."""
        self._exact = self.length if plan.columns else 0
        """The shortest length that columns are known for, beside none."""
        self.arrays = plan.arrays(beginning.mapped() if beginning else _zeros(plan.size))
        """By state input, whole."""
        self.binding: object = None
        """What a decoder keeps with these buffers, between its passes."""

    @property
    def bytes(self) -> int:
        """Of pages that were written, roughly; those that the first token will need are counted."""
        own = max(0, self._reached - self._begun)
        return own * self._plan.token_bytes + self._plan.stretches * _PAGE

    @property
    def _begun(self) -> int:
        return self._beginning.length if self._beginning else 0

    def advance(self, tokens: int) -> None:
        """Count tokens that a pass has written."""
        self.length += tokens
        self._reached = max(self._reached, self.length)

    def cut(self, length: int) -> int:
        self.length = min(self.length, length)
        if self.length < self._exact:
            self.length = self._exact = 0
        self._own = min(self._own, self.length)
        return self.length

    def copy(self) -> BufferedPast:
        made = BufferedPast(self._plan, self._beginning)
        start, end = self._own, self.length
        for name, array in self.arrays.items():
            if name in self._plan.kv:
                made.arrays[name][:, :, start:end] = array[:, :, start:end]
            else:
                before = self._plan.columns[name][1]
                made.arrays[name][:, start + before:end + before] = (
                    array[:, start + before:end + before])
        made.length = made._reached = self.length
        made._own, made._exact = self._own, self._exact
        return made

    def columns(self, name: str) -> NDArray[np.float32]:
        """The columns before the next token, (1, taps - 1, width), in place."""
        before = self._plan.columns[name][1]
        return self.arrays[name][:, self.length:self.length + before]

    def new_columns(self, name: str, tokens: int) -> NDArray[np.float32]:
        """Where the columns of the next tokens go, (1, tokens, width)."""
        start = self.length + self._plan.columns[name][1]
        return self.arrays[name][:, start:start + tokens]


class BufferedDecoder(Decoder):
    """A decoder whose pasts are buffers of the bundle's capacity."""

    _plan: Plan

    def _take_states(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Learn the state inputs, in the graph's order, and their shapes."""
        self._plan = Plan.of(shapes, self.layout.capacity)

    def empty(self) -> BufferedPast:
        return BufferedPast(self._plan)

    def save(self, past: BufferedPast) -> list[NDArray[np.float32]]:
        return [np.array(past.arrays[name][:, :, :past.length] if name in self._plan.kv
                         else past.columns(name)) for name in self._plan.places]

    def restore(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> BufferedPast:
        given = dict(zip(self._plan.places, arrays, strict=True))
        return BufferedPast(self._plan, Beginning(self._plan, length, given))


def _zeros(size: int) -> mmap.mmap:
    """Memory that comes page by page, as it is written.

    subtle: numpy's own zeros ask for huge pages, and come from memory that was freed before and
    must be written again.
    """
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Linux
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory


def _nameless() -> int:
    """A new file without a name, in memory where the system has such files."""
    if hasattr(os, "memfd_create"):  # Linux
        return os.memfd_create("iotcall-past", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
