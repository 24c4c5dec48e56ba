"""Names of colours and whites, there and back."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.devices.colors import hue_and_saturation
from iotcall.speech import color, color_name, white, white_name
from iotcall.speech.color_names import ALIASES, BASES, NAMES, PLAIN


@pytest.mark.parametrize(("text", "expected"), [
    ("red", "#ff0000"), ("green", "#00ff00"), ("blue", "#0000ff"), ("yellow", "#ffff00"),
    ("orange", "#ffa500"), ("cyan", "#00ffff"), ("aqua", "#00ffff"), ("magenta", "#ff00ff"),
    ("fuchsia", "#ff00ff"), ("white", "#ffffff"), ("pink", "#ffc0cb"), ("hot pink", "#ff69b4"),
    ("gold", "#ffd700"), ("amber", "#ffbf00"), ("lime", "#bfff00"), ("lime green", "#bfff00"),
    ("coral", "#ff7f50"), ("tomato", "#ff6347"), ("chartreuse", "#7fff00"), ("azure", "#007fff"),
    # scaled to full brightness
    ("crimson", "#ff1746"), ("salmon", "#ff8374"), ("navy", "#0014ff"), ("navy blue", "#0014ff"),
    ("sky blue", "#92e0ff"), ("sky", "#92e0ff"), ("indigo", "#9300ff"), ("teal", "#00ffd5"),
    ("royal blue", "#4a77ff"), ("burgundy", "#ff0040"),
    # as people say them
    ("Red.", "#ff0000"), ("a red", "#ff0000"), ("the red one", None), ("to red please", "#ff0000"),
    ("red colour", "#ff0000"), ("red color", "#ff0000"), ("red light", "#ff0000"),
    ("pure red", "#ff0000"), ("plain blue", "#0000ff"), ("a shade of blue", "#0000ff"),
    ("a nice red", "#ff0000"), ("ruby red", "#ff136c"), ("emerald green", "#66ff99"),
    ("lemon yellow", "#fff700"), ("forest", "#3eff3e"), ("mint green", "#98ff98"),
    ("hot-pink", "#ff69b4"), ("skyblue", "#92e0ff"), ("aubergine", "#c71fff"),
    ("vermillion", "#ff3c2b"), ("terra cotta", "#ff8167"),
    # written
    ("#ff8800", "#ff8800"), ("#FF8800", "#ff8800"), ("#7f0000", "#ff0000"), (" #00f0f0 ",
    "#00ffff"),
])
def test_a_colour_by_name(text: str, expected: str | None) -> None:
    assert color(text) == expected


@pytest.mark.parametrize(("text", "hue", "saturation"), [
    ("light red", 0, 60), ("pale red", 0, 40), ("pastel red", 0, 40), ("soft red", 0, 60),
    ("very pale red", 0, 16), ("dark red", 0, 100), ("deep red", 0, 100), ("bright red", 0, 100),
    ("light green", 120, 60), ("pale green", 120, 40), ("baby pink", 350, 10),
    ("pastel blue", 240, 40), ("pastel green", 120, 40), ("pastel yellow", 60, 40),
    ("light purple", 277, 53), ("pale purple", 277, 35), ("dark green", 120, 100),
    ("dark pink", 350, 77), ("deep purple", 277, 96), ("neon pink", 325, 57),
    ("bright pink", 350, 100), ("neon blue", 240, 100), ("vivid purple", 277, 100),
    ("blue green", 180, 50), ("blue-green", 180, 50), ("green blue", 180, 50),
    ("red orange", 16, 100), ("orange red", 16, 100), ("yellow green", 80, 76),
    ("yellow orange", 50, 98), ("purple blue", 257, 89), ("pink purple", 291, 49),
    ("bluish green", 150, 58), ("greenish blue", 210, 58), ("bluey green", 150, 58),
    ("reddish orange", 27, 97), ("reddish purple", 304, 71), ("pinkish red", 360, 75),
    ("purplish blue", 253, 92), ("yellowish green", 101, 88), ("orangey red", 12, 95),
    ("warm yellow", 54, 98), ("warm red", 6, 98), ("cool blue", 235, 97),
    ("light bluish green", 150, 35), ("bluish", 240, 100), ("light navy", 235, 60),
    ("light turquoise", 174, 43), ("deep turquoise", 174, 91), ("pale lavender", 275, 17),
])
def test_modifiers_are_rules(text: str, hue: int, saturation: int) -> None:
    found = color(text)
    assert found is not None
    measured = hue_and_saturation(found)
    assert abs((measured[0] - hue + 180) % 360 - 180) <= 2, measured
    assert abs(measured[1] - saturation) <= 2, measured


@pytest.mark.parametrize("text", [
    "", "black", "grey", "gray", "lamp", "dark", "light", "warm", "very", "a", "the", "warm lamp",
    "red lamp", "red blue green yellow", "40 percent", "#ff88", "#ff88000", "#gggggg", "#000000",
    "not red", "off", "red or blue", "redgreen", "light light", "red " * 40, "color", "colour",
    "bluish lamp", "twenty seven hundred kelvin",
])
def test_what_is_no_colour(text: str) -> None:
    assert color(text) is None


def test_there_are_some_hundred_and_fifty_names_and_all_are_read_in_full_brightness() -> None:
    assert len(NAMES) >= 150
    for name in NAMES:
        found = color(name)
        assert found is not None, name
        assert re.fullmatch("#[0-9a-f]{6}", found), name
        assert "ff" in (found[1:3], found[3:5], found[5:7]), name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_name_maps_back_to_itself(name: str) -> None:
    found = color(name)
    assert found is not None
    assert color_name(found) == name
    assert color_name(found.upper()) == name


def test_no_two_names_are_one_colour() -> None:
    assert len({color(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(("alias", "name"), sorted(ALIASES.items()))
def test_another_name_is_the_same_colour(alias: str, name: str) -> None:
    assert name in NAMES
    assert alias not in NAMES
    assert color(alias) == color(name)


def test_plain_names_are_names() -> None:
    assert set(NAMES) >= PLAIN >= set(BASES)


@pytest.mark.parametrize(("shown", "name"), [
    ("#ff0000", "red"), ("#800000", "red"), ("#fe0502", "red"), ("#0000ff", "blue"),
    ("#000080", "blue"), ("#0a00f0", "blue"), ("#00ff10", "green"), ("#fffefe", "white"),
    ("#808080", "white"), ("#ffa810", "orange"), ("#ff8a05", "dark orange"), ("#ffd6a0", "peach"),
    ("#a030ff", "purple"), ("#ff40b0", "hot pink"), ("#20fff0", "cyan"), ("#e0ff10", "lime"),
    ("#fff820", "yellow"), ("", ""), ("red", ""), ("#000000", ""), ("#ff00", ""), ("#ff0000x", ""),
])
def test_a_colour_nobody_named_has_the_nearest_plain_name(shown: str, name: str) -> None:
    assert color_name(shown) == name


@given(st.integers(1, 0xffffff))
def test_every_colour_has_a_name_that_is_a_colour(rgb: int) -> None:
    assert color_name(f"#{rgb:06x}") in NAMES


@given(st.sampled_from(sorted(NAMES)),
       st.sampled_from(["light", "pale", "pastel", "very pale", "soft", "dark", "deep", "bright",
                        "neon", "warm", "cool", "bluish", "reddish", "greenish", "very light"]))
def test_every_modifier_fits_every_name(name: str, modifier: str) -> None:
    found = color(f"{modifier} {name}")
    plain = color(name)
    assert found is not None
    assert plain is not None
    if f"{modifier} {name}" not in NAMES and f"{modifier} {name}" not in ALIASES:
        before, after = hue_and_saturation(plain)[1], hue_and_saturation(found)[1]
        if modifier in ("light", "pale", "pastel", "very pale", "soft", "very light"):
            assert after <= before
        if modifier in ("dark", "deep", "bright", "neon"):
            assert after >= before


WORDS = st.sampled_from([*sorted(NAMES)[:20], "light", "very", "bluish", "red", "blue", "green",
                         "warm", "white", "kelvin", "2700", "k", "candle", "of", "shade", "#ff0000",
                         "color", "dark", "the", "a", "cool", "twenty", "hundred"])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=20).map(" ".join)))
def test_no_text_is_too_strange(text: str) -> None:
    found = color(text)
    assert found is None or re.fullmatch("#[0-9a-f]{6}", found)
    kelvin = white(text)
    assert kelvin is None or 1000 <= kelvin <= 10_000
    assert color_name(text) == "" or color_name(text) in NAMES


@pytest.mark.parametrize(("text", "kelvin"), [
    ("white", 4000), ("plain white", 4000), ("pure white", 4000), ("neutral", 4000),
    ("neutral white", 4000), ("natural white", 4000), ("natural", 4000), ("warm", 2700),
    ("warm white", 2700), ("Warm White.", 2700), ("a warm white", 2700), ("warm white light", 2700),
    ("soft white", 2700), ("soft", 2700), ("incandescent", 2700), ("tungsten", 2700),
    ("very warm white", 2200), ("extra warm white", 2200), ("extra warm", 2200), ("cosy", 2200),
    ("cozy", 2200), ("warmest white", 2200), ("halogen", 3000), ("halogen light", 3000),
    ("cool", 5000),
    ("cool white", 5000), ("bright white", 5000), ("fluorescent", 5000), ("cold", 5700),
    ("cold white", 5700), ("daylight", 6500), ("day light", 6500), ("daylight white", 6500),
    ("sunlight", 6500), ("bluish white", 6500), ("ice", 8000), ("ice white", 8000),
    ("icy white", 8000), ("candle light", 1900), ("candlelight", 1900), ("candle", 1900),
    ("2700 kelvin", 2700), ("2700k", 2700), ("2700 K", 2700), ("2700", 2700), ("2.7k", 2700),
    ("4k", 4000), ("twenty seven hundred kelvin", 2700), ("twenty seven hundred", 2700),
    ("two thousand seven hundred kelvin", 2700), ("four thousand", 4000), ("4,000 kelvin", 4000),
    ("sixty five hundred kelvin", 6500), ("three thousand k", 3000),
    ("to 3000 kelvin please", 3000),
    ("a white of 3000 kelvin", 3000), ("white 3000", 3000), ("6500 degrees kelvin", 6500),
    ("colour temperature 3000", 3000),
])
def test_a_white_in_kelvin(text: str, kelvin: int) -> None:
    assert white(text) == kelvin


@pytest.mark.parametrize("text", [
    "", "red", "blue", "yellow", "bright",
    "lamp", "light", "a", "the", "40", "40 percent", "21 degrees", "999 kelvin",
    "10001 kelvin", "minus 2700", "2700-3000", "kelvin", "k", "warm lamp", "warmer", "off",
    "purple white", "2700000 kelvin", "9" * 110, "warm " * 40, "two kelvin", "tone",
])
def test_what_is_no_white(text: str) -> None:
    assert white(text) is None


@pytest.mark.parametrize(("kelvin", "name"), [
    (1000, "candle light"), (1900, "candle light"), (2000, "candle light"),
    (2200, "extra warm white"), (2600, "warm white"), (2700, "warm white"), (2800, "warm white"),
    (3000, "warm white"), (3400, "neutral white"), (4000, "neutral white"),
    (4200, "neutral white"), (5000, "cool white"), (5700, "cold white"), (6500, "daylight"),
    (6400, "daylight"), (8000, "ice white"), (10_000, "ice white"), (0, ""), (-5, ""),
    (math.nan, ""), (math.inf, "ice white"),
])
def test_a_white_has_the_nearest_name(kelvin: float, name: str) -> None:
    assert white_name(kelvin) == name


@given(st.integers(1000, 10_000))
def test_every_white_is_named_and_its_name_stays(kelvin: int) -> None:
    name = white_name(kelvin)
    again = white(name)
    assert again is not None
    assert white_name(again) == name
    assert white(f"{kelvin} kelvin") == white(f"{kelvin}k") == kelvin
    assert white(f"{num2words(kelvin)} kelvin") == kelvin
