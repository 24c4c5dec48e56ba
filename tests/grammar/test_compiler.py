"""Catalogue, format and tokenizer -> automaton, with real tokenizers of both kinds."""

from __future__ import annotations

import json
from itertools import pairwise

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json, equivalent_all
from iotcall.errors import InputError
from iotcall.formats import COMPACT, FORMATS, FUNCTIONGEMMA, HERMES, MARKER_BASE
from iotcall.grammar import Automaton, Binder, Walk
from iotcall.grammar.automaton import SLOT_TOKEN
from iotcall.grammar.compiler import Answers, compile_answers, compile_automaton
from iotcall.grammar.vocabulary import Vocabulary
from tests.grammar.conftest import KINDS, Grammar, grammar_of
from tests.grammar.tokenizers import byte_fallback, byte_level
from tests.workshop import WORKSHOP, briefly, calls

FREE_OF_STRINGS = catalogue_from_json(
    [{"name": tool.name, "parameters": {
        **tool.declaration["function"]["parameters"], "properties": {
            name: schema for name, schema
            in tool.declaration["function"]["parameters"]["properties"].items()
            if name not in ("note", "marks", "box", "parts", "share", "weight")}}}
     for tool in WORKSHOP.tools], "free of strings")
PLAN = ToolCall("plan", {"note": "a", "loud": True, "marks": ["b"], "box": {"label": "c"}})


def valid_for_jsonschema(call: ToolCall) -> bool:
    parameters = WORKSHOP.tool(call.name).declaration["function"]["parameters"]
    closed = {**parameters, "additionalProperties": False}
    return bool(jsonschema.Draft202012Validator(closed).is_valid(call.arguments))


# ------------------------------------------------------------------ sound and complete

def test_every_path_is_a_valid_call(grammar: Grammar) -> None:
    random = np.random.default_rng(1)
    for _ in range(100):
        (call,) = grammar.read(grammar.walk.sample(random))
        assert valid_for_jsonschema(call)
        WORKSHOP.check(call)


@given(st.data())
@briefly
def test_every_valid_call_is_a_path(grammar: Grammar, data: st.DataObject) -> None:
    call = data.draw(calls())
    tokens = grammar.path(call)
    assert grammar.walk.accepts(tokens)
    assert equivalent_all(grammar.read(tokens), [call])


@given(st.data())
@briefly
def test_no_other_way_of_splitting_a_call_without_strings_is_a_path(
    grammar: Grammar, data: st.DataObject
) -> None:
    call = data.draw(calls(FREE_OF_STRINGS))
    tokens = grammar.encode(call)
    assert grammar.walk.accepts(tokens)
    markers = grammar.markers()
    split = [grammar.spell(grammar.tokenizer.decode([token], skip_special_tokens=False))
             if token not in markers and "\ufffd" not in grammar.tokenizer.decode([token])
             and data.draw(st.booleans()) else [token] for token in tokens]
    other = [token for part in split for token in part]
    assert grammar.walk.accepts(other) == (other == tokens)


def test_a_range_holds(grammar: Grammar) -> None:
    def accepts(degrees: int) -> bool:
        return grammar.walk.accepts(grammar.path(ToolCall("heat", {"degrees": degrees})))

    assert list(filter(accepts, range(-100, 1000))) == list(range(60, 81))


@pytest.mark.parametrize("call", [
    ToolCall("heat"), ToolCall("heat", {"degrees": 60.5}), ToolCall("heat", {"degrees": "60"}),
    ToolCall("plan", {"note": "a"}), ToolCall("plan", {"loud": True, "note": "seven c"}),
    ToolCall("plan", {"loud": True, "days": ["mo"] * 4}),
    ToolCall("plan", {"loud": True, "level": "cellar"}),
    ToolCall("plan", {"loud": True, "box": {"label": ""}}), ToolCall("cut", {"length": 0.3}),
    ToolCall("cut", {"length": 1, "board": "D10"}), ToolCall("glue", {"clamp": True}),
    ToolCall("cut", {"length": 1, "day": "2023-02-29"}), ToolCall("cut", {"length": 10.25}),
    ToolCall("cut", {"length": 1, "angle": 7}), ToolCall("cut", {"length": 1, "parts": {"a": 4}}),
    ToolCall("cut", {"length": 1, "parts": {"a": 1, "b": 1}}), ToolCall("glue"),
], ids=str)
def test_an_invalid_call_is_no_path(grammar: Grammar, call: ToolCall) -> None:
    assert not grammar.walk.accepts(grammar.path(call))
    assert not grammar.walk.accepts(grammar.encode(call))


