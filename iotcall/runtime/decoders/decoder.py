"""What all decoders have in common: tokens in, logits out, a past that grows.

Leaves out: how each layout feeds its graphs (growing, shared, static); what the logits mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle.layout import ASKED, OUTSIDE, ROWS, DecoderLayout
from iotcall.errors import BundleError
from iotcall.runtime.sessions import Placement

PAST, PRESENT = "past_key_values.", "present."
Tokens = NDArray[np.int64]


class Wanted(msgspec.Struct, frozen=True):
    """Logits that a pass shall give."""

    position: int
    """Place among the tokens of the pass; the logits are of what follows it."""
    allowed: Tokens
    """Tokens whose logits are wanted, without doubles."""
    others: bool = False
    """Tokens outside of the allowed ones are wanted too (`Scores.rest`)."""


class Scores(msgspec.Struct, frozen=True):
    """Logits after one token of a pass; the next pass may write over them."""

    allowed: NDArray[np.float32]
    """Of the tokens asked for, in their order."""
    rest: NDArray[np.float32]
    """Of all tokens that were computed, those among them too."""


class Past(Protocol):
    """What the student remembers of the tokens so far; passes append to it in place."""

    @property
    def length(self) -> int:
        """Tokens in it."""

    @property
    def bytes(self) -> int:
        """Memory of its own, roughly: not what it shares with the past it was copied from."""

    def cut(self, length: int) -> int:
        """Forget what is behind the first so many tokens; returns how many are left: none where it
        cannot go back that far."""

    def copy(self) -> Past:
        """Another past of the same tokens."""


class Decoder(ABC):
    """Loaded graphs; not thread-safe."""

    def __init__(self, folder: Path, layout: DecoderLayout) -> None:
        self.layout = layout
        self._columns: Tokens | None = None
        """Token -> column of the logits, -1 for none; None: the token itself."""
        if layout.rows == "live":
            rows = np.load(folder / ROWS)
            self._columns = np.full(layout.vocabulary, -1, np.int64)
            self._columns[rows] = np.arange(len(rows))
        self._outside = (np.load(folder / OUTSIDE).astype(np.int64) if layout.rows in ASKED
                         else np.empty(0, np.int64))

    @abstractmethod
    def empty(self) -> Any:
        """The past before any token."""

    @abstractmethod
    def run(self, ids: Sequence[int], past: Any, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        """One pass over new tokens (at least one), which the past holds afterwards.

        Returns the scores of each thing wanted, in order.
        """

    @property
    @abstractmethod
    def placements(self) -> tuple[Placement | None, ...]:
        """Of each graph, which provider runs which nodes; None where onnxruntime cannot tell."""

    @abstractmethod
    def save(self, past: Any) -> list[NDArray[np.float32]]:
        """The past's arrays in the order of the graph's inputs, cut to its length."""

    @abstractmethod
    def restore(self, length: int, arrays: Sequence[NDArray[np.float32]]) -> Any:
        """The past of arrays that `save` gave; copies of it share its memory."""

    @property
    def most_wanted(self) -> int | None:
        """Positions whose logits one pass can give; None: any number."""
        return None

    def fits(self, length: int, new: int) -> bool:
        """Whether so many tokens more can be run after a past of that length."""
        return not self.layout.capacity or length + new <= self.layout.capacity

    def _asked(self, wanted: Sequence[Wanted]) -> Asked:
        """Tokens to feed as ``logit_tokens``: the allowed ones, then those outside of them."""
        if not wanted:
            return Asked(np.zeros(1, np.int64), 0)  # a product of no columns is not worth a case
        allowed = (wanted[0].allowed if len(wanted) == 1 else
                   np.unique(np.concatenate([item.allowed for item in wanted])))
        tokens = allowed
        if any(item.others for item in wanted):
            tokens = np.concatenate([allowed, np.setdiff1d(self._outside, allowed)])
        return Asked(np.ascontiguousarray(tokens, np.int64), len(allowed))

    def _scores(self, logits: NDArray[np.float32], wanted: Sequence[Wanted],
                asked: Asked | None = None) -> list[Scores]:
        """The scores out of rows of logits (P, rows), one for each thing wanted."""
        if asked is None:
            return [Scores(row[self._rows_of(item.allowed)], row)
                    for row, item in zip(logits, wanted, strict=True)]
        if len(wanted) == 1:
            return [Scores(logits[0, :asked.allowed], logits[0])]
        order = np.argsort(asked.tokens)
        ascending = asked.tokens[order]
        # what other positions allow says nothing of this one
        return [Scores(row[order[np.searchsorted(ascending, item.allowed)]],
                       row[order[np.searchsorted(ascending, np.union1d(
                           item.allowed, self._outside if item.others else item.allowed))]])
                for row, item in zip(logits, wanted, strict=True)]

    def _rows_of(self, tokens: Tokens) -> Tokens:
        """Columns of the logits that belong to tokens."""
        if self._columns is None:
            return tokens
        columns: Tokens = self._columns[tokens]
        if (columns < 0).any():
            raise BundleError(f"token {tokens[columns < 0][0]} has no row in this bundle's head; "
                              "export it again with these tools")
        return columns


class Asked(msgspec.Struct, frozen=True):
    """Rows of the head that a pass computes."""

    tokens: Tokens
    allowed: int
    """How many of them, from the front, some position allows."""


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
