"""Percents, parts and levels, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.speech import Share, share
from iotcall.speech.shares import PERCENT_OF


@pytest.mark.parametrize(("text", "percent"), [
    ("40 percent", 40), ("40%", 40), ("40 %", 40), ("forty percent", 40), ("forty per cent", 40),
    ("40 pct", 40), ("one percent", 1), ("a percent", 1), ("half a percent", 0.5),
    ("zero percent", 0), ("0%", 0), ("a hundred percent", 100), ("hundred percent", 100),
    ("one hundred percent", 100), ("12.5 percent", 12.5), ("twelve and a half percent", 12.5),
    ("0.5 percent", 0.5), ("to 40 percent please", 40), ("about 40 percent", 40),
    ("40 percent brightness", 40), ("brightness 40 percent", 40), ("forty percent power", 40),
    ("40 percent open", 40), ("40 percent closed", 60), ("40 percent shut", 60),
    ("150 percent", 150), ("40 percent or so", 40),
    # parts
    ("half", 50), ("a half", 50), ("one half", 50), ("the half", 50), ("half way", 50),
    ("halfway", 50), ("half-way", 50), ("halfway up", 50), ("half way down", 50), ("half open", 50),
    ("half closed", 50), ("half speed", 50), ("half volume", 50), ("half of the way up", 50),
    ("at half brightness", 50), ("half power", 50), ("1/2", 50), ("\u00bd", 50),
    ("a third", 33.33), ("third", 33.33), ("one third", 33.33), ("1/3", 33.33),
    ("two thirds", 66.67), ("a third open", 33.33), ("a third closed", 66.67), ("a quarter", 25),
    ("quarter", 25), ("three quarters", 75), ("three-quarters", 75), ("three fourths", 75),
    ("3/4", 75), ("a quarter open", 25), ("a quarter closed", 75), ("a quarter of the way", 25),
    ("three quarters of the way up", 75), ("three quarters down", 25), ("a fifth", 20),
    ("four fifths", 80), ("a tenth", 10), ("0.5", 50), (".5", 50), ("0,25", 25),
    ("point five", 50), ("nought point five", 50),
])
def test_a_share_in_percent(text: str, percent: float) -> None:
    assert share(text) == Share(percent)


@pytest.mark.parametrize(("level", "texts"), [
    ("min", "min, minimum, the minimum, lowest, the lowest, lowest setting, minimum brightness, "
            "dimmest, as low as possible, as low as it goes, as dim as it gets, slowest, quietest, "
            "at the bottom"),
    ("low", "low, Low., lo, low speed, low volume, very low, pretty low, nice and low, dim, quiet, "
            "slow, on low, low setting"),
    ("medium", "medium, mid, middle, in the middle, the middle, medium speed, moderate, med, "
               "medium please"),
    ("high", "high, high speed, really high, loud, fast, bright, on high, high power"),
    ("max", "max, maximum, the max, full, full power, full speed, full volume, full brightness, "
            "full blast, full whack, flat out, full on, fully, fully open, completely open, "
            "all the way, all the way up, all the way open, wide open, highest, the highest, "
            "top, top speed, brightest, as bright as possible, as high as it goes, as loud as it "
            "gets, the maximum, to the max, max volume, at full"),
])
def test_a_level_with_its_default(level: str, texts: str) -> None:
    for text in texts.split(", "):
        found = share(text)
        assert found is not None, text
        assert (found.level, found.number) == (level, None), text
        assert found.percent == PERCENT_OF[found.level], text


def test_levels_are_quarters_by_default_and_the_least_is_still_on() -> None:
    assert PERCENT_OF == {"min": 1, "low": 25, "medium": 50, "high": 75, "max": 100}


@pytest.mark.parametrize(("text", "percent"), [
    ("all the way down", 0), ("all the way closed", 0), ("fully closed", 0), ("completely shut", 0),
])
def test_what_is_closed_all_the_way_is_at_nothing(text: str, percent: float) -> None:
    assert share(text) == Share(percent, "min")


@pytest.mark.parametrize(("text", "value"), [
    ("two", 2), ("2", 2), ("forty", 40), ("40", 40), ("zero", 0), ("0", 0), ("one", 1),
    ("speed two", 2), ("level 3", 3), ("setting one", 1), ("number four", 4), ("volume 11", 11),
    ("second speed", 2), ("third setting", 3), ("the third level", 3), ("1.5", 1.5),
    ("a hundred", 100), ("two fifty", 250), ("to seven please", 7), ("one and a half", 1.5),
])
def test_a_bare_number_is_left_to_the_caller(text: str, value: float) -> None:
    assert share(text) == Share(None, number=value)


@pytest.mark.parametrize(("text", "percent"), [
    ("forty", 40), ("40", 40), ("two", 2), ("one", 1), ("zero", 0), ("hundred", 100), ("0.5", 50),
    ("volume 11", 11), ("40 closed", 60),
])
def test_a_bare_number_is_percent_where_the_caller_says_so(text: str, percent: float) -> None:
    assert share(text, bare_percent=True) == Share(percent)


@pytest.mark.parametrize("text", [
    "", "percent", "%", "lamp", "a", "off", "on", "open", "closed", "up", "down", "speed", "of",
    "minus ten percent", "-5", "-5%", "minus two", "ten to twenty percent", "10-20%",
    "ten or twenty", "fifty fifty", "21 degrees", "forty dollars", "$40", "a bit",
    "five percent ten",
    "half past", "half an hour", "low high", "the fifth", "second", "9" * 130, "2000 percent",
    "as low as the lamp", "red", "150 percent closed", "two closed", "closed closed half",
    "nine million", "at a low", "closed all the way", "40 percent of 50 percent", "very", "the",
])
def test_what_is_no_share(text: str) -> None:
    assert share(text) is None


@given(st.integers(0, 100), st.booleans(),
       st.sampled_from(["{} percent", "{}%", "to {} per cent", "{} percent open"]))
def test_every_percent_comes_back_in_words_and_in_digits(
    value: int, in_words: bool, form: str
) -> None:
    said = num2words(value) if in_words else str(value)
    assert share(form.format(said)) == Share(value)
    assert share(said) == Share(None, number=value)
    assert share(said, bare_percent=True) == Share(value)
    assert share(f"{said} percent closed") == Share(100 - value)


WORDS = st.sampled_from(["half", "a", "third", "of", "the", "way", "percent", "%", "ten", "0.5",
                         "low", "max", "closed", "open", "very", "as", "possible", "speed", "two",
                         "second", "minus", "all", "level", "9999999", "down", "up"])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join)), st.booleans())
def test_no_text_is_too_strange_and_no_share_out_of_bounds(text: str, is_bare: bool) -> None:
    found = share(text, bare_percent=is_bare)
    if found is not None:
        assert (found.percent is None) != (found.number is None)
        assert 0 <= (found.percent or 0) <= 1000
        assert 0 <= (found.number or 0) <= 1e6
