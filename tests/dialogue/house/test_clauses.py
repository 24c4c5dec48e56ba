"""Several commands in one breath; calls that the words contradict."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Plan
from iotcall.dialogue.house.clauses import clauses
from iotcall.runtime import Decoding, Others, Turn
from tests.dialogue.house.talk import House, call
from tests.dialogue.house.test_weighing import decoded, weighed

VERBS = ("turn", "switch", "close", "start", "lock", "set", "dim", "put")
POLITE = ("please", "hey", "can you", "okay", "start", "set")


@pytest.mark.parametrize(("said", "parts"), [
    ("switch on the desk lamp, close the blind and start the vacuum",
     ("switch on the desk lamp", "close the blind", "start the vacuum")),
    ("turn off the fan, lock the back gate and dim the lamp to 20",
     ("turn off the fan", "lock the back gate", "dim the lamp to 20")),
    ("please turn the fan off, and then lock the door; dim the light to 20.",
     ("please turn the fan off", "lock the door", "dim the light to 20")),
    ("Okay, start the fan, close the blind and lock the door",
     ("start the fan", "close the blind", "lock the door")),
    ("Turn on the lamp and the fan, close the curtains and the blind then lock up",
     ("Turn on the lamp and the fan", "close the curtains and the blind", "lock up")),
])
def test_each_command_is_a_clause(said: str, parts: tuple[str, ...]) -> None:
    assert clauses(said, VERBS, POLITE) == parts


@pytest.mark.parametrize("said", [
    "", "and", ", , ,", "close the blind and start the vacuum",  # two are the student's
    "turn on the lamp, the fan and the heater", "lamp on, blind down and start the vacuum",
    "turn on the lamp, close the blind, but don't start the vacuum",
    "turn on the lamp, close the blind, no, start the vacuum",
    "if it rains close the blind, lock the door and start the fan",
    "did you lock the door, close the blind and start the vacuum?",
    "turn, close, start", "turn on the lamp, close the blind, lock the door and take that back",
    "add turn on the lamp, close the blind and lock the door to my list",
    "turn off the lamp, close the blind and lock the door after dinner",
    "turn off the lamp, close the blind and lock the door in ten minutes",
    "turn off the lamp, close the blind and start the fan in the study",
    "turn on a b, close a b, lock a b, start a b, dim a b, set a b"])
def test_other_sentences_are_left_whole(said: str) -> None:
    assert clauses(said, VERBS, POLITE) == ()


class Student:
    """Writes what it knows of each text, nothing of others."""

    def __init__(self, whole: tuple[tuple[ToolCall, ...], float],
                 known: dict[str, tuple[tuple[ToolCall, ...], float]]) -> None:
        self._whole, self._known = whole, known
        self.asked: list[tuple[str, int]] = []

    def decode(self, history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
        self.asked.append((utterance, len(history)))
        return decoded(self._known.get(utterance, self._whole))


SAID = "turn on the desk lamp, close the study blind and lock the front door"
LAMP = call("turn", state="on", target="desk lamp")
BLIND = call("cover", action="close", target="study blind")
DOOR = call("lock", action="lock", target="front door")
ONE_BY_ONE = {"turn on the desk lamp": ((LAMP,), 0.99),
              "close the study blind": ((BLIND,), 0.98), "lock the front door": ((DOOR,), 0.97)}


def test_a_chain_of_which_the_student_lost_one_is_asked_clause_by_clause(house: House) -> None:
    student = Student(((LAMP, DOOR), 0.95), ONE_BY_ONE)
    at = house.sessions.of("default")
    found = house.conversation.decoded(at, SAID, student.decode)
    assert found.calls == (LAMP, BLIND, DOOR)
    assert 0.9 < found.confidence < 0.97
    assert student.asked[1:] == [(each, n) for n, each in enumerate(ONE_BY_ONE)]
    outcome = house.conversation.conclude(at, SAID, None, found)
    assert isinstance(outcome, Plan)
    assert {told.device.name for told in outcome.commands} == {
        "desk lamp", "study blind", "front door"}


def test_a_chain_of_which_the_student_is_sure_is_asked_once(house: House) -> None:
    student = Student(((LAMP, BLIND, DOOR), 0.95), {})
    found = house.conversation.decoded(house.sessions.of("default"), SAID, student.decode)
    assert found.calls == (LAMP, BLIND, DOOR)
    assert len(student.asked) == 1


def test_a_sentence_that_is_surely_one_of_the_list_is_left_whole(house: House) -> None:
    noted = call("list", action="add", items="close the study blind")
    student = Student(((noted,), 0.95), ONE_BY_ONE)
    assert house.conversation.decoded(house.sessions.of("default"), SAID,
                                      student.decode).calls == (noted,)


def test_a_chain_with_a_doubtful_clause_is_left_whole(house: House) -> None:
    student = Student(((LAMP, DOOR), 0.2), {**ONE_BY_ONE, "close the study blind": ((BLIND,), 0.4)})
    found = house.conversation.decoded(house.sessions.of("default"), SAID, student.decode)
    assert found.calls == (LAMP, DOOR)
    assert len(student.asked) == 3


def test_a_clause_that_is_no_wish_leaves_the_whole_as_it_is(house: House) -> None:
    student = Student(((LAMP, DOOR), 0.6), {**ONE_BY_ONE,
                                            "close the study blind": ((call("off_topic"),), 0.9)})
    found = house.conversation.decoded(house.sessions.of("default"), SAID, student.decode)
    assert found.calls == (LAMP, DOOR)


@pytest.mark.parametrize(("before", "said", "answer", "told"), [
    ((), "raise the desk lamp by ten percent",
     call("adjust", property="brightness", direction="down", amount="ten percent",
          target="desk lamp"), 60),
    ((), "it's getting darker, turn the desk lamp up",
     call("adjust", property="brightness", direction="up", target="desk lamp"), 70),
    ((), "raise the blinds and turn the desk lamp down",
     call("adjust", property="brightness", direction="down", target="desk lamp"), 30),
    ((), "don't raise the desk lamp, less",
     call("adjust", property="brightness", direction="down", target="desk lamp"), 30),
    (("a bit dimmer", call("adjust", property="brightness", direction="down", amount="ten percent",
                           target="desk lamp")), "a bit more",
     call("adjust", property="brightness", direction="up", amount="ten percent",
          target="desk lamp"), 30),
    (("reduce the desk lamp by ten percent",  # the student had it wrong, and it was mended
      call("adjust", property="brightness", direction="up", amount="ten percent",
           target="desk lamp")), "a bit more",
     call("adjust", property="brightness", direction="down", amount="ten percent",
          target="desk lamp"), 30),
    (("a bit dimmer", call("adjust", property="brightness", direction="down", amount="ten percent",
                           target="desk lamp")), "more light",
     call("adjust", property="brightness", direction="up", amount="ten percent",
          target="desk lamp"), 50),
])
def test_a_way_that_was_said_is_gone(house: House, before: tuple[str, ToolCall] | tuple[()],
                                     said: str, answer: ToolCall, told: float) -> None:
    house.tells("desk lamp", state="on", brightness=50)
    if before:
        house.does(before[1], said=before[0])
    assert house.does(answer, said=said)[0] == ("desk lamp", "brightness", told)


def test_on_again_is_on(house: House) -> None:
    house.does(call("turn", state="on", target="desk lamp"), said="desk lamp on")
    house.does(call("turn", state="off", target="desk lamp"), said="off")
    assert house.does(call("again"), said="on again please") == [("desk lamp", "state", "on")]


def test_the_room_that_is_named_now_is_meant(house: House) -> None:
    carried = (call("turn", state="on", target="lights", room="kitchen"),)
    assert weighed(house, "and the bedroom", (carried, 0.93)).calls == (
        call("turn", state="on", target="lights", room="bedroom"),)
    for spared in ("turn the lights off but not in the bedroom", "lights on, I'm in the bedroom"):
        assert weighed(house, spared, (carried, 0.93)).calls == carried
    named = (call("turn", state="on", target="floor lamp", room="lounge"),)
    assert weighed(house, "and the bedroom", (named, 0.93)).calls == named
