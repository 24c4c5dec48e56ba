"""Whether grounded values were really said: what the grammar would let a student copy.

A text is a run of whole words of one utterance as they stand there, or its digits where a pattern
shapes it; a number is one of those said, in whatever words; phrases stand for a value where the
catalogue says so. Leaves out: names of a home's registry, which no file of dialogues tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from iotcall.catalogue import (
    Array,
    Catalogue,
    Integer,
    Mapping,
    Node,
    Number,
    Object,
    Source,
    Text,
    ToolCall,
    Union,
    misfit,
)
from iotcall.grammar.contents import Spans
from iotcall.speech import said_numbers, words


def unsaid(call: ToolCall, catalogue: Catalogue, dialogue: Sequence[str]) -> str:
    """The first value of a valid call that was not said, as a text for people; empty: all were.

    Args:
        dialogue: what was said up to this turn, newest last.
    """
    for place, value, options in _values(catalogue.tool(call.name).parameters, call.arguments, ""):
        if all(isinstance(node, Text | Integer | Number) and node.source
               and node.source.kind == "said" and not _is_said(node, node.source, value, dialogue)
               for node in options):
            return f"{place.removeprefix('.')}: {value!r} was not said{_near(value, dialogue)}"
    return ""


def _values(node: Node, value: Any, place: str) -> Iterator[tuple[str, Any, list[Node]]]:
    """Every innermost value and the nodes that it fits."""
    match node:
        case Object(fields) if isinstance(value, dict):
            for field in fields:
                if field.name in value:
                    yield from _values(field.node, value[field.name], f"{place}.{field.name}")
        case Mapping(inner) if isinstance(value, dict):
            for key, item in value.items():
                yield from _values(inner, item, f"{place}.{key}")
        case Array(items) if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _values(items, item, f"{place}[{index}]")
        case Union(options):
            fitting = [option for option in options if not misfit(option, value, "")]
            found = [list(_values(option, value, place)) for option in fitting]
            if all(len(each) == 1 and each[0][0] == place for each in found):
                yield place, value, [node for each in found for node in each[0][2]]
            elif found:
                yield from found[0]
        case _:
            yield place, value, [node]


def _is_said(node: Text | Integer | Number, source: Source, value: Any, dialogue: Sequence[str]
             ) -> bool:
    if any(stands_for == value and _holds(utterance, phrase)
           for phrase, stands_for in source.derived for utterance in dialogue):
        return True
    if not isinstance(node, Text):
        wanted = Decimal(str(value))
        return any(number.value == wanted for said in dialogue for number in said_numbers(said))
    if node.pattern is not None and any(
            number.digits == value for said in dialogue for number in said_numbers(said)):
        return True
    return any(value in _runs(said, value) for said in dialogue)


def _runs(utterance: str, value: str) -> Iterator[str]:
    """The runs of whole words that are as long as the value."""
    places = words(utterance)
    ends = {end: index for index, (_, end) in enumerate(places)}
    for index, (start, _) in enumerate(places):
        last = ends.get(start + len(value))
        if last is not None and last - index < Spans.LONGEST:
            yield utterance[start:start + len(value)]


def _holds(utterance: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase.casefold())}(?!\w)",
                     utterance.casefold()) is not None


def _near(value: Any, dialogue: Sequence[str]) -> str:
    """How else it was said, if only letters or the ends of words differ."""
    if isinstance(value, str) and value:
        for said in reversed(dialogue):
            at = said.casefold().find(value.casefold())
            if at >= 0 and len(said.casefold()) == len(said):
                there = said[at:at + len(value)]
                return f", but {there!r} was" if there != value else ", but as a part of words"
    return ""
