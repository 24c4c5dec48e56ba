"""A number that nobody said, and one that nobody may set."""

from __future__ import annotations

from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Refusal


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
