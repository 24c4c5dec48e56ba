"""What all decoders have in common: tokens in, logits and a state out.

Leaves out: how each layout feeds its graphs (growing, shared, static); what the logits mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import OUTSIDE, ROWS, DecoderLayout
from iotcall.errors import BundleError
from iotcall.runtime.sessions import Placement

PAST, PRESENT = "past_key_values.", "present."


class Scores(msgspec.Struct, frozen=True):
    """Logits of the last token of a pass."""

    allowed: NDArray[np.float32]
    """Of the tokens asked for, in their order."""
    rest: NDArray[np.float32]
    """Of all tokens that were computed, those among them too."""


class State(msgspec.Struct, frozen=True):
    """What the student remembers of the tokens so far. Never changed: a pass makes a new one."""

    length: int
    """Tokens in it."""
    bytes: int
    """Memory that it holds, roughly: buffers may be shared with other states."""
    values: Any
    """The layout's own."""


class Decoder(ABC):
    """Loaded graphs; not thread-safe."""

    def __init__(self, folder: Path, layout: DecoderLayout) -> None:
        self.layout = layout
        self._columns: NDArray[np.int64] | None = None
        """Token -> column of the logits, -1 for none; None: the token itself."""
        if layout.rows == "live":
            rows = np.load(folder / ROWS)
            self._columns = np.full(layout.vocabulary, -1, np.int64)
            self._columns[rows] = np.arange(len(rows))
        self._outside = (np.load(folder / OUTSIDE).astype(np.int64) if layout.rows == "asked"
                         else np.empty(0, np.int64))

    @abstractmethod
    def empty_state(self) -> State:
        """The state before any token."""

    @abstractmethod
    def run(self, ids: Sequence[int], state: State, allowed: NDArray[np.int64] | None = None, *,
            first: bool = False) -> tuple[Scores | None, State]:
        """One pass over new tokens (at least one).

        Args:
            allowed: tokens whose logits after the last of `ids` are wanted; None: no logits.
            first: tokens outside of the allowed ones are wanted too (see `Scores.rest`).
        """

    @property
    @abstractmethod
    def placements(self) -> tuple[Placement | None, ...]:
        """Of each graph, which provider runs which nodes; None where onnxruntime cannot tell."""

    @abstractmethod
    def export_state(self, state: State) -> list[NDArray[np.float32]]:
        """The state's arrays in the order of the graph's inputs, cut to its length."""

    @abstractmethod
    def import_state(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> State:
        """The state of arrays that `export_state` gave."""

    def fits(self, length: int, new: int) -> bool:
        """Whether so many tokens more can be run after a state of that length."""
        return not self.layout.capacity or length + new <= self.layout.capacity

    def _asked(self, allowed: NDArray[np.int64] | None, first: bool) -> NDArray[np.int64]:
        """Tokens to feed as ``logit_tokens``, the allowed ones in front."""
        if allowed is None:
            return np.zeros(1, np.int64)  # a product of no columns is not worth a case
        if not first:
            return np.asarray(allowed, np.int64)
        return np.concatenate([allowed, np.setdiff1d(self._outside, allowed)]).astype(np.int64)

    def _scores(self, logits: NDArray[np.float32], allowed: NDArray[np.int64] | None) -> (
            Scores | None):
        """The scores out of a row of logits."""
        if allowed is None:
            return None
        if self.layout.rows == "asked":
            return Scores(logits[:len(allowed)], logits)
        if self._columns is None:
            return Scores(logits[allowed], logits)
        columns = self._columns[allowed]
        if (columns < 0).any():
            raise BundleError(f"token {allowed[columns < 0][0]} has no row in this bundle's head; "
                              "export it again with these tools")
        return Scores(logits[columns], logits)


def open_decoder(folder: Path, layout: DecoderLayout, *, threads: int) -> Decoder:
    """The decoder of a bundle's folder.

    Raises:
        BundleError: a graph cannot be loaded, or does not fit the layout.
    """
    from iotcall.runtime.decoders.growing import GrowingDecoder
    from iotcall.runtime.decoders.shared import SharedDecoder
    from iotcall.runtime.decoders.static import StaticDecoder

    kinds: dict[str, type[Any]] = {"growing": GrowingDecoder, "shared": SharedDecoder,
                                   "static": StaticDecoder}
    decoder: Decoder = kinds[layout.layout](folder, layout, threads=threads)
    return decoder


def check_inputs(path: Path, session: Any, wanted: Sequence[str]) -> list[Any]:
    """The graph's state inputs; every other one must be wanted, and every state continued.

    Raises:
        BundleError: something is unknown or missing.
    """
    inputs = {item.name: item for item in session.get_inputs()}
    states = [item for name, item in inputs.items() if name.startswith(PAST)]
    outputs = {item.name for item in session.get_outputs()}
    unknown = sorted(inputs.keys() - {*wanted, *(item.name for item in states)})
    missing = sorted((set(wanted) - inputs.keys())
                     | ({"logits", *(present(item.name) for item in states)} - outputs))
    if unknown or missing:
        raise BundleError(f"{path}: expected a decoder with past; unknown inputs {unknown}, "
                          f"missing inputs or outputs {missing}")
    return states


def present(past: str) -> str:
    """The output that continues a state input."""
    return PRESENT + past.removeprefix(PAST)
