from __future__ import annotations

from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json
from iotcall.distill.validation.grounded import unsaid
from iotcall.errors import CallError
from iotcall.formats import FORMATS
from iotcall.hub.fallback.grounding import Spelling
from tests.grammar.conftest import grammar_of

SHOP: Catalogue = catalogue_from_json([{"type": "function", "function": {
    "name": "buy", "parameters": {"type": "object", "properties": {
        "what": {"type": "string", "maxLength": 30, "x-grounded": True},
        "code": {"type": "string", "pattern": "^[0-9]{4}$", "x-grounded": True},
        "amount": {"type": "number", "minimum": 0, "maximum": 9999, "x-digits": 2,
                   "x-grounded": True},
        "count": {"type": "integer", "minimum": 0, "maximum": 999, "x-grounded": True},
        "kind": {"type": "string", "enum": ["new", "old"]},
        "free": {"type": "string", "maxLength": 30}}}}}], "shop")

CASES: list[tuple[list[str], dict[str, Any], bool]] = [
    (["buy oat milk"], {"what": "oat milk"}, True),
    (["buy oat milk"], {"what": "oat mil"}, False),
    (["buy oat milk"], {"what": "at milk"}, False),
    (["buy Oat Milk"], {"what": "oat milk"}, False),
    (["buy oat milk"], {"what": "soy milk"}, False),
    (["oat milk", "two of them"], {"what": "oat milk", "count": 2}, True),
    (["buy oat", "milk"], {"what": "oat milk"}, False),
    (["buy Mum's to-do pad!"], {"what": "Mum's to-do pad"}, True),
    (["buy Mum's to-do pad!"], {"what": "Mum"}, False),
    (["a b c d e f g h i j k l m"], {"what": "a b c d e f g h i j k l"}, True),
    (["a b c d e f g h i j k l m"], {"what": "a b c d e f g h i j k l m"}, False),
    (["code four eight two one"], {"code": "4821"}, True),
    (["code 48 21"], {"code": "4821"}, True),
    (["code 4821"], {"code": "4822"}, False),
    (["for two fifty"], {"amount": 2.5}, True),
    (["for two fifty"], {"amount": 250}, True),
    (["for 250 dollars"], {"amount": 250.0}, True),
    (["for two fifty"], {"amount": 205}, False),
    (["nothing said"], {"kind": "old", "free": "whatever"}, True),
]


@pytest.mark.parametrize(("dialogue", "arguments", "is_said"), CASES)
def test_grounded_values_must_have_been_said(
        dialogue: list[str], arguments: dict[str, Any], is_said: bool) -> None:
    assert (unsaid(ToolCall("buy", arguments), SHOP, dialogue) == "") == is_said


def test_the_verdict_is_that_of_the_grammar_a_student_answers_under() -> None:
    grammar = grammar_of("compact", "byte-level", SHOP)
    end, spelling = grammar.format.pieces(SHOP).end, Spelling(grammar.tokenizer)
    for dialogue, arguments, is_said in CASES:
        try:
            text = FORMATS["compact"].render([ToolCall("buy", arguments)], SHOP)
        except CallError:
            continue
        walk = grammar.binder.walk(dialogue)
        assert spelling.leads_through(walk, text + end) == is_said, (dialogue, arguments)


def test_what_was_said_instead_is_told() -> None:
    assert unsaid(ToolCall("buy", {"what": "oat milk"}), SHOP, ["buy Oat Milk"]) == (
        "what: 'oat milk' was not said, but 'Oat Milk' was")


@pytest.mark.parametrize(("arguments", "place"), [
    ({"items": [{"name": "milk"}, {"name": "tea"}]}, "items[1].name"),
    ({"either": "tea"}, "either"), ({"either": 7}, "either"), ({"either": "big"}, "")])
def test_values_inside_others_must_have_been_said_too(
        arguments: dict[str, Any], place: str) -> None:
    word = {"type": "string", "maxLength": 9, "x-grounded": True}
    number = {"type": "integer", "minimum": 0, "maximum": 9, "x-grounded": True}
    shop = catalogue_from_json([{"type": "function", "function": {
        "name": "buy", "parameters": {"type": "object", "properties": {
            "items": {"type": "array", "maxItems": 3, "items": {
                "type": "object", "properties": {"name": word}}},
            "either": {"anyOf": [word, number, {"enum": ["big"]}]}}}}}], "shop")
    call = ToolCall("buy", arguments)
    shop.check(call)
    found = unsaid(call, shop, ["buy milk"])
    assert found.partition(":")[0] == place
