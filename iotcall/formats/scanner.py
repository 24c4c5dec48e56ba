"""A cursor over the text of an answer. Leaves out: any format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from iotcall.errors import CallError

T = TypeVar("T")

_SCALAR = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


class Scanner:
    """Reads a text from left to right; whatever does not fit is a CallError with its place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    @property
    def done(self) -> bool:
        return self.position == len(self.text)

    def at(self, token: str) -> bool:
        return self.text.startswith(token, self.position)

    def accept(self, token: str) -> bool:
        """Step over the token if it is next."""
        found = self.at(token)
        if found:
            self.position += len(token)
        return found

    def take(self, token: str) -> None:
        """Step over the token, which must be next."""
        if not self.accept(token):
            raise self.error(repr(token))

    def until(self, token: str) -> str:
        """The text before the next `token`, which is not consumed."""
        end = self.text.find(token, self.position)
        if end < 0:
            raise self.error(f"text up to {token!r}")
        taken, self.position = self.text[self.position:end], end
        return taken

    def match(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self.text, self.position)
        if not found:
            raise self.error(expected)
        self.position = found.end()
        return found.group()

    def json_scalar(self) -> Any:
        """A JSON number, true, false or null."""
        return json.loads(self.match(_SCALAR, "a number, true, false or null"))

    def json_value(self) -> Any:
        """Any JSON value."""
        try:
            value, self.position = json.JSONDecoder().raw_decode(self.text, self.position)
        except json.JSONDecodeError as error:
            raise self.error("a JSON value") from error
        return value

    def items(self, close: str, separator: str, item: Callable[[], T]) -> list[T]:
        """Items with separators between them, up to and with `close`."""
        found: list[T] = []
        while not self.accept(close):
            if found:
                self.take(separator)
            found.append(item())
        return found

    def error(self, expected: str) -> CallError:
        rest = self.text[self.position:self.position + 40]
        return CallError(f"expected {expected} at character {self.position}, found {rest!r}")
