from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from iotcall.catalogue import ToolCall
from iotcall.distill.traces.detect import Detector
from iotcall.distill.traces.redact import Redacted, redact
from iotcall.distill.traces.rows import Told
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.speech import said_numbers

DETECTOR = Detector(names=["Anna", "Zo\u00eb", "Jose\u0301"])


def redacted(*turns: tuple[str, dict[str, Any]], asked: Sequence[str] = (), seed: int = 1
             ) -> Redacted:
    dialogue = Dialogue(tuple(LabelledTurn(said, (ToolCall("x", arguments),))
                              for said, arguments in turns))
    return redact(Told(dialogue, tuple(asked) or ("",) * len(turns)), DETECTOR, Random(seed))


def said(found: Redacted) -> list[str]:
    return [turn.utterance for turn in found.dialogue.turns]


def arguments(found: Redacted) -> list[dict[str, Any]]:
    return [turn.calls[0].arguments for turn in found.dialogue.turns]


@pytest.mark.parametrize(("text", "value", "kind"), [
    ("write to Ann.Lee@corp.com", "Ann.Lee@corp.com", "email"),
    ("write to ann dot lee at corp dot com", "ann dot lee at corp dot com", "email"),
    ("pay with 4111 1111 1111 1111", "4111 1111 1111 1111", "card"),
    ("card 4111.1111.1111.1111.", "4111.1111.1111.1111", "card"),
    ("card 4111/1111/1111/1111 please", "4111/1111/1111/1111", "card"),
    ("card 4111 1111-1111.1111/12", "4111 1111-1111.1111", "card"),
    ("card 4000 0000 0000 0002 0000", "4000 0000 0000 0002 0000", "number"),
    ("to GB82 WEST 1234 5698 7654 32 please", "GB82 WEST 1234 5698 7654 32", "iban"),
    ("call (650) 253-0000", "(650) 253-0000", "phone"),
    ("call +49 30 901820 now", "+49 30 901820", "phone"),
    ("call six five zero two five three oh oh oh oh",
     "six five zero two five three oh oh oh oh", "number"),
    ("look at 192.168.1.77.", "192.168.1.77", "ip"),
    ("look at 2001:4860::8888", "2001:4860::8888", "ip"),
    ("block 3c:22:fb:00:11:22", "3c:22:fb:00:11:22", "mac"),
    ("open https://ann:hush@host/", "ann:hush", "credentials"),
    ("open https://host/?token=abcdef&x=1", "abcdef", "credentials"),
    ("my pin is 4821", "4821", "secret"), ("4821 is my pin", "4821", "secret"),
    ("unlock the door with code four eight two one", "four eight two one", "secret"),
    ("the PIN of my card is 48-21", "48-21", "secret"),
    ("my password is hunter2.", "hunter2", "secret"),
    ("account number 12345", "12345", "secret"), ("ssn 078-05-1120", "078-05-1120", "secret"),
    ("customer 99887766", "99887766", "number"),
    ("Anna's lamp", "Anna", "name"),
    ("Zo\u00eb's lamp", "Zo\u00eb", "name"), ("u\u0308 for zoe\u0308!", "zoe\u0308", "name"),
    ("\u1112\u1161\u11ab, Jose\u0301 is here", "Jose\u0301", "name"),
])
def test_personal_data_is_replaced_and_counted_by_kind(text: str, value: str, kind: str) -> None:
    found = redacted((text, {"value": value}))
    assert value not in said(found)[0]
    assert found.counts == {kind: 2}
    before, after = text.split(value)
    assert said(found)[0] == f"{before}{arguments(found)[0]['value']}{after}"
    assert found.pattern.turns[0].utterance == f"{before}_{kind}1_{after}"


@pytest.mark.parametrize("text", [
    "set the heat to 72 degrees", "move 1,200,000 dollars", "pay $1234567", "card ending in 4455",
    "transfer 2500000 dollars to savings", "book 2026-01-15", "at 12:30 tonight",
    "a timer for one hundred twenty minutes", "the code is wrong", "my password is not working",
    "two million five hundred thousand dollars", "volume 50%", "call my mother",
    "version 4111.1111.1111.1112", "zoe\u0301s lamp"])
def test_ordinary_words_and_numbers_stay(text: str) -> None:
    found = redacted((text, {"value": 72}))
    assert said(found) == [text]
    assert found.counts == {}


def test_what_gave_itself_away_once_is_replaced_everywhere_and_in_every_writing() -> None:
    found = redacted(("my pin is four eight two one", {"pin": "4821"}),
                     ("no, 4821", {"pin": 4821}), ("4-8-2-1!", {"pin": ["4821"]}))
    pin = arguments(found)[0]["pin"]
    assert pin != "4821"
    assert re.fullmatch("[1-9][0-9]{3}", pin)
    assert pin in [number.digits for number in said_numbers(said(found)[0])]
    assert said(found)[1:] == [f"no, {pin}", f"{'-'.join(pin)}!"]
    assert [each["pin"] for each in arguments(found)[1:]] == [int(pin), [pin]]


@pytest.mark.parametrize(("number", "kind"), [
    (4111111111111111, "card"), (4111111111111111.0, "card"), (12025550143, "phone"),
    (99887766, "number")])
