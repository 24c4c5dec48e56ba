"""How much more or less, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.speech import Amount, amount
from iotcall.speech.amounts import AmountUnit


@pytest.mark.parametrize(("text", "number", "unit"), [
    ("10 percent", 10, "percent"), ("ten percent", 10, "percent"), ("10%", 10, "percent"),
    ("by 10 percent", 10, "percent"), ("ten per cent", 10, "percent"), ("1%", 1, "percent"),
    ("a couple of percent", 2, "percent"), ("five percentage points", 5, "percent"),
    ("half a percent", 0.5, "percent"), ("ten percent more", 10, "percent"),
    ("another ten percent", 10, "percent"), ("ten percent brighter", 10, "percent"),
    ("up ten percent", 10, "percent"), ("up by 10%", 10, "percent"),
    ("two degrees", 2, "degrees"), ("2 degrees", 2, "degrees"), ("2\u00b0", 2, "degrees"),
    ("too degrees", 2, "degrees"), ("ate percent", 8, "percent"),
    ("a degree", 1, "degrees"), ("one degree", 1, "degrees"), ("degree", 1, "degrees"),
    ("half a degree", 0.5, "degrees"), ("one and a half degrees", 1.5, "degrees"),
    ("a degree and a half", 1.5, "degrees"), ("two degrees and a half", 2.5, "degrees"),
    ("a couple of degrees", 2, "degrees"), ("a couple degrees", 2, "degrees"),
    ("a few degrees", 3, "degrees"), ("couple of degrees", 2, "degrees"),
    ("two degrees warmer", 2, "degrees"), ("two more degrees", 2, "degrees"),
    ("by two degrees please", 2, "degrees"), ("0.5 degrees", 0.5, "degrees"),
    ("two degrees celsius", 2, "celsius"), ("2\u00b0C", 2, "celsius"), ("2 celsius", 2, "celsius"),
    ("five degrees fahrenheit", 5, "fahrenheit"), ("5 f", 5, "fahrenheit"),
    ("500 kelvin", 500, "kelvin"), ("five hundred kelvin", 500, "kelvin"),
    ("two steps", 2, "steps"), ("two notches", 2, "steps"), ("a couple of notches", 2, "steps"),
    ("three clicks", 3, "steps"), ("up two levels", 2, "steps"), ("two speeds", 2, "steps"),
    ("a few steps", 3, "steps"), ("five points", 5, "steps"), ("three stages", 3, "steps"),
    ("ten", 10, ""), ("10", 10, ""), ("by ten", 10, ""), ("two", 2, ""), ("one", 1, ""),
    ("up two", 2, ""), ("five more", 5, ""), ("2.5", 2.5, ""), ("two and a half", 2.5, ""),
    # parts of what there is now
    ("half", 0.5, "part"), ("by half", 0.5, "part"), ("a half", 0.5, "part"),
    ("by a third", 1 / 3, "part"), ("a quarter", 0.25, "part"), ("two thirds", 2 / 3, "part"),
    ("half again", 0.5, "part"), ("in half", 0.5, "part"),
    # so many times what there is now
    ("double", 2, "times"), ("twice", 2, "times"), ("twice as", 2, "times"),
    ("twice as bright", 2, "times"), ("twice as much", 2, "times"), ("double the volume", 2,
     "times"), ("double it", 2, "times"), ("twice the brightness", 2, "times"),
    ("triple", 3, "times"), ("treble", 3, "times"), ("three times as loud", 3, "times"),
    ("three times", 3, "times"), ("two times the volume", 2, "times"),
    ("half as bright", 0.5, "times"), ("half as", 0.5, "times"), ("half as much", 0.5, "times"),
    ("halve it", 0.5, "times"),
    ("a third as loud", 1 / 3, "times"), ("one and a half times", 1.5, "times"),
])
def test_a_number_of_something(text: str, number: float, unit: AmountUnit) -> None:
    assert amount(text) == Amount(number, unit)


@pytest.mark.parametrize("text", ["a notch", "one notch", "notch", "up a notch", "a step",
                                  "a level",
                                  "a click", "a notch brighter", "one step"])
def test_one_step_is_a_little_where_there_are_no_steps(text: str) -> None:
    assert amount(text) == Amount(1, "steps", "little")


@pytest.mark.parametrize(("size", "texts"), [
    ("little", "a bit, bit, a little, little, a little bit, little bit, a tiny bit, a wee bit, "
               "slightly, very slightly, ever so slightly, a touch, touch, a tad, a smidge, "
               "a smidgen, a hair, a shade, a fraction, a small amount, a bit more, "
               "a little bit more, "
               "slightly brighter, a touch warmer, a tad too, up a bit, down a little, just a bit, "
               "by a bit, a little bit less, a bit louder please, not much, marginally"),
    ("some", "some, somewhat, some more, moderately, somewhat brighter, noticeably"),
    ("much", "much, a lot, lot, lots, a whole lot, way, far, loads, a great deal, a good bit, "
             "a fair bit, quite a bit, quite a lot, much brighter, way too, way down, a lot more, "
             "a lot less, considerably, significantly, by a lot, very much, tons, massively, "
             "drastically, much more, way up, far too, really"),
])
def test_a_size_by_a_word(size: str, texts: str) -> None:
    for text in texts.split(", "):
        found = amount(text)
        assert found is not None, text
        assert (found.size, found.number) == (size, None), text


@pytest.mark.parametrize("text", [
    "", "a", "the", "more", "less", "up", "down", "brighter", "percent", "degrees", "steps",
    "lamp", "red", "low", "zero", "0 percent", "minus two degrees", "-5", "by", "by nothing",
    "two or three degrees", "2-3 degrees", "ten minutes", "$5", "five dollars", "second",
    "two lamps", "a few", "a few lamps", "ten percent ten", "two degrees two", "times",
    "lots of times", "double decker", "twice upon", "a bit a bit", "20000", "little lamp",
    "nine million percent", "9" * 110, "a bit " * 30, "as bright", "degree degree", "and a half",
])
def test_what_is_no_amount(text: str) -> None:
    assert amount(text) is None


@given(st.integers(1, 100), st.sampled_from([
    ("{} percent", "percent"), ("{}%", "percent"), ("by {} percent", "percent"),
    ("{} degrees", "degrees"), ("{} degrees celsius", "celsius"), ("another {} notches", "steps"),
    ("{} kelvin", "kelvin"), ("{} more", ""), ("{}", ""), ("up by {} please", "")]), st.booleans())
def test_every_number_comes_back_with_its_unit(
    value: int, form: tuple[str, str], in_words: bool
) -> None:
    found = amount(form[0].format(num2words(value) if in_words else value))
    assert found is not None
    assert (found.number, found.unit) == (value, form[1])


WORDS = st.sampled_from(["a", "bit", "little", "two", "half", "degrees", "percent", "and", "as",
                         "times", "twice", "by", "up", "more", "much", "notch", "couple", "of",
                         "few", "minus", "-5", "0", "the", "third", "celsius", "9999999"])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join)))
def test_no_text_is_too_strange_and_no_amount_out_of_bounds(text: str) -> None:
    found = amount(text)
    if found is not None:
        assert found.number is not None or found.size
        assert found.number is None or 0 < found.number <= 10_000
