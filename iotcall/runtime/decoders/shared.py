"""A graph with fused attention that writes keys and values into preallocated buffers.

Leaves out: the graph (see `iotcall.export.graphs.passes.attention.SharedAttention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import DecoderLayout
from iotcall.runtime.decoders.buffers import BufferedDecoder
from iotcall.runtime.decoders.decoder import Scores, State, check_inputs, present
from iotcall.runtime.sessions import Placement, open_session, running

_WANTED = ["input_ids", "logit_positions", "seqlens_k", "total_sequence_length"]


class SharedDecoder(BufferedDecoder):
    """The graph itself appends to the buffers, which are past and present in one."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout)
        path = folder / layout.graphs[0]
        opened = open_session(path, layout.provider, threads=threads)
        self._session, self._placement = opened.session, opened.placement
        wanted = [*_WANTED, "logit_tokens"] if layout.rows == "asked" else _WANTED
        states = check_inputs(path, self._session, wanted)
        self._wanted = wanted
        self._take_states({item.name: tuple(item.shape) for item in states})

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return (self._placement,)

    def run(self, ids: Sequence[int], state: State, allowed: NDArray[np.int64] | None = None, *,
            first: bool = False) -> tuple[Scores | None, State]:
        buffers, convolutions = state.values
        total = state.length + len(ids)
        buffers = buffers.to_append(state.length, total)
        after = {name: np.empty_like(array) for name, array in convolutions.items()}
        fed = {"input_ids": np.array([ids], np.int64),
               "logit_positions": np.array([len(ids) - 1], np.int64),
               "seqlens_k": np.array([total - 1], np.int32),
               "total_sequence_length": np.array(total, np.int32),
               "logit_tokens": self._asked(allowed, first)}
        binding = self._session.io_binding()
        binding.bind_output("logits", "cpu")
        # subtle: the binding borrows all these arrays; they live until the run is over
        for name in self._wanted:
            binding.bind_cpu_input(name, fed[name])
        for name, array in buffers.arrays.items():
            for bind, end in ((binding.bind_input, name), (binding.bind_output, present(name))):
                bind(end, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in convolutions.items():
            binding.bind_cpu_input(name, array)
            binding.bind_output(present(name), "cpu", 0, np.float32, array.shape,
                                after[name].ctypes.data)
        with running(self.layout.provider):
            self._session.run_with_iobinding(binding)
        logits = binding.get_outputs()[0].numpy()  # bound first
        return self._scores(logits[0, -1], allowed), self._state(total, buffers, after)
