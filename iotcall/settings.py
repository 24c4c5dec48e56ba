"""Read a user's TOML file into a frozen struct, strictly. Leaves out: what the values mean.

Unknown keys are refused and the nearest known key is named.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from iotcall.errors import FileError

T = TypeVar("T")

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PLACE = re.compile(r" - at `\$?\.?([^`]*)`$")


def read_toml(path: Path, kind: type[T]) -> T:
    """The file as a `kind` (a msgspec struct with ``forbid_unknown_fields=True``).

    Raises:
        FileError: the file is missing, is no TOML, or does not fit; names the place.
    """
    try:
        return parse_toml(path.read_text(encoding="utf-8"), kind, path)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error


def parse_toml(text: str, kind: type[T], path: Path) -> T:
    """As `read_toml`, for a text that was read already; `path` is for messages only."""
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except tomllib.TOMLDecodeError as error:
        raise FileError(path, f"is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        message = str(error)
        found = _PLACE.search(message)
        place = found.group(1) if found else ""
        raise FileError(path, _PLACE.sub("", message) + _nearest(message, kind),
                        place=place) from error


def _nearest(message: str, kind: Any) -> str:
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return ""
    known = sorted(set(_field_names(kind, set())))
    close = difflib.get_close_matches(unknown.group(1), known, n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else f"; known keys: {', '.join(known)}"


def _field_names(kind: Any, seen: set[Any]) -> Iterator[str]:
    """All field names of the struct and of the structs inside it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from _field_names(field.type, seen)
    for inner in getattr(kind, "__args__", ()):
        yield from _field_names(inner, seen)
