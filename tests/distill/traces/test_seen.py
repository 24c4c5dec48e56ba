from __future__ import annotations

import pytest

from iotcall.catalogue import ToolCall
from iotcall.distill.traces.near import alike, fingerprint, normalised
from iotcall.distill.traces.seen import (
    CONTRADICTION,
    DUPLICATE,
    NEAR_DUPLICATE,
    PART,
    Seen,
    Verdict,
)
from iotcall.evaluate import Dialogue, LabelledTurn


def dialogue(*turns: tuple[str, str | int]) -> Dialogue:
    return Dialogue(tuple(LabelledTurn(said, (ToolCall("x", {"value": value}),))
                          for said, value in turns))


def reasons(*dialogues: Dialogue, near: float = 0.85) -> list[str]:
    seen = Seen(near)
    return [seen.admit(each, number).reason for number, each in enumerate(dialogues)]


def test_marks_capitals_and_spaces_make_no_difference() -> None:
    assert reasons(dialogue(("Turn it on, please!", "on")), dialogue(("turn  it ON please", "on"))
                   ) == ["", DUPLICATE]
    assert normalised("Don\u2019t, \uff21gain!") == "don t again"
    assert fingerprint("Light on.") == fingerprint(" light  ON")


def test_a_letter_more_is_nearly_the_same_and_another_call_is_not() -> None:
    light = dialogue(("turn on the light in the kitchen right away", "on"))
    lights = dialogue(("turn on the lights in the kitchen right away", "on"))
    off = dialogue(("turn of the light in the kitchen right away", "off"))
    assert reasons(light, lights, off) == ["", NEAR_DUPLICATE, ""]
    assert reasons(light, lights, off, near=1) == ["", "", ""]


def test_a_paraphrase_stays() -> None:
    assert reasons(dialogue(("turn on the kitchen light", "on")),
                   dialogue(("could you turn on the kitchen light for me", "on"))) == ["", ""]


def test_near_is_as_near_as_it_was_said() -> None:
    pairs = [("set the heat to twenty one degrees", "set the heat to twenty two degrees"),
             ("the light in the attic please", "the light in the attic pleased")]
    for one, two in pairs:
        similarity = alike(one, two)
        for threshold, expected in ((similarity - 0.01, NEAR_DUPLICATE), (similarity + 0.01, "")):
            assert reasons(dialogue((one, 1)), dialogue((two, 1)), near=threshold
                           ) == ["", expected]


def test_the_same_words_with_other_calls_contradict_at_their_turn() -> None:
    seen = Seen(0.85)
    assert seen.admit(dialogue(("light", "on"), ("again", "on")), 0) == Verdict()
    assert seen.admit(dialogue(("light", "on"), ("again", "off")), 1) == Verdict(
        CONTRADICTION, turn=1)
    assert seen.admit(dialogue(("again", "off")), 2) == Verdict()  # nothing was said before it


@pytest.mark.parametrize("value", [70.0, 70])
def test_equal_values_are_the_same_call(value: float) -> None:
    assert reasons(Dialogue((LabelledTurn("heat", (ToolCall("x", {"a": 70}),)),)),
                   Dialogue((LabelledTurn("heat", (ToolCall("x", {"a": value}),)),))
                   ) == ["", DUPLICATE]


def test_of_a_log_that_grows_with_every_request_the_longest_row_stays() -> None:
    turns = [("light", "on"), ("brighter", "up"), ("off", "off")]
    seen = Seen(0.85)
    assert seen.admit(dialogue(*turns[:1]), 10) == Verdict()
    assert seen.admit(dialogue(*turns[:2]), 11) == Verdict(replaces=(10,))
    assert seen.admit(dialogue(*turns[:1]), 12) == Verdict(PART)
    assert seen.admit(dialogue(*turns), 13) == Verdict(replaces=(11,))
    assert seen.admit(dialogue(*turns[:2]), 14) == Verdict(PART)
    assert seen.admit(dialogue(*turns), 15) == Verdict(DUPLICATE)


def test_homes_keep_dialogues_apart() -> None:
    turns = dialogue(("light", "on")).turns
    assert reasons(Dialogue(turns, "hut"), Dialogue(turns, "villa"), Dialogue(turns, "hut")
                   ) == ["", "", DUPLICATE]
