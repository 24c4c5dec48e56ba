"""The past after the prompt's fixed beginning, run once at export and shipped with the bundle.

Leaves out: which beginning that is (system prompt and tools, see `iotcall.runtime.prompt`).

One file of fp32 numbers: every state input's array (1, ...) in the graph's order, cut to the
prefix's tokens, one after the other. It is keyed by what it depends on, so that a bundle whose
template, tools or weights were changed runs its prefix again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle import Bundle
from iotcall.runtime.decoders import Decoder, Past
from iotcall.runtime.decoding import CHUNK

VALUES, NOTE = "prefix.npy", "prefix.json"


class PrefixNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``prefix.json``."""

    key: str
    """SHA-256 of the prefix's tokens and the graphs' hashes."""
    tokens: int
    shapes: tuple[tuple[int, ...], ...]
    """Of the arrays, in order."""


def prefix_key(ids: Sequence[int], graph_hashes: Sequence[str]) -> str:
    """What the past after it depends on: template and tools (as tokens), weights (as graphs)."""
    digest = hashlib.sha256(np.array(ids, np.int64).tobytes())
    for graph in graph_hashes:
        digest.update(bytes.fromhex(graph))
    return digest.hexdigest()


def graph_hashes(bundle: Bundle) -> list[str]:
    """Of the bundle's graph files and their weights, in the order of their names."""
    return [entry.sha256 for name, entry in sorted(bundle.manifest.files.items())
            if name in bundle.layout.graphs or name.endswith(".data")]


def write_prefix(folder: Path, decoder: Decoder, ids: Sequence[int],
                 hashes: Sequence[str]) -> None:
    """Run a prefix and write its past as ``prefix.npy`` and ``prefix.json`` in a folder."""
    past = run_in(decoder, ids)
    arrays = decoder.save(past)
    flat = np.concatenate([array.astype("<f4").ravel() for array in arrays] or [np.empty(0, "<f4")])
    np.save(folder / VALUES, flat)
    note = PrefixNote(key=prefix_key(ids, hashes), tokens=past.length,
                      shapes=tuple(tuple(array.shape) for array in arrays))
    (folder / NOTE).write_bytes(msgspec.json.encode(note))


def past_after(decoder: Decoder, ids: Sequence[int], folder: Path | None,
               hashes: Sequence[str]) -> Past:
    """The past after a prefix: the one shipped in a folder, or else run."""
    past: Past
    if not ids:
        past = decoder.empty()
        return past
    shipped = _read(folder, decoder, ids, prefix_key(ids, hashes)) if folder else None
    if shipped is not None:
        return shipped
    made = run_in(decoder, ids)
    past = decoder.restore(made.length, decoder.save(made))
    return past


def run_in(decoder: Decoder, ids: Sequence[int]) -> Past:
    """An own past of some tokens, in passes that need little memory."""
    past: Past = decoder.empty()
    for start in range(0, len(ids), CHUNK):
        decoder.run(ids[start:start + CHUNK], past)
    return past


def _read(folder: Path, decoder: Decoder, ids: Sequence[int], key: str) -> Past | None:
    """The shipped past; None where there is none, or one of other tools, template or weights."""
    if not (folder / NOTE).is_file():
        return None
    note = msgspec.json.decode((folder / NOTE).read_bytes(), type=PrefixNote)
    if note.key != key or note.tokens != len(ids):
        logging.getLogger(__name__).warning(
            "%s is of other tools, another template or other weights, so %d tokens are run now and "
            "at every start; export the bundle again", folder / VALUES, len(ids))
        return None
    flat = np.load(folder / VALUES, mmap_mode="r")
    arrays: list[NDArray[np.float32]] = []
    start = 0
    for shape in note.shapes:
        size = int(np.prod(shape))
        arrays.append(flat[start:start + size].reshape(shape))
        start += size
    past: Past = decoder.restore(note.tokens, arrays)
    return past
