"""How long things are said to take, case by case, and whatever a generator says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.speech import duration

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(("text", "seconds"), [
    # a number and a unit
    ("too minutes", 120), ("ate hours", 8 * HOUR),  # as a recogniser writes them
    ("ten minutes", 600), ("10 minutes", 600), ("10 mins", 600), ("10min", 600), ("10m", 600),
    ("90 seconds", 90), ("ninety seconds", 90), ("90s", 90), ("five secs", 5), ("one second", 1),
    ("two hours", 2 * HOUR), ("2h", 2 * HOUR), ("2 hrs", 2 * HOUR), ("three days", 3 * DAY),
    ("a week", 7 * DAY), ("a minute", 60), ("an hour", HOUR), ("one hour", HOUR), ("a second", 1),
    ("a day", DAY), ("a hundred minutes", 6000), ("a hundred and twenty minutes", 2 * HOUR),
    ("twenty second", 20), ("a five minute", 300), ("Forty-Five Minutes.", 2700),
    ("hour", HOUR), ("minute", 60), ("half a dozen minutes", 360),
    # parts
    ("half an hour", 1800), ("half hour", 1800), ("a half hour", 1800), ("a half an hour", 1800),
    ("half of an hour", 1800), ("half a minute", 30), ("half a day", DAY / 2),
    ("a quarter of an hour", 900), ("quarter of an hour", 900), ("a quarter hour", 900),
    ("three quarters of an hour", 2700), ("three-quarters of an hour", 2700),
    ("a third of an hour", 1200), ("two thirds of an hour", 2400), ("\u00bd hour", 1800),
    ("1/2 hour", 1800), ("1 1/2 hours", 5400), ("1.5 hours", 5400), ("1,5 hours", 5400),
    ("0.5 hours", 1800), ("one point five hours", 5400), ("two and a half minutes", 150),
    ("one and a half hours", 5400), ("2\u00bd minutes", 150), ("two and two thirds hours", 9600),
    ("three and three quarter hours", 13500), ("two and a quarter hours", 8100),
    # and some
    ("an hour and a half", 5400), ("hour and a half", 5400), ("one hour and a half", 5400),
    ("a minute and a half", 90), ("two minutes and a half", 150), ("an hour and a quarter", 4500),
    ("an hour and three quarters", 6300), ("a day and a half", 1.5 * DAY),
    # several units
    ("one hour and twenty minutes", 4800), ("one hour twenty minutes", 4800),
    ("1 hour, 20 minutes", 4800), ("1h20m", 4800), ("1h 20m", 4800), ("1h 20 min", 4800),
    ("one hour, twenty minutes and five seconds", 4805), ("a day and an hour", DAY + HOUR),
    ("five minutes thirty seconds", 330), ("an hour and a quarter of an hour", 4500),
    # the smaller unit left out
    ("1h 20", 4800), ("1h20", 4800), ("one hour twenty", 4800), ("an hour twenty", 4800),
    ("an hour and twenty", 4800), ("a minute thirty", 90), ("one minute thirty", 90),
    ("two hours fifteen", 8100), ("one day twelve", 36 * HOUR),
    # colons
    ("3:30 minutes", 210), ("3:30 min", 210), ("1:20 hours", 4800), ("1:20:00", 4800),
    ("0:00:45", 45), ("for 1:20:30 hours please", 4830),
    # about
    ("a couple of minutes", 120), ("a couple minutes", 120), ("couple of hours", 2 * HOUR),
    # around
    ("for ten minutes", 600), ("in ten minutes", 600), ("in ten minutes' time", 600),
    ("in an hour's time", HOUR), ("ten more minutes", 600), ("another ten minutes", 600),
    ("another minute", 60), ("an extra five minutes", 300), ("about ten minutes", 600),
    ("ten minutes please", 600), ("ten minutes or so", 600), ("a full hour", HOUR),
    ("ten minutes longer", 600), ("um, ten, uh, minutes", 600),
])
def test_a_duration_in_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", [
    "", "minutes", "seconds", "second", "ten", "forty five", "3:30", "half", "a", "and", "of",
    "ten lamps", "seven o'clock", "half past ten", "ten to twelve", "tomorrow", "noon", "forever",
    "a few minutes", "some minutes", "five or six minutes", "5-10 minutes", "five to ten minutes",
    "ten minutes ten minutes", "an hour ninety", "an hour sixty", "a week two", "hour minute",
    "an hour and", "an hour and a half and", "and ten minutes", "minus ten minutes", "zero minutes",
    "0 seconds", "half a second", "eight days", "two weeks", "a fortnight", "a month",
    "169 hours", "3:75 minutes", "3:30 seconds", "1:2:3", "1:20 1:30", "at 3:30 today",
    "twenty dollars", "$20 minutes", "ten minutes " * 20, "9" * 110 + " hours",
])
def test_what_is_no_duration(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize(("text", "seconds"), [
    ("forty five", 2700), ("45", 2700), ("ten", 600), ("one", 60), ("2.5", 150), ("3:30", 210),
    ("five and a half", 330), ("for ten please", 600), ("an hour", HOUR), ("90 seconds", 90),
    ("1h 20", 4800), ("zero", None), ("20000", None), ("half", None), ("lamp", None),
])
def test_a_bare_number_is_minutes_where_the_caller_says_so(
    text: str, seconds: float | None
) -> None:
    assert duration(text, bare_minutes=True) == seconds


@given(st.integers(0, 6), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59),
       st.booleans(), st.sampled_from([" ", " and ", ", "]))
@example(0, 1, 20, 0, True, " and ")
def test_every_duration_that_is_said_comes_back(
    days: int, hours: int, minutes: int, seconds: int, in_words: bool, between: str
) -> None:
    parts = [f"{num2words(count) if in_words else count} {unit}{'' if count == 1 else 's'}"
             for count, unit in ((days, "day"), (hours, "hour"), (minutes, "minute"),
                                 (seconds, "second")) if count]
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert duration(between.join(parts)) == (expected or None)


@given(st.integers(1, 23), st.integers(1, 59))
def test_hours_and_minutes_come_back_however_they_are_said(hours: int, minutes: int) -> None:
    said, rest = num2words(hours), num2words(minutes)
    unit = "hour" if hours == 1 else "hours"
    for text in (f"{hours}h{minutes}", f"{hours}h {minutes}m", f"{said} {unit} {rest}",
                 f"{said} {unit} and {rest}", f"{hours}:{minutes:02} hours"):
        assert duration(text) == hours * HOUR + minutes * MINUTE, text


@given(st.integers(1, 10_000), st.booleans())
def test_bare_minutes_come_back(minutes: int, in_words: bool) -> None:
    assert duration(num2words(minutes) if in_words else str(minutes),
                    bare_minutes=True) == minutes * 60


WORDS = st.sampled_from(["a", "an", "half", "quarter", "and", "of", "ten", "10", "3:30", "minute",
                         "minutes", "hours", "h", "second", "seconds", "couple", "point", "minus",
                         "twenty", "1.5", "\u00bd", ",", "more", "of", "-5", "the", "k", "$"])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join)), st.booleans())
def test_no_text_is_too_strange_and_no_duration_out_of_bounds(text: str, is_bare: bool) -> None:
    seconds = duration(text, bare_minutes=is_bare)
    assert seconds is None or 1 <= seconds <= 7 * DAY
