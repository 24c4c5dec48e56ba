from __future__ import annotations

import json

import pytest

from iotcall.catalogue import ToolCall, call_from_json, without_surrogates
from iotcall.errors import CallError


def test_half_characters_are_replaced_in_all_texts_of_a_value() -> None:
    found = without_surrogates({"a\udcff": ["\ud800", 1, None, "\u2603\U0001f4a1"]})
    assert found == {"a\ufffd": ["\ufffd", 1, None, "\u2603\U0001f4a1"]}
    assert json.dumps(found, ensure_ascii=False).encode()


def test_a_call_is_shown_with_its_letters_as_they_are() -> None:
    assert str(ToolCall("note", {"text": "K\u00e4se"})) == 'note(text="K\u00e4se")'


@pytest.mark.parametrize("arguments", ["{", '{"n": ' + "9" * 5000 + "}", "[" * 100_000])
def test_arguments_whose_text_is_no_json_are_refused(arguments: str) -> None:
    with pytest.raises(CallError, match="arguments of note are no JSON"):
        call_from_json({"name": "note", "arguments": arguments})
