"""What a home's ``[safety]`` asks back, holds back and counts, whatever led to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import DeviceStates, Home, Step, command_for, load_home
from iotcall.devices.home_file import Quiet
from iotcall.devices.home_safety import unmatched
from iotcall.dialogue import Conversation, DialogueSettings, Plan, Question, Refusal, SessionStore
from iotcall.dialogue.safety import in_force, opens
from iotcall.errors import FileError
from iotcall.runtime import Decoding
from iotcall.shipped import shipped
from tests.dialogue.guarded import HASH, NOON, Guarded, home_with
from tests.dialogue.house.talk import call

UNLOCK = call("lock", action="unlock", target="front door")
KETTLE_ON = call("turn", state="on", target="kettle")
CURTAINS = call("cover", action="close", target="curtains")
MIDNIGHT = datetime(2026, 6, 4, 0, 0)


@pytest.fixture(scope="session")
def family() -> Home:
    return load_home(shipped("devices") / "homes" / "family.toml")


@pytest.fixture
def with_safety(family: Home) -> Callable[..., Guarded]:
    return lambda **safety: Guarded(family, **safety)


# --- the file ---------------------------------------------------------------------------------

@pytest.mark.parametrize(("safety", "place", "says"), [
    ('confirm = ["kettel"]', "safety.confirm[0]", "like 'kettel'; known: back gate"),
    ('never = ["kettle", ""]', "safety.never[1]", "no pattern"),
    ('never = [{ device = "kettle", propety = "state" }]', "safety.never[0]",
     "did you mean `property`"),
    ('never = [{ device = "kettle", property = "lock" }]', "safety.never[0].property",
     "'kettle' is a plug, which has no property `lock`"),
    ('never = [{ device = "kettle", property = "humidity" }]', "safety.never[0].property",
     "no property `humidity` that can be set"),
    ('never = [{ device = "kettle", property = "state", value = "hot" }]',
     "safety.never[0].value", "on, off"),
    ('never = [{ device = "kettle", value = "on" }]', "safety.never[0]", "need a `property`"),
    ('confirm = [{ device = "thermostat", property = "setpoint", above = 90.0 }]',
     "safety.confirm[0].above", "0..40"),
    ('confirm = [{ device = "kettle", property = "state", above = 1.0 }]',
     "safety.confirm[0].above", "state is no number"),
    ('confirm = [{ device = "thermostat", property = "setpoint", above = 9.0, value = 9 }]',
     "safety.confirm[0]", "either"),
    ('never = [{ device = "kettle", sites = ["ktichen"] }]', "safety.never[0].sites",
     "no satellite 'ktichen'; known: bedroom"),
    ('confirm = [{ device = "kettle", sites = ["kitchen"] }]', "safety.confirm[0].sites",
     "belongs to `never`"),
    ('quiet = [{ from = "22:00", to = "6:00", never = ["kettle"] }]', "safety.quiet[0].to",
     "a time such as 22:00, found '6:00'"),
    ('quiet = [{ from = "24:00", to = "06:00", never = ["kettle"] }]', "safety.quiet[0].from",
     "a time"),
    ('quiet = [{ from = "06:00", to = "06:00", never = ["kettle"] }]', "safety.quiet[0]",
     "must differ"),
    ('quiet = [{ from = "22:00", to = "06:00" }]', "safety.quiet[0]", "`never` or `confirm`"),
    ('quiet = [{ from = "22:00", to = "06:00", never = ["kettel"] }]',
     "safety.quiet[0].never[0]", "like 'kettel'"),
    ('quiet = [{ from = "22:00", to = "06:00", days = ["monday"], never = ["kettle"] }]',
     "safety.quiet[0].days[0]", "monday"),
    ('pin = ["front door"]', "safety.pin_hash", "iotcall home pin"),
    ('pin_hash = "1234"', "safety.pin_hash", "iotcall home pin"),
    ("per_minute = -1", "safety.per_minute", "0 to 1000"),
    ("per_minute = 3", "safety.per_minute", "could never be set"),
    ("per_device_seconds = 1e9", "safety.per_device_seconds", "0 to 3600"),
])
def test_a_wrong_safety_is_refused_at_its_place(
    tmp_path: Path, safety: str, place: str, says: str
) -> None:
    with pytest.raises(FileError) as caught:
        home_with(tmp_path, safety)
    assert caught.value.place.replace("...", "0") == place
    assert says in str(caught.value)
    assert HASH not in str(caught.value)


def test_a_whole_safety_is_read(tmp_path: Path) -> None:
    safety = home_with(tmp_path, f"""
