"""Temperatures as they are said, in both units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.speech import Degrees, degrees
from iotcall.speech.degrees import Unit


@pytest.mark.parametrize(("text", "celsius"), [
    ("21", 21), ("twenty one", 21), ("twenty-one", 21), ("21.5", 21.5), ("21,5", 21.5),
    ("21\u00bd", 21.5), ("twenty one and a half", 21.5), ("twenty one point five", 21.5),
    ("21 and a half", 21.5), ("21.5 degrees", 21.5), ("twenty one degrees", 21),
    ("twenty one degrees and a half", 21.5), ("21 celsius", 21), ("21 degrees celsius", 21),
    ("21\u00b0", 21), ("21\u00b0C", 21), ("21 \u00b0C", 21), ("21\u2103", 21), ("21c", 21),
    ("21 c", 21), ("twenty one degrees c", 21), ("21 degrees centigrade", 21), ("21\u00ba", 21),
    ("to 21 please", 21), ("about twenty", 20), ("at 19 degrees", 19), ("18 deg", 18),
    ("zero", 0), ("zero degrees", 0), ("one degree", 1), ("minus two", -2), ("-2", -2),
    ("\u22122", -2), ("-2\u00b0C", -2), ("minus two degrees", -2), ("negative two", -2),
    ("two below zero", -2), ("two degrees below zero", -2), ("two below", -2),
    ("two degrees below freezing", -2), ("two degrees above zero", 2), ("minus eighteen", -18),
    ("two hundred degrees", 200), ("a hundred", 100), ("180 degrees", 180),
    ("seventy two fahrenheit", 22.22), ("72 f", 22.22), ("72f", 22.22), ("72\u00b0F", 22.22),
    ("72 degrees fahrenheit", 22.22), ("32 fahrenheit", 0), ("minus four fahrenheit", -20),
    ("350 degrees fahrenheit", 176.67),
])
def test_a_temperature_where_people_mean_celsius(text: str, celsius: float) -> None:
    found = degrees(text, "celsius")
    assert found is not None
    assert found.celsius == celsius


@pytest.mark.parametrize(("text", "celsius"), [
    ("72", 22.22), ("seventy two", 22.22), ("seventy two degrees", 22.22), ("68", 20),
    ("seventy and a half", 21.39), ("a hundred", 37.78), ("72 f", 22.22), ("21 celsius", 21),
    ("21c", 21), ("32", 0), ("minus forty", -40), ("five below zero", -20.56),
    ("five degrees below freezing", -2.78), ("350", 176.67), ("zero", -17.78),
])
def test_a_temperature_where_people_mean_fahrenheit(text: str, celsius: float) -> None:
    found = degrees(text, "fahrenheit")
    assert found is not None
    assert found.celsius == celsius


@pytest.mark.parametrize(("text", "unit", "expected"), [
    ("72", "celsius", Degrees(72, 72, "celsius", True)),
    ("sixty eight degrees", "celsius", Degrees(68, 68, "celsius", True)),
    ("21", "fahrenheit", Degrees(-6.11, 21, "fahrenheit", True)),
    ("nineteen and a half", "fahrenheit", Degrees(-6.94, 19.5, "fahrenheit", True)),
    # plausible, implausible in both, or said
    ("21", "celsius", Degrees(21, 21, "celsius")),
    ("68", "fahrenheit", Degrees(20, 68, "fahrenheit")),
    ("-18", "celsius", Degrees(-18, -18, "celsius")),
    ("200", "celsius", Degrees(200, 200, "celsius")),
    ("0", "fahrenheit", Degrees(-17.78, 0, "fahrenheit")),
    ("72 celsius", "celsius", Degrees(72, 72, "celsius")),
    ("72 celsius", "fahrenheit", Degrees(72, 72, "celsius")),
    ("21 fahrenheit", "fahrenheit", Degrees(-6.11, 21, "fahrenheit")),
    ("21 fahrenheit", "celsius", Degrees(-6.11, 21, "fahrenheit")),
])
def test_an_implausible_number_is_told_as_said_and_marked(
    text: str, unit: Unit, expected: Degrees
) -> None:
    assert degrees(text, unit) == expected


@pytest.mark.parametrize("text", [
    "", "degrees", "celsius", "warm", "room temperature", "a", "half", "a bit", "half a degree",
    "low twenties", "20-22", "twenty to twenty two", "20 or 21", "21 percent", "21 lamps",
    "21 celsius fahrenheit", "300 kelvin", "five degrees two", "minus two below zero",
    "minus minus two", "the fifth", "twenty first", "$21", "21 dollars", "below zero", "ten hours",
    "1000", "nine hundred", "minus three hundred", "9" * 115, "21" * 80, "freezing",
    "21 degrees please lamp", "of", "and a half", "c", "f", "\u00b0", "\u00b0C",
])
def test_what_is_no_temperature(text: str) -> None:
    assert degrees(text, "celsius") is None


@given(st.integers(-90, 290), st.booleans(), st.booleans(),
       st.sampled_from(["{}", "{} degrees", "{} celsius", "to {} degrees celsius please"]))
def test_every_temperature_comes_back(
    value: int, in_words: bool, has_half: bool, form: str
) -> None:
    said = num2words(abs(value)) if in_words else str(abs(value))
    said = f"{said} and a half" if has_half else said
    said = f"minus {said}" if value < 0 else said
    found = degrees(form.format(said), "celsius")
    expected = (abs(value) + has_half / 2) * (-1 if value < 0 else 1)
    assert found is not None, form.format(said)
    assert (found.celsius, found.said) == (expected, expected)


@given(st.integers(41, 95))
def test_a_plausible_room_is_never_doubtful(value: int) -> None:
    found = degrees(str(value), "fahrenheit")
    assert found is not None
    assert not found.is_doubtful
    marked = degrees(str(value), "celsius")
    assert marked is not None
    assert (marked.celsius, marked.is_doubtful) == (value, True)


WORDS = st.sampled_from(["minus", "twenty", "21", "-5", "degrees", "c", "f", "below", "zero", "and",
                         "a", "half", "celsius", "fahrenheit", "point", "five", "\u00b0",
    "freezing"])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join)),
       st.sampled_from(["celsius", "fahrenheit"]))
def test_no_text_is_too_strange_and_no_temperature_out_of_bounds(text: str, unit: Unit) -> None:
    found = degrees(text, unit)
    assert found is None or -100 <= found.celsius <= 300
