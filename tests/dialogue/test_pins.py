"""A PIN at a keypad, in place of a yes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog

from iotcall.devices import Home, load_home
from iotcall.devices.home_safety import read_pin_hash
from iotcall.dialogue import Plan, Question, Refusal
from iotcall.dialogue.notes import InMemory
from iotcall.dialogue.pins import LOCKED_SECONDS, LONGEST_LOCKED_SECONDS, ScryptPin, Tries, pin_hash
from iotcall.errors import InputError
from iotcall.shipped import shipped
from tests.dialogue.guarded import HASH, RIGHT, Guarded
from tests.dialogue.house.talk import call

UNLOCK = call("lock", action="unlock", target="front door")
ASKED = "Should I unlock the front door? Please enter the PIN."
DONE = [("front door", "lock", "unlocked")]


@pytest.fixture(scope="session")
def family() -> Home:
    return load_home(shipped("devices") / "homes" / "family.toml")


@pytest.fixture
def house(family: Home) -> Guarded:
    return Guarded(family, pin=["front door"], pin_hash=HASH)


def _told(outcome: object) -> list[tuple[str, str, object]]:
    assert isinstance(outcome, Plan), outcome
    return [(told.device.name, told.property, told.value) for told in outcome.commands]


def test_a_pin_is_kept_as_a_salted_hash_that_only_its_digits_fit() -> None:
    kept, other = pin_hash("0412"), pin_hash("0412")
    assert kept != other
    assert "0412" not in kept
    pin = ScryptPin(kept)
    assert pin.is_right("0412")
    assert not pin.is_right("0413")
    assert "0412" not in repr(pin) + repr(read_pin_hash(kept))


@pytest.mark.parametrize("digits", ["", "0", "04120", "٠٤١٢", "0412\n", "x" * 10_000, "-412"])
def test_what_is_no_pin_is_wrong_and_costs_nothing(digits: str) -> None:
    assert not ScryptPin(HASH).is_right(digits)
    assert not ScryptPin("").is_right(digits)


@pytest.mark.parametrize("digits", ["123", "1" * 13, "12a4", ""])
def test_a_pin_of_other_than_digits_cannot_be_made_and_is_not_said_back(digits: str) -> None:
    with pytest.raises(InputError, match="4 to 12 digits") as caught:
        pin_hash(digits)
    assert not digits or digits not in str(caught.value)


@pytest.mark.parametrize("change", [
    ("scrypt", "bcrypt"), ("$14$", "$30$"), ("$14$", "$1$"), ("$8$", "$8000$"), ("$1$", "$x$"),
    ("==$", "$"), ("A=", "=")])
def test_a_hash_that_was_altered_is_refused(change: tuple[str, str]) -> None:
    assert change[0] in HASH
    with pytest.raises(ValueError, match="iotcall home pin"):
        read_pin_hash(HASH.replace(*change))


def test_three_wrong_tries_lock_and_each_further_three_for_longer() -> None:
    now = [0.0]
    tries = Tries(InMemory(lambda: now[0], most=1))
    found = []
    for _ in range(7):
        for _ in range(3):
            assert tries.locked_seconds == 0
            assert tries.take()
        assert not tries.take()
        found.append(tries.locked_seconds)
        now[0] += found[-1]
    assert found[:3] == [LOCKED_SECONDS, 2 * LOCKED_SECONDS, 4 * LOCKED_SECONDS]
    assert found[-1] == LONGEST_LOCKED_SECONDS
    tries.take()
    tries.right()
    tries.take()
    tries.take()
    assert tries.locked_seconds == 0
    tries.take()
    assert tries.locked_seconds == LOCKED_SECONDS
    tries.right()  # the third was, it turns out
    assert tries.locked_seconds == 0


def test_the_right_pin_at_the_site_that_was_asked_does_it_once(house: Guarded) -> None:
    assert house.reply(UNLOCK) == ASKED
    assert house.enters(RIGHT, site="kitchen") is None
    assert _told(house.enters(RIGHT)) == DONE
    assert house.enters(RIGHT) is None


def test_a_yes_is_no_pin_and_leaves_the_question_open(house: Guarded) -> None:
    house.says(UNLOCK)
    outcome = house.says(said="yes")
    assert isinstance(outcome, Question)
    assert outcome.reply == "Please enter the PIN at the keypad. I do not take it by voice."
    assert not outcome.private
    assert _told(house.enters(RIGHT)) == DONE


@pytest.mark.parametrize("said", [RIGHT, "two four six eight", "it's 2 4 6 8 please", "2468 yes"])
def test_digits_that_are_spoken_are_not_taken_and_belong_in_no_record(
    house: Guarded, said: str
) -> None:
    house.says(UNLOCK)
    outcome = house.says(said=said)
    assert isinstance(outcome, Question)
    assert outcome.private
    assert said not in str(house.sessions.of("default").history)
    assert _told(house.enters(RIGHT)) == DONE


def test_a_no_or_another_wish_ends_the_question(house: Guarded) -> None:
    house.says(UNLOCK)
    assert house.reply(said="no") == "All right, I leave it."
    assert house.enters(RIGHT) is None
    house.says(UNLOCK)
    house.says(call("turn", state="on", target="kettle"), said="kettle on")
    assert house.enters(RIGHT) is None


def test_digits_before_the_question_or_after_its_time_are_not_looked_at(house: Guarded) -> None:
    session = house.sessions.of("default")
    house.now = 10.0
    house.says(UNLOCK)
    assert house.conversation.enter(session, RIGHT, entered_at=9.0) is None
    house.now = 30.0
    assert house.conversation.enter(session, RIGHT, entered_at=29.0) is None


def test_a_wrong_try_does_not_prolong_the_question(house: Guarded) -> None:
    house.says(UNLOCK)
    house.now = 19.0
    outcome = house.enters("1111")
    assert isinstance(outcome, Question)
    assert outcome.reply == "That PIN is wrong."
    house.now = 20.0
    assert house.enters(RIGHT) is None


def test_wrong_tries_are_counted_over_questions_and_sites_and_lock_the_house(
    house: Guarded
) -> None:
    for site in ("kitchen", "hall", "study"):
        house.says(UNLOCK, site=site)
        outcome = house.enters("1111", site=site)
    assert isinstance(outcome, Refusal)
    assert outcome.reply == "After so many wrong PINs I take none for 5 minutes."
    assert house.enters(RIGHT, site="hall") == outcome, "asked before it was locked"
    assert house.reply(UNLOCK) == outcome.reply
    house.now += LOCKED_SECONDS
    house.says(UNLOCK)
    assert _told(house.enters(RIGHT)) == DONE


def test_nothing_that_was_entered_is_logged_or_said(house: Guarded) -> None:
    with structlog.testing.capture_logs() as logs:
        house.says(UNLOCK)
        said = [house.enters(digits) for digits in ("97531", "97532", RIGHT)]
    assert {each["event"] for each in logs} == {"dialogue.pin_wrong", "dialogue.pin_right"}
    for digits in ("97531", "97532", RIGHT):
        assert digits not in str(logs) + str(said)


def test_locking_is_free_of_a_pin_unless_it_is_asked_back_too(family: Home) -> None:
    lock = call("lock", action="lock", target="front door")
    assert Guarded(family, pin=["front door"], pin_hash=HASH).does(lock) == [
        ("front door", "lock", "locked")]
    assert Guarded(family, pin=["front door"], confirm=["front door"], pin_hash=HASH).reply(
        lock) == "Should I lock the front door? Please enter the PIN."


def test_a_pin_can_stand_for_what_is_not_asked_back_otherwise(family: Home) -> None:
    house = Guarded(family, pin=[{"device": "kettle", "property": "state", "value": "on"}],
                    pin_hash=HASH)
    assert house.does(call("turn", state="off", target="kettle")) == [("kettle", "state", "off")]
    assert house.reply(call("turn", state="on", target="kettle")) == (
        "Should I switch on the kettle? Please enter the PIN.")
    assert _told(house.enters(RIGHT)) == [("kettle", "state", "on")]


def test_a_home_that_has_lost_its_pin_opens_nothing(family: Home) -> None:
    house = Guarded(family, pin=["front door"])
    assert house.reply(UNLOCK) == "That needs a PIN, and this home has none."


def test_a_yes_does_not_do_where_a_pin_is_needed_by_now(family: Home) -> None:
    house = Guarded(family)
    house.says(UNLOCK)
    house.becomes(Guarded(family, pin=["front door"], pin_hash=HASH).home)
    assert house.reply(said="yes") == ASKED
    assert _told(house.enters(RIGHT)) == DONE


@pytest.mark.parametrize("spoil", [
    lambda house: house.without("front door"),
    lambda house: house.described("front door", name="cellar door"),
])
def test_the_right_pin_opens_nothing_but_what_was_asked_about(
    house: Guarded, spoil: Callable[[Guarded], object]
) -> None:
    house.says(UNLOCK)
    spoil(house)
    assert isinstance(house.enters(RIGHT), Refusal)
