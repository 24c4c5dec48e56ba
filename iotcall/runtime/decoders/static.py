"""Two graphs of fixed shapes, a prompt chunk and a single step, as NPUs want them.

The host keeps the states, feeds positions and masks, and writes the new keys and values where they
belong. Leaves out: the graphs (see `iotcall.export.graphs.passes.attention.StaticPlaces`).
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import DecoderLayout
from iotcall.errors import BundleError
from iotcall.runtime.decoders.buffers import BufferedDecoder, Buffers, Convolutions
from iotcall.runtime.decoders.decoder import PAST, Scores, State, present
from iotcall.runtime.sessions import (
    OpenedSession,
    Placement,
    open_session,
    running,
    sharing_weights,
)

_FEW = 4
"""Tokens that go one by one rather than in a chunk that is mostly padding."""


class StaticDecoder(BufferedDecoder):
    """Any number of tokens as chunks, the last one padded, or as single steps."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout)
        opened = _open(folder, layout, threads)
        self._placements = tuple(item.placement for item in opened)
        self._graphs = {tokens: item.session
                        for tokens, item in zip((layout.chunk, 1), opened, strict=True)}
        inputs = {item.name: item for item in opened[-1].session.get_inputs()}
        self._take_states({name: tuple(item.shape) for name, item in inputs.items()
                           if name.startswith(PAST)})
        if not self._kv or any(shape[2] != layout.capacity for shape in self._kv.values()):
            raise BundleError(f"{folder}: expected graphs with a past of {layout.capacity} tokens, "
                              f"found {sorted({shape[2] for shape in self._kv.values()})}")
        self._inputs = set(inputs)
        self._windows = {name: int(name.partition(".")[2] or 0) for name in inputs
                         if name == "mask" or name.startswith("mask.")}
        self._frequencies = {rotary.name: (np.array(rotary.frequencies, np.float32)[None],
                                           np.float32(rotary.scaling))
                             for rotary in layout.rotaries}

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return self._placements

    def run(self, ids: Sequence[int], state: State, allowed: NDArray[np.int64] | None = None, *,
            first: bool = False) -> tuple[Scores | None, State]:
        buffers, convolutions = state.values
        buffers = buffers.to_append(state.length, state.length + len(ids))
        done, logits = 0, np.empty(0, np.float32)
        while done < len(ids):
            left = len(ids) - done
            tokens = self.layout.chunk if left >= min(_FEW, self.layout.chunk) else 1
            part = ids[done:done + tokens]
            logits, convolutions = self._pass(tokens, part, state.length + done, buffers,
                                              convolutions)
            done += len(part)
        return (self._scores(logits, allowed),
                self._state(state.length + done, buffers, convolutions))

    def feeds(self, tokens: int, ids: Sequence[int], past: int, buffers: Buffers,
              convolutions: Convolutions) -> dict[str, NDArray[Any]]:
        """Inputs of one pass of a graph of `tokens` tokens after `past` earlier ones."""
        padded = np.zeros((1, tokens), np.int64)
        padded[0, :len(ids)] = ids
        positions = np.arange(past, past + tokens)
        fed: dict[str, NDArray[Any]] = {
            "input_ids": padded, "logit_positions": np.array([len(ids) - 1], np.int64),
            **buffers.arrays, **convolutions}
        for name, (frequencies, scaling) in self._frequencies.items():
            angles = positions[:, None].astype(np.float32) * frequencies  # (tokens, D / 2)
            fed[f"rotary.{name}.cos"] = np.cos(angles) * scaling
            fed[f"rotary.{name}.sin"] = np.sin(angles) * scaling
        keys = np.concatenate([np.arange(self.layout.capacity), positions])
        real = np.concatenate([np.arange(self.layout.capacity) < past, np.ones(tokens, bool)])
        for name, window in self._windows.items():
            seen = real[None] & (keys[None] <= positions[:, None])
            if window:
                seen &= keys[None] > positions[:, None] - window
            fed[name] = np.where(seen, 0, self.layout.mask).astype(np.float32)
        return {name: value for name, value in fed.items() if name in self._inputs}

    def _pass(self, tokens: int, ids: Sequence[int], past: int, buffers: Buffers,
              convolutions: Convolutions) -> tuple[NDArray[np.float32], Convolutions]:
        graph = self._graphs[tokens]
        names = [item.name for item in graph.get_outputs()]
        feeds = self.feeds(tokens, ids, past, buffers, convolutions)
        with running(self.layout.provider):
            out = dict(zip(names, graph.run(names, feeds), strict=True))
        for name, array in buffers.arrays.items():
            array[:, :, past:past + len(ids)] = out[present(name)][:, :, :len(ids)]
        after = {name: np.ascontiguousarray(np.concatenate(
            [array, out[present(name)][:, :, :len(ids)]], axis=2)[:, :, -array.shape[2]:])
            for name, array in convolutions.items()}
        row: NDArray[np.float32] = out["logits"][0, -1]
        return row, after


def _open(folder: Path, layout: DecoderLayout, threads: int) -> list[OpenedSession]:
    """The graphs, compiled ahead where they are for this machine and its driver takes them."""
    if layout.contexts and platform.machine() == layout.machine:
        openings = [(name, msgspec.structs.replace(layout.provider, session={
            **layout.provider.session, **sharing_weights(last=name == layout.contexts[-1])}))
            for name in layout.contexts]
        try:
            return [open_session(folder / name, settings, threads=threads)
                    for name, settings in openings]
        except BundleError as error:
            # for another version of the driver, say: the provider compiles them anew, below
            logging.getLogger(__name__).warning("compiled graphs are left aside: %s", error)
    return [open_session(folder / name, layout.provider, threads=threads)
            for name in layout.graphs]
