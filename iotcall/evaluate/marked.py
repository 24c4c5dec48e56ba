"""Dialogues written by hand, with the spans marked that become arguments. Leaves out: drawing more.

    > turn the [hall light](target) off | turn state=off
    >> and the [kitchen](room) one too | turn state=off target="light"
    [porch light](target) off and lock the [door](2.target) | turn state=off ; lock action=lock

One utterance a line, then `` | `` and its calls, joined by ``;``. What stands in brackets is an
argument of the first call, or of the one whose number stands before it; ``key=value`` is a value of
the schema, ``key="words"`` are words of an earlier turn. ``>`` opens a dialogue, ``>>`` goes on;
``<<`` is what the hub asked (for the reader only), ``#`` a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import CallError, FileError
from iotcall.evaluate.dialogues import Dialogue, LabelledTurn

_SPAN = re.compile(r"\[([^\[\]]+)\]\(([0-9a-z_.,]+)\)")
_CALL = re.compile(r"\s*(\w+)((?:\s+\w+=(?:\"[^\"]*\"|\S+))*)\s*")
_ARGUMENT = re.compile(r"(\w+)=(?:\"([^\"]*)\"|(\S+))")


class Span(msgspec.Struct, frozen=True):
    """Words of an utterance that are an argument."""

    start: int
    end: int
    """Characters of the utterance."""
    call: int
    argument: str


class MarkedTurn(msgspec.Struct, frozen=True):
    """One utterance."""

    utterance: str
    calls: tuple[ToolCall, ...]
    spans: tuple[Span, ...]


def read_marked(path: Path, catalogue: Catalogue) -> list[tuple[MarkedTurn, ...]]:
    """The dialogues of a file; an utterance by itself is one of one turn.

    Raises:
        FileError: names the line and what is wrong with it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    dialogues: list[list[MarkedTurn]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", "<<")):
            continue
        try:
            turn = _turn(text.removeprefix(">>").removeprefix(">").strip(), catalogue)
            if text.startswith(">>"):
                if not dialogues:
                    raise CallError("a dialogue begins with >")
                _check_said(turn, [*dialogues[-1], turn])
                dialogues[-1].append(turn)
            else:
                _check_said(turn, [turn])
                dialogues.append([turn])
        except CallError as error:
            raise FileError(path, str(error), place=f"line {number}") from error
    return [tuple(dialogue) for dialogue in dialogues]


def unmarked(dialogue: tuple[MarkedTurn, ...]) -> Dialogue:
    """The dialogue as it is judged and trained on."""
    return Dialogue(tuple(LabelledTurn(turn.utterance, turn.calls) for turn in dialogue))


def _turn(text: str, catalogue: Catalogue) -> MarkedTurn:
    said, bar, written = text.rpartition(" | ")
    if not bar:
        raise CallError("expected an utterance, ` | ` and its calls")
    names, arguments = [], []
    for part in written.split(";"):
        if not (found := _CALL.fullmatch(part)):
            raise CallError(f"expected TOOL key=value ..., found {part.strip()!r}")
        names.append(found[1])
        arguments.append({key: quoted or plain
                          for key, quoted, plain in _ARGUMENT.findall(found[2])})
    utterance, spans = "", []
    at = 0
    for found in _SPAN.finditer(said):
        utterance += said[at:found.start()]
        start = len(utterance)
        utterance += found[1]
        at = found.end()
        for role in found[2].split(","):
            place, _, key = role.rpartition(".")
            call = int(place or 1) - 1
            if not 0 <= call < len(names) or key in arguments[call]:
                raise CallError(f"{role!r} is no argument that is free")
            arguments[call][key] = found[1]
            spans.append(Span(start, len(utterance), call, key))
    utterance += said[at:]
    calls = []
    for name, given in zip(names, arguments, strict=True):
        order = {field.name: place for place, field in enumerate(
            catalogue.tool(name).parameters.fields)} if name in _tools(catalogue) else {}
        made = ToolCall(name, dict(sorted(given.items(), key=lambda each: order.get(each[0], 99))))
        catalogue.check(made)
        calls.append(made)
    return MarkedTurn(utterance, tuple(calls), tuple(spans))


def _tools(catalogue: Catalogue) -> Iterator[str]:
    return (tool.name for tool in catalogue.tools)


def _check_said(turn: MarkedTurn, turns: list[MarkedTurn]) -> None:
    heard = " ".join(each.utterance for each in turns).casefold()
    marked = {(span.call, span.argument) for span in turn.spans}
    for place, call in enumerate(turn.calls):
        for key, value in call.arguments.items():
            if (place, key) not in marked and " " in str(value) and (
                    str(value).casefold() not in heard):
                raise CallError(f"{key}: {value!r} was not said")
