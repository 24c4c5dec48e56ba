from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iotcall.devices.colors import ColorForm, alike, decoded, encoded
from tests.devices.discovery.announcing import MADE_UP

FORMS: tuple[ColorForm, ...] = get_args(ColorForm)


@given(st.sampled_from(FORMS), st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_a_colour_that_is_written_is_read_as_the_same_at_full_brightness(
    form: ColorForm, color: str
) -> None:
    parts = [int(color[at:at + 2], 16) for at in (1, 3, 5)]
    assume(max(parts) >= 64)  # in eight bits a dark one has hardly a hue
    found = decoded(encoded(color, form), form)
    assert found is not None
    assert alike(found, color)


@pytest.mark.parametrize(("color", "form", "written"), [
    # as Home Assistant reckons, which rounds x and y to three digits
    ("#ff0000", "xy_object", {"x": 0.701, "y": 0.299}),
    ("#00ff00", "xy_object", {"x": 0.172, "y": 0.747}),
    ("#0000ff", "xy_object", {"x": 0.136, "y": 0.04}),
    ("#ffffff", "xy_object", {"x": 0.323, "y": 0.329}),
    ("#ffffff", "rgbw_object", {"r": 0, "g": 0, "b": 0, "w": 255}),
    ("#ff7f00", "rgbw_object", {"r": 255, "g": 127, "b": 0, "w": 0}),
    ("#ff7f7f", "rgbw_object", {"r": 255, "g": 0, "b": 0, "w": 253}),
    ("#7f7f7f", "rgbw_object", {"r": 0, "g": 0, "b": 0, "w": 127}),
    ("#000000", "rgbw_object", {"r": 0, "g": 0, "b": 0, "w": 0}),
    ("#ffffff", "rgbww_object", {"r": 0, "g": 0, "b": 0, "c": 255, "w": 255}),
])
def test_whites_and_chromaticities_are_those_of_home_assistant(
    color: str, form: ColorForm, written: dict[str, float]
) -> None:
    assert encoded(color, form) == pytest.approx(written, abs=6e-4)


@pytest.mark.parametrize(("said", "form", "color"), [
    ({"r": 255, "g": 0, "b": 0, "w": 253}, "rgbw_object", "#ff7f7f"),
    ({"r": 255, "g": 0, "b": 0, "c": 0, "w": 255}, "rgbww_object", "#ff8080"),
    ({"r": 999, "g": 0, "b": 0, "w": -5}, "rgbw_object", "#ff0000"),
    ({"r": 255, "g": 0, "b": 0, "w": None}, "rgbw_object", "#ff0000"),
    ("255,0,0,255,0", "rgbww_text", "#ff8080"),
    ("255,0,0,255,128", "rgbw_text", "#ff8080"),
    ("255,0,0", "rgbw_text", "#ff0000"),
    ("0.1355,0.0399", "xy_text", "#0000ff"),
    ("0.1355", "xy_text", None), ("", "xy_text", None), ("1,2", "rgbw_text", None),
    ({"x": 0.1355, "y": 0.0399, "hue": 0, "saturation": 100}, "rgb_object", "#0000ff"),
    ({"x": 0.1355, "y": 0.0399, "hue": 0, "saturation": 100}, "hue_saturation", "#ff0000"),
])
def test_what_a_lamp_says_is_one_colour(said: Any, form: ColorForm, color: str | None) -> None:
    assert decoded(said, form) == color


@given(st.sampled_from(FORMS), MADE_UP | st.dictionaries(
    st.sampled_from(["r", "g", "b", "c", "w", "x", "y", "h", "s", "hue", "saturation"]),
    st.none() | st.integers() | st.floats() | st.just(10**400)))
def test_nothing_that_is_said_makes_it_raise(form: ColorForm, said: Any) -> None:
    found = decoded(said, form)
    assert found is None or (len(found) == 7 and found.startswith("#"))
