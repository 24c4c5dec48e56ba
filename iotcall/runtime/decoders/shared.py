"""A graph with fused attention that writes keys and values into preallocated buffers.

Leaves out: the graph (see `iotcall.export.graphs.passes.attention.SharedAttention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import ASKED, DecoderLayout
from iotcall.runtime.decoders.buffers import BufferedDecoder, BufferedPast
from iotcall.runtime.decoders.decoder import Scores, Tokens, Wanted, check_inputs, present
from iotcall.runtime.sessions import Placement, open_session, running

_MOST_ROWS = 8192
"""Rows of the head that are worth gathering, each unpacked to fp32; for more of them, the product
with the whole head takes less."""
_WANTED = ["input_ids", "logit_positions", "seqlens_k", "total_sequence_length"]


class SharedDecoder(BufferedDecoder):
    """The graph itself appends to the buffers, which are past and present in one."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout)
        path = folder / layout.graphs[0]
        opened = open_session(path, layout.provider, threads=threads)
        self._session, self._placement = opened.session, opened.placement
        self._by_tokens = layout.rows in ASKED
        wanted = [*_WANTED, "logit_tokens"] if self._by_tokens else _WANTED
        states = check_inputs(path, self._session, wanted)
        self._wanted = wanted
        self._rows = next(item.shape[2] for item in self._session.get_outputs()
                          if item.name == "logits")
        self._room = np.empty(0, np.float32)
        self._take_states({item.name: tuple(item.shape) for item in states})

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return (self._placement,)

    def run(self, ids: Sequence[int], past: BufferedPast,
            wanted: Sequence[Wanted] = ()) -> list[Scores]:
        positions = [item.position for item in wanted] or [len(ids) - 1]
        if not self._by_tokens:
            logits = self._pass(ids, past, positions, None)
            return self._scores(logits, wanted) if wanted else []
        asked = self._asked(wanted)
        if len(asked.tokens) > _MOST_ROWS and self.layout.rows == "asked_or_all":
            logits = self._pass(ids, past, positions, asked.tokens[:0])
            return self._scores(logits[:, asked.tokens], wanted, asked)
        logits = self._pass(ids, past, positions, asked.tokens)
        return self._scores(logits, wanted, asked) if wanted else []

    def _pass(self, ids: Sequence[int], past: BufferedPast, positions: Sequence[int],
              tokens: Tokens | None) -> NDArray[np.float32]:
        """Logits (positions, rows), valid until the next pass; the past holds the ids then."""
        binding = self._binding(past)
        total = past.length + len(ids)
        fed = {"input_ids": np.array([ids], np.int64),
               "logit_positions": np.array(positions, np.int64),
               "seqlens_k": np.array([total - 1], np.int32),
               "total_sequence_length": np.array(total, np.int32)}
        if tokens is not None:
            fed["logit_tokens"] = tokens
        # subtle: the binding borrows all these arrays; they live until the run is over
        for name in self._wanted:
            binding.bind_cpu_input(name, fed[name])
        rows = (self._rows if tokens is None else
                len(tokens) or self.layout.vocabulary)  # none asked for: all
        logits = self._logits_of(len(positions), rows)
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        for name in self._plan.columns:
            before, new = past.columns(name), past.new_columns(name, len(ids))
            binding.bind_input(name, "cpu", 0, np.float32, before.shape, before.ctypes.data)
            binding.bind_output(present(name), "cpu", 0, np.float32, new.shape, new.ctypes.data)
        with running(self.layout.provider):
            self._session.run_with_iobinding(binding)
        past.advance(len(ids))
        row: NDArray[np.float32] = logits[0]
        return row

    def _logits_of(self, positions: int, rows: int) -> NDArray[np.float32]:
        """Where a pass puts its logits, (1, positions, rows): the same memory again and again."""
        if self._room.size < positions * rows:
            self._room = np.empty(2 * positions * rows, np.float32)
        return self._room[:positions * rows].reshape(1, positions, rows)

    def _binding(self, past: BufferedPast) -> Any:
        """The past's own, in which its keys and values are bound once."""
        if past.binding is None:
            binding = self._session.io_binding()
            for name in self._plan.kv:
                array = past.arrays[name]
                for bind, end in ((binding.bind_input, name),
                                  (binding.bind_output, present(name))):
                    bind(end, "cpu", 0, np.float32, array.shape, array.ctypes.data)
            past.binding = binding
        return past.binding
