"""As a property: what needs a yes never leaves a conversation without one.

Whatever is said, in whatever order, at whatever time. The oracle keeps its own book of questions
and its own short list of what is risky in this house, and shares no code with the gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from iotcall.catalogue import ToolCall
from iotcall.devices import Home, Step, load_home
from iotcall.dialogue import Plan, Question
from iotcall.dialogue.outcomes import Outcome
from iotcall.runtime import Decoding
from iotcall.shipped import shipped
from tests.dialogue.guarded import HASH, RIGHT, Guarded
from tests.dialogue.house.talk import call

Key = tuple[str, str, Any]

SAFETY = {
    "confirm": ["kettle", {"device": "floor lamp", "property": "brightness", "above": 80}],
    "never": ["printer", {"device": "back gate", "property": "lock", "sites": ["kitchen"]}],
    "pin": ["side door"], "pin_hash": HASH,
    "quiet": [{"from": "22:00", "to": "06:00", "never": ["coffee machine"],
               "confirm": ["curtains"]}]}
YES = ["yes", "Yes, please!", "unlock it", "open it", "ok"]
TEXTS = [*YES, "no", "yes and open the garage", "kitchen", "the side door", "all of them", "2468",
         "half", "unlock the front door", "stop", "yesterday"]
CALLS: list[tuple[ToolCall, ...]] = [
    (call("lock", action="unlock", target="front door"),),
    (call("lock", action="unlock", target="side door"),),
    (call("lock", action="unlock", scope="all"),),
    (call("lock", action="unlock"),),
    (call("lock", action="lock", target="front door"),),
    (call("cover", action="open", target="garage door"),),
    (call("set", property="position", value="half", target="garage door"),),
    (call("set", property="brightness", target="floor lamp"),),
    (call("set", property="brightness", value="90", target="floor lamp"),),
    (call("adjust", property="brightness", direction="up", target="floor lamp"),),
    (call("turn", state="on", target="kettle"), call("turn", state="on", target="printer")),
    (call("turn", state="off", scope="all"),),
    (call("cover", action="open", target="curtains"),),
    (call("turn", state="on", target="coffee machine"),),
    (call("lock", action="unlock", target="back gate"),),
    (call("scene", name="party"),), (call("scene"),),
    (call("undo"),), (call("again"),), (call("confirm"),), (call("cancel"),),
    (call("confirm"), call("cover", action="open", target="garage door")),
    (call("again"), call("turn", state="on", target="desk lamp"))]
SITES = ["kitchen", "hall"]
DEVICES = ["front door", "side door", "garage door", "kettle", "floor lamp", "curtains"]

_SAYS = st.tuples(st.just("says"), st.sampled_from(TEXTS), st.sampled_from(CALLS),
                  st.sampled_from(SITES), st.sampled_from([None, "a", "b"]),
                  st.sampled_from([0.0, 0.0, 0.0, 3.0]))
_ASKED = st.tuples(st.just("asked"), st.sampled_from(CALLS), st.sampled_from(SITES),
                   st.sampled_from([None, "a"]), st.sampled_from([0.0, 1.0, 19.0, 25.0]),
                   st.sampled_from(YES))
_STEPS = st.lists(st.one_of(
    _SAYS, _ASKED, _ASKED,
    st.tuples(st.just("waits"), st.sampled_from([0.5, 1.0, 5.0, 19.0, 21.0, 130.0])),
    st.tuples(st.just("enters"), st.sampled_from([RIGHT, RIGHT, "1111"]), st.sampled_from(SITES)),
    st.tuples(st.just("hour"), st.sampled_from([3, 12, 23])),
    st.tuples(st.just("tells"), st.sampled_from([
        ("front door", {"lock": "unlocked"}), ("front door", {"lock": "locked"}),
        ("side door", {"lock": "unlocked"}), ("garage door", {"position": 100}),
        ("garage door", {"position": 0}), ("floor lamp", {"brightness": 70}),
        ("kettle", {"state": "on"}), ("kettle", {"state": "off"})])),
    st.tuples(st.just("loses"), st.sampled_from(DEVICES)),
    st.tuples(st.just("renames"), st.sampled_from(DEVICES)),
    st.tuples(st.just("restores"))), max_size=14)


class Book:
    """Who was asked about what, when: what an auditor would write down."""

    def __init__(self, home: Home) -> None:
        self.house = Guarded(msgspec.structs.replace(home, scenes={"party": (
            Step(device="front door", set={"lock": "unlocked"}),
            Step(device="curtains", set={"position": 100}),
            Step(device="desk lamp", set={"state": "on"}))}), **SAFETY)
        self.whole = self.house.home
        self.asked: dict[str, tuple[Question, str | None, float, str, dict[str, str]]] = {}
        self.confirmed = 0

    def says(self, text: str, calls: tuple[ToolCall, ...], site: str, session_id: str | None,
             late: float) -> None:
        """An utterance that arrived `late` seconds ago."""
        house, asked = self.house, self.asked.pop(site, None)
        at, said_at = house.sessions.of(site), house.now - late
        found = house.conversation.begin(at, text, session_id, said_at=said_at)
        begun = found is not None
        if found is None:
            found = house.conversation.conclude(at, text, session_id, Decoding(
                calls=calls, text="", confidence=1.0, outcome="call", decisions=1, tokens=1,
                passes=1, prefill_ms=0.0, decode_ms=0.0))
        allowed: frozenset[Key] = frozenset()
        if asked and begun:
            question, asked_in, asked_at, led, names = asked
            if (text in YES and text != led and asked_in == session_id and said_at >= asked_at
                    and house.now < asked_at + 20 and not question.pin):
                allowed = self.still(question, names)
            elif question.pin and isinstance(found, Question) and found.pin:
                self.asked[site] = asked  # it waits on for its PIN
                return
        # a question that is asked once more is about what it was about before
        once_more = (begun and text in YES) or calls == (call("confirm"),)
        led = asked[3] if asked and once_more else text
        self.leaves(found, site, session_id, led, allowed, by_pin=False)

    def enters(self, digits: str, site: str) -> None:
        asked, house = self.asked.get(site), self.house
        found = house.enters(digits, site)
        if found is None or (isinstance(found, Question) and found.confirms == ()):
            return
        self.asked.pop(site, None)
        allowed: frozenset[Key] = frozenset()
        if (asked and asked[0].pin and digits == RIGHT and house.now < asked[2] + 20):
            allowed = self.still(asked[0], asked[4])
        self.leaves(found, site, asked[1] if asked else None, asked[3] if asked else "", allowed,
                    by_pin=bool(allowed))

    def still(self, question: Question, names: dict[str, str]) -> frozenset[Key]:
        """What was agreed to, of devices that are still called what they were called."""
        now = {device.id: device.name for device in self.house.home.devices}
        return frozenset((told.device.id, told.property, told.value) for told in question.confirms
                         if now.get(told.device.id) == names[told.device.id])

    def leaves(self, found: Outcome, site: str, session_id: str | None, led: str,
               allowed: frozenset[Key], *, by_pin: bool) -> None:
        """Look at what comes out."""
        if isinstance(found, Question) and found.confirms:
            self.asked[site] = (found, session_id, self.house.now, led,
                                {told.device.id: told.device.name for told in found.confirms})
        if not isinstance(found, Plan):
            return
        here = {device.id for device in self.house.home.devices}
        for told in found.commands:
            key = (told.device.id, told.property, told.value)
            assert told.device.id in here
            assert not self.forbidden(key, site), key
            if self.risky(key):
                assert key in allowed, (key, allowed)
                self.confirmed += 1
            if key[0] == "zigbee2mqtt:side door lock" and told.value == "unlocked":
                assert by_pin, key
        self.house.conversation.before(self.house.sessions.of(site), found)
        for told in found.commands:
            if told.device == self.house.home.device(told.device.name):
                self.house.obeys(told)

    def night(self) -> bool:
        return self.house.local.hour in (3, 23)

    def risky(self, key: Key) -> bool:
        device, name, value = key
        return (value == "unlocked" or device == "zigbee2mqtt:kettle"
                or (device == "zigbee2mqtt:garage/door" and (
                    value == "open" or (name == "position" and value > 0)))
                or (device == "zigbee2mqtt:floor lamp" and name == "brightness" and value > 80)
                or (device == "zigbee2mqtt:living room/curtains" and value != "stop"
                    and self.night()))

    def forbidden(self, key: Key, site: str) -> bool:
        return (key[0] == "tasmota:printer" or (key[0] == "tasmota:coffee" and self.night())
                or (key[0] == "zigbee2mqtt:back gate lock" and site == "kitchen"))

    def step(self, kind: str, *given: Any) -> None:
        match kind:
            case "says":
                self.says(*given)
            case "asked":  # somebody who is asked back says yes
                calls, site, session_id, after, answer = given
                self.says("a wish", calls, site, session_id, 0.0)
                self.house.now += after
                self.says(answer, (call("confirm"),), site, session_id, 0.0)
            case "waits":
                self.house.now += given[0]
            case "enters":
                self.enters(*given)
            case "hour":
                self.house.local = datetime(2026, 6, 3, given[0])
            case "tells" if self.house.home.device(given[0][0]):
                self.house.tells(given[0][0], **given[0][1])
            case "loses":
                self.house.without(given[0])
            case "renames" if self.house.home.device(given[0]):
                self.house.described(given[0], aliases=(given[0],), name=f"other {given[0]}")
            case "restores":
                self.house.becomes(self.whole)


FAMILY = load_home(shipped("devices") / "homes" / "family.toml")


@settings(max_examples=300, deadline=None)
@given(_STEPS)
def test_nothing_risky_leaves_without_a_yes_to_just_that(steps: list[tuple[Any, ...]]) -> None:
    book = Book(FAMILY)
    for each in steps:
        book.step(*each)
    event(f"confirmed: {min(book.confirmed, 3)}")


def test_the_property_is_about_plans_that_do_come_out() -> None:
    """Each way of a risky command through the gate is open to somebody who answers rightly."""
    book = Book(FAMILY)
    for calls in CALLS:
        book.step("asked", calls, "hall", "a", 1.0, "yes")
        book.step("enters", RIGHT, "hall")
    assert book.confirmed >= 10
