"""A tool call and exact structured match. Leaves out: whether the call fits a catalogue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from iotcall.catalogue.text import without_surrogates
from iotcall.catalogue.values import same
from iotcall.errors import CallError


class ToolCall(msgspec.Struct, frozen=True):
    """One call of a tool: what a student answers."""

    name: str
    """Name of the tool, as declared."""
    arguments: dict[str, Any] = {}
    """JSON values by parameter; a value that was not said is absent."""

    def __str__(self) -> str:
        written = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}"
                            for key, value in self.arguments.items())
        return f"{self.name}({written})"


def equivalent(a: ToolCall, b: ToolCall) -> bool:
    """Exact structured match: same name, same arguments.

    Key order does not matter, 250 equals 250.0, true does not equal 1.
    """
    return a.name == b.name and same(a.arguments, b.arguments)


def equivalent_all(a: Sequence[ToolCall], b: Sequence[ToolCall]) -> bool:
    """The same calls in the same order."""
    return len(a) == len(b) and all(map(equivalent, a, b))


def call_from_json(value: Any) -> ToolCall:
    """A call as OpenAI messages, data files and sessions write it.

    Takes ``{"name", "arguments"|"parameters"}``, also inside ``{"function": ...}``; the arguments
    may be an object or its JSON text.

    Raises:
        CallError: says what was found instead.
    """
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise CallError(f"expected a call {{'name', 'arguments'}}, found {json.dumps(value)[:80]}")
    arguments = value.get("arguments", value.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = without_surrogates(json.loads(arguments or "{}"))
        except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
            raise CallError(f"the arguments of {value['name']} are no JSON: {error}") from error
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise CallError(f"the arguments of {value['name']} are no object but {arguments!r}")
    return ToolCall(value["name"], arguments)

