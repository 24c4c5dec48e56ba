"""A graph whose past grows by each pass. Leaves out: speed; every provider runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from iotcall.bundle.layout import DecoderLayout
from iotcall.runtime.decoders.decoder import Decoder, Scores, State, check_inputs, present
from iotcall.runtime.sessions import Placement, open_session, running


class GrowingDecoder(Decoder):
    """States are onnxruntime's own values: a pass reads them and makes new ones."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout)
        path = folder / layout.graphs[0]
        opened = open_session(path, layout.provider, threads=threads)
        self._session, self._placement = opened.session, opened.placement
        wanted = ["input_ids", "logit_positions"]
        self._states = check_inputs(path, self._session, wanted)

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return (self._placement,)

    def empty_state(self) -> State:
        return self._state(0, [np.zeros(self._shape(item.shape, 0), np.float32)
                               for item in self._states])

    def run(self, ids: Sequence[int], state: State, allowed: NDArray[np.int64] | None = None, *,
            first: bool = False) -> tuple[Scores | None, State]:
        binding = self._session.io_binding()
        # subtle: the binding borrows these arrays, so they must live until the run is over
        fed = {"input_ids": np.array([ids], np.int64),
               "logit_positions": np.array([len(ids) - 1], np.int64)}
        for name, array in fed.items():
            binding.bind_cpu_input(name, array)
        for item, value in zip(self._states, state.values, strict=True):
            binding.bind_ortvalue_input(item.name, value)
        binding.bind_output("logits", "cpu")
        for item in self._states:
            binding.bind_output(present(item.name), "cpu")
        with running(self.layout.provider):
            self._session.run_with_iobinding(binding)
        logits, *values = binding.get_outputs()
        length = state.length + len(ids)
        made = State(length, self._bytes(length), tuple(values))
        return self._scores(logits.numpy()[0, -1], allowed), made

    def export_state(self, state: State) -> list[NDArray[np.float32]]:
        return [value.numpy() for value in state.values]

    def import_state(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> State:
        return self._state(length, arrays)

    def _state(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> State:
        # subtle: onnxruntime borrows numpy's memory, so the arrays stay with the values
        values = tuple(_borrowing(array) for array in arrays)
        return State(length, self._bytes(length), values)

    def _bytes(self, length: int) -> int:
        return sum(4 * int(np.prod(self._shape(item.shape, length))) for item in self._states)

    @staticmethod
    def _shape(shape: Sequence[int | str], length: int) -> list[int]:
        return [size if isinstance(size, int) else length for size in shape]


def _borrowing(array: NDArray[np.float32]) -> ort.OrtValue:
    """A value over the array's memory, which it keeps alive."""
    array = np.ascontiguousarray(array, np.float32)
    value = ort.OrtValue.ortvalue_from_numpy(array)
    value.array = array
    return value
