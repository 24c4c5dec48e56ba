"""Calibration feeds: answered prompts, run through a static student as a hub would run them.

Leaves out: where the prompts come from, and what is measured on the feeds (see ranges).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import DecoderLayout
from iotcall.errors import ExportError
from iotcall.runtime.decoders.buffers import BufferedPast
from iotcall.runtime.decoders.static import StaticDecoder

Feed = dict[str, NDArray[Any]]
"""A graph's inputs."""


class AnsweredPrompt(msgspec.Struct, frozen=True):
    """The tokens of one turn."""

    ids: tuple[int, ...]
    """Prompt and answer."""
    prompt: int
    """How many of them are the prompt's."""


def record_feeds(folder: Path, layout: DecoderLayout, turns: Sequence[AnsweredPrompt], *,
                 most: int, threads: int) -> Iterator[tuple[int, Feed]]:
    """What the graphs of an fp32 student are fed: (tokens of the graph, its inputs).

    Of each turn: the prompt in chunks, the last one padded; the answer token by token; and the
    answer again as a padded chunk, as forced tokens go. What all prompts begin with is run once.
    A few feeds are in memory at a time.

    Args:
        folder: holds the graphs that `layout` names.
        most: turns that are used, taken evenly from all.

    Raises:
        ExportError: there is no turn, one lacks its prompt or answer, or one does not fit the
            graphs' past.
    """
    chosen = spread(turns, most)
    _check(chosen, layout.capacity)
    recorder = _Recorder(folder, layout, threads=threads)
    size = layout.chunk
    # subtle: whole chunks, so that the last one of every prompt is padded in its own place
    shared = _shared([turn.ids[:turn.prompt - 1] for turn in chosen]) // size * size
    start = recorder.empty()
    for at in range(0, shared, size):
        yield from recorder.record(chosen[0].ids[at:at + size], start)
    for turn in chosen:
        past = start.copy()
        for at in range(shared, turn.prompt, size):
            yield from recorder.record(turn.ids[at:min(at + size, turn.prompt)], past)
        answer = turn.ids[turn.prompt:]
        for token in answer:
            yield from recorder.record([token], past)
        past.cut(turn.prompt)
        yield from recorder.record(answer[:size], past)


def spread(turns: Sequence[AnsweredPrompt], most: int) -> list[AnsweredPrompt]:
    """At most so many of them, evenly, the first and the last included."""
    if len(turns) <= most:
        return list(turns)
    return [turns[round(at)] for at in np.linspace(0, len(turns) - 1, most)]


class _Recorder(StaticDecoder):
    """Keeps what its graphs are fed."""

    def __init__(self, folder: Path, layout: DecoderLayout, *, threads: int) -> None:
        super().__init__(folder, layout, threads=threads)
        self._fed: list[tuple[int, Feed]] = []

    def feeds(self, tokens: int, ids: Sequence[int], past: BufferedPast,
              positions: Sequence[int] = ()) -> Feed:
        # subtle: a copy, as the decoder goes on writing into its buffers
        fed = {name: np.array(value) for name, value in super().feeds(
            tokens, ids, past, positions).items()}
        self._fed.append((tokens, fed))
        return fed

    def record(self, ids: Sequence[int], past: BufferedPast) -> list[tuple[int, Feed]]:
        """The feeds of a chunk of tokens at most, which the past holds afterwards."""
        self._fed = []
        self.run(ids, past)
        return self._fed


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """Tokens that all of them begin with."""
    places = zip(*prompts, strict=False)  # to the end of the shortest
    return sum(1 for _ in takewhile(lambda place: len(set(place)) == 1, places))


def _check(turns: Sequence[AnsweredPrompt], capacity: int) -> None:
    if not turns:
        raise ExportError("expected answered prompts to calibrate with, found none")
    for turn in turns:
        if not 0 < turn.prompt < len(turn.ids):
            raise ExportError(f"expected a prompt and its answer, found {len(turn.ids)} tokens of "
                              f"which {turn.prompt} are the prompt's")
        if len(turn.ids) > capacity:
            raise ExportError(f"a turn of {len(turn.ids)} tokens does not fit the graphs' past of "
                              f"{capacity}; raise shapes.capacity of the target")
