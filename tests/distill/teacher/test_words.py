from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from iotcall.distill.teacher import json_of


@pytest.mark.parametrize("text", [
    '{"a": 1}', ' \n{"a": 1}\n', '```json\n{"a": 1}\n```', 'Sure: {"a": 1}. Anything else?',
    '<think>{"a": 2} or {what}?</think>{"a": 1}', 'Set {x} it is: {"a": 1} {"a": 2}',
    '{"a": 2} but no.\n</think>\n{"a": 1}', '{"a": 2} <think> {"a": 3} </Reasoning>{"a": 1}',
    pytest.param('{"a": 2}' + "no, " * 50_000 + '</think>{"a": 1}', id="long thoughts"),
])
def test_the_object_is_found_in_what_stands_around_it(text: str) -> None:
    assert json_of(text) == {"a": 1}


@pytest.mark.parametrize("text", [
    "", "no", '{"a": 1', "[1]", "<think>{\"a\": 1}", "{" * 200_000, '{"a":' * 50_000,
    pytest.param('{"a":' + "[" * 950 + "]" * 950 + "}", id="nested deeply")])
def test_where_there_is_none_none_is_found(text: str) -> None:
    assert json_of(text) is None


def test_half_characters_are_replaced() -> None:
    assert json_of('{"a": "\\ud800"}') == {"a": "\ufffd"}


@given(some.text() | some.text(alphabet='{}[]":,1ea\\ud8 '))
def test_no_text_breaks_it(text: str) -> None:
    assert json_of(text) is None or isinstance(json_of(text), dict)