def test_only_whole_answers_are_paths(grammar: Grammar) -> None:
    tokens = grammar.path(PLAN)
    assert grammar.walk.accepts(tokens)
    for length in range(len(tokens)):
        assert not grammar.walk.accepts(tokens[:length])
    assert not grammar.walk.accepts([*tokens, tokens[-1]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_bounds_of_nothing_at_all_are_kept(format: str, kind: str) -> None:
    catalogue = catalogue_from_json([{"name": "f", "parameters": {
        "type": "object", "required": ["text", "none", "one"], "properties": {
            "text": {"type": "string", "maxLength": 0},
            "none": {"type": "array", "maxItems": 0, "items": {"type": "null"}},
            "one": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"const": 1}}}}}], "x")
    grammar = grammar_of(format, kind, catalogue)
    tokens = grammar.path(ToolCall("f", {"text": "", "none": [], "one": [1]}))
    assert grammar.walk.accepts(tokens)
    assert not grammar.walk.accepts(grammar.encode(
        ToolCall("f", {"text": "", "none": [None], "one": [1]})))


# ------------------------------------------------------------------ special tokens

def test_no_special_token_but_the_markers_is_on_any_path(grammar: Grammar) -> None:
    special = set(grammar.tokenizer.get_added_tokens_decoder())
    assert special & set(grammar.automaton.tokens.tolist()) == set(grammar.markers())


