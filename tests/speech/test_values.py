"""What is cut away around a value, and the one number, part or quantity that words say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.speech.values import LONGEST, fraction, heard, number, quantity


@pytest.mark.parametrize(("text", "words"), [
    ("40%", ["40", "percent"]), ("To 40 % please", ["40", "percent"]),
    ("Forty per cent.", ["forty", "percent"]), ("40pct", ["40", "percent"]),
    ("21.5\u00b0C", ["21.5", "degrees", "c"]), ("21\u2103", ["21", "degrees", "celsius"]),
    ("-5", ["-5"]), ("twenty-one", ["twenty", "one"]), ("at about the half-way mark, please",
     ["half", "way", "mark"]), ("halfway", ["half", "way"]), ("um, ten", ["ten"]),
    ("1 1/2 hours", ["1\u00bd", "hours"]), ("1/3", ["one", "third"]), ("\u00bd", ["\u00bd"]),
    ("3/4 of it", ["\u00be", "of", "it"]), ("by ten or so", ["ten"]),
    ("ten percent, thank you", ["ten", "percent"]), ("to", ["to"]), ("please", ["please"]),
    ("2700K", ["2700", "k"]), ("1,5", ["1,5"]), ("", []), ("...", []),
    # ranges and money say no one value
    ("3-5", []), ("3 - 5", []), ("3/5", []), ("4,5,6", []), ("5;5", []), ("$40", []),
    ("a" * (LONGEST + 1), []),
])
def test_a_value_is_heard_without_what_stands_around_it(text: str, words: list[str]) -> None:
    assert heard(text) == words


@pytest.mark.parametrize(("said", "value"), [
    ("ten", 10), ("one", 1), ("zero", 0), ("nought", 0), ("twenty one", 21), ("twenty 1", 21),
    ("a hundred", 100), ("hundred", 100), ("a hundred and five", 105), ("one hundred", 100),
    ("twenty seven hundred", 2700), ("two thousand seven hundred", 2700), ("2.5", 2.5),
    ("1,5", 1.5), ("21\u00bd", 21.5), ("twenty one and a half", 21.5), ("21 and a half", 21.5),
    ("one point five", 1.5), ("point five", 0.5), ("nought point two", 0.2), ("-2", -2),
    ("minus two", -2), ("negative two", -2), ("five below zero", -5), ("half a dozen", 6),
    ("three and three quarters", 3.75), ("one twenty", 120), ("10 000", 10000),
])
def test_words_that_are_one_number(said: str, value: float) -> None:
    assert number(said.split()) == value


@pytest.mark.parametrize("said", [
    "", "a", "and", "half", "ten percent", "ten to twelve", "ten twelve", "fifty fifty", "lamp",
    "ten lamps", "twenty first", "third", "the fifth", "5 th", "ten dollars", "fifty cents", "oh",
    "to", "for", "couple", "68 72", "five or six", "minus", "minus minus two", "and five",
])
def test_words_that_are_not_one_number(said: str) -> None:
    assert number(said.split()) is None


@pytest.mark.parametrize(("said", "value"), [
    ("half", 1 / 2), ("a half", 1 / 2), ("one half", 1 / 2), ("third", 1 / 3), ("a third", 1 / 3),
    ("two thirds", 2 / 3), ("quarter", 1 / 4), ("three quarters", 3 / 4), ("three fourths", 3 / 4),
    ("a fourth", 1 / 4), ("a fifth", 1 / 5), ("four fifths", 4 / 5), ("an eighth", 1 / 8),
    ("3 quarters", 3 / 4), ("one tenth", 1 / 10),
    ("fourth", None), ("fifth", None), ("thirds", None), ("three halves", None), ("", None),
    ("five quarters", None), ("the half life", None), ("zero thirds", None), ("ten", None),
    ("\u00b2 thirds", None),
])
def test_parts_of_one(said: str, value: float | None) -> None:
    assert fraction(said.split()) == value


@pytest.mark.parametrize(("said", "value"), [
    ("a", 1), ("an", 1), ("another", 1), ("one", 1), ("ten", 10), ("another ten", 10),
    ("half an", 0.5), ("half", 0.5), ("half of an", 0.5), ("a quarter of an", 0.25),
    ("three quarters of an", 0.75), ("a couple of", 2), ("a couple", 2), ("couple of", 2),
    ("one and a half", 1.5), ("half a dozen", 6), ("a few", None), ("", None), ("of", None),
    ("several", None), ("a couple ten", None),
])
def test_how_many_of_what_comes_next(said: str, value: float | None) -> None:
    assert quantity(said.split()) == value


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    words = heard(text)
    assert len(words) <= len(text) * 2
    for read in (number, fraction, quantity):
        value = read(words)
        assert value is None or abs(value) < float("inf")