confirm = ["zigbee2mqtt:garage/*", "Espresso Machine", {{ device = "*lamp*", property = "state" }}]
never = ["printer", {{ device = "kettle", sites = ["bedroom", "default"] }}]
pin = ["front door"]
pin_hash = "{HASH}"
per_minute = 60
per_device_seconds = 2.5
[[safety.quiet]]
from = "22:00"
to = "24:00"
days = ["fri", "sat"]
confirm = ["bedroom blinds"]
""").file.safety
    assert (safety.per_minute, safety.per_device_seconds) == (60, 2.5)
    assert safety.quiet == (Quiet(start="22:00", end="24:00", days=("fri", "sat"),
                                  confirm=("bedroom blinds",)),)


def test_where_devices_are_discovered_a_pattern_may_wait_for_its_device(tmp_path: Path) -> None:
    path = tmp_path / "home.toml"
    text = """
name = "found"
[discovery]
sources = ["shelly"]
[safety]
confirm = ["boiler", "shelly:shed*"]
never = [{ device = "boiler", property = "state", value = "on" }]
"""
    path.write_text(text)
    assert unmatched(load_home(path).file, ()) == ("boiler", "shelly:shed*")
    path.write_text(text.replace("shelly:shed*", "zigbee2mqtt:shed*"))
    with pytest.raises(FileError, match="discovery source") as caught:
        load_home(path)
    assert caught.value.place == "safety.confirm[1]"


# --- asked back -------------------------------------------------------------------------------

@pytest.mark.parametrize(("mark", "made", "asks"), [
    ("kettle", KETTLE_ON, "Should I switch on the kettle?"),
    ("KETTLE", KETTLE_ON, "Should I switch on the kettle?"),
    ("zigbee2mqtt:kettle", KETTLE_ON, "Should I switch on the kettle?"),
    ("espresso*", call("turn", state="off", target="coffee machine"),
     "Should I switch off the coffee machine?"),
    ({"device": "thermostat", "property": "setpoint", "above": 22},
     call("set", property="temperature", value="23", target="thermostat"),
     "Should I set the thermostat to 23 degrees?"),
    ({"device": "study blind", "property": "movement", "value": "open"},
     call("set", property="position", value="30 percent", target="study blind"),
     "Should I move the study blind to 30 percent open?"),
    ({"device": "study blind", "property": "position", "above": 90},
     call("cover", action="open", target="study blind"), "Should I open the study blind?"),
    ({"device": "floor lamp", "property": "state", "value": "on"},
     call("set", property="brightness", value="5 percent", target="floor lamp"),
     "Should I set the floor lamp to 5 percent?"),
    ({"device": "floor lamp", "property": "state", "value": "off"},
     call("set", property="brightness", value="zero", target="floor lamp"),
     "Should I switch off the floor lamp?"),
    ({"device": "desk lamp", "property": "state", "value": "on"},
     call("set_color", value="red", target="desk lamp"), "Should I set the desk lamp to red?"),
])
def test_what_is_marked_and_what_comes_to_the_same_is_asked_back(
    with_safety: Callable[..., Guarded], mark: Any, made: ToolCall, asks: str
) -> None:
    house = with_safety(confirm=[mark])
    assert house.reply(made) == asks
    assert len(house.does(said="yes")) == 1


@pytest.mark.parametrize(("mark", "made"), [
    ("kettle", call("turn", state="on", target="coffee machine")),
    ({"device": "kettle", "property": "state", "value": "on"},
     call("turn", state="off", target="kettle")),
    ({"device": "thermostat", "property": "setpoint", "above": 22},
     call("set", property="temperature", value="22", target="thermostat")),
    ("curtains", call("cover", action="stop", target="curtains")),
])
def test_what_is_not_marked_is_done_at_once(
    with_safety: Callable[..., Guarded], mark: Any, made: ToolCall
) -> None:
    assert len(with_safety(confirm=[mark]).does(made)) == 1


def test_a_stop_is_asked_back_only_where_a_rule_names_it(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(confirm=[{"device": "curtains", "property": "movement", "value": "stop"}])
    assert house.reply(call("cover", action="stop", target="curtains")) == (
        "Should I stop the curtains?")


@pytest.mark.parametrize(("anew", "name", "value", "asked"), [
    ({"name": "big door", "label": "garage"}, "movement", "open", True),
    ({"name": "driveway gates"}, "movement", "open", True),
    ({"name": "x", "aliases": ("Garage_Door",)}, "position", 1, True),
    ({"name": "x", "label": "door"}, "movement", "open", True),
    ({"name": "left door", "room": "garage"}, "movement", "open", True),
    ({"name": "garage", "label": "garage"}, "movement", "close", False),
    ({"name": "garage"}, "movement", "stop", False),
    ({"name": "garage"}, "position", 0, False),
    ({"name": "window", "room": "garage"}, "movement", "open", False),
    ({"name": "gatekeeper's blind"}, "movement", "open", False),
])
def test_garages_and_gates_are_known_by_label_and_by_name(
    family: Home, anew: dict[str, Any], name: str, value: Any, asked: bool
) -> None:
    blind = family.device("study blind")
    assert blind is not None
    assert opens(command_for(msgspec.structs.replace(blind, **anew), name, value)) is asked


@pytest.mark.parametrize(("anew", "value", "asked"), [
    ({"name": "burglar alarm"}, "off", True), ({"name": "x", "label": "siren"}, "off", True),
    ({"name": "alarm"}, "on", False), ({"name": "printer"}, "off", False)])
def test_disarming_is_asked_back(
    family: Home, anew: dict[str, Any], value: str, asked: bool
) -> None:
    printer = family.device("printer")
    assert printer is not None
    assert opens(command_for(msgspec.structs.replace(printer, **anew), "state", value)) is asked


def test_no_catalogue_and_no_home_can_do_without_these(
    family: Home, settings: DialogueSettings, catalogue: Catalogue
) -> None:
    """smart_home's dialogue.toml says nothing of garages, and here not even of locks."""
    careless = msgspec.structs.replace(settings, confirm=())
    home = msgspec.structs.replace(family, scenes={"party": (
        Step(device="garage door", set={"position": 100}),
        Step(device="front door", set={"lock": "unlocked"}))})
    conversation = Conversation(home, DeviceStates(home), careless, catalogue)
    outcome = conversation.conclude(SessionStore(careless).of("x"), "party", None, Decoding(
        calls=(ToolCall("set_scene", {"scene": "party"}),), text="", confidence=1.0,
        outcome="call", decisions=1, tokens=1, passes=1, prefill_ms=0.0, decode_ms=0.0))
    assert isinstance(outcome, Question)
    assert outcome.reply == "Should I move the garage door to 100? Should I unlock the front door?"


