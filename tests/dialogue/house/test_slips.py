"""What is meant where a finger slipped, an end was lost, or only a complaint was made."""

from __future__ import annotations

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Answer, NotUnderstood, Plan, Question
from iotcall.runtime import Decoding
from iotcall.runtime.answers import Outcome
from tests.dialogue.house.talk import House, call
from tests.dialogue.house.test_weighing import among, decoded, weighed


@pytest.mark.parametrize(("target", "names"), [
    ("desk amp", {"desk lamp"}), ("offee machine", {"coffee machine"}),
    ("ffee machine", {"coffee machine"}), ("coffee machi", {"coffee machine"}),
    ("floor lam", {"floor lamp"}),
])
def test_a_name_but_for_one_slip_or_a_lost_end_is_that_name(
        house: House, target: str, names: set[str]) -> None:
    assert house.names(call("turn", state="on", target=target)) == names


@pytest.mark.parametrize("target", [
    "gan", "dust lamp", "offee pot", "mach", "coffee mac", "call", "wall", "wall lights", "dinner",
    "card", "print", "clock", "wide door", "amp"])
def test_other_words_name_nothing(house: House, target: str) -> None:
    assert house.reply(call("turn", state="on", target=target)) == f"I know of no {target} here."


LIGHTER = call("adjust", property="brightness", direction="up", target="kitchen lights")
OFF_TOPIC = call("off_topic")


@pytest.mark.parametrize(("said", "answer", "meant"), [
    ("now it's too bright", LIGHTER,
     call("adjust", property="brightness", direction="down", target="kitchen lights")),
    ("I'm cold", LIGHTER, call("adjust", property="temperature", direction="up")),
    ("brr, it's freezing in here", OFF_TOPIC, call("adjust", property="temperature",
                                                   direction="up")),
    ("Too dark!", OFF_TOPIC, call("adjust", property="brightness", direction="up")),
])
def test_a_complaint_alone_wants_its_remedy(house: House, said: str, answer: ToolCall,
                                            meant: ToolCall) -> None:
    found = weighed(house, said, ((answer,), 0.4))
    assert found.calls == (meant,)
    assert found.confidence == 1.0


@pytest.mark.parametrize("said", [
    "is it cold", "it's not too bright", "too dark and too hot", "the soup is cold", "it's bright",
    "I'm cold, lights on", "how hot is it", "Too hot in here?", "that's hot", "it's boiling",
    "hot"])
def test_what_is_more_or_less_than_a_complaint_is_the_students_to_say(house: House, said: str
                                                                      ) -> None:
    assert weighed(house, said, ((OFF_TOPIC,), 0.97)).calls == (OFF_TOPIC,)


@pytest.mark.parametrize("answer", [
    call("adjust", property="warmth", direction="down", target="kitchen light"), call("undo"),
    call("turn", state="off", target="bedroom radiator")])
def test_a_student_that_is_sure_what_is_complained_of_is_believed(house: House, answer: ToolCall
                                                                  ) -> None:
    assert weighed(house, "now it's too warm", ((answer,), 0.96)).calls == (answer,)


def test_a_scene_with_a_slip_in_it_is_that_scene(house: House) -> None:
    found = msgspec.structs.replace(decoded(((OFF_TOPIC,), 0.4)), slips=(("nihgt", "night"),))
    assert among(house, "movie nihgt", found).calls == (call("scene", name="movie night"),)


@pytest.mark.parametrize(("said", "slips", "target"), [
    ("turn on the desk lampnot the kettle", ("lampnot", "lamp not"), "desk lamp"),
    ("turn on the kitchenlight not the kettle", ("kitchenlight", "kitchen light"),
     "kitchenlight"),
    ("leave the kettle alone, turn on the desklamp", ("desklamp", "desk lamp"), "desklamp")])
def test_what_is_spared_is_spared_where_words_ran_together(
        house: House, said: str, slips: tuple[str, str], target: str) -> None:
    found = msgspec.structs.replace(
        decoded(((call("turn", state="on", target=target),), 0.95)), slips=(slips,))
    [made] = among(house, said, found).calls
    assert "kettle" not in str(made)


def test_a_scene_that_ran_together_is_that_scene(house: House) -> None:
    found = msgspec.structs.replace(decoded(((OFF_TOPIC,), 0.4)),
                                    slips=(("movienight", "movie night"),))
    assert among(house, "movienight", found).calls == (call("scene", name="movie night"),)


def test_a_room_of_before_is_not_meant_where_a_device_is_named(house: House) -> None:
    """After "lights off downstairs": "the kitchen, no, the hall light"."""
    carried = (call("turn", state="on", target="lights", room="downstairs"),)
    found = weighed(house, "turn on the kitchen, no, the hall light", (carried, 0.6))
    assert found.calls == (call("turn", state="on", target="hall light"),)


def test_a_room_that_was_said_is_meant_beside_a_device(house: House) -> None:
    said = (call("turn", state="on", target="lights", room="downstairs"),)
    found = weighed(house, "lights on downstairs, the hall light shows me the way", (said, 0.95))
    assert found.calls == said


@pytest.mark.parametrize(("said", "slip", "room"), [
    ("turn off all the lights upstrairs", ("upstrairs", "upstairs"), "upstairs"),
    ("all lights off in the kichen now", ("kichen", "kitchen"), "kitchen")])
