"""A graph whose past grows by each pass. Leaves out: speed; every provider runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from iotcall.bundle.layout import DecoderLayout
from iotcall.runtime.decoders.decoder import Decoder, Scores, Wanted, check_inputs, present
from iotcall.runtime.sessions import Placement, open_session, running

_CONVOLUTION = ".conv"


class GrowingPast:
    """Arrays in the order of the graph's inputs: keys and values (1, kv heads, length, head size),
    columns of convolutions (1, taps - 1 + length, width)."""

    def __init__(self, names: Sequence[str], length: int, arrays: list[NDArray[np.float32]],
                 offsets: Sequence[int], exact: int = 0) -> None:
        self.length = length
        self._exact = exact
        """The shortest length that columns are known for, beside none."""
        self.names, self.arrays = names, arrays
        self.offsets = offsets
        """Columns that stand before the first token."""

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)

    def cut(self, length: int) -> int:
        if length < self._exact:
            length = self._exact = 0
        if length < self.length:
            self.arrays = [
                array[:, :offset + length] if name.endswith(_CONVOLUTION) else array[:, :, :length]
                for name, array, offset in zip(self.names, self.arrays, self.offsets, strict=True)]
            self.length = length
        return self.length

    def copy(self) -> GrowingPast:
        # subtle: arrays are never written to, a pass makes new ones
        return GrowingPast(self.names, self.length, list(self.arrays), self.offsets, self._exact)


class GrowingDecoder(Decoder):
    """Runs the graph with the past as its input and takes a longer one out."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout)
        path = folder / layout.graphs[0]
        opened = open_session(path, layout.provider, threads=threads)
        self._session, self._placement = opened.session, opened.placement
        states = check_inputs(path, self._session, ["input_ids", "logit_positions"])
        self._names = [item.name for item in states]
        self._shapes = [tuple(item.shape) for item in states]
        self._offsets = [shape[1] if name.endswith(_CONVOLUTION) else 0
                         for name, shape in zip(self._names, self._shapes, strict=True)]

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return (self._placement,)

    def empty(self) -> GrowingPast:
        return GrowingPast(self._names, 0, [
            np.zeros([size if isinstance(size, int) else 0 for size in shape], np.float32)
            for shape in self._shapes], self._offsets)

    def run(self, ids: Sequence[int], past: GrowingPast,
            wanted: Sequence[Wanted] = ()) -> list[Scores]:
        positions = [item.position for item in wanted] or [len(ids) - 1]
        # subtle: the values borrow these arrays, so they must live until the run is over
        fed = {"input_ids": np.array([ids], np.int64),
               "logit_positions": np.array(positions, np.int64)}
        for name, array, offset in zip(self._names, past.arrays, self._offsets, strict=True):
            fed[name] = np.ascontiguousarray(array[:, -offset:] if offset else array)
        values = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in fed.items()}
        with running(self.layout.provider):
            logits, *made = self._session.run_with_ort_values(
                ["logits", *map(present, self._names)], values)
        past.arrays = [np.concatenate([array, new.numpy()], axis=1) if offset else new.numpy()
                       for array, new, offset in zip(past.arrays, made, self._offsets,
                                                     strict=True)]
        past.length += len(ids)
        return self._scores(logits.numpy()[0], wanted) if wanted else []

    def save(self, past: GrowingPast) -> list[NDArray[np.float32]]:
        return [np.array(array[:, -offset:] if offset else array)
                for array, offset in zip(past.arrays, self._offsets, strict=True)]

    def restore(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> GrowingPast:
        # the columns before these belong to tokens that nobody goes back to
        return GrowingPast(self._names, length, [
            np.concatenate([np.zeros((1, length, array.shape[2]), np.float32), array], axis=1)
            if offset else np.array(array)
            for array, offset in zip(arrays, self._offsets, strict=True)], self._offsets,
            length if any(self._offsets) else 0)