def test_a_scene_an_undo_and_an_again_that_unlock_are_asked_back(family: Home) -> None:
    house = Guarded(msgspec.structs.replace(family, scenes={"party": (
        Step(device="front door", set={"lock": "unlocked"}),
        Step(device="kettle", set={"state": "on"}))}))
    asks = "Should I unlock the front door?"
    assert house.reply(call("scene", name="party"), said="party") == asks
    assert len(house.does(said="yes")) == 2
    assert house.reply(call("again"), said="again") == asks
    assert len(house.does(said="yes")) == 2
    house.does(call("lock", action="lock", target="front door"))
    assert house.reply(call("undo"), said="undo") == asks


# --- a yes ------------------------------------------------------------------------------------

def test_the_words_that_were_asked_about_are_no_yes_to_themselves(family: Home) -> None:
    house = Guarded(family)
    for _ in range(3):
        assert house.reply(UNLOCK, said="Unlock it!") == "Should I unlock the front door?"
    assert len(house.does(said="yes")) == 1


def test_a_yes_that_was_said_before_the_question_is_none(family: Home) -> None:
    house = Guarded(family)
    house.now = 5.0
    house.says(UNLOCK)
    session = house.sessions.of("default")
    assert house.conversation.begin(session, "yes", None, said_at=4.9) is None
    assert house.conversation.begin(session, "yes", None, said_at=6.0) is None, "it is gone"


def test_a_yes_beside_another_wish_confirms_nothing_and_says_so(family: Home) -> None:
    house = Guarded(family)
    left = "I left the front door as it is: please say yes and nothing else."
    house.says(UNLOCK)
    assert house.reply(call("confirm"), call("cover", action="open", target="garage door"),
                       said="yes and open the garage") == (
        f"{left} Should I open the garage door?")
    assert house.does(said="yes") == [("garage door", "movement", "open")]
    house.says(UNLOCK)
    outcome = house.says(call("confirm"), KETTLE_ON, said="yes and put the kettle on")
    assert isinstance(outcome, Plan)
    assert [told.device.name for told in outcome.commands] == ["kettle"]
    assert house.conversation.report(outcome, ["confirmed"]) == f"The kettle is on. {left}"


def test_a_yes_that_only_the_student_understands_is_asked_about_again(family: Home) -> None:
    house = Guarded(family)
    house.says(UNLOCK)
    assert house.reply(call("confirm"), said="go on then me old china") == (
        "Should I unlock the front door?")
    assert house.does(said="yes") == [("front door", "lock", "unlocked")]
    assert house.reply(call("confirm"), said="go on then me old china") == "All right."