def test_numbers_that_only_a_call_holds_are_replaced_by_numbers(number: float, kind: str) -> None:
    found = redacted(("use what you have saved", {"value": [number]}))
    fake = arguments(found)[0]["value"][0]
    assert fake != number
    assert type(fake) is type(number)
    assert len(str(fake)) == len(str(number))
    assert found.counts == {kind: 1}
    assert found.pattern.turns[0].calls[0].arguments == {"value": [f"_{kind}1_"]}


@pytest.mark.parametrize(("text", "number"), [
    ("warmer", 21.5), ("much brighter", 999999), ("all of them", -2147483648), ("on", True),
    ("it is my pin", 1e300), ("for two hours", 7200000), ("the purple one", 100.0),
    ("move two million five hundred thousand and one dollars", 2500001),
    ("move $2500001", 2500001.0)])
def test_temperatures_counts_and_amounts_stay_in_calls(text: str, number: float) -> None:
    found = redacted((text, {"value": number}))
    assert found.counts == {}
    assert arguments(found) == [{"value": number}]
    assert said(found) == [text]


def test_a_pin_in_a_column_of_doubles_is_replaced_as_it_was_said() -> None:
    found = redacted(("my pin is 4821", {"pin": 4821.0, "degrees": 21.0}))
    pin = arguments(found)[0]["pin"]
    assert isinstance(pin, float)
    assert said(found) == [f"my pin is {pin:.0f}"] != ["my pin is 4821"]
    assert arguments(found)[0]["degrees"] == 21


def test_a_name_is_the_same_in_composed_and_in_decomposed_letters() -> None:
    found = redacted(("zo\u00eb here", {"name": "Zoe\u0308"}))
    assert said(found) == [f"{arguments(found)[0]['name']} here"]
    assert found.pattern.turns[0].utterance == "_name1_ here"


def test_an_answer_to_a_question_for_a_pin_is_one() -> None:
    found = redacted(("open up", {}), ("4821", {"pin": "4821"}), asked=["", "Please say your PIN."])
    assert said(found)[1] == arguments(found)[1]["pin"] != "4821"


def test_a_part_of_a_number_is_the_same_part_of_its_fake() -> None:
    found = redacted(("block 5500 0000 0000 0004", {"last_four": "0004"}),
                     ("the one ending in 0004", {"last_four": "0004"}))
    digits = said(found)[0].removeprefix("block ").replace(" ", "")
    assert not luhn.is_valid(digits)
    assert arguments(found) == [{"last_four": digits[-4:]}] * 2
    assert said(found)[1] == f"the one ending in {digits[-4:]}"


def test_a_spoken_address_and_its_typed_label_stay_one() -> None:
    found = redacted(("mail ann dot lee at corp dot com", {"to": "ann.lee@corp.com"}))
    to = arguments(found)[0]["to"]
    assert to.endswith("@example.com")
    assert said(found) == ["mail " + to.replace(".", " dot ").replace("@", " at ")]


def test_a_fake_bank_account_keeps_its_groups_and_is_never_a_real_one() -> None:
    found = redacted(("to DE89 3704 0044 0532 0130 00", {"iban": "DE89370400440532013000"}))
    account = arguments(found)[0]["iban"]
    assert re.fullmatch("DE00[0-9]{18}", account)
    assert not iban.is_valid(account, check_country=False)
    assert said(found)[0].replace(" ", "") == f"to{account}"


def test_telephone_numbers_become_numbers_that_nobody_has() -> None:
    found = redacted(("call 650-253-0000 or +1 650 253 0000", {"to": "6502530000"}))
    to = arguments(found)[0]["to"]
    assert re.fullmatch("[0-9]{3}55501[0-9]{2}", to)
    assert said(found)[0].startswith(f"call {to[:3]}-{to[3:6]}-{to[6:]} or +")
    assert said(found)[0].endswith(f" {to[:3]} {to[3:6]} {to[6:]}")


def test_two_people_with_other_secrets_say_the_same() -> None:
    one = redacted(("my pin is 4821", {"pin": "4821"}), seed=1)
    two = redacted(("my pin is 9937", {"pin": "9937"}), seed=2)
    assert one.dialogue != two.dialogue
    assert one.pattern == two.pattern


def test_the_same_seed_gives_the_same_fakes_whatever_was_said() -> None:
    assert redacted(("pin 4821", {})).dialogue == redacted(("pin 9937", {})).dialogue


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    found = redacted((text, {"value": text}))
    assert arguments(found)[0]["value"] == said(found)[0]


@given(st.text("0123456789 -.@:/+abcdefpin", max_size=120))
def test_texts_made_of_what_is_looked_for_are_taken(text: str) -> None:
    found = redacted((text, {"value": text}))
    assert arguments(found)[0]["value"] == said(found)[0]


@given(st.text("0123456789", min_size=4, max_size=12))
def test_no_pin_stays(digits: str) -> None:
    found = redacted((f"my pin is {digits}", {"pin": digits}), (digits, {"pin": digits}))
    assert arguments(found)[0]["pin"] != digits
    assert said(found) == [f"my pin is {arguments(found)[0]['pin']}", arguments(found)[1]["pin"]]
