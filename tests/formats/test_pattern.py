"""Regular expressions against what they say, by brute force."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import Number
from iotcall.catalogue.presence import Has, Presence, all_of, any_of, count_of, holds, negation
from iotcall.errors import InputError
from iotcall.formats import pattern
from iotcall.formats.json_text import number_text
from iotcall.formats.writing import DELIMITED, JSON, QUOTED, Writing
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

CENTS = Number(Decimal("-999.99"), Decimal("999.99"), Decimal("0.01"))
EIGHTHS = Number(Decimal("-0.375"), Decimal("1.5"), Decimal("0.125"))


@given(st.integers(-10**6, 10**6), st.integers(0, 4))
@steadily
def test_a_decimal_is_matched_as_json_writes_it(shifted: int, places: int) -> None:
    value = Decimal(shifted) / 10**places
    fits = round(value, 2) == value and abs(value) < 10**3
    assert accepts(pattern.number(CENTS), number_text(value)) == fits


@given(st.integers(-3000, 3000))
@steadily
def test_few_decimals_are_listed(thousandths: int) -> None:
    value = Decimal(thousandths) / 1000
    fits = value % EIGHTHS.step == 0 and EIGHTHS.minimum <= value <= EIGHTHS.maximum
    assert accepts(pattern.number(EIGHTHS), number_text(value)) == fits


@pytest.mark.parametrize("text", ["1.0", "1.50", "-0", "-0.0", "01", ".5", "1.", "1e2", "+1", ""])
def test_a_decimal_has_one_way_of_writing(text: str) -> None:
    assert not accepts(pattern.number(CENTS), text)
    assert not accepts(pattern.number(EIGHTHS), text)


def test_bounds_that_have_no_short_expression_are_refused() -> None:
    with pytest.raises(InputError, match="no short expression"):
        pattern.number(Number(Decimal(0), Decimal(12345), Decimal("0.01")))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6,
                   min_value=-10**8, max_value=10**8))
@steadily
def test_a_number_is_written_in_full_and_read_back(value: Decimal) -> None:
    text = number_text(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert number_text(float(value)) == text


# ------------------------------------------------------------------ fields and items

def written_fields(names: str, required: list[bool]) -> list[pattern.FieldPattern]:
    return [pattern.FieldPattern(name, name, need)
            for name, need in zip(names, required, strict=True)]


RULES = st.recursive(
    st.sampled_from([Has(name) for name in "abcd"]),
    lambda inner: st.one_of(inner.map(negation),
                            st.lists(inner, min_size=1, max_size=3).map(all_of),
                            st.lists(inner, min_size=1, max_size=3).map(any_of),
                            st.builds(count_of, st.just("abcd"), st.integers(0, 2),
                                      st.integers(2, 4))), max_leaves=5)


@given(RULES)
@steadily
def test_fields_stand_together_as_the_rule_says(rule: Presence) -> None:
    """Every subset, against the rule itself."""
    subsets = [names for size in range(5) for names in itertools.combinations("abcd", size)]
    wanted = [names for names in subsets if holds(rule, names)]
    try:
        regex = pattern.fields(written_fields("abcd", 4 * [False]), ",", rule)
    except InputError:
        assert wanted == []
    else:
        assert [names for names in subsets if accepts(regex, ",".join(names))] == wanted


@given(st.lists(st.booleans(), max_size=5))
@steadily
def test_fields_keep_their_order_and_may_be_left_out_where_optional(
    required: list[bool]
) -> None:
    names = "abcde"[:len(required)]
    regex = pattern.fields(written_fields(names, required), ",")
    needed = {name for name, need in zip(names, required, strict=True) if need}
    for size in range(len(names) + 1):
        for written in itertools.permutations(names, size):
            valid = list(written) == sorted(written) and needed <= set(written)
            assert accepts(regex, ",".join(written)) == valid


@pytest.mark.parametrize("text", [",", "a,", ",b", "a,,b", "ab", "a,a", "a;b"])
def test_separators_stand_between_written_fields_only(text: str) -> None:
    assert not accepts(pattern.fields(written_fields("ab", [False, False]), ","), text)


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
    regex = f"{QUOTED.character}{{{low},{low + more}}}"
    assert accepts(regex, text) == (low <= len(text) <= low + more)


@pytest.mark.parametrize("writing", [JSON, QUOTED, DELIMITED], ids=lambda each: each.name)
@pytest.mark.parametrize("char", ["\0", "\n", "\x1f", "\x7f", "\x85", "\ue000", "\uf8ff",
                                  chr(pattern.MARKER_BASE), "\U000c0000", "\U0010ffff"])
def test_text_holds_no_controls_and_no_private_use(writing: Writing, char: str) -> None:
    assert not accepts(writing.character, char)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5))
@steadily
def test_what_a_writing_writes_it_has_an_expression_for(text: str) -> None:
    for writing in (JSON, QUOTED, DELIMITED):
        written = writing.write(text)
        assert (written is None) == (not writing.escaped and bool(set(text) & set(
            writing.forbidden)))
        assert written is None or accepts(f"{writing.character}{{{len(text)}}}", written)


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