def test_a_confirmed_plan_leaves_out_what_has_gone_since(family: Home) -> None:
    house = Guarded(family)
    house.says(UNLOCK, call("turn", state="on", target="kettle"))
    house.without("front door")
    outcome = house.says(said="yes")
    assert isinstance(outcome, Plan)
    assert [told.device.name for told in outcome.commands] == ["kettle"]
    assert house.conversation.report(outcome, ["confirmed"]) == (
        "The front door is not there any more. The rest is done.")


@pytest.mark.parametrize("anew", [
    {"name": "cellar door"}, {"room": "garage"}, {"kind": "plug"}, {"points": {}}])
def test_a_yes_is_for_the_device_that_was_named_as_it_was(
    family: Home, anew: dict[str, Any]
) -> None:
    house = Guarded(family)
    house.says(UNLOCK)
    house.described("front door", **anew)
    outcome = house.says(said="yes")
    assert isinstance(outcome, Refusal)
    assert "is not what it was when I asked" in outcome.reply


def test_a_yes_does_not_reach_a_topic_that_was_put_in_the_doors_place(family: Home) -> None:
    house = Guarded(family)
    door, other = family.device("front door"), family.device("back gate")
    assert door is not None
    assert other is not None
    house.says(UNLOCK)
    house.described("front door", points=other.points)
    assert isinstance(house.says(said="yes"), Refusal)


def test_what_somebody_else_has_changed_since_is_asked_about_again(family: Home) -> None:
    house = Guarded(family)
    house.tells("front door", lock="unlocked")
    asked = house.reply(UNLOCK)
    house.tells("front door", lock="locked")
    assert house.reply(said="yes") == asked
    assert len(house.does(said="yes")) == 1


def test_what_is_as_wanted_by_now_is_not_asked_about_again(family: Home) -> None:
    house = Guarded(family)
    house.tells("front door", lock="locked")
    house.says(UNLOCK)
    house.tells("front door", lock="unlocked")
    assert len(house.does(said="yes")) == 1


# --- held back --------------------------------------------------------------------------------

def test_what_must_not_be_told_by_voice_is_held_back_and_the_rest_is_done(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(never=["printer"])
    assert house.reply(call("turn", state="off", target="printer")) == (
        "I must not do that with the printer by voice.")
    outcome = house.says(call("turn", state="off", target="printer"), KETTLE_ON)
    assert isinstance(outcome, Plan)
    assert [told.device.name for told in outcome.commands] == ["kettle"]
    assert house.conversation.report(outcome, ["confirmed"]) == (
        "I must not do that with the printer by voice. The rest is done.")
    assert house.conversation.report(outcome, ["unconfirmed"]) == (
        "I must not do that with the printer by voice. The kettle did not confirm.")


def test_what_is_held_back_is_said_with_the_question_about_the_rest(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(never=["printer"])
    assert house.reply(call("turn", state="off", target="printer"), UNLOCK) == (
        "I must not do that with the printer by voice. Should I unlock the front door?")
    assert house.does(said="yes") == [("front door", "lock", "unlocked")]


def test_a_rule_may_hold_back_one_thing_and_from_one_place(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(never=[{"device": "front door", "property": "lock", "value": "unlocked",
                                "sites": ["bedroom", "study"]}])
    assert house.reply(UNLOCK, site="study") == "I must not do that with the front door from here."
    assert house.reply(UNLOCK, site="hall") == "Should I unlock the front door?"
    assert house.does(call("lock", action="lock", target="front door"), site="study") == [
        ("front door", "lock", "locked")]


def test_a_no_to_a_voice_holds_for_a_scene_an_undo_and_an_again(family: Home) -> None:
    house = Guarded(family)
    house.tells("kettle", state="off")
    house.does(KETTLE_ON)
    house.becomes(Guarded(house.home, never=["kettle"]).home)
    for name in ("undo", "again"):
        assert house.reply(call(name)) == "I must not do that with the kettle by voice."


# --- hours ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("start", "end", "days", "at", "held"), [
    ("22:00", "06:00", (), "Wed 22:00", True), ("22:00", "06:00", (), "Wed 21:59", False),
    ("22:00", "06:00", (), "Wed 05:59", True), ("22:00", "06:00", (), "Wed 06:00", False),
    ("22:00", "06:00", ("fri",), "Fri 23:00", True),
    ("22:00", "06:00", ("fri",), "Sat 03:00", True),
    ("22:00", "06:00", ("fri",), "Fri 03:00", False),
    ("22:00", "06:00", ("sun",), "Mon 03:00", True),
    ("13:00", "15:00", ("wed",), "Wed 14:00", True),
    ("13:00", "15:00", ("wed",), "Thu 14:00", False),
    ("13:00", "15:00", (), "Wed 15:00", False),
    ("00:00", "24:00", ("wed",), "Wed 23:59", True),
    ("00:00", "24:00", ("wed",), "Thu 00:00", False),
    ("20:00", "24:00", (), "Wed 23:59", True), ("20:00", "24:00", (), "Wed 00:00", False),
])
def test_hours_run_over_midnight_and_belong_to_the_day_they_began(
    start: str, end: str, days: Any, at: str, held: bool
) -> None:
    day, time = at.split()
    monday = datetime(2026, 6, 1)
    hour, minute = time.split(":")
    now = monday + timedelta(days=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day),
                             hours=int(hour), minutes=int(minute))
    assert in_force(Quiet(start=start, end=end, days=days), now) is held


