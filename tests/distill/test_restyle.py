"""Another number or name, said the way the first one was."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from iotcall.distill.restyle import name_like, number_like, spoken_name
from iotcall.speech import said_numbers


@pytest.mark.parametrize(("words", "old", "new", "other"), [
    ("40", "40", "65", "65"),
    ("forty", "40", "11", "eleven"),
    ("forty percent", "40", "65", "sixty-five percent"),
    ("twelve hundred fifty", "1250", "3100", "thirty one hundred"),
    ("twelve fifty", "1250", "3175", "thirty one seventy five"),
    ("twelve fifty", "12.5", "31.75", "thirty one seventy five"),
    ("one hundred and five", "105", "210", "two hundred and ten"),
    ("one hundred five", "105", "210", "two hundred ten"),
    ("sixty four", "64", "71", "seventy one"),
    ("four five one two", "4512", "9007", "nine zero zero seven"),
    ("four oh one two", "4012", "9007", "nine oh oh seven"),
    ("4 5 1 2", "4512", "0017", "0 0 1 7"),
    ("3,095", "3095", "1200", "1,200"),
    ("$18.40", "18.4", "30.5", "$30.50"),
    ("18.47", "18.47", "30.5", "30.50"),
    ("1,018.40", "1018.4", "30.5", "30.50"),
    ("twelve dollars and ten cents", "12.1", "7.25", "seven dollars and twenty five cents"),
    ("Forty dollars", "40", "12", "twelve dollars"),
])
def test_a_number_is_said_as_the_old_one_was(words: str, old: str, new: str, other: str) -> None:
    assert number_like(words, old, new) == other


@pytest.mark.parametrize(("words", "old"), [
    ("a lot", "40"),
    ("half", "50"),
    ("140", "40"),
    ("40.5", "40"),
    ("twenty one", "20"),
    ("forty or fifty", "40"),
    ("double seven", "77"),
])
def test_what_is_not_plainly_that_number_stays(words: str, old: str) -> None:
    assert number_like(words, old, "12") is None


def test_a_number_that_cannot_be_said_in_that_way_is_none() -> None:
    assert number_like("twelve hundred fifty", "1250", "7") is None
    assert number_like("four five one two", "4512", "17") is None


def test_every_restyled_number_is_read_as_the_new_one() -> None:
    random = Random(1)
    for _ in range(400):
        new = str(random.choice((random.randint(1, 5000), random.randint(100, 9000) / 100)))
        for words, old in (("twelve hundred fifty", "1250"), ("twelve fifty", "1250"),
                           ("one thousand two hundred and fifty", "1250"), ("1,250", "1250"),
                           ("12.50", "12.5"), ("twelve dollars and fifty cents", "12.5")):
            said = number_like(words, old, new)
            if said is not None:
                assert Decimal(new) in {each.value for each in said_numbers(said)}, said


@pytest.mark.parametrize(("name", "spoken"), [
    ("notes.txt", "notes dot txt"),
    ("plan_b-2.md", "plan underscore b dash 2 dot md"),
    (".env", "dot env"),
    ("logs/today", "logs slash today"),
    ("Makefile", "Makefile"),
])
def test_a_name_is_spoken_sign_by_sign(name: str, spoken: str) -> None:
    assert spoken_name(name) == spoken


def test_a_new_name_is_spelt_or_spoken_as_the_old_one() -> None:
    assert name_like("notes.txt", "notes.txt", "plan_b.md") == "plan_b.md"
    assert name_like("Notes dot txt", "notes.txt", "plan_b.md") == "plan underscore b dot md"
    assert name_like("budget dot x l s", "budget.xls", "plan_b.md") is None
