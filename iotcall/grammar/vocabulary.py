"""The bytes that each id of a tokenizer stands for. Leaves out: encoding of text.

Byte-level alphabet: GPT-2's ``bytes_to_unicode``. Byte fallback: SentencePiece's ``<0xNN>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer

from iotcall.errors import InputError

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_HIGH_PLANES = {0xF3, 0xF4}
"""First bytes of U+C0000 and above: stand-ins of special tokens and slots lie there, no script."""


class Vocabulary:
    """Ordinary ids of a tokenizer with their bytes; special and control tokens are left out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """
        Raises:
            InputError: the tokenizer's kind of decoder is not known.
        """
        self.tokenizer = tokenizer
        kinds = _decoder_kinds(tokenizer)
        if not kinds & {"ByteLevel", "ByteFallback"}:
            raise InputError("expected a byte-level or byte-fallback tokenizer, found the decoder "
                             f"{', '.join(sorted(kinds)) or 'none'}")
        self._byte_level = "ByteLevel" in kinds
        self._added = set(tokenizer.get_added_tokens_decoder())
        self._texts: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
        self.size: int = max(self._texts.values()) + 1
        """One above the largest id; there may be gaps."""

    def spelt_with(self, alphabet: set[int]) -> dict[int, bytes]:
        """Bytes of every ordinary id that has no other bytes than these."""
        alphabet = alphabet - _HIGH_PLANES
        if self._byte_level:
            of_byte = {byte: char for char, byte in _BYTE_OF.items()}
            chars = {of_byte[byte] for byte in alphabet}
            return {id: bytes(_BYTE_OF[char] for char in text)
                    for text, id in self._texts.items()
                    if chars.issuperset(text) and id not in self._added and text}
        chars = {chr(byte) for byte in alphabet if byte < 0x80} | {"\u2581"}
        ascii_only = max(alphabet, default=0) < 0x80
        found = {}
        for text, id in self._texts.items():
            if (chars.issuperset(text) or text.startswith("<0x") or not (
                    ascii_only or text.isascii())) \
                    and id not in self._added and alphabet.issuperset(spelt := _fallback(text)):
                found[id] = spelt
        return found

    @property
    def digit_tokens(self) -> int:
        """How many ids write digits only."""
        return sum(text.isdigit() and text.isascii() for text in self._texts)

    def all_bytes(self) -> dict[int, bytes]:
        """Bytes of every ordinary id without bytes of the highest planes."""
        return self.spelt_with(set(range(256)))

    def bytes_of(self, ids: Iterable[int]) -> dict[int, bytes]:
        """Bytes of some ids; of an added token, its text."""
        added = self.tokenizer.get_added_tokens_decoder()
        found = {}
        for id in ids:
            text = self.tokenizer.id_to_token(id)
            if id in added:
                found[id] = added[id].content.encode()
            elif text is not None:
                found[id] = (bytes(_BYTE_OF[char] for char in text) if self._byte_level
                             else _fallback(text))
        return found

    def special(self, text: str) -> int:
        """Id of a special token.

        Raises:
            InputError: there is none of that text.
        """
        id: int | None = self.tokenizer.token_to_id(text)
        if id is None:
            raise InputError(f"the tokenizer has no token {text!r}, which the format needs; "
                             "choose the format of the student's family")
        return id


def _fallback(text: str) -> bytes:
    byte = _BYTE.fullmatch(text)
    return bytes([int(byte.group(1), 16)]) if byte else text.replace("\u2581", " ").encode()


def _decoder_kinds(tokenizer: Tokenizer) -> set[str]:
    if tokenizer.decoder is None:
        return set()
    return set(_kinds(json.loads(tokenizer.decoder.__getstate__())))


def _kinds(decoder: dict[str, Any]) -> list[str]:
    inner = [kind for part in decoder.get("decoders", []) for kind in _kinds(part)]
    return [str(decoder.get("type")), *inner]


def _byte_alphabet() -> dict[str, int]:
    """Printable stand-in character -> byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    rest = [byte for byte in range(256) if byte not in set(printable)]
    return alphabet | {chr(256 + index): byte for index, byte in enumerate(rest)}


_BYTE_OF = _byte_alphabet()
