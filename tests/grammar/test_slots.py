"""What a dialogue or a home lets slots say, in every format with every kind of tokenizer."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from iotcall.catalogue import ToolCall, catalogue_from_json
from iotcall.formats import FORMATS
from tests.grammar.conftest import KINDS, Grammar, grammar_of

SAID = catalogue_from_json([
    {"name": "note", "parameters": {"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "maxLength": 80, "x-grounded": True}}}},
    {"name": "dim", "parameters": {"type": "object", "properties": {
        "level": {"type": "integer", "minimum": 0, "maximum": 100, "x-grounded": True,
                  "x-derived": {"half": 50, "all the way": 100}},
        "card": {"type": "string", "pattern": "^[0-9]{4}$", "x-grounded": True}}}},
    {"name": "pay", "parameters": {"type": "object", "required": ["sum"], "properties": {
        "sum": {"type": "number", "minimum": 0.01, "maximum": 1000, "x-digits": 2,
                "x-grounded": True}}}},
    {"name": "go", "parameters": {"type": "object", "required": ["area"], "properties": {
        "area": {"type": "string", "maxLength": 40, "x-registry": "areas"}}}},
    {"name": "tell", "parameters": {"type": "object", "required": ["words"], "properties": {
        "words": {"type": "string", "minLength": 2, "maxLength": 5}}}},
], "said")
NEEDS_A_SUM = catalogue_from_json([SAID.tool("pay").declaration], "sum")


@pytest.fixture(scope="module", params=[(format, kind) for format in FORMATS for kind in KINDS],
                ids=" ".join)
def said(request: pytest.FixtureRequest) -> Grammar:
    return grammar_of(*request.param, SAID)


def answers(grammar: Grammar, dialogue: list[str] | None, tool: str, *, most: int = 3000,
            ) -> set[Any]:
    """Every set of arguments of a tool that can be answered, by walking all ways."""
    walk = grammar.binder.walk(dialogue)
    opening = grammar.format.render([ToolCall(tool)], grammar.catalogue).rsplit(tool, 1)[0] + tool
    found: set[Any] = set()
    waiting: list[tuple[Any, list[int]]] = [(walk.start, [])]
    while waiting:
        place, tokens = waiting.pop()
        if walk.is_final(place):
            (call,) = grammar.read(tokens)
            if call.name == tool:
                found.add(tuple(call.arguments.items()))
            assert len(found) < most
            continue
        for token in walk.allowed(place).tolist():
            after = [*tokens, token]
            text = grammar.tokenizer.decode(after, skip_special_tokens=False).rstrip("\ufffd")
            if opening.startswith(text) or text.startswith(opening):
                waiting.append((walk.step(place, token), after))
    return found


def values(found: set[Any]) -> set[Any]:
    return {value for arguments in found for _, value in arguments}


def test_a_grounded_string_is_a_span_of_one_utterances_words(said: Grammar) -> None:
    dialogue = ["buy oat-milk, please!", "at 3.50 now"]
    spans = {"buy", "oat-milk", "please", "buy oat-milk", "oat-milk, please",
             "buy oat-milk, please", "at", "3", "50", "now", "at 3", "3.50", "50 now", "at 3.50",
             "3.50 now", "at 3.50 now"}
    assert values(answers(said, dialogue, "note")) == spans


def test_a_span_has_twelve_words_at_most(said: Grammar) -> None:
    words = [f"w{index}" for index in range(14)]
    wanted = {" ".join(words[a:b]) for a, b in itertools.combinations(range(15), 2) if b - a <= 12}
    assert values(answers(said, [" ".join(words)], "note")) == wanted


@pytest.mark.parametrize(("utterance", "levels"), [
    ("dim it to 40", {40}), ("forty percent", {40}), ("set it to half", {50}),
    ("ALL the way up", {100}), ("behalf of me", set()), ("make it 400", set()),
    ("between 20 and thirty", {20, 30}),
])
def test_a_grounded_number_is_one_that_was_said_or_stands_for_a_phrase(
    said: Grammar, utterance: str, levels: set[int]
) -> None:
    found = answers(said, [utterance], "dim")
    assert {dict(each)["level"] for each in found if "level" in dict(each)} == levels
    assert () in found


def test_digits_that_were_said_one_by_one_keep_their_zeros(said: Grammar) -> None:
    found = answers(said, ["card zero four one two"], "dim")
    assert "0412" in {dict(each).get("card") for each in found}


def test_what_was_said_before_counts_too(said: Grammar) -> None:
    assert {12.5, 30} <= values(answers(said, ["pay 12.5", "no, thirty"], "pay"))


def test_a_tool_whose_number_was_not_said_cannot_be_called(said: Grammar) -> None:
    assert answers(said, ["pay the bill"], "pay") == set()
    walk = said.binder.walk(["pay the bill"])
    assert not walk.is_empty
    random = np.random.default_rng(0)
    assert "pay" not in {said.read(walk.sample(random))[0].name for _ in range(50)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_where_every_tool_needs_what_was_not_said_the_walk_is_empty(format: str, kind: str) -> None:
    binder = grammar_of(format, kind, NEEDS_A_SUM).binder
    assert binder.walk(["pay the bill"]).is_empty
    assert binder.walk([]).is_empty
    assert not binder.walk(["pay 20"]).is_empty
    assert not binder.walk().is_empty


def test_registry_names_are_exactly_the_bound_ones_and_rebinding_changes_them(
    said: Grammar
) -> None:
    names = ["hall", "h\u00f6lle", "hall two", "7"]
    assert said.binder.bind_registry({"areas": names, "devices": ["lamp"]}) == ()
    assert values(answers(said, ["x"], "go")) == set(names)
    assert said.binder.bind_registry({"areas": ["attic"]}) == ()
    assert values(answers(said, ["x"], "go")) == {"attic"}
    said.binder.bind_registry({})
    assert answers(said, ["x"], "go") == set()
    said.binder.bind_registry(None)
    assert said.binder.walk(["x"]).accepts(said.path(ToolCall("go", {"area": "wherever"})))


def test_ten_thousand_names_are_bound_without_compiling(said: Grammar) -> None:
    names = [f"room {index}" for index in range(10_000)]
    assert said.binder.bind_registry({"areas": names}) == ()
    walk = said.binder.walk(["x"])
    for name in (*names[::1000], names[-1]):
        assert walk.accepts(said.path(ToolCall("go", {"area": name})))
    assert not walk.accepts(said.path(ToolCall("go", {"area": "room 10000"})))
    said.binder.bind_registry(None)


def test_names_that_the_format_cannot_write_are_returned(said: Grammar) -> None:
    odd = ["mum's", "a<b", 'a"b', "a" * 41, "", "a\x07"]
    refused = set(said.binder.bind_registry({"areas": ["hall", *odd]}))
    assert {"a" * 41, "", "a\x07"} <= refused
    assert values(answers(said, ["x"], "go")) == {"hall", *odd} - refused
    assert "hall" not in refused
    said.binder.bind_registry(None)


@pytest.mark.parametrize("text", ["a", "ab", "abcde", "abcdef", "\u00e9\U0001f600",
                                  "\U0001f600" * 5, "\U0001f600" * 6, "\u6f22" * 5, "\u6f22" * 6])
def test_a_free_string_is_counted_in_characters(said: Grammar, text: str) -> None:
    assert bool(said.path(ToolCall("tell", {"words": text}))) == (2 <= len(text) <= 5)
    before, _, after = said.format.render([ToolCall("tell", {"words": "#"})],
                                          SAID).partition("#")
    tokens = [*said.tokenizer.encode(before).ids, *said.spell(text),
              *said.tokenizer.encode(after + said.format.pieces(SAID).end).ids]
    assert said.walk.accepts(tokens) == (2 <= len(text) <= 5)
