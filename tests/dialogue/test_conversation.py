from __future__ import annotations

from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.devices import Verdict
from iotcall.dialogue import NotUnderstood, Plan, Question, Refusal
from iotcall.runtime import Decoding

LIGHTS_ON = ToolCall("toggle_lights", {"state": "on"})
LOCK = ToolCall("lock_door", {"state": "lock"})


@pytest.mark.parametrize(("answer", "devices"), [
    ("kitchen", ["kitchen light"]),
    ("In the kitchen, please.", ["kitchen light"]),
    ("the lounge", ["living room ceiling light", "living room lamp"]),
    ("living room", ["living room ceiling light", "living room lamp"]),
    ("bedroom light", ["bedroom light"]),
])
def test_the_answer_to_which_room_needs_no_student(
    talk: Any, answer: str, devices: list[str]
) -> None:
    assert isinstance(talk.says("lights on", LIGHTS_ON), Question)
    assert [name for name, _, _ in talk.plans(answer)] == devices


@pytest.mark.parametrize("answer", ["all of them", "everywhere", "in every room"])
def test_everywhere_answers_which_room(talk: Any, answer: str) -> None:
    talk.says("lights on", LIGHTS_ON)
    assert len(talk.plans(answer)) == 7


def test_another_command_instead_of_an_answer_goes_to_the_student(talk: Any) -> None:
    talk.says("lights on", LIGHTS_ON)
    off = ToolCall("toggle_lights", {"room": "kitchen", "state": "off"})
    assert talk.plans("turn off the kitchen light", off) == [("kitchen light", "state", "off")]
    assert isinstance(talk.says("bedroom", confidence=0.1), NotUnderstood)


def test_a_missing_door_is_asked_for_by_name(talk: Any) -> None:
    outcome = talk.says("lock it", LOCK)
    assert outcome.reply == "Which door: front, back, garage or side?"
    assert talk.plans("the front one") == [("front door", "lock", "locked")]


def test_one_question_may_follow_another_and_the_gate_comes_last(talk: Any) -> None:
    assert talk.says("the door", ToolCall("lock_door", {})).reply == (
        "Should I lock it or unlock it?")
    assert talk.says("unlock").reply == "Which door: front, back, garage or side?"
    assert talk.says("front door").reply == "Should I unlock the front door?"
    assert talk.plans("yes") == [("front door", "lock", "unlocked")]


def test_all_that_was_said_before_the_question_still_counts(talk: Any) -> None:
    talk.says("all the lights", ToolCall("toggle_lights", {}), site="kitchen")
    assert len(talk.plans("off", site="kitchen")) == 7


def test_a_number_answers_what_temperature(talk: Any) -> None:
    talk.says("set the thermostat", ToolCall("set_thermostat", {}))
    assert talk.plans("72 degrees") == [("thermostat", "setpoint", 22.0)]


@pytest.mark.parametrize(("answer", "celsius"), [
    ("seventy-two", 22.0), ("Make it seventy two degrees, please.", 22.0), ("sixty eight", 20.0)])
def test_a_number_in_words_answers_what_temperature(
    talk: Any, answer: str, celsius: float
) -> None:
    talk.says("set the thermostat", ToolCall("set_thermostat", {}))
    assert talk.plans(answer) == [("thermostat", "setpoint", celsius)]


@pytest.mark.parametrize("answer", ["90", "ninety", "ninety one", "500", "-72", "72.5"])
def test_a_number_that_the_catalogue_does_not_allow_is_no_answer_to_what_temperature(
    talk: Any, answer: str
) -> None:
    talk.says("set the thermostat", ToolCall("set_thermostat", {}))
    outcome = talk.says(answer)
    assert isinstance(outcome, Refusal)
    assert outcome.reply == "The thermostat can be set from 60 to 80 degrees."


@pytest.mark.parametrize("outcome", ["too_long", "too_slow", "no_text", "invalid"])
def test_every_outcome_of_the_student_but_a_call_is_not_understood(
    talk: Any, outcome: Any
) -> None:
    decoding = Decoding(calls=(LIGHTS_ON,), text="", confidence=1.0, outcome=outcome, decisions=1,
                        tokens=1, passes=1, prefill_ms=0.0, decode_ms=0.0)
    session = talk.sessions.of("kitchen")
    assert isinstance(talk.conversation.conclude(session, "x", None, decoding), NotUnderstood)


def test_little_confidence_is_not_understood_and_not_remembered(talk: Any) -> None:
    outcome = talk.says("lights on", LIGHTS_ON, confidence=0.49)
    assert isinstance(outcome, NotUnderstood)
    assert outcome.calls == (LIGHTS_ON,)
    assert talk.sessions.of("default").history == ()


def test_the_student_sees_earlier_turns_with_the_answers_filled_in(talk: Any) -> None:
    talk.says("lights on", LIGHTS_ON)
    talk.says("kitchen")
    history = talk.sessions.of("default").history
    assert [(turn.utterance, turn.calls) for turn in history] == [
        ("lights on", (LIGHTS_ON,)),
        ("kitchen", (ToolCall("toggle_lights", {"state": "on", "room": "kitchen"}),))]


def test_history_is_bounded_and_each_site_has_its_own(talk: Any) -> None:
    for number in range(9):
        talk.says(f"lights on {number}", LIGHTS_ON, site="kitchen")
    assert [turn.utterance for turn in talk.sessions.of("kitchen").history] == [
        f"lights on {number}" for number in (5, 6, 7, 8)]
    assert talk.sessions.of("living_room").history == ()


def test_history_outlives_a_hermes_session_but_not_the_silence(talk: Any) -> None:
    talk.says("lights on", LIGHTS_ON, site="kitchen", session="one")
    assert len(talk.sessions.of("kitchen").history) == 1
    talk.clock.now += 121
    assert talk.sessions.of("kitchen").history == ()


def test_sites_are_bounded_and_the_least_recently_used_goes(talk: Any) -> None:
    kitchen = talk.sessions.of("kitchen")
    for number in range(63):
        talk.sessions.of(f"site {number}")
    assert talk.sessions.of("kitchen") is kitchen
    for number in range(100, 163):
        talk.sessions.of(f"site {number}")
    assert talk.sessions.of("kitchen") is kitchen
    assert len(talk.sessions) == 64


def test_done_is_said_only_of_what_the_devices_confirmed(talk: Any) -> None:
    scene = talk.says("movie", ToolCall("set_scene", {"scene": "movie_night"}))
    assert isinstance(scene, Plan)
    report = talk.conversation.report
    done: Verdict = "confirmed"
    assert report(scene, [done] * 4) == "Movie night is set."
    assert report(scene, [done, done, "accepted", "unconfirmed"]) == (
        "The living room blinds did not confirm. The rest is done.")
    assert report(scene, ["unconfirmed"] * 4) == (
        "The living room ceiling light, the living room lamp, the hallway light and the living "
        "room blinds did not confirm.")
    talk.states.feed("zigbee2mqtt/hallway_light/availability", b'{"state":"offline"}')
    assert report(scene, [done, done, "refused", done]) == (
        "The hallway light cannot be reached. The rest is done.")
    assert report(scene, [done, done, done, "refused"]) == (
        "The living room blinds did not take it. The rest is done.")
