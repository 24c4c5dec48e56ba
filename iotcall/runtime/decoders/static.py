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
from iotcall.runtime.decoders.buffers import BufferedDecoder, BufferedPast
from iotcall.runtime.decoders.decoder import PAST, Scores, Wanted, present
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
        kv = self._plan.kv.values()
        if not kv or any(shape[2] != layout.capacity for shape in kv):
            raise BundleError(f"{folder}: expected graphs with a past of {layout.capacity} tokens, "
                              f"found {sorted({shape[2] for shape in kv})}")
        self._inputs = set(inputs)
        self._windows = {name: int(name.partition(".")[2] or 0) for name in inputs
                         if name == "mask" or name.startswith("mask.")}
        self._frequencies = {rotary.name: (np.array(rotary.frequencies, np.float32)[None],
                                           np.float32(rotary.scaling))
                             for rotary in layout.rotaries}

    @property
    def placements(self) -> tuple[Placement | None, ...]:
        return self._placements

    @property
    def most_wanted(self) -> int | None:
        return self.layout.positions

    def run(self, ids: Sequence[int], past: BufferedPast,
            wanted: Sequence[Wanted] = ()) -> list[Scores]:
        done, found = 0, []
        while done < len(ids):
            left = len(ids) - done
            tokens = self.layout.chunk if left >= min(_FEW, self.layout.chunk) else 1
            part = ids[done:done + tokens]
            here = [item for item in wanted if done <= item.position < done + len(part)]
            most = min(self.layout.positions, tokens)
            if len(here) > most:
                raise ValueError(f"expected at most {most} positions in a pass, found {len(here)}")
            logits = self._pass(tokens, part, past, [item.position - done for item in here])
            found += self._scores(logits[:len(here)], here)
            done += len(part)
        return found

    def feeds(self, tokens: int, ids: Sequence[int], past: BufferedPast,
              positions: Sequence[int] = ()) -> dict[str, NDArray[Any]]:
        """Inputs of one pass of a graph of `tokens` tokens."""
        padded = np.zeros((1, tokens), np.int64)
        padded[0, :len(ids)] = ids
        last = [len(ids) - 1]
        asked = (list(positions) + last * self.layout.positions)[:min(self.layout.positions,
                                                                      tokens)]
        places = np.arange(past.length, past.length + tokens)
        fed: dict[str, NDArray[Any]] = {
            "input_ids": padded, "logit_positions": np.array(asked, np.int64),
            **{name: past.arrays[name] for name in self._plan.kv},
            **{name: past.columns(name) for name in self._plan.columns}}
        for name, (frequencies, scaling) in self._frequencies.items():
            angles = places[:, None].astype(np.float32) * frequencies  # (tokens, D / 2)
            fed[f"rotary.{name}.cos"] = np.cos(angles) * scaling
            fed[f"rotary.{name}.sin"] = np.sin(angles) * scaling
        keys = np.concatenate([np.arange(self.layout.capacity), places])
        real = np.concatenate([np.arange(self.layout.capacity) < past.length,
                               np.ones(tokens, bool)])
        for name, window in self._windows.items():
            seen = real[None] & (keys[None] <= places[:, None])
            if window:
                seen &= keys[None] > places[:, None] - window
            fed[name] = np.where(seen, 0, self.layout.mask).astype(np.float32)
        return {name: value for name, value in fed.items() if name in self._inputs}

    def _pass(self, tokens: int, ids: Sequence[int], past: BufferedPast,
              positions: Sequence[int]) -> NDArray[np.float32]:
        graph = self._graphs[tokens]
        names = [item.name for item in graph.get_outputs()]
        feeds = self.feeds(tokens, ids, past, positions)
        with running(self.layout.provider):
            out = dict(zip(names, graph.run(names, feeds), strict=True))
        for name in self._plan.kv:
            past.arrays[name][:, :, past.length:past.length + len(ids)] = (
                out[present(name)][:, :, :len(ids)])
        for name in self._plan.columns:
            past.new_columns(name, len(ids))[:] = out[present(name)][:, :len(ids)]
        past.advance(len(ids))
        logits: NDArray[np.float32] = out["logits"][0]
        return logits


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
