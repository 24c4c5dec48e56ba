"""Regular expressions against what they say, by brute force."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import Number, Text
from iotcall.formats import pattern
from iotcall.formats.json_text import whole
from tests.workshop import steadily


def accepts(regex: str, text: str) -> bool:
    return re.fullmatch(regex, text) is not None


# ------------------------------------------------------------------ integers

@given(st.integers(-1200, 1200), st.integers(0, 1500))
@steadily
def test_a_range_matches_its_integers_and_no_others(low: int, span: int) -> None:
    regex = re.compile(pattern.integer(low, low + span))
    found = [n for n in range(low - 120, low + span + 120) if regex.fullmatch(str(n))]
    assert found == list(range(low, low + span + 1))


@given(st.integers(-10**9, 10**9), st.integers(0, 10**9), st.data())
@steadily
def test_a_wide_range_is_right_at_its_edges_and_at_powers_of_ten(
    low: int, span: int, data: st.DataObject
) -> None:
    high = low + span
    regex = pattern.integer(low, high)
    powers = {sign * 10**power + step
              for power in range(11) for sign in (1, -1) for step in (-1, 0, 1)}
    inside = data.draw(st.integers(low, high))
    for n in powers | {0, low - 1, low, low + 1, high - 1, high, high + 1, inside}:
        assert accepts(regex, str(n)) == (low <= n <= high), n


@pytest.mark.parametrize("text", ["060", "+60", "60.0", "6e1", " 60", "60 ", "-60", "", "-", "-0"])
def test_an_integer_has_one_way_of_writing(text: str) -> None:
    assert not accepts(pattern.integer(0, 100), text)
    assert not accepts(pattern.integer(-5, 100), text)


def test_integers_are_of_ascii_digits() -> None:
    arabic_sixty = "\u0666\u0660"
    assert int(arabic_sixty) == 60
    assert not accepts(pattern.integer(0, 100), arabic_sixty)


# ------------------------------------------------------------------ decimals

@given(st.integers(-10**6, 10**6), st.integers(0, 4))
@steadily
def test_a_decimal_is_matched_as_json_writes_it(shifted: int, places: int) -> None:
    value = shifted / 10**places
    fits = round(value, 2) == value and abs(value) < 10**3
    assert accepts(pattern.number(Number(2, 3)), json.dumps(whole(value))) == fits


@pytest.mark.parametrize("text", ["1.0", "1.50", "-0", "-0.0", "01", ".5", "1.", "1e2", "+1", ""])
def test_a_decimal_has_one_way_of_writing(text: str) -> None:
    assert not accepts(pattern.number(Number(2, 3)), text)


def test_decimals_without_digits_are_integers() -> None:
    assert [n for n in ("-12", "-0", "0", "7", "7.5", "123")
            if accepts(pattern.number(Number(0, 2)), n)] == ["-12", "0", "7"]


# ------------------------------------------------------------------ fields and items

@given(st.lists(st.booleans(), max_size=5))
@steadily
def test_fields_keep_their_order_and_may_be_left_out_where_optional(
    required: list[bool]
) -> None:
    names = "abcde"[:len(required)]
    regex = pattern.fields(list(zip(names, required, strict=True)), ",")
    needed = {name for name, need in zip(names, required, strict=True) if need}
    for size in range(len(names) + 1):
        for written in itertools.permutations(names, size):
            valid = list(written) == sorted(written) and needed <= set(written)
            assert accepts(regex, ",".join(written)) == valid


@pytest.mark.parametrize("text", [",", "a,", ",b", "a,,b", "ab", "a,a", "a;b"])
def test_separators_stand_between_written_fields_only(text: str) -> None:
    assert not accepts(pattern.fields([("a", False), ("b", False)], ","), text)


@given(st.integers(0, 4), st.integers(0, 4))
@steadily
def test_items_are_repeated_from_low_to_high_times(low: int, more: int) -> None:
    regex = pattern.repeated("x", low, low + more, ", ")
    found = [count for count in range(11) if accepts(regex, ", ".join("x" * count))]
    assert found == list(range(low, low + more + 1))


# ------------------------------------------------------------------ text and literals

@given(st.integers(0, 3), st.integers(0, 3), st.text("a\u00e9\U0001f600", max_size=8))
@steadily
def test_text_is_counted_in_characters(low: int, more: int, text: str) -> None:
    regex = pattern.text(Text(low, low + more), "")
    assert accepts(regex, text) == (low <= len(text) <= low + more)


@pytest.mark.parametrize("char", ["\0", "\n", "\x1f", "\x7f", "\x85", "\ue000", "\uf8ff",
                                  chr(pattern.MARKER_BASE), "\U000c0000", "\U0010ffff", "'", "\\"])
def test_text_holds_no_controls_no_private_use_and_nothing_forbidden(char: str) -> None:
    assert not accepts(pattern.text(Text(1, 1), r"'\\"), char)


@given(st.text(max_size=6), st.text(max_size=6))
@steadily
def test_a_literal_matches_itself_only(text: str, other: str) -> None:
    assert accepts(pattern.literal(text), text)
    assert accepts(pattern.literal(text), other) == (text == other)


def test_every_sign_of_the_dialect_is_literal() -> None:
    signs = r"\.+*?()|[]{}^$#&~-/,:;<>=!@%_ '" + '"'
    assert accepts(pattern.literal(signs), signs)
    assert not any(accepts(pattern.literal(sign), other) for sign in signs for other in signs
                   if sign != other)


def test_alternatives_are_grouped() -> None:
    assert accepts("x" + pattern.one_of(["a", "b"]) + "y", "xby")
    assert not accepts("x" + pattern.one_of(["a", "b"]) + "y", "xa")
    assert pattern.one_of(["a"]) == "a"


def test_a_marker_is_its_private_use_character() -> None:
    assert pattern.marker(("<a>", "<b>"), "<b>") == "\U000f0001"