def test_bytes_cannot_spell_a_special_token(grammar: Grammar) -> None:
    """Neither as its text nor as the private-use character that stands for it in the regex."""
    tokens = grammar.path(PLAN)
    found = {token: place for place, token in enumerate(tokens) if token in grammar.markers()}
    assert found.keys() == grammar.markers().keys()
    for index, marker in enumerate(grammar.format.markers):
        place = found[grammar.tokenizer.token_to_id(marker)]
        for spelt in (marker, chr(MARKER_BASE + index)):
            assert not grammar.walk.accepts(
                [*tokens[:place], *grammar.spell(spelt), *tokens[place + 1:]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_format_that_begins_with_a_special_token_leaves_no_choice(kind: str) -> None:
    for format in ("functiongemma", "hermes", "lfm2", "lfm2.5"):
        grammar = grammar_of(format, kind)
        first = grammar.tokenizer.token_to_id(grammar.format.markers[0])
        assert grammar.walk.allowed(grammar.walk.start).tolist() == [first]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_the_text_of_a_special_token_inside_a_string_is_text_or_refused(
    format: str, kind: str, lamp: Catalogue
) -> None:
    grammar = grammar_of(format, kind, lamp)
    for marker in grammar.format.markers:
        said = ToolCall("note", {"text": marker[:12]})
        before, _, after = grammar.format.render(
            [ToolCall("note", {"text": "#"})], lamp).partition("#")
        tokens = [*grammar.tokenizer.encode(before).ids, *grammar.spell(marker[:12]),
                  *grammar.tokenizer.encode(after + grammar.format.markers[-1]).ids]
        if grammar.walk.accepts(tokens):
            assert grammar.read(tokens) == (said,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_special_token_is_refused_by_name(kind: str) -> None:
    of_another_family = KINDS[kind](COMPACT)
    with pytest.raises(InputError, match="no token '<tool_call>'"):
        compile_automaton(WORKSHOP, HERMES, HERMES.pieces(WORKSHOP), of_another_family)


def test_an_answer_ends_as_the_students_own_template_says() -> None:
    pieces = msgspec.structs.replace(FUNCTIONGEMMA.pieces(WORKSHOP), end="<eos>")
    tokenizer = byte_fallback(FUNCTIONGEMMA)
    automaton = compile_automaton(WORKSHOP, FUNCTIONGEMMA, pieces, tokenizer)
    text = FUNCTIONGEMMA.render([ToolCall("stop")], WORKSHOP)
    walk = Binder(automaton, tokenizer).walk()
    assert walk.accepts(tokenizer.encode(text + "<eos>").ids)
    assert not walk.accepts(tokenizer.encode(text + "<end_of_turn>").ids)


# ------------------------------------------------------------------ traps of outlines-core

END = chr(MARKER_BASE)


def language(regex: str, *texts: str, kind: str = "byte-level") -> list[str]:
    """Those of the texts that the regex, ended by a terminator, has a path for."""
    tokenizer = KINDS[kind](COMPACT)
    walk = Walk(compile_answers(Answers(regex + END, ("<|end|>",), ()), Vocabulary(tokenizer)), [])
    return [text for text in texts if walk.accepts(tokenizer.encode(text + "<|end|>").ids)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_could_already_end_may_go_on(kind: str) -> None:
    texts = ["1", "1.5", "1.", "1.55"]
    assert language(r"1(\.5)?", *texts, kind=kind) == ["1", "1.5"]
    texts = ["call", "call;call", "call;call;call", "call;"]
    assert language("call(;call){0,1}", *texts, kind=kind) == ["call", "call;call"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_alternative_hides_no_longer_one(kind: str) -> None:
    assert language("(6|60)", "6", "60", "0", "600", kind=kind) == ["6", "60"]
    assert language("(lamp|lamp on)", "lamp", "lamp on", "lamp o", kind=kind) == ["lamp", "lamp on"]


def test_alternatives_that_begin_alike_are_all_calls(grammar: Grammar) -> None:
    for level in (6, 60):
        call = ToolCall("plan", {"loud": True, "level": level})
        assert grammar.walk.accepts(grammar.path(call))


def test_a_shared_ending_is_stored_once() -> None:
    answers = Answers("(?:ab|cd|ef)[xy]{8}" + END, ("<|end|>",), ())
    automaton = compile_answers(answers, Vocabulary(byte_level(COMPACT)))
    start, branches, shared, end, final = 1, 3, 8, 1, 1
    assert automaton.stats().states == start + branches + shared + end + final


# ------------------------------------------------------------------ the automaton's form

def test_states_are_minimal_and_lead_to_the_one_end(grammar: Grammar) -> None:
    rows = _rows(grammar.automaton)
    assert len(set(rows)) == len(rows)
    assert [state for state, row in enumerate(rows) if not row] == [len(rows) - 1]
    reached = {target for row in rows for _, target in row}
    assert reached == set(range(1, len(rows)))
    assert all(target > state for state, row in enumerate(rows) for _, target in row)


def test_edges_are_sorted_by_token(grammar: Grammar) -> None:
    for row in _rows(grammar.automaton):
        assert all(left < right for (left, _), (right, _) in pairwise(row))


def test_compiling_twice_gives_the_same_arrays(grammar: Grammar) -> None:
    again = compile_automaton(WORKSHOP, grammar.format, grammar.format.pieces(WORKSHOP),
                              grammar.tokenizer)
    for name in ("starts", "tokens", "targets"):
        assert getattr(again, name).tobytes() == getattr(grammar.automaton, name).tobytes()
        assert getattr(again, name).dtype == np.int32


# ------------------------------------------------------------------ odd tokenizers

def test_ids_may_have_gaps() -> None:
    tokenizer = byte_level(COMPACT)
    serialised = json.loads(tokenizer.to_str())
    vocabulary = serialised["model"]["vocab"]
    moved = {token: id if id < 260 else id + 2 for token, id in vocabulary.items()}
    serialised["model"]["vocab"] = moved
    gappy = Tokenizer.from_str(json.dumps(serialised))
    automaton = compile_automaton(WORKSHOP, COMPACT, COMPACT.pieces(WORKSHOP), gappy)
    for call in (PLAN, ToolCall("heat", {"degrees": 70}), ToolCall("stop")):
        text = COMPACT.render([call], WORKSHOP) + "<|end|>"
        assert Binder(automaton, gappy).walk().accepts(gappy.encode(text).ids)
    ordinary = {token for token in automaton.tokens.tolist() if token < SLOT_TOKEN}
    assert ordinary <= set(moved.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_tokens_cannot_spell_is_refused(kind: str) -> None:
    """Such as a character of the planes that stand for special tokens."""
    catalogue = catalogue_from_json([{"name": "f", "parameters": {
        "type": "object", "properties": {"x": {"enum": ["a", "\U000c0000"]}}}}], "x")
    with pytest.raises(InputError, match="no automaton can be made"):
        grammar_of("compact", kind, catalogue)


def _rows(automaton: Automaton) -> list[tuple[tuple[int, int], ...]]:
    """(token, target) edges of every state."""
    return [tuple(automaton.row(state).items()) for state in range(automaton.states)]
