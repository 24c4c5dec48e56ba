"""Dialogues written by hand, with the spans marked that become arguments. Leaves out: drawing more.

    > turn the [hall light](target) off | turn state=off
    >> and the [kitchen](room) one too | turn state=off target="light"
    [porch light](target) off and lock the [door](2.target) | turn state=off ; lock action=lock

One utterance a line, then `` | `` and its calls, joined by ``;``. What stands in brackets is an
argument of the first call, or of the one whose number stands before it: the words themselves, or
where they only mean a value of the schema that value, ``[hall](room=hallway)``. In a call
``key=value`` is a value of the schema, ``key="words"`` are words of an earlier turn. ``>`` opens a
dialogue, ``>>`` goes on; ``<<`` is what the hub asked (for the reader only), ``#`` a comment.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import Boolean, Catalogue, Integer, Number, Text, ToolCall
from iotcall.errors import CallError, FileError
from iotcall.evaluate.dialogues import Dialogue, LabelledTurn
from iotcall.speech import written_out

_SPAN = re.compile(r"\[([^\[\]]+)\]\(([^()\[\]]+)\)")
_ROLE = re.compile(r"(?:(?P<place>[0-9]+)\.)?(?P<key>\w+)(?:=(?P<value>[^,]+))?")
_CALL = re.compile(r"\s*(\w+)((?:\s+\w+=(?:\"[^\"]*\"|\S+))*)\s*")
_ARGUMENT = re.compile(r"(\w+)=(?:\"([^\"]*)\"|(\S+))")


class Span(msgspec.Struct, frozen=True):
    """Words of an utterance that are an argument."""

    start: int
    end: int
    """Characters of the utterance."""
    call: int
    argument: str
    literal: bool = True
    """Whether the words are the value; otherwise they mean it."""


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
        lines = path.read_text(encoding="utf-8-sig").split("\n")
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
                _check_said(turn, [*dialogues[-1], turn], catalogue)
                dialogues[-1].append(turn)
            else:
                _check_said(turn, [turn], catalogue)
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
        given = [(key, quoted or plain) for key, quoted, plain in _ARGUMENT.findall(found[2])]
        if len(dict(given)) < len(given):
            raise CallError(f"an argument is given twice in {part.strip()!r}")
        arguments.append(dict(given))
    utterance, spans = "", []
    at = 0
    for found in _SPAN.finditer(said):
        utterance += said[at:found.start()]
        start = len(utterance)
        utterance += found[1]
        at = found.end()
        for written_role in found[2].split(","):
            role = _ROLE.fullmatch(written_role.strip())
            if role is None:
                raise CallError(f"expected [words](argument), (2.argument) or (argument=value), "
                                f"found {found[0]!r}")
            place, key, value = role["place"], role["key"], role["value"]
            call = int(place or 1) - 1
            if not 0 <= call < len(names) or key in arguments[call]:
                raise CallError(f"{role[0]!r} is no argument that is free")
            arguments[call][key] = found[1] if value is None else value
            spans.append(Span(start, len(utterance), call, key, value is None))
    utterance += said[at:]
    if "](" in utterance:
        raise CallError(f"a mark is not closed in {utterance!r}")
    calls = tuple(_made(name, given, catalogue)
                  for name, given in zip(names, arguments, strict=True))
    return MarkedTurn(utterance, calls, tuple(spans))


def _made(name: str, given: dict[str, str], catalogue: Catalogue) -> ToolCall:
    """The call in declared order, its numbers and truth values read as such."""
    tool = next((tool for tool in catalogue.tools if tool.name == name), None)
    if tool is None:
        raise CallError(f"{name!r} is no tool of the catalogue")
    nodes = {field.name: field.node for field in tool.parameters.fields}
    order = {key: place for place, key in enumerate(nodes)}
    arguments: dict[str, Any] = {}
    for key in sorted(given, key=lambda key: order.get(key, len(order))):
        arguments[key] = given[key]
        if isinstance(nodes.get(key), Integer | Number | Boolean):
            try:
                arguments[key] = json.loads(given[key])
            except ValueError:
                raise CallError(f"{key}: expected a JSON number, true or false, "
                                f"found {given[key]!r}") from None
    call = ToolCall(name, arguments)
    catalogue.check(call)
    return call


def _check_said(turn: MarkedTurn, turns: list[MarkedTurn], catalogue: Catalogue) -> None:
    """Nothing if all words that stand in calls unmarked were said in the dialogue."""
    heard = " ".join(each.utterance for each in turns).casefold()
    spelt_out = {name.casefold() for each in turns for name in written_out(each.utterance)}
    marked = {(span.call, span.argument) for span in turn.spans}
    for place, call in enumerate(turn.calls):
        for field in catalogue.tool(call.name).parameters.fields:
            value, node = call.arguments.get(field.name), field.node
            if value is None or (place, field.name) in marked or not isinstance(node, Text):
                continue
            source = node.source if node.source and node.source.kind == "said" else None
            stands_for = {str(each) for _, each in source.derived} if source else set()
            if value in stands_for or value.casefold() in spelt_out:
                continue
            must = source is not None and not node.pattern
            if (must or " " in value) and value.casefold() not in heard:
                raise CallError(f"{field.name}: {value!r} was not said")