def test_a_room_with_a_slip_in_it_is_kept(house: House, said: str, slip: tuple[str, str],
                                          room: str) -> None:
    wish = call("turn", state="off", target="lights", room=slip[0], scope="all")
    found = msgspec.structs.replace(decoded(((wish,), 0.95)), slips=(slip,))
    weighed_ = among(house, said, found)
    assert weighed_.calls == (ToolCall("turn", {**wish.arguments, "room": room}),)
    outcome = house.conversation.conclude(house.sessions.of("default"), said, None,
                                          msgspec.structs.replace(weighed_, confidence=1.0))
    assert isinstance(outcome, Plan)
    rooms = {told.device.room for told in outcome.commands}
    assert rooms
    assert rooms < {device.room for device in house.home.devices if device.kind == "light"}


def test_what_is_put_on_a_list_stays_as_it_was_said(house: House) -> None:
    wish = call("list", action="add", items="bovrel", name="shoping")
    found = msgspec.structs.replace(decoded(((wish,), 0.95)),
                                    slips=(("bovrel", "barrel"), ("shoping", "shopping")))
    [made] = among(house, "put bovrel on the shoping list", found).calls
    assert made.arguments["items"] == "bovrel"
    assert made.arguments["name"] == "shopping"


def test_a_room_but_for_one_slip_is_that_room(house: House) -> None:
    assert house.names(call("turn", state="on", target="living rook")) == house.names(
        call("turn", state="on", target="living room"))


UNLOCK = call("lock", action="unlock", target="front door")
CONFIRM = call("confirm")


def _answer(answer: ToolCall, outcome: Outcome = "call", slips: tuple[tuple[str, str], ...] = ()
            ) -> Decoding:
    return Decoding(calls=(answer,) if outcome == "call" else (), text="", confidence=1.0,
                    outcome=outcome, decisions=1, tokens=1, passes=1, prefill_ms=0.0,
                    decode_ms=0.0, slips=slips)


def _yes(house: House, said: str, *slips: tuple[str, str], answer: ToolCall = CONFIRM,
         outcome: Outcome = "call") -> object:
    at = house.sessions.of("default")
    conversation = house.conversation
    asked = house.says(UNLOCK, said="unlok it")
    assert isinstance(asked, Question)
    assert conversation.begin(at, said, None) is None
    return conversation.conclude(at, said, None, _answer(answer, outcome, slips))


@pytest.mark.parametrize(("said", "slips"), [
    ("yhes", (("yhes", "yes"),)), ("Afirmative!", (("Afirmative", "affirmative"),)),
    ("yes plese", (("plese", "please"),)), ("Yes es", ()), ("yeah yeh please", ())])
def test_a_yes_with_a_slip_in_it_is_a_yes(house: House, said: str,
                                          slips: tuple[tuple[str, str], ...]) -> None:
    assert isinstance(_yes(house, said, *slips), Plan)


@pytest.mark.parametrize("answer", [UNLOCK, call("lock", action="unlock", ref="it")])
def test_a_yes_with_a_slip_may_say_the_wish_again(house: House, answer: ToolCall) -> None:
    assert isinstance(_yes(house, "Yes yes, unlocki it", ("unlocki", "unlock"), answer=answer),
                      Plan)


@pytest.mark.parametrize("answer", [OFF_TOPIC, call("turn", state="on", target="kettle"),
                                    call("lock", action="lock", target="front door")])
def test_a_name_that_is_nearly_a_yes_opens_no_door(house: House, answer: ToolCall) -> None:
    assert isinstance(_yes(house, "Suri!", ("Suri", "Sure"), answer=answer), Question)


@pytest.mark.parametrize("outcome", ["cancelled", "too_slow"])
def test_nothing_is_done_for_a_yes_with_a_slip_that_was_broken_off(
        house: House, outcome: Outcome) -> None:
    found = _yes(house, "yess", ("yess", "yes"), outcome=outcome)
    assert isinstance(found, NotUnderstood)


@pytest.mark.parametrize(("first", "again", "slips"), [
    ("unlok it", "unlock it", ()), ("unlock it", "unlok it", (("unlok", "unlock"),))])
def test_a_wish_that_is_told_again_spelt_otherwise_is_not_its_own_yes(
        house: House, first: str, again: str, slips: tuple[tuple[str, str], ...]) -> None:
    at, conversation = house.sessions.of("default"), house.conversation
    asked = conversation.conclude(at, first, None, _answer(
        UNLOCK, slips=(("unlok", "unlock"),) if first == "unlok it" else ()))
    assert isinstance(asked, Question)
    found = conversation.begin(at, again, None) or conversation.conclude(
        at, again, None, _answer(UNLOCK, slips=slips))
    assert isinstance(found, Question)


@pytest.mark.parametrize(("said", "slips"), [
    ("Negative. Cacnel", (("Cacnel", "Cancel"),)), ("no, canel", (("canel", "cancel"),)),
    ("leabe it", (("leabe", "leave"),))])
def test_a_no_with_a_slip_in_it_is_a_no(house: House, said: str,
                                        slips: tuple[tuple[str, str], ...]) -> None:
    found = _yes(house, said, *slips)
    assert isinstance(found, Answer)
    assert house.says(call("confirm"), said="yes") != found  # nothing waits for it any more


@pytest.mark.parametrize(("said", "slips"), [
    ("by my soul", ()),  # a yes in other words
    ("yhes and the lamp", (("yhes", "yes"),)),
    ("unlok it", (("unlok", "unlock"),)),  # what is asked about, told twice
    ("okay so", ()), ("right, hm", ()), ("oky so", (("oky", "okay"),)),
    ("okay bye", ()), ("es", ()), ("yes he", ()), ("yes no", ()),
    ("yup nup", ()), ("yup nup", (("nup", "yup"),)), ("ya na", ()), ("right, light", ()),
    ("yes, yet", ()), ("ja a", ()),
])
def test_other_words_are_asked_about_again(house: House, said: str,
                                           slips: tuple[tuple[str, str], ...]) -> None:
    assert isinstance(_yes(house, said, *slips), Question)
