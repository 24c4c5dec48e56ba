from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Refusal
from iotcall.dialogue.numbers import numbers

_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
          "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
          "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(value: int, hyphen: str, joint: str) -> str:
    """The oracle: 0..199 in words."""
    if value >= 100:
        rest = f"{joint}{in_words(value - 100, hyphen, joint)}" if value > 100 else ""
        return f"one hundred{rest}"
    if value < 20:
        return _UNITS[value]
    unit = f"{hyphen}{_UNITS[value % 10]}" if value % 10 else ""
    return f"{_TENS[value // 10 - 2]}{unit}"


@given(st.integers(0, 199), st.sampled_from([" ", "-"]), st.sampled_from([" ", " and "]))
def test_every_number_in_words_is_read(value: int, hyphen: str, joint: str) -> None:
    said = in_words(value, hyphen, joint)
    assert numbers(f"set it to {said}, please") == (value,), said


@pytest.mark.parametrize(("said", "expected"), [
    ("set it to 72", (72,)), ("72\u00b0F", (72,)), ("72.5", (72.5,)), ("72,5 degrees", (72.5,)),
    ("1,000", (1000,)), ("seventy two point five", (72.5,)), ("to sixty point", (60,)),
    ("Seventy-Two.", (72,)), ("seventytwo", (72,)), ("seventy 2", (72,)), ("a hundred", (100,)),
    ("-5", (-5,)), ("minus five", (-5,)), ("68-72", (68, 72)), ("not 70; 71", (70, 71)),
    ("two hundred", (200,)), ("a thousand", (1000,)), ("to one", (1,)), ("one degree", (1,)),
    ("one", (1,)), ("seventy one", (71,)),
    ("the bedroom one", ()), ("switch it to auto", ()), ("no one", ()), ("", ()), ("\u00b2", ()),
    ("for someone often", ()),
])
def test_numbers_are_found_where_they_are_said_and_nowhere_else(
    said: str, expected: tuple[float, ...]
) -> None:
    assert numbers(said) == expected


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    numbers(text)


def thermostat(**arguments: Any) -> ToolCall:
    return ToolCall("set_thermostat", arguments)


@pytest.mark.parametrize("utterance", [
    "set the thermostat to 40", "to 90", "make it 59", "set it to ninety five", "cool it to 85.5",
    "a hundred degrees", "minus seventy two", "make it 72.5"])
def test_a_temperature_out_of_range_is_refused_and_not_replaced(
    talk: Any, utterance: str
) -> None:
    call = thermostat(temperature=72 if "72" in utterance else 80, mode="cool")
    outcome = talk.says(utterance, call)
    assert isinstance(outcome, Refusal)
    assert outcome.reply == "The thermostat can be set from 60 to 80 degrees."
    assert outcome.misheard
    assert talk.sessions.of("default").history == (), "an 80 that nobody said is not carried on"


@pytest.mark.parametrize("utterance", [
    "72", "set it to 72 degrees", "seventy-two", "Seventy Two please", "no, not 90, 72",
    "switch it to auto", "the bedroom one to auto", "switch that one to auto"])
def test_a_temperature_that_was_said_or_is_carried_on_is_set(talk: Any, utterance: str) -> None:
    assert ("thermostat", "setpoint", 22.0) in talk.plans(
        utterance, thermostat(temperature=72, mode="auto"))


def test_one_misheard_number_holds_all_calls_back(talk: Any) -> None:
    light = ToolCall("toggle_lights", {"room": "kitchen", "state": "on"})
    outcome = talk.says("kitchen light on and heat to 95", light, thermostat(temperature=80))
    assert isinstance(outcome, Refusal)
    assert outcome.misheard
