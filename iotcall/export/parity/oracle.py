"""Torch as the oracle: logits of the checkpoint itself, in fp32 and without a cache.

Leaves out: graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotcall.errors import ExportError
from iotcall.export.surroundings import quiet
from iotcall.prefix_attention import read_both_ways
from iotcall.runtime.decoders import Scores, Wanted

_SMALL = 30_000_000
"""Parameters below which one thread is faster than several."""


class Oracle:
    """The checkpoint in torch; each pass runs the whole text so far.

    With a trimmed vocabulary its ids are the trimmed ones.
    """

    def __init__(self, checkpoint: Path, rows: NDArray[np.int64] | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        loader: Any = AutoModelForCausalLM
        try:
            with quiet():
                self._model = loader.from_pretrained(
                    checkpoint, dtype=torch.float32, local_files_only=True,
                    trust_remote_code=False, use_safetensors=True).eval()
            read_both_ways(self._model)
        except (OSError, ValueError) as error:
            raise ExportError(f"{checkpoint} cannot be loaded as a causal language model: "
                              f"{error}") from error
        self._rows = rows
        # threads of a small model wait for each other longer than they compute
        self._threads = 1 if self._model.num_parameters() < _SMALL else torch.get_num_threads()

    def logits(self, ids: Sequence[int], last: int) -> NDArray[np.float32]:
        """(last, vocabulary): logits after each of the last so many tokens."""
        import torch

        given = np.array(ids, np.int64) if self._rows is None else self._rows[np.array(ids)]
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.no_grad(), quiet():
                out = self._model(input_ids=torch.from_numpy(given[None]), use_cache=False,
                                  logits_to_keep=last)
        finally:
            torch.set_num_threads(before)
        found: NDArray[np.float32] = out.logits[0, -last:].numpy()
        return found if self._rows is None else found[:, self._rows]

    def empty(self) -> Text:
        """Before any token."""
        return Text([])

    def fits(self, length: int, new: int) -> bool:
        """Torch bounds no text."""
        return True

    @property
    def most_wanted(self) -> int | None:
        return None

    def run(self, ids: Sequence[int], past: Text, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        """As a decoder's."""
        past.tokens += ids
        if not wanted:
            return []
        first = min(item.position for item in wanted)
        rows = self.logits(past.tokens, len(ids) - first)
        return [Scores(row[item.allowed], row)
                for item in wanted for row in (rows[item.position - first],)]


class Text:
    """A past that is nothing but its tokens."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens

    @property
    def length(self) -> int:
        return len(self.tokens)

    @property
    def bytes(self) -> int:
        return 0

    def cut(self, length: int) -> int:
        del self.tokens[length:]
        return len(self.tokens)

    def copy(self) -> Text:
        return Text(list(self.tokens))
