"""Held-out utterances, by which training files are checked: as hashes and MinHash signatures.

A file of hashes can stand in for the sentences: whoever has it can tell that an utterance is held
out, or nearly, but not list them. It is no secret all the same: short sentences can be guessed and
tried. Leaves out: reading dialogues.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from datasketch import MinHashLSH  # type: ignore[import-untyped,unused-ignore]

from iotcall.distill.traces.near import (
    GRAM,
    PERMUTATIONS,
    SCHEME,
    STRICTEST,
    Signature,
    Signer,
    fingerprint,
    normalised,
)
from iotcall.errors import FileError

MOST_LINES = 5_000_000

Match = Literal["", "exact", "near"]


class _Header(msgspec.Struct, frozen=True):
    hashes: str = "sha256 of normalised utterances"
    permutations: int = PERMUTATIONS
    scheme: str = SCHEME
    gram: int = GRAM


class _Line(msgspec.Struct, frozen=True):
    sha256: str
    minhash: str
    """Base64 of little-endian 32-bit integers."""


class HeldOut:
    """Utterances that no student may learn from."""

    def __init__(self, near: float) -> None:
        """`near`: estimated similarity from which on an utterance is nearly one of them; 1: none
        is. The estimate is off by 0.03 or so.
        """
        self._near = near
        self._signer = Signer()
        self._signatures: dict[str, Signature] = {}  # by hash
        self._index = MinHashLSH(threshold=min(near, STRICTEST), num_perm=PERMUTATIONS,
                                 weights=(0.1, 0.9)) if near < 1 else None
        self._known: dict[str, Match] = {}

    def __len__(self) -> int:
        """Different utterances."""
        return len(self._signatures)

    def add(self, utterances: Iterable[str]) -> None:
        for utterance in utterances:
            made = self._signer.minhash(normalised(utterance))
            self._add(fingerprint(utterance), made.hashvalues)

    def match(self, utterance: str) -> Match:
        """Whether the utterance is one of them word for word, or nearly."""
        key = fingerprint(utterance)
        if key not in self._known:
            self._known[key] = "exact" if key in self._signatures else (
                "near" if self._is_near(utterance) else "")
        return self._known[key]

    def read(self, path: Path) -> None:
        """Add what a file of hashes holds.

        Raises:
            FileError: it is no such file, or of another version.
        """
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise FileError(path, f"cannot be read: {error.strerror}") from error
        try:
            header = msgspec.json.decode(lines[0], type=_Header)
            if header != _Header() or b'"hashes"' not in lines[0]:
                raise ValueError("its first line says that it was made otherwise")
        except (msgspec.DecodeError, ValueError) as error:
            raise FileError(path, f"is no file of hashes that can be used: {error}; make it anew "
                                  "with --write-hashes") from error
        for number, line in enumerate(lines[1:MOST_LINES], start=2):
            if line.strip():
                try:
                    found = msgspec.json.decode(line, type=_Line)
                    signature = np.frombuffer(base64.b64decode(found.minhash, validate=True), "<u4")
                    if signature.shape != (PERMUTATIONS,):
                        raise ValueError(f"expected {PERMUTATIONS} numbers")
                except (msgspec.DecodeError, binascii.Error, ValueError) as error:
                    raise FileError(path, str(error), place=f"line {number}") from error
                self._add(found.sha256, signature.astype(np.uint32))

    def write(self, path: Path) -> None:
        """Write hashes and signatures, in the order of the hashes; all or nothing."""
        partial = path.with_name(f"{path.name}.partial")
        try:
            with partial.open("wb") as file:
                file.write(msgspec.json.encode(_Header()) + b"\n")
                for key, signature in sorted(self._signatures.items()):
                    text = base64.b64encode(signature.astype("<u4").tobytes()).decode()
                    file.write(msgspec.json.encode(_Line(key, text)) + b"\n")
            partial.replace(path)
        except OSError as error:
            raise FileError(path, f"cannot be written: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)

    def _add(self, key: str, signature: Any) -> None:
        if key not in self._signatures:
            self._signatures[key] = signature
            if self._index is not None:
                self._index.insert(key, self._signer.of_signature(signature))

    def _is_near(self, utterance: str) -> bool:
        if self._index is None:
            return False
        made = self._signer.minhash(normalised(utterance))
        return any(float(np.mean(made.hashvalues == self._signatures[key])) >= self._near
                   for key in self._index.query(made))
