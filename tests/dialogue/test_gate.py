from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import ToolCall
from iotcall.devices import Entry, Home, HomeFile, Room, Step, assemble, command_for
from iotcall.dialogue import Answer, Plan, Question, Refusal
from iotcall.dialogue.gate import without_duplicates

UNLOCK = ToolCall("lock_door", {"door": "front", "state": "unlock"})
LOCK = ToolCall("lock_door", {"door": "front", "state": "lock"})


def test_unlocking_is_asked_back_and_done_after_a_yes(talk: Any) -> None:
    outcome = talk.says("unlock the front door", UNLOCK)
    assert isinstance(outcome, Question)
    assert outcome.reply == "Should I unlock the front door?"
    assert [each.value for each in outcome.confirms] == ["unlocked"]
    assert talk.plans("Yes, please!") == [("front door", "lock", "unlocked")]


def test_locking_is_not_asked_back(talk: Any) -> None:
    assert talk.plans("lock the front door", LOCK) == [("front door", "lock", "locked")]


@pytest.mark.parametrize("answer", [
    "yes", "Yeah.", "OK, do it", "yes yes", "sure, go ahead, thank you", "I\u2019m sure"])
def test_a_yes_is_recognised_in_many_words(talk: Any, answer: str) -> None:
    talk.says("unlock the front door", UNLOCK)
    assert isinstance(talk.says(answer), Plan)


@pytest.mark.parametrize("answer", ["no", "No, thank you.", "don't do it", "cancel", "never mind"])
def test_a_no_leaves_it_and_a_later_yes_does_nothing(talk: Any, answer: str) -> None:
    talk.says("unlock the front door", UNLOCK)
    outcome = talk.says(answer)
    assert (type(outcome), outcome.reply) == (Answer, "All right, I leave it.")
    assert not isinstance(talk.says("yes", confidence=0.1), Plan)


@pytest.mark.parametrize("answer", [
    "yes and turn off the light", "no yes", "yes no", "what?", "", "please", "oh yes", "yesterday",
    "not yes", "unlock"])
def test_anything_else_drops_the_confirmation(talk: Any, answer: str) -> None:
    talk.says("unlock the front door", UNLOCK)
    assert not isinstance(talk.says(answer, confidence=0.1), Plan)
    assert not isinstance(talk.says("yes", confidence=0.1), Plan)


def test_a_confirmation_serves_once(talk: Any) -> None:
    talk.says("unlock the front door", UNLOCK)
    assert isinstance(talk.says("yes"), Plan)
    assert not isinstance(talk.says("yes", confidence=0.1), Plan)


@pytest.mark.parametrize("elsewhere", [
    {"site": "kitchen"}, {"session": "session 2"}, {"session": None}])
def test_a_yes_from_another_site_or_session_does_not_count(
    talk: Any, elsewhere: dict[str, Any]
) -> None:
    talk.says("unlock the front door", UNLOCK)
    assert not isinstance(talk.says("yes", confidence=0.1, **elsewhere), Plan)


def test_a_late_yes_does_not_count(talk: Any) -> None:
    talk.says("unlock the front door", UNLOCK)
    talk.clock.now += 21
    assert not isinstance(talk.says("yes", confidence=0.1), Plan)


def test_asking_again_does_not_confirm(talk: Any) -> None:
    for _ in range(3):
        assert isinstance(talk.says("unlock the front door", UNLOCK), Question)


def test_a_yes_without_a_question_is_for_the_student(talk: Any) -> None:
    assert not isinstance(talk.says("yes", confidence=0.1), Plan)


def test_a_student_that_unlocks_on_yes_is_asked_back_all_the_same(talk: Any) -> None:
    assert isinstance(talk.says("yes", UNLOCK), Question)


def test_a_scene_that_unlocks_is_asked_back(talk_in: Callable[[Home], Any], home: Home) -> None:
    steps = (Step(kind="lock", set={"lock": "unlocked"}), Step(kind="plug", set={"state": "on"}))
    talk = talk_in(msgspec.structs.replace(home, scenes={"party": steps}))
    outcome = talk.says("party", ToolCall("set_scene", {"scene": "party"}))
    assert (type(outcome), outcome.reply) == (Question, "Should I unlock all doors?")
    assert len(talk.plans("yes")) == 5


def test_one_unlock_among_other_calls_holds_all_of_them_back(talk: Any) -> None:
    light = ToolCall("toggle_lights", {"room": "kitchen", "state": "on"})
    assert isinstance(talk.says("light on and unlock", light, UNLOCK), Question)
    assert len(talk.plans("yes")) == 2


def test_a_setpoint_beyond_the_devices_limits_is_refused(
    talk_in: Callable[[Home], Any], home: Home
) -> None:
    entries = tuple(msgspec.structs.replace(each, maximum_celsius=22.0)
                    if each.kind == "thermostat" else each for each in home.file.devices)
    talk = talk_in(assemble(msgspec.structs.replace(home.file, devices=entries)))
    outcome = talk.says("80 degrees", ToolCall("set_thermostat", {"temperature": 80}))
    assert isinstance(outcome, Refusal)
    assert outcome.reply == "The thermostat can be set from 60 to 72 degrees."


_LIGHT, = assemble(HomeFile(name="x", rooms={"x": Room()}, devices=(
    Entry(name="light", room="x", kind="light", driver="zigbee2mqtt", address="light"),))).devices
_TOLD = st.one_of(
    st.tuples(st.just("state"), st.sampled_from(["on", "off"])),
    st.tuples(st.just("brightness"), st.sampled_from([10, 20])))


@given(st.lists(_TOLD, min_size=1, max_size=6))
def test_removing_duplicates_never_changes_how_a_light_ends(told: list[tuple[str, Any]]) -> None:
    commands = tuple(command_for(_LIGHT, *each) for each in told)
    kept = without_duplicates(commands)
    assert _ends(commands)[0] == _ends(kept)[0]
    assert kept[-1] == commands[-1]
    if _ends(commands)[0] == "on" and kept[-1].property == "brightness":
        assert _ends(commands) == _ends(kept)
    assert len({each.property for each in kept}) == len(kept)


def _ends(commands: tuple[Any, ...]) -> tuple[str, int]:
    state, brightness = "off", 0
    for each in commands:
        if each.property == "state":
            state = each.value
        else:
            state, brightness = "on", each.value
    return state, brightness