def test_a_clock_that_was_never_set_counts_as_a_quiet_hour() -> None:
    assert in_force(Quiet(start="22:00", end="06:00"), datetime(1970, 1, 1, 12, 0))


def test_in_quiet_hours_some_is_held_back_and_some_is_asked_back(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(quiet=[{"from": "22:00", "to": "06:00", "never": ["kettle"],
                                "confirm": ["curtains"]}])
    assert len(house.does(KETTLE_ON, CURTAINS)) == 2
    house.local = MIDNIGHT
    assert house.reply(KETTLE_ON) == "I must not do that with the kettle before 6:00."
    assert house.reply(CURTAINS) == "Should I close the curtains?"
    assert len(house.does(said="yes")) == 1


def test_quiet_hours_that_begin_before_the_yes_count(with_safety: Callable[..., Guarded]) -> None:
    house = with_safety(quiet=[{"from": "22:00", "to": "06:00", "never": ["kettle"],
                                "confirm": ["curtains"]}])
    house.says(UNLOCK, KETTLE_ON, CURTAINS)
    house.local = MIDNIGHT
    asked = house.reply(said="yes")
    assert asked == ("I must not do that with the kettle before 6:00. Should I unlock the front "
                     "door? Should I close the curtains?")
    assert [name for name, _, _ in house.does(said="yes")] == ["front door", "curtains"]


# --- how often --------------------------------------------------------------------------------

def test_a_site_has_so_many_commands_in_any_minute(with_safety: Callable[..., Guarded]) -> None:
    house = with_safety(per_minute=3)
    house.does(KETTLE_ON, CURTAINS)
    house.now = 30.0
    house.does(KETTLE_ON)
    house.now = 59.0
    assert house.reply(KETTLE_ON) == (
        "That is more than I may do in a minute. Please try again later.")
    assert len(house.does(KETTLE_ON, site="kitchen")) == 1
    house.now = 60.0
    assert len(house.does(KETTLE_ON, CURTAINS)) == 2
    assert isinstance(house.says(KETTLE_ON), Refusal)


def test_what_is_asked_about_counts_when_it_is_done(with_safety: Callable[..., Guarded]) -> None:
    house = with_safety(per_minute=1)
    for _ in range(4):
        assert isinstance(house.says(UNLOCK), Question)
    assert len(house.does(said="yes")) == 1
    assert isinstance(house.says(KETTLE_ON), Refusal)


def test_a_risky_device_is_told_something_only_every_so_often_from_anywhere(
    with_safety: Callable[..., Guarded]
) -> None:
    house = with_safety(per_device_seconds=5, confirm=["printer"])
    house.says(UNLOCK)
    house.does(said="yes")
    lock = call("lock", action="lock", target="front door")
    house.now = 4.9
    assert house.reply(lock, site="hall") == (
        "The front door was told something just now. Please wait a moment.")
    assert len(house.does(KETTLE_ON)) == len(house.does(KETTLE_ON)) == 1
    house.now = 5.0
    assert len(house.does(lock, site="hall")) == 1


def test_a_garage_can_be_stopped_at_any_moment(with_safety: Callable[..., Guarded]) -> None:
    house = with_safety(per_device_seconds=60, confirm=["garage door"], pin=["garage door"],
                        pin_hash=HASH)
    stop = call("cover", action="stop", target="garage door")
    assert house.does(stop) == house.does(stop) == [("garage door", "movement", "stop")]


def test_at_noon_nothing_is_held_back_in_a_home_without_safety(family: Home) -> None:
    house = Guarded(family)
    assert house.local == NOON
    assert len(house.does(KETTLE_ON, CURTAINS)) == 2
