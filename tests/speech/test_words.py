from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.speech import words


@pytest.mark.parametrize(("text", "expected"), [
    ("pay Verizon 50", ["pay", "Verizon", "50"]),
    ("Mum's to-do list, please!", ["Mum's", "to-do", "list", "please"]),
    ("rock'n'roll \u2018now\u2019", ["rock'n'roll", "now"]),
    ("- well - (maybe)", ["well", "maybe"]),
    ("the file_name of report.txt", ["the", "file_name", "of", "report", "txt"]),
    ("cafe\u0301 gar\u00e7on", ["cafe\u0301", "gar\u00e7on"]), ("$3.50", ["3", "50"]),
    ("to 25%, or 12.5 % of it", ["to", "25%", "or", "12", "5", "of", "it"]),
    ("", []), (" ... ", []), ("_x_", ["x"]),
])
def test_a_word_is_what_a_person_would_copy(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in words(text)] == expected


@given(st.text())
def test_words_are_in_order_apart_and_inside_the_text(text: str) -> None:
    found = words(text)
    ends = [0, *(end for _, end in found)]
    assert all(before <= start < end <= len(text)
               for before, (start, end) in zip(ends, found, strict=False))


def test_the_full_stops_of_an_hour_are_part_of_it() -> None:
    text = "at seven p. m. or 8 a.m."
    assert [text[start:end] for start, end in words(text)] == [
        "at", "seven", "p. m.", "or", "8", "a.m."]
