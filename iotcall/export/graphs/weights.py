"""A checkpoint's weights, read one at a time. Leaves out: what the graph does with them.

Only what is asked for is in memory, always as fp32, whatever the files hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from iotcall.errors import ExportError

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"
HEAD_BIAS = "lm_head.bias"
LIVE_HEAD, LIVE_HEAD_BIAS = "lm_head.live.weight", "lm_head.live.bias"
"""The rows of the head that a closed catalogue can reach."""


class Weights:
    """The named tensors of ``*.safetensors``; a context manager that holds the files open."""

    def __init__(self, checkpoint: Path) -> None:
        self._files = ExitStack()
        self._tensors: dict[str, Any] = {}  # name -> the open file that holds it
        self._rows: dict[str, NDArray[np.int64]] = {}
        self._aliases: dict[str, str] = {}
        self._taken: dict[str, tuple[str, NDArray[np.int64]]] = {}
        paths = sorted(checkpoint.glob("*.safetensors"))
        if not paths:
            raise ExportError(f"{checkpoint} holds no *.safetensors: save the student with "
                              "save_pretrained (adapters: with their base, or merged)")
        for path in paths:
            try:
                file = self._files.enter_context(safe_open(path, framework="pt"))
            except (SafetensorError, OSError) as error:
                raise ExportError(f"{path} cannot be read: {error}; copy the checkpoint "
                                  "again") from error
            self._tensors.update(dict.fromkeys(file.keys(), file))

    def __enter__(self) -> Weights:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def __contains__(self, name: str) -> bool:
        return self._true(name) in self._tensors

    @property
    def names(self) -> set[str]:
        """As the files name them."""
        return set(self._tensors)

    def alias(self, name: str, of: str) -> None:
        """Give a weight a second name (a tied head)."""
        self._aliases[name] = of

    def same(self, one: str, other: str) -> bool:
        """Whether two names mean one tensor."""
        return self._true(one) == self._true(other)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the tensor, after `keep_rows`."""
        if name in self._taken:
            of, rows = self._taken[name]
            return (len(rows), *self.shape(of)[1:])
        name = self._true(name)
        shape = tuple(self._tensors[name].get_slice(name).get_shape())
        return (len(self._rows[name]), *shape[1:]) if name in self._rows else shape

    def take_rows(self, name: str, of: str, rows: NDArray[np.int64]) -> None:
        """Give some rows of a weight a name of their own, in this order."""
        self._taken[name] = of, rows

    def keep_rows(self, name: str, rows: NDArray[np.int64]) -> None:
        """From now on the tensor has these rows only, in this order."""
        self._rows[self._true(name)] = rows

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor in fp32."""
        if name in self._taken:
            of, rows = self._taken[name]
            return self.read(of)[rows]
        name = self._true(name)
        tensor = self._tensors[name].get_tensor(name)
        if name in self._rows:
            tensor = tensor[self._rows[name]]
        values: NDArray[np.float32] = tensor.float().numpy()
        return values

    def check(self, wanted: Mapping[str, tuple[int, ...]], checkpoint: Path) -> tuple[str, ...]:
        """Notes on weights that the architecture does not use.

        Raises:
            ExportError: weights are missing or have another shape; names one of them.
        """
        missing = sorted(name for name, shape in wanted.items()
                         if name not in self or self.shape(name) != shape)
        if missing:
            found = (f"{list(self.shape(missing[0]))} instead of {list(wanted[missing[0]])}"
                     if missing[0] in self else "absent")
            raise ExportError(
                f"{checkpoint} lacks {len(missing)} weights of its architecture or has them in "
                f"another shape, e.g. {missing[0]} ({found}): save the whole model")
        used = {self._true(name) for name in wanted}
        unused = sorted(name for name in self._tensors if name not in used)
        return (f"{len(unused)} weights are not used, e.g. {unused[0]}.",) if unused else ()

    def count(self) -> int:
        """Numbers in all tensors, tied ones once."""
        return sum(int(np.prod(self._tensors[name].get_slice(name).get_shape()))
                   for name in self._tensors)

    def _true(self, name: str) -> str:
        return self._aliases.get(name, name)


def weights_hash(checkpoint: Path) -> str:
    """SHA-256 over the weight files in the order of their names, hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(checkpoint.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
