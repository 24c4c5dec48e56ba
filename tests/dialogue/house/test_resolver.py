"""What is done with the devices that were meant, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Answer, Plan, Question, Refusal
from iotcall.dialogue.outcomes import ListChore, TimerChore
from iotcall.runtime import Decoding
from tests.dialogue.house.talk import House, call


@pytest.mark.parametrize(("made", "told"), [
    (call("set", property="brightness", value="40 percent", target="floor lamp"),
     ("floor lamp", "brightness", 40)),
    (call("set", property="brightness", value="half", target="floor lamp"),
     ("floor lamp", "brightness", 50)),
    (call("set", property="brightness", value="twenty", target="floor lamp"),
     ("floor lamp", "brightness", 20)),
    (call("set", property="brightness", value="zero", target="floor lamp"),
     ("floor lamp", "state", "off")),
    (call("set", property="position", value="a third", target="study blind"),
     ("study blind", "position", 33)),
    (call("set", property="temperature", value="twenty one and a half", target="heating"),
     ("thermostat", "setpoint", 21.5)),
    (call("set", property="temperature", value="68 fahrenheit", target="heating"),
     ("thermostat", "setpoint", 20.0)),
    (call("set_color", value="red", target="desk lamp"), ("desk lamp", "color", "#ff0000")),
    (call("set_white", value="2700 kelvin", target="desk lamp"), ("desk lamp", "white", 2700)),
    (call("set_mode", value="heating", target="thermostat"), ("thermostat", "mode", "heat")),
    (call("cover", action="open", target="curtains"), ("curtains", "movement", "open")),
    (call("cover", action="stop", target="curtains"), ("curtains", "movement", "stop")),
    (call("lock", action="lock", target="front door"), ("front door", "lock", "locked")),
    (call("cover", action="close", target="front door"), ("front door", "lock", "locked")),
    (call("turn", state="off", target="heating"), ("thermostat", "mode", "off")),
    (call("turn", state="on", target="heating"), ("thermostat", "mode", "heat")),
    (call("turn", state="on", target="kettle"), ("kettle", "state", "on")),
])
def test_a_wish_becomes_a_command(house: House, made: ToolCall, told: tuple[str, str, Any]) -> None:
    assert house.does(made) == [told]


@pytest.mark.parametrize(("made", "says"), [
    (call("set", property="brightness", value="40", target="hall light"),
     "The hall light cannot do that."),
    (call("set", property="temperature", value="35", target="thermostat"),
     "The thermostat can be set from 10 to 26 degrees."),
    (call("set", property="brightness", value="purple", target="floor lamp"),
     "I do not know what purple is for the floor lamp."),
    (call("set_color", value="40 percent", target="desk lamp"),
     "I do not know what 40 percent is for the desk lamp."),
    (call("set_color", value="red", target="floor lamp"), "The floor lamp cannot do that."),
    (call("set_mode", value="turbo", target="thermostat"),
     "The thermostat can only do heat, cool, auto and off."),
    (call("adjust", property="brightness", direction="up", target="floor lamp"),
     "I have not heard from the floor lamp yet."),
    (call("lock", action="lock", target="floor lamp"), "The floor lamp cannot do that."),
    (call("scene", name="carnival"), "There is no carnival scene here."),
    (call("undo"), "There is nothing that I could take back."),
    (call("again"), "There is nothing that I could do again."),
    (call("off_topic"), "I can only help with this home."),
])
def test_what_cannot_be_done_is_said(house: House, made: ToolCall, says: str) -> None:
    outcome = house.says(made)
    assert (type(outcome), outcome.reply) == (Refusal, says)


@pytest.mark.parametrize(("made", "asks", "answer", "told"), [
    (call("set", property="brightness", target="floor lamp"), "How bright, in percent?",
     "thirty percent", ("floor lamp", "brightness", 30)),
    (call("set", property="temperature", target="thermostat"), "To what temperature?",
     "to twenty", ("thermostat", "setpoint", 20.0)),
    (call("set_color", target="desk lamp"), "Which colour?", "blue please",
     ("desk lamp", "color", "#0000ff")),
])
def test_a_missing_value_is_asked_for_and_completes_the_call(
    house: House, made: ToolCall, asks: str, answer: str, told: tuple[str, str, Any]
) -> None:
    assert house.reply(made) == asks
    assert house.does(said=answer) == [told]


def test_other_words_than_a_value_go_to_the_student(house: House) -> None:
    house.says(call("set", property="brightness", target="floor lamp"))
    assert house.does(call("lock", action="lock", target="front door"),
                      said="lock the front door") == [("front door", "lock", "locked")]


@pytest.mark.parametrize(("now", "made", "value"), [
    (40, {"direction": "up"}, 60),
    (40, {"direction": "down"}, 20),
    (40, {"direction": "up", "amount": "a bit"}, 50),
    (40, {"direction": "up", "amount": "a lot"}, 80),
    (40, {"direction": "down", "amount": "ten percent"}, 30),
    (40, {"direction": "up", "amount": "double"}, 80),
    (40, {"direction": "down", "amount": "by half"}, 20),
    (90, {"direction": "up"}, 100),
])
def test_more_and_less_start_from_what_the_device_said(
    house: House, now: int, made: dict[str, str], value: int
) -> None:
    house.tells("floor lamp", brightness=now)
    assert house.does(ToolCall("adjust", {
        "property": "brightness", "target": "floor lamp", **made})) == [
            ("floor lamp", "brightness", value)]


def test_less_than_nothing_is_off(house: House) -> None:
    house.tells("floor lamp", brightness=10)
    assert house.does(call("adjust", property="brightness", direction="down",
                           target="floor lamp")) == [("floor lamp", "state", "off")]


def test_warmer_means_the_heating_and_a_warmer_light_its_white(house: House) -> None:
    house.tells("thermostat", setpoint=19.0)
    house.tells("desk lamp", white=4000)
    assert house.does(call("adjust", property="temperature", direction="up"), site="hall") == [
        ("thermostat", "setpoint", 20.0)]
    assert house.does(call("adjust", property="warmth", direction="up", target="desk lamp")) == [
        ("desk lamp", "white", 3500)]


def test_several_commands_are_one_plan_and_one_that_fails_holds_back_no_other(
    house: House
) -> None:
    outcome = house.says(call("turn", state="off", target="floor lamp"),
                         call("turn", state="on", target="jacuzzi"),
                         call("lock", action="lock", target="front door"))
    assert isinstance(outcome, Plan)
    assert [told.device.name for told in outcome.commands] == ["floor lamp", "front door"]
    assert outcome.besides == "I know of no jacuzzi here."
    assert house.conversation.report(outcome, ["confirmed", "unconfirmed"]) == (
        "The front door did not confirm. The rest is done. I know of no jacuzzi here.")


def test_a_question_holds_all_of_them_back(house: House) -> None:
    outcome = house.says(call("turn", state="off", target="floor lamp"),
                         call("turn", state="on", target="bedside lamp"))
    assert isinstance(outcome, Question)
    assert house.does(said="the left one") == [("floor lamp", "state", "off"),
                                               ("left bedside lamp", "state", "on")]


def test_a_later_command_sees_what_the_earlier_ones_will_have_done(house: House) -> None:
    assert house.does(
        call("set", property="brightness", value="30", target="floor lamp"),
        call("adjust", property="brightness", direction="up", ref="it"))[-1] == (
            "floor lamp", "brightness", 50)


@pytest.mark.parametrize(("made", "asks"), [
    (call("lock", action="unlock", target="front door"), "Should I unlock the front door?"),
    (call("cover", action="open", target="front door"), "Should I unlock the front door?"),
    (call("cover", action="open", target="garage door"), "Should I open the garage door?"),
    (call("set", property="position", value="half", target="garage door"),
     "Should I open the garage door?"),
])
def test_what_opens_the_house_is_asked_back(house: House, made: ToolCall, asks: str) -> None:
    assert house.reply(made) == asks
    assert len(house.does(said="yes please")) == 1


def test_undo_puts_back_what_was_before(house: House) -> None:
    house.tells("floor lamp", brightness=35)
    house.tells("kitchen light", state="off")
    house.does(call("turn", state="off", target="floor lamp"),
               call("turn", state="on", target="kitchen light"))
    assert house.does(call("undo")) == [("floor lamp", "state", "on"),
                                        ("kitchen light", "state", "off")]


def test_undo_of_a_lock_is_asked_back_like_any_unlocking(house: House) -> None:
    house.tells("front door", lock="unlocked")
    house.does(call("lock", action="lock", target="front door"))
    assert house.reply(call("undo")) == "Should I unlock the front door?"


def test_again_gives_the_same_commands(house: House) -> None:
    house.does(call("cover", action="open", target="curtains"))
    assert house.does(call("again")) == [("curtains", "movement", "open")]


def test_a_scene_is_found_by_its_spoken_name(house: House) -> None:
    assert ("curtains", "position", 0) in house.does(call("scene", name="movie night"))
    assert house.reply(call("scene")) == "Which scene: movie night, good night or breakfast?"
    assert ("curtains", "position", 100) in house.does(said="breakfast")


@pytest.mark.parametrize(("made", "says"), [
    (call("query", property="state", target="front door"), "The front door is locked."),
    (call("query", property="state", target="floor lamp"), "The floor lamp is on at 40 percent."),
    (call("query", property="brightness", target="floor lamp"), "The floor lamp is at 40 percent."),
    (call("query", property="setpoint"), "The thermostat is set to 21 degrees. "
                                         "I have not heard from the bedroom radiator yet."),
    (call("query", property="state", target="desk lamp"),
     "I have not heard from the desk lamp yet."),
    (call("query", property="position", target="curtains"), "The curtains are closed."),
])
def test_a_question_is_answered_from_what_was_heard(
    house: House, made: ToolCall, says: str
) -> None:
    house.tells("front door", lock="locked")
    house.tells("floor lamp", brightness=40)
    house.tells("thermostat", setpoint=21.0)
    house.tells("curtains", position=0)
    outcome = house.says(made)
    assert (type(outcome), outcome.reply) == (Answer, says)


def test_it_follows_a_question_about_it(house: House) -> None:
    house.tells("side door", lock="unlocked")
    house.says(call("query", property="state", target="side door"))
    assert house.does(call("lock", action="lock", ref="it")) == [("side door", "lock", "locked")]


@pytest.mark.parametrize(("made", "chore"), [
    (call("timer", action="start", duration="an hour and a half", name="roast"),
     TimerChore(action="start", name="roast", seconds=5400)),
    (call("timer", action="cancel"), TimerChore(action="cancel")),
    (call("list", action="add", items="milk, eggs and mac and cheese"),
     ListChore(action="add", list="shopping", items=("milk", "eggs", "mac and cheese"))),
    (call("list", action="read", name="groceries"), ListChore(action="read", list="shopping")),
    (call("list", action="clear", name="camping"), ListChore(action="clear", list="camping")),
])
def test_timers_and_lists_are_the_hubs_own_chores(
    house: House, made: ToolCall, chore: TimerChore | ListChore
) -> None:
    outcome = house.says(made)
    assert isinstance(outcome, Plan)
    assert outcome.chores == (chore,)


def test_everything_is_what_can_be_switched_safely(house: House) -> None:
    told = house.names(call("turn", state="off", target="everything"))
    kinds = {device.kind for device in house.home.devices if device.name in told}
    assert kinds == {"light", "plug"}


@pytest.mark.parametrize(("made", "told"), [
    (call("set", property="temperature", value="twenty", target="floor lamp"),
     ("floor lamp", "brightness", 20)),
    (call("set", property="brightness", value="a third", target="study blind"),
     ("study blind", "position", 33)),
    (call("set", property="brightness", value="21", target="thermostat"),
     ("thermostat", "setpoint", 21)),
])
def test_a_property_that_nobody_named_gives_way_to_the_only_one_there_is(
        house: House, made: ToolCall, told: tuple[str, str, Any]) -> None:
    assert house.does(made, said="that one to that") == [told]


@pytest.mark.parametrize(("made", "said", "says"), [
    (call("set", property="temperature", value="twenty degrees", target="floor lamp"),
     "floor lamp to twenty degrees", "The floor lamp cannot do that."),
    (call("adjust", property="brightness", direction="up", target="thermostat"),
     "the thermostat brighter", "The thermostat cannot do that."),
    (call("adjust", property="position", direction="up", amount="two degrees", target="floor lamp"),
     "two degrees more", "The floor lamp cannot do that."),
    (call("set", property="brightness", value="40", target="hall light"),  # it has none at all
     "hall light forty", "The hall light cannot do that."),
])
def test_one_that_was_named_does_not(
        house: House, made: ToolCall, said: str, says: str) -> None:
    assert house.reply(made, said=said) == says


def test_more_of_it_is_more_of_what_there_is(house: House) -> None:
    house.does(call("set", property="brightness", value="40", target="floor lamp"))
    assert house.does(call("adjust", property="temperature", direction="up", amount="ten percent",
                           target="floor lamp"), said="a little up, by ten percent") == [
        ("floor lamp", "brightness", 50)]


def test_an_article_is_no_value_and_what_is_missing_is_asked(house: House) -> None:
    outcome = house.says(call("set_color", value="the", target="desk lamp"),
                         said="change the colour of the desk lamp")
    assert isinstance(outcome, Question)
    assert outcome.reply == "Which colour?"
    assert house.does(said="red") == [("desk lamp", "color", "#ff0000")]


def test_all_is_not_meant_again_where_something_else_is_named_anew(house: House) -> None:
    kitchen = house.names(call("turn", state="on", target="lights"), site="kitchen")
    for_all = call("turn", state="on", target="lights", scope="all")
    at = house.sessions.of("kitchen")
    for said, everywhere in (("lights on", False), ("all the lights on", True), ("on", True)):
        begun = house.conversation.begin(at, said, None)
        assert begun is None
        outcome = house.says(for_all, site="kitchen", said=said)
        assert isinstance(outcome, Plan)
        assert ({told.device.name for told in outcome.commands} != kitchen) == everywhere


@pytest.mark.parametrize(("said", "value", "brightness"), [
    ("make it half as bright", "half", 30.0), ("twice as bright please", "twice", 100.0),
    ("bring it to half", "half", 50.0), ("to half, twice as fast", "half", 50.0),
    ("the lamp half as well", "half", 50.0),
    ("half as bright as the floor lamp", "half", 50.0), ("half as bright as now", "half", 30.0)])
def test_as_bright_compares_with_what_is_now(house: House, said: str, value: str,
                                             brightness: float) -> None:
    house.does(call("set", property="brightness", value="60", target="desk lamp"))
    assert house.does(call("set", property="brightness", value=value, ref="it"), said=said) == [
        ("desk lamp", "brightness", brightness)]


def test_change_alone_says_no_way_and_is_asked(house: House) -> None:
    house.does(call("turn", state="on", target="floor lamp"))
    down = call("adjust", property="brightness", direction="down", target="floor lamp")
    outcome = house.says(down, said="change the brightness of the floor lamp")
    assert isinstance(outcome, Question)
    assert house.does(said="thirty five percent") == [("floor lamp", "brightness", 35.0)]
    assert house.does(down, said="change the floor lamp, it's too bright") == [
        ("floor lamp", "brightness", 15.0)]


@pytest.mark.parametrize(("said", "name"), [
    ("a timer for ten minutes", ""), ("a shopping timer for ten minutes", "shopping"),
    ("a pasta timer for ten minutes", "pasta")])
def test_a_timer_has_no_lists_name_that_was_not_said(house: House, said: str, name: str) -> None:
    outcome = house.says(call("timer", action="start", duration="ten minutes",
                              name=name or "shopping"), said=said)
    assert isinstance(outcome, Plan)
    [chore] = outcome.chores
    assert isinstance(chore, TimerChore)
    assert (chore.name, chore.seconds) == (name, 600)


@pytest.mark.parametrize(("said", "setpoint"), [
    ("down a degree", 20.0), ("a degree up", 22.0), ("up", 22.0), ("one down please", 20.0),
    ("it's freezing down here", 22.0), ("chilly down here", 22.0), ("not down", 22.0),
    ("when I woke up it was cold", 22.0)])
def test_a_way_that_was_said_is_gone(house: House, said: str, setpoint: float) -> None:
    house.tells("thermostat", setpoint=21.0)
    made = call("adjust", property="temperature", direction="up", target="thermostat")
    assert house.does(made, said=said) == [("thermostat", "setpoint", setpoint)]


def test_a_timer_that_was_spoken_of_keeps_its_name(house: House) -> None:
    begun = house.says(call("timer", action="start", name="shopping"),
                       said="start a shopping timer")
    assert isinstance(begun, Question)
    outcome = house.says(call("timer", action="start", name="shopping", duration="ten minutes"),
                         said="make it ten minutes")
    assert isinstance(outcome, Plan)
    assert outcome.chores == (TimerChore(action="start", name="shopping", seconds=600),)


def test_change_with_a_reason_is_no_question(house: House) -> None:
    house.tells("thermostat", setpoint=21.0)
    made = call("adjust", property="temperature", direction="up", target="thermostat")
    assert house.does(made, said="adjust the thermostat, it's chilly") == [
        ("thermostat", "setpoint", 22.0)]


@pytest.mark.parametrize(("said", "target"), [
    ("turn on the kettle", "kettle"), ("kettle on please", "kettle"),
    ("turn on the kettle and the printer", "kettle and the printer")])
def test_a_wish_that_is_whole_keeps_no_room_of_before(house: House, said: str, target: str) -> None:
    house.does(call("turn", state="on", target="pendant"))
    made = call("turn", state="on", target=target, room="dining room")
    assert ("kettle", "state", "on") in house.does(made, said=said)


@pytest.mark.parametrize("said", ["and the lights on", "lights on there", "the lights too, on",
                                  "dining lights on"])
def test_what_goes_on_where_the_wish_before_was_keeps_its_room(house: House, said: str) -> None:
    made = call("turn", state="on", target="lights", room="dining room")
    assert {name for name, _, _ in house.does(made, said=said, site="kitchen")} == {"pendant"}


def test_who_is_cold_speaks_of_no_other_room(house: House) -> None:
    for heating in ("thermostat", "bedroom radiator"):
        house.does(call("set", property="temperature", value="twenty", target=heating))
    found = house.conversation.decoded(
        house.sessions.of("kitchen"), "I'm cold", lambda history, said, *, others: Decoding(
            calls=(call("adjust", property="temperature", direction="up", room="kitchen"),),
            text="", confidence=0.9, outcome="call", decisions=1, tokens=1, passes=1,
            prefill_ms=0.0, decode_ms=0.0))
    assert found.calls == (call("adjust", property="temperature", direction="up"),)
