"""What outlines-core 0.2.14 does that our compiler works around: fails when the library changes.

The numbers are those of the reference (shared/reference/grammar.md). Each cure is tested beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

import outlines_core
import pytest
from outlines_core import Guide, Index
from outlines_core import Vocabulary as OutlinesVocabulary
from outlines_core.json_schema import build_regex_from_schema

from iotcall.errors import InputError
from iotcall.formats import HERMES, MARKER_BASE
from iotcall.grammar.expression import dfa_of
from tests.grammar.conftest import Grammar

EOS = 1000
TOKENS = ("call", ";", "1", ".", "5", "6", "0", "<tool_call>", *"<tol_ca>b")


def guide(regex: str, tokens: Iterable[str] = TOKENS) -> Guide:
    vocabulary = OutlinesVocabulary(EOS, {text: [id] for id, text in enumerate(tokens)})
    return Guide(Index(regex, vocabulary))


def takes(regex: str, *tokens: str) -> bool:
    followed = guide(regex)
    for token in tokens:
        if TOKENS.index(token) not in followed.get_tokens():
            return False
        followed.advance(TOKENS.index(token))
    return bool(followed.is_finished()) or EOS in followed.get_tokens()


def test_the_version_is_the_one_whose_traps_are_known() -> None:
    from importlib.metadata import version

    assert version("outlines-core") == "0.2.14"
    assert outlines_core is not None


def test_trap_1_what_could_already_end_cannot_go_on_without_a_terminator() -> None:
    assert takes(r"1(\.5)?", "1")
    assert not takes(r"1(\.5)?", "1", ".", "5")
    assert not takes("call(;call)*", "call", ";", "call")
    assert takes(r"1(\.5)?0", "1", ".", "5", "0")
    dfa = dfa_of(r"1(\.5)?")
    assert dfa.accepts(b"1")
    assert dfa.accepts(b"1.5")
    assert dfa_of("call(;call)*").accepts(b"call;call;call")


def test_trap_2_a_shorter_alternative_hides_a_longer_one_without_a_terminator() -> None:
    assert takes("(6|60)", "6")
    assert not takes("(6|60)", "6", "0")
    assert takes("(6|60)1", "6", "0", "1")
    assert [text for text in (b"6", b"60", b"0") if dfa_of("(6|60)").accepts(text)] == [b"6", b"60"]


def test_trap_3_the_end_cannot_be_advanced_over_and_a_reset_keeps_old_states() -> None:
    followed = guide("ab")
    followed.advance(TOKENS.index("a"))
    followed.advance(TOKENS.index("b"))
    assert followed.is_finished()
    with pytest.raises(ValueError, match=r"\d"):
        followed.advance(EOS)
    followed.reset()
    followed.rollback_state(1)  # of the walk before the reset
    assert followed.get_tokens() == [TOKENS.index("b")]


def test_trap_4_states_that_nothing_tells_apart_are_not_merged() -> None:
    regex = "6[ab]{8}1|0[ab]{8}1|[ab]{9}1"
    raw = Index(regex, OutlinesVocabulary(EOS, {text: [id] for id, text in enumerate(TOKENS)}))
    assert len(raw.get_transitions()) > 2 * 9
    assert dfa_of(regex).states == 11


def test_trap_5_a_marker_that_is_written_as_text_can_be_spelt_out(grammar: Grammar) -> None:
    allowed = {TOKENS[id] for id in guide("<tool_call>").get_tokens()}
    assert allowed == {"<", "<tool_call>"}
    if grammar.format is HERMES:
        walk = grammar.walk
        assert walk.allowed(walk.start).tolist() == [grammar.tokenizer.token_to_id("<tool_call>")]
    assert not set(grammar.automaton.tokens.tolist()) & {
        id for text, id in grammar.tokenizer.get_vocab().items() if chr(MARKER_BASE) in text}


@pytest.mark.parametrize(("schema", "text"), [
    ('{"type": "integer", "minimum": 0, "maximum": 100}', "-5"),
    ('{"type": "integer", "minimum": 0, "maximum": 100}', "99999"),
    ('{"type": "integer", "exclusiveMinimum": 0}', "0"),
    ('{"type": "integer", "multipleOf": 5}', "3"),
    ('{"type": "array", "items": {"type": "null"}, "uniqueItems": true}', "[null,null]"),
    ('{"type": "string", "pattern": "^a$", "maxLength": 3}', '"b"'),
])
def test_trap_6_its_regex_of_a_schema_ignores_what_the_schema_says(schema: str, text: str) -> None:
    import re

    assert re.fullmatch(build_regex_from_schema(schema), text)


def test_trap_7_a_class_behind_a_part_of_itself_takes_exponential_time_without_a_lead() -> None:
    """Names like ``[A-Za-z_][A-Za-z0-9_]{0,31}`` would never end; ours has one state a length."""
    assert dfa_of("[A-Za-z_][A-Za-z0-9_]{0,31}").states == 33
    assert dfa_of("f\\(a[ab]{0,200}\\)").states == 205


def test_an_expression_that_nothing_satisfies_is_refused() -> None:
    with pytest.raises(InputError, match=r"no automaton|no text"):
        dfa_of("[^\\x00-\\U0010FFFF]")
