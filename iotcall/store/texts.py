"""What people call things, made fit for keeping and comparing. Leaves out: languages.

Words come from transcripts, which anybody may publish: they are data, bounded and plain.
"""

from __future__ import annotations

import unicodedata

import msgspec

from iotcall.errors import LimitError


def plain(text: str) -> str:
    """Composed, no control characters, single spaces: for keeping and saying again.

    Lone surrogates go too: they can be said in JSON and in no file.
    """
    kept = (" " if character.isspace() else character for character in text
            if character.isspace() or unicodedata.category(character) not in ("Cc", "Cs"))
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def folded(text: str) -> str:
    """The same for all that sound alike in spite of case, width and punctuation."""
    text = unicodedata.normalize("NFKC", plain(text)).casefold()
    spaced = "".join(" " if unicodedata.category(character)[0] in "PZC" else character
                     for character in text)
    return " ".join(spaced.split())


def bounded(text: str, limit: int, what: str) -> str:
    """The text as it is.

    Raises:
        LimitError: it has more than `limit` characters.
    """
    if len(text) > limit:
        raise LimitError(f"characters of {what}", len(text), limit)
    return text


def json_value(value: bytes, limit: int, what: str) -> msgspec.Raw:
    """JSON text as it will stand in a body.

    Raises:
        LimitError: it has more than `limit` bytes.
        ValueError: it is no JSON, which would make the whole row unreadable.
    """
    if len(value) > limit:
        raise LimitError(f"bytes of {what}", len(value), limit)
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{what} must be JSON: {error}") from error
    return msgspec.Raw(value)
