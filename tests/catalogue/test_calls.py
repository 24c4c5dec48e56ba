from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from iotcall.catalogue import ToolCall, call_from_json, equivalent, equivalent_all
from iotcall.errors import CallError
from tests.workshop import calls, steadily

ON = ToolCall("lamp", {"room": "attic", "state": "on"})
OFF = ToolCall("lamp", {"room": "attic", "state": "off"})


def same(a: Any, b: Any) -> bool:
    return equivalent(ToolCall("f", {"x": a}), ToolCall("f", {"x": b}))


def test_the_order_of_arguments_does_not_matter() -> None:
    assert equivalent(ON, ToolCall("lamp", {"state": "on", "room": "attic"}))
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_the_order_in_an_array_matters() -> None:
    assert same(["a", "b"], ["a", "b"])
    assert not same(["a", "b"], ["b", "a"])
    assert not same(["a"], ["a", "b"])


def test_name_and_every_argument_must_agree() -> None:
    assert not equivalent(ON, OFF)
    assert not equivalent(ON, ToolCall("light", ON.arguments))
    assert not equivalent(ON, ToolCall("lamp", {"state": "on"}))


def test_numbers_are_equal_by_value() -> None:
    assert same(250, 250.0)
    assert same([{"k": 1.0}], [{"k": 1}])
    assert not same(250, 250.5)


@pytest.mark.parametrize(("a", "b"), [(True, 1), (False, 0), (1.0, True), ("1", 1), (None, False),
                                      (None, ""), ([], {}), ("on", ["on"])])
def test_values_of_different_types_are_never_equal(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert not same(b, a)


@given(calls())
@steadily
def test_a_call_is_equivalent_to_itself_read_back(call: ToolCall) -> None:
    again = call_from_json({"name": call.name, "arguments": dict(call.arguments)})
    assert equivalent(call, again)
    assert equivalent(again, call)


def test_several_calls_must_come_in_the_same_order() -> None:
    assert equivalent_all([ON, OFF], [ON, OFF])
    assert not equivalent_all([ON, OFF], [OFF, ON])
    assert not equivalent_all([ON], [ON, ON])
    assert equivalent_all([], [])


@pytest.mark.parametrize("written", [
    {"name": "lamp", "arguments": {"room": "attic", "state": "on"}},
    {"name": "lamp", "parameters": {"room": "attic", "state": "on"}},
    {"name": "lamp", "arguments": '{"room": "attic", "state": "on"}'},
    {"id": "1", "type": "function", "function": {
        "name": "lamp", "arguments": '{"room": "attic", "state": "on"}'}},
])
def test_a_call_is_read_however_messages_write_it(written: Any) -> None:
    assert call_from_json(written) == ON


@pytest.mark.parametrize("arguments", [None, "", "{}", {}, "null"])
def test_a_call_without_arguments_has_none(arguments: Any) -> None:
    assert call_from_json({"name": "stop", "arguments": arguments}) == ToolCall("stop", {})
    assert call_from_json({"name": "stop"}) == ToolCall("stop", {})


@pytest.mark.parametrize(("written", "complaint"), [
    (5, "expected a call .* found 5"),
    ({"arguments": {}}, "expected a call"),
    ({"name": 7}, "expected a call"),
    ({"name": "f", "arguments": "{"}, "arguments of f are no JSON"),
    ({"name": "f", "arguments": [1]}, r"arguments of f are no object but \[1\]"),
])
def test_what_is_no_call_is_refused_with_what_was_found(written: Any, complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        call_from_json(written)


def test_a_call_is_shown_with_its_arguments_as_json() -> None:
    assert str(ToolCall("f", {"on": True, "room": "attic"})) == 'f(on=true, room="attic")'
