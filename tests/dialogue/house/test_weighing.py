"""Which of a student's answers was meant in this house."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Session
from iotcall.runtime import Decoding, Other, Others, Turn
from tests.dialogue.house.talk import House, call


def decoded(*answers: tuple[tuple[ToolCall, ...], float]) -> Decoding:
    """Answers and what the student gives them, its own first."""
    (calls, confidence), *others = answers
    return Decoding(
        calls=calls, text="", confidence=confidence, outcome="call", decisions=1, tokens=1,
        passes=1, prefill_ms=0.0, decode_ms=0.0,
        others=tuple(Other(calls=other, confidence=share) for other, share in others))


def weighed(house: House, said: str, *answers: tuple[tuple[ToolCall, ...], float],
            site: str = "default") -> Decoding:
    return among(house, said, decoded(*answers), site)


def among(house: House, said: str, found: Decoding, site: str = "default") -> Decoding:
    return house.conversation.decoded(house.sessions.of(site), said,
                                      lambda history, utterance, *, others: found)


def is_doubtful(house: House, said: str, calls: tuple[ToolCall, ...], confidence: float) -> bool:
    asked: list[Others | None] = []

    def decode(history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
        asked.append(others)
        return decoded((calls, confidence))

    house.conversation.decoded(Session("default", 4), said, decode)
    [others] = asked
    assert others is not None
    return others.worth(calls, confidence, ())


KETTLE = (call("turn", state="on", target="kettle"),)


def test_an_answer_that_is_sure_and_can_be_done_is_left_as_it_is(house: House) -> None:
    found = decoded((KETTLE, 0.95))
    assert not is_doubtful(house, "kettle on", KETTLE, 0.95)
    assert among(house, "kettle on", found) is found


@pytest.mark.parametrize(("said", "calls", "confidence"), [
    ("kettle on", KETTLE, 0.7),
    ("sauna on", (call("turn", state="on", target="sauna"),), 0.99),
    ("the kettle to thirty", (call("set", property="brightness", value="thirty",
                                   target="kettle"),), 0.99),
    ("the kettle too", (call("turn", state="on", target="garage light"),), 0.99),
])
def test_others_are_looked_for_where_it_is_unsure_or_this_house_objects(
        house: House, said: str, calls: tuple[ToolCall, ...], confidence: float) -> None:
    assert is_doubtful(house, said, calls, confidence)


def test_of_two_answers_the_one_that_can_be_done_was_meant(house: House) -> None:
    """"The lamp for my knitting" is no room of ours."""
    strange = (call("turn", state="on", target="kettle", room="knitting"),)
    found = weighed(house, "kettle on for my knitting", (strange, 0.6), (KETTLE, 0.3))
    assert found.calls == KETTLE
    assert 0.7 < found.confidence < 0.9


def test_what_cannot_be_done_is_still_heard_where_nothing_else_is_likely(house: House) -> None:
    strange = (call("turn", state="on", target="sauna"),)
    found = weighed(house, "sauna on", (strange, 0.97), (KETTLE, 0.01))
    assert found.calls == strange
    assert found.confidence > 0.5


def test_answers_that_come_to_the_same_are_one(house: House) -> None:
    """Two ways of writing one wish, and another that is a little likelier than each."""
    apart = (call("turn", state="on", target="light", room="garage"),)
    whole = (call("turn", state="on", target="garage light"),)
    found = weighed(house, "kettle garage light on", (KETTLE, 0.31), (apart, 0.3), (whole, 0.3))
    assert found.calls == apart
    assert found.confidence > 0.6


def test_a_device_that_is_named_now_stands_for_one_of_an_earlier_turn(house: House) -> None:
    """The student goes on with the garage light though the kettle was said."""
    carried = (call("turn", state="on", target="garage light"),)
    found = weighed(house, "lovely weather, kettle please", (carried, 0.97))
    assert found.calls == KETTLE
    assert found.confidence > 0.5
    found = weighed(house, "and the kettle, put it on", (
        (call("turn", state="on", ref="it"),), 0.97))
    assert found.calls == KETTLE


def test_the_verb_switch_names_no_device(house: House) -> None:
    house.does(*KETTLE)
    calls = (call("turn", state="off", ref="it"),)
    assert weighed(house, "just switch it off", (calls, 0.97)).calls == calls


def test_a_carried_room_goes_with_its_device(house: House) -> None:
    carried = (call("turn", state="on", target="lamp", room="living room"),)
    assert weighed(house, "kettle please", (carried, 0.97)).calls == KETTLE
    in_it = (call("turn", state="on", target="lamp", room="kitchen"),)
    assert weighed(house, "the kettle in the kitchen", (in_it, 0.97)).calls == (
        call("turn", state="on", target="kettle", room="kitchen"),)


def test_a_kind_of_an_earlier_room_is_meant_in_the_one_that_is_said_now(house: House) -> None:
    """"Kitchen lights on", "and the hall"."""
    calls = (call("turn", state="on", target="kitchen lights", room="hall"),)
    found = weighed(house, "and the hall", (calls, 0.9))
    assert found.calls == (call("turn", state="on", target="lights", room="hall"),)
    assert found.confidence > 0.8
    calls = (call("turn", state="on", target="kitchen lights", room="hall"),)
    assert weighed(house, "kitchen lights in the hall", (calls, 0.95)).calls == calls


def test_a_device_of_an_earlier_turn_stays_whole_where_no_room_is_said(house: House) -> None:
    calls = (call("turn", state="on", target="kitchen light"),)
    assert weighed(house, "on again", (calls, 0.95)).calls == calls


def test_a_device_that_is_spared_or_said_elsewhere_was_not_overlooked(house: House) -> None:
    spared = (call("turn", state="off", room="kitchen", target="lights", but="kettle"),)
    assert weighed(house, "not the kettle", (spared, 0.97)).calls == spared


@pytest.mark.parametrize("said", ["movie night", "okay, movie night now please", "Movie Night!"])
def test_a_scenes_name_alone_is_that_scene(house: House, said: str) -> None:
    found = weighed(house, said, ((call("timer", action="start"),), 0.8))
    assert found.calls == (call("scene", name="movie night"),)
    assert not is_doubtful(house, said, (call("timer", action="start"),), 0.2)


def test_a_scene_that_nobody_wants_any_more_is_left(house: House) -> None:
    """The session was ended while the student read it."""
    broken_off = msgspec.structs.replace(decoded(((), 0.0)), outcome="cancelled")
    assert among(house, "movie night", broken_off) is broken_off


def test_a_scenes_name_beside_other_words_is_the_students_to_read(house: House) -> None:
    calls = (call("list", action="add", items="movie night snacks"),)
    assert weighed(house, "add movie night snacks", (calls, 0.95)).calls == calls


def test_looking_changes_nothing(house: House) -> None:
    house.does(*KETTLE)
    session = house.sessions.of("default")
    before = session.memory
    weighed(house, "the garage light", ((call("turn", state="off", target="garage light"),), 0.5),
            (KETTLE, 0.4))
    assert session.memory == before


@pytest.mark.parametrize(("said", "left"), [("asdf asdf", 0.0), ("kettl", 0.97), ("Kettle", 0.97)])
def test_words_that_nobody_knows_are_no_wish(house: House, said: str, left: float) -> None:
    strange = msgspec.structs.replace(decoded((KETTLE, 0.97)), is_known=False)
    assert among(house, said, strange).confidence == left


def test_the_words_that_were_meant_count_where_those_that_were_said_name_nothing(house: House
                                                                                 ) -> None:
    said = (call("turn", state="on", target="pots"),)
    slipped = msgspec.structs.replace(decoded((said, 0.97)), slips=(("pots", "kettle"),))
    assert among(house, "pots on", slipped).calls == KETTLE


def test_a_name_that_looks_like_a_slip_stays_where_a_device_is_called_so(house: House) -> None:
    named = msgspec.structs.replace(decoded((KETTLE, 0.97)), slips=(("kettle", "settle"),))
    assert among(house, "kettle on", named).calls == KETTLE


def test_a_whole_name_that_was_meant_wins_over_one_that_only_sounds_alike(house: House) -> None:
    said = (call("turn", state="on", target="pendent"),)  # near the pendant
    assert among(house, "pendent on", decoded((said, 0.97))).calls == said
    slipped = msgspec.structs.replace(decoded((said, 0.97)), slips=(("pendent", "kettle"),))
    assert among(house, "pendent on", slipped).calls == KETTLE


ON_TWO = (call("turn", state="on", target="desk lamp"), call("turn", state="on", target="pendant"))


@pytest.mark.parametrize(("said", "targets"), [
    ("turn on the floor lamp, the desk lamp and the pendant",
     ["floor lamp and desk lamp and pendant"]),
    ("the desk lamp, the pendant and the floor lamp on", ["desk lamp and pendant and floor lamp"]),
    ("on with the desk lamp and the pendant, not the floor lamp", ["desk lamp", "pendant"]),
    ("the floor lamp is off, so turn on the desk lamp and the pendant", ["desk lamp", "pendant"]),
    ("floor lamp, I mean the desk lamp and the pendant on", ["desk lamp", "pendant"]),
    ("don't touch the floor lamp, the desk lamp and the pendant on", ["desk lamp", "pendant"]),
    ("leave the floor lamp. the desk lamp and the pendant on", ["desk lamp", "pendant"]),
    ("I'm at the floor lamp, the desk lamp and the pendant on", ["desk lamp", "pendant"]),
    ("turn on the lights, the desk lamp and the pendant", ["desk lamp", "pendant"]),
])
def test_one_of_a_list_is_not_left_out(house: House, said: str, targets: list[str]) -> None:
    found = weighed(house, said, (ON_TWO, 0.9))
    assert [each.arguments["target"] for each in found.calls] == targets


def test_a_list_of_which_each_has_a_wish_of_its_own_stays(house: House) -> None:
    calls = (ON_TWO[0], call("turn", state="off", target="pendant"))
    said = "floor lamp, desk lamp and pendant on, off"
    assert weighed(house, said, (calls, 0.9)).calls == calls


def test_what_is_told_of_one_of_a_list_is_not_told_of_all(house: House) -> None:
    calls = ON_TWO[1:]
    said = "floor lamp, desk lamp and pendant are off, turn on the pendant"
    assert weighed(house, said, (calls, 0.9)).calls == calls


def test_a_list_in_one_span_is_not_left_half_out(house: House) -> None:
    calls = (call("turn", state="on", target="desk lamp and the pendant"),)
    found = weighed(house, "turn on the floor lamp, the desk lamp and the pendant", (calls, 0.8))
    assert [each.arguments["target"] for each in found.calls] == [
        "floor lamp and desk lamp and pendant"]


MORE = {"property": "temperature", "direction": "up", "amount": "two degrees"}


def test_more_degrees_of_a_kettle_are_those_of_what_was_spoken_of_before(house: House) -> None:
    house.does(call("set", property="temperature", value="twenty", target="thermostat"))
    house.does(*KETTLE)
    carried = (call("adjust", **MORE, target="kettle"),)
    found = weighed(house, "two degrees more", (carried, 0.9))
    assert found.calls == (call("adjust", **MORE, ref="it"),)
    assert found.confidence > 0.6


def test_more_degrees_are_the_heatings_where_nothing_else_was_spoken_of(house: House) -> None:
    house.tells("thermostat", setpoint=20)
    house.does(*KETTLE)
    found = weighed(house, "two degrees more", ((call("adjust", **MORE, target="kettle"),), 0.9))
    assert found.calls == (call("adjust", **MORE),)


def test_all_of_them_are_all_that_can_where_those_spoken_of_cannot(house: House) -> None:
    house.does(*KETTLE)
    of_them = call("lock", action="lock", ref="it", scope="all")
    found = weighed(house, "kindly lock all of them", ((of_them,), 0.9))
    assert found.calls == (call("lock", action="lock", scope="all"),)


@pytest.mark.parametrize("said", ["two degrees more for the kettle", "kettle two degrees more"])
def test_what_was_named_now_is_meant_though_it_cannot(house: House, said: str) -> None:
    house.does(call("set", property="temperature", value="twenty", target="thermostat"))
    named = (call("adjust", **MORE, target="kettle"),)
    assert weighed(house, said, (named, 0.9)).calls == named


@pytest.mark.parametrize(("said", "made"), [
    ("all off in the attic", call("turn", state="off", room="attic", scope="all")),
    ("turn them all off", call("turn", state="off", ref="it", scope="all")),
    ("unlock all of them", call("lock", action="unlock", ref="it", scope="all")),
    ("lock them all in the pantry", call("lock", action="lock", ref="it", scope="all",
                                         room="pantry")),
    ("shut everything in the cellar", call("cover", action="close", scope="all", room="cellar")),
    ("two degrees more in the kitchen", call("adjust", **MORE, target="kettle", room="kitchen")),
    ("fifty percent", call("set", property="brightness", value="fifty", target="kettle")),
    ("unlock the shed and cellar padlock", call("lock", action="unlock", target="shed padlock")),
    ("open it", call("cover", action="open", ref="it")),
])
def test_nothing_is_switched_or_opened_in_the_place_of_what_cannot_be(
        house: House, said: str, made: ToolCall) -> None:
    house.tells("thermostat", setpoint=20)
    house.does(call("cover", action="close", target="garage door"))
    house.does(call("turn", state="on", target="desk lamp"))
    house.does(*KETTLE)
    assert weighed(house, said, ((made,), 0.95)).calls == (made,)


def test_a_value_that_is_out_of_range_is_wished_of_nothing_else(house: House) -> None:
    for heating in ("bedroom radiator", "thermostat"):
        house.does(call("set", property="temperature", value="twenty", target=heating))
    cold = call("set", property="temperature", value="six", target="thermostat")
    assert weighed(house, "make it six degrees", ((cold,), 0.95)).calls == (cold,)
