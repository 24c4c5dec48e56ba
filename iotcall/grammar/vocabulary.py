"""The bytes that each id of a tokenizer stands for. Leaves out: encoding of text.

Byte-level alphabet: GPT-2's ``bytes_to_unicode``. Byte fallback: SentencePiece's ``<0xNN>``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tokenizers import Tokenizer

from iotcall.errors import InputError

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def token_bytes(tokenizer: Tokenizer) -> dict[int, bytes]:
    """Bytes of every ordinary id; added tokens (special and control ones) are left out.

    Raises:
        InputError: the tokenizer's kind of decoder is not known.
    """
    serialised = json.loads(tokenizer.to_str())
    added = {token["id"] for token in serialised.get("added_tokens", [])}
    kinds = set(_decoder_kinds(serialised.get("decoder")))
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    ordinary = {id: text for text, id in vocabulary.items() if id not in added}
    if "ByteLevel" in kinds:
        alphabet = _byte_alphabet()
        return {id: bytes(alphabet[char] for char in text) for id, text in ordinary.items()}
    if "ByteFallback" in kinds:
        return {id: _fallback(text) for id, text in ordinary.items()}
    raise InputError(f"expected a byte-level or byte-fallback tokenizer, found the decoder "
                     f"{', '.join(sorted(kinds)) or 'none'}")


def _fallback(text: str) -> bytes:
    byte = _BYTE.fullmatch(text)
    return bytes([int(byte.group(1), 16)]) if byte else text.replace("\u2581", " ").encode()


def _decoder_kinds(decoder: dict[str, Any] | None) -> list[str]:
    if not decoder:
        return []
    inner = [kind for part in decoder.get("decoders", []) for kind in _decoder_kinds(part)]
    return [str(decoder.get("type")), *inner]


def _byte_alphabet() -> dict[str, int]:
    """Printable stand-in character -> byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    rest = [byte for byte in range(256) if byte not in set(printable)]
    return alphabet | {chr(256 + index): byte for index, byte in enumerate(rest)}
