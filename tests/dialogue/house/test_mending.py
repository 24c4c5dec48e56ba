"""Calls that the words of an utterance contradict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import DialogueSettings
from iotcall.dialogue.house.mending import Mender
from tests.dialogue.house.talk import call

COLOUR = call("set_color", value="green", target="desk lamp")
ASKED = call("query", property="state", target="desk lamp")


Mended = Callable[[str, ToolCall], ToolCall]


@pytest.fixture
def mended(home_settings: DialogueSettings) -> Mended:
    """The call that an answer to an utterance becomes."""
    def mend(said: str, answer: ToolCall) -> ToolCall:
        assert home_settings.house is not None
        [found] = Mender(said, (), home_settings.house, home_settings).mended([answer])
        return found

    return mend


@pytest.mark.parametrize(("said", "answer", "state"), [
    ("desk lamp on please", ASKED, "on"), ("Bless you. Desk lamp on now", ASKED, "on"),
    ("turn on the desk lamp", ASKED, "on"), ("desk lamp off", ASKED, "off"),
    ("desk lamp on also", COLOUR, "on"), ("switch off the desk lamp love", COLOUR, "off"),
    ("the desk lamp off", call("turn", state="on", target="desk lamp"), "off"),
    ("desk lamp on", call("turn", state="off", target="desk lamp"), "on"),
])
def test_on_and_off_are_what_is_wanted(mended: Mended, said: str, answer: ToolCall, state: str
                                       ) -> None:
    assert mended(said, answer) == call("turn", target="desk lamp", state=state)


@pytest.mark.parametrize(("said", "answer"), [
    ("is the desk lamp on", ASKED), ("desk lamp on?", ASKED), ("which lamps are off", ASKED),
    ("tell me if the desk lamp is off", ASKED), ("the lamp on the desk", ASKED),
    ("kill the lights on the porch", call("turn", state="off", target="lights")),
    ("leave it on", call("turn", state="off", target="lights")),
    ("I think I left the desk lamp on", ASKED), ("someone's left the desk lamp on", ASKED),
    ("the desk lamp's off", ASKED), ("I forgot the desk lamp on", ASKED),
    ("kill the power on the kettle", call("turn", state="off", target="kettle")),
    ("kill everything that's on", call("turn", state="off", target="everything")),
    ("kill the switch on the wall", call("turn", state="off", target="switch")),
    ("shut down the lights the kids left on", call("turn", state="off", target="lights")),
    ("on", call("turn", state="off", ref="it")),
    ("not off", call("turn", state="on", ref="it")),
    ("off and on again", call("turn", state="on", ref="it")),
    ("everything off but the lamp on the desk", call("turn", state="on", target="lamp")),
    ("turn the desk lamp on in green", COLOUR),  # the colour was said
    ("set it off at half", call("set", property="brightness", value="half", ref="it")),
])
def test_words_that_leave_a_doubt_change_nothing(mended: Mended, said: str, answer: ToolCall
                                                 ) -> None:
    assert mended(said, answer) == answer


@pytest.mark.parametrize(("said", "way"), [
    ("aww, then make them super bright", "up"), ("make it warmer", "up"),
    ("could you make it a bit darker", "down"), ("make it less bright", "-"),
    ("make it half as bright", "-"), ("it is so bright", "-"), ("make it not so bright", "-"),
    ("make it brighter, no, dimmer", "-"), ("it's dark in here, make it lighter", "up"),
    ("make the dark desk lamp lighter", "-"), ("it's so dark, make it nicer", "-"),
    ("it's so bright, make it cosier", "-"), ("make it bright?", "-"),
    ("make the desk lamp darker please", "down")])
def test_which_way_it_is_made(mended: Mended, said: str, way: str) -> None:
    for before in ("up", "down"):
        answer = call("adjust", property="brightness", direction=before, target="desk lamp")
        found = mended(said, answer)
        assert found.arguments["direction"] == (before if way == "-" else way)


@pytest.mark.parametrize(("said", "spared"), [
    ("all of them off except the desk lamp please", "the desk lamp"),
    ("everything off apart from the radiator", "the radiator"),
    ("turn off everything but the kettle", "the kettle"),
    ("everything off except for the lamp, that one on", ""), ("all off except", ""),
    ("all off except what I told you about before", ""), ("all the lights off", ""),
    ("other than that, close the blinds", ""), ("apart from that dim it", ""),
    ("all off except for now", ""), ("turn it off except I need it", ""),
    ("all off except the sauna", "the sauna")])  # of which this home knows nothing, and says so
def test_what_is_spared_was_said(mended: Mended, said: str, spared: str) -> None:
    answer = call("turn", state="off", ref="it", scope="all")
    assert mended(said, answer).arguments.get("except", "") == spared
    heard = call("turn", state="off", scope="all", but="lamp")
    assert mended(said, heard) == heard


@pytest.mark.parametrize(("said", "before", "after"), [
    ("bring that down a degrees and a half", "a half", "one and a half degree"),
    ("down degree and a half", "half", "one and a half degree"),
    ("up two degrees and a half", "two degrees", "two and a half degree"),
    ("up 3 degrees and a half please", "a half", "3 and a half degree"),
    ("up half a degree", "half a degree", "half a degree"),
    ("a degree and a half, no, two", "two", "two")])
def test_a_half_belongs_to_what_stands_before_it(mended: Mended, said: str, before: str, after: str
                                                 ) -> None:
    answer = call("adjust", property="temperature", direction="down", amount=before, ref="it")
    assert mended(said, answer).arguments["amount"] == after
