"""Every valid answer is a path, and there are no more paths than answers: by brute force."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from iotcall.catalogue import (
    Array,
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Node,
    Null,
    Object,
    ToolCall,
    Union,
    catalogue_from_json,
    equivalent_all,
    holds,
    load_catalogue,
)
from iotcall.evaluate.dialogues import read_dialogues
from iotcall.formats import FORMATS
from iotcall.grammar import Automaton
from iotcall.grammar.automaton import SLOT_TOKEN
from tests.grammar.conftest import KINDS, grammar_of
from tests.grammar.test_soundness import GRAMMARS, SHIPPED, shipped
from tests.lamp import FOLDER as LAMP
from tests.workshop import BUSY

every_case = pytest.mark.parametrize(("format", "kind"), [
    (format, kind) for format in FORMATS for kind in KINDS])

UNWRITABLE = {("massive_iot", "lfm2"): ("it is gloomy in my daughter's room more brightness",)}
"""Their reference holds an apostrophe, which LFM2's pattern forbids."""
NO_WORDS = {"shell": ("filter crontab down to whatever has 0 3 * * * in it",
                      "that last one should say # My first site")}
"""Their reference holds signs that stand apart from words and between no quotes."""


def every_value(node: Node) -> Iterator[Any]:
    """All values of a node, from the node alone."""
    match node:
        case Enumeration(values):
            yield from values
        case Integer(low, high, step):
            yield from range(low, high + 1, step)
        case Boolean():
            yield from (True, False)
        case Null():
            yield None
        case Union(options):
            for option in options:
                yield from every_value(option)
        case Array(items, low, high):
            for size in range(low, high + 1):
                yield from map(list, itertools.product(every_value(items), repeat=size))
        case Object(fields, presence):
            choices = [[*([] if field.required else [None]),
                        *((field.name, value) for value in every_value(field.node))]
                       for field in fields]
            for chosen in itertools.product(*choices):
                value = dict(filter(None, chosen))
                if holds(presence, value):
                    yield value
        case _:
            raise AssertionError(f"not finite: {node}")


def every_call(catalogue: Catalogue) -> list[ToolCall]:
    return [ToolCall(tool.name, value) for tool in catalogue.tools
            for value in every_value(tool.parameters)]


def without_free_strings(catalogue: Catalogue) -> Catalogue:
    """The same tools without what is a string of its own choosing."""
    tools = json.loads(json.dumps([tool.declaration for tool in catalogue.tools]))
    for tool in tools:
        parameters = tool["function"]["parameters"]
        free = {name for name, schema in parameters["properties"].items() if "maxLength" in schema}
        parameters["properties"] = {name: schema for name, schema
                                    in parameters["properties"].items() if name not in free}
        parameters["required"] = [name for name in parameters["required"] if name not in free]
    return catalogue_from_json(tools, catalogue.name)


def paths(automaton: Automaton) -> int:
    """How many ways lead from the start to the end."""
    @cache
    def onward(state: int) -> int:
        row = automaton.row(state)
        assert all(token < SLOT_TOKEN for token in row)
        return sum(map(onward, row.values())) if row else 1

    return onward(automaton.start)


@every_case
@pytest.mark.parametrize("folder", [LAMP, GRAMMARS / "smart_home"], ids=lambda each: each.name)
def test_every_call_is_a_path_and_there_are_no_more(folder: Any, format: str, kind: str) -> None:
    grammar = grammar_of(format, kind, without_free_strings(load_catalogue(folder)))
    calls = every_call(grammar.catalogue)
    for call in calls:
        grammar.catalogue.check(call)
        assert grammar.walk.accepts(grammar.encode(call)), call
    assert paths(grammar.automaton) == len(calls)


@every_case
def test_every_answer_of_several_calls_or_none_is_a_path_and_there_are_no_more(
    format: str, kind: str
) -> None:
    small = catalogue_from_json({**BUSY.to_json(), "tools": [
        tool.declaration for tool in BUSY.tools if tool.name != "heat"]}, "small")
    grammar = grammar_of(format, kind, small)
    calls = every_call(small)
    answers = [said for size in range(4) for said in itertools.product(calls, repeat=size)]
    end = grammar.format.pieces(small).end
    for said in answers:
        tokens = grammar.encode(*said) if said else grammar.tokenizer.encode(end).ids
        assert grammar.walk.accepts(tokens), said
    assert paths(grammar.automaton) == len(answers)


@every_case
@pytest.mark.parametrize("name", SHIPPED)
def test_the_reference_of_every_golden_dialogue_can_be_answered(
    name: str, format: str, kind: str
) -> None:
    """With slots bound to what was said up to there."""
    grammar = shipped(name, format, kind)
    end = grammar.format.pieces(grammar.catalogue).end
    refused = []
    for dialogue in read_dialogues(GRAMMARS / name / "golden.jsonl"):
        said: list[str] = []
        for turn in dialogue.turns:
            said.append(turn.utterance)
            if not turn.calls:
                continue
            text = grammar.format.render(turn.calls, grammar.catalogue) + end
            if grammar.speller.parts(text) is None:
                refused.append(turn.utterance)
                continue
            tokens = spelt(grammar.speller.parts(text), grammar.tokenizer, said)
            if not grammar.binder.walk(said).accepts(tokens):
                refused.append(turn.utterance)
            assert equivalent_all(grammar.read(tokens), turn.calls)
    known = (*UNWRITABLE.get((name, format.partition(".")[0]), ()), *NO_WORDS.get(name, ()))
    assert sorted(refused) == sorted(known)


def spelt(parts: list[int | str] | None, tokenizer: Any, said: list[str]) -> list[int]:
    """Slots' contents word by word where they are the dialogue's words, as spans are written."""
    from iotcall.speech import words

    assert parts is not None
    tokens: list[int] = []
    for part in parts:
        if isinstance(part, int):
            tokens.append(part)
            continue
        spans = words(part) if any(part in utterance for utterance in said) else ()
        end = 0
        whole = bool(spans) and spans[0][0] == 0 and spans[-1][1] == len(part)
        for _, stop in spans if whole and not part.isdecimal() else [(0, len(part))]:
            tokens += tokenizer.encode(part[end:stop], add_special_tokens=False).ids
            end = stop
    return tokens
