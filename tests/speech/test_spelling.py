"""How alike spoken names are: what never differs, what does, and what lies between."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from num2words import num2words

from iotcall.speech import alike
from iotcall.speech.spelling import alike_in_sound, singular, sound

SAME = [
    ("lamp", "lamp"), ("Lamp", "lamp"), ("the lamp", "lamp"), ("my lamp", "lamp"),
    ("reading lamp", "lamp reading"), ("lamps", "lamp"), ("kitchen lights", "kitchen light"),
    ("shelves", "shelf"), ("batteries", "battery"), ("switches", "switch"), ("boxes", "box"),
    ("mum's lamp", "mums lamp"), ("Mum\u2019s lamp", "mum's lamp"), ("caf\u00e9", "cafe"),
    ("cafe\u0301", "caf\u00e9"), ("bed room", "bedroom"), ("livingroom", "living room"),
    ("book-shelf", "bookshelf"), ("T.V.", "TV"), ("tv", "t v"), ("TVs", "tv"),
    # numbers
    ("room nine", "room 9"), ("room 9", "9 room"), ("lamp two", "lamp 2"), ("lamp2", "lamp 2"),
    ("lamp number two", "lamp 2"), ("lamp 02", "lamp 2"), ("lamp twenty one", "lamp 21"),
    ("lamp twenty-one", "lamp 21"), ("room one oh four", "room 104"), ("room 1 0 4", "room 104"),
    ("lamp one", "lamp 1"), ("nine", "9"), ("lamp \u0667", "lamp 7"),
    ("lamp too", "lamp two"), ("lamp to", "lamp 2"), ("lamp for", "lamp four"),
    ("second bedroom", "2nd bedroom"), ("second bedroom", "bedroom 2"),
    ("bedroom two", "second bedroom"), ("third floor", "3rd floor"), ("first floor", "1st floor"),
    ("twenty first floor", "21st floor"), ("room a hundred", "room 100"),
    # letters
    ("lamp b", "lamp B"), ("b lamp", "lamp b"),
]
DIFFERENT = [
    ("room nine", "room two"), ("room 9", "room 2"), ("room nine", "room 2"), ("lamp 1", "lamp 11"),
    ("lamp 12", "lamp 21"), ("second bedroom", "third bedroom"), ("1st floor", "2nd floor"),
    ("second bedroom", "bedroom 3"), ("twenty first floor", "twenty second floor"),
    ("lamp two", "lamp for"), ("lamp to", "lamp four"), ("lamp a", "lamp b"), ("lamp b", "lamp c"),
    ("lamp b", "lamp 2"), ("floor 2 lamp 1", "floor 2 lamp 3"), ("9", "2"), ("nine", "five"),
    ("room 9999999999999999", "room 9999999999999998"), ("lamp fifteen", "lamp fifty"),
    ("lamp thirteen", "lamp thirty"), ("lamp", "heater"), ("kitchen", "bedroom"), ("lamp 2",
     "heater 2"), ("lamp", ""), ("", ""), ("the", ""), ("lamp", "2"), ("fan", "tv"),
    ("...", "..."), ("lamp" * 31, "lamp" * 31), ("\ufdfa" * 20, "\ufdfa" * 20),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_name(one: str, other: str) -> None:
    assert alike(one, other) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_are_never_one_another(one: str, other: str) -> None:
    assert alike(one, other) == 0


@pytest.mark.parametrize(("one", "other", "least", "most"), [
    # a word or a number is missing
    ("lamp", "lamp 2", 0.5, 0.9), ("lamp", "reading lamp", 0.5, 0.9), ("lamp", "lamp b", 0.5, 0.9),
    ("kitchen light", "kitchen ceiling light", 0.7, 0.9), ("floor 2 lamp", "floor 2 lamp 3", 0.7,
     0.9), ("bedroom", "second bedroom", 0.5, 0.9), ("desk", "desk lamp", 0.5, 0.9),
    ("2", "lamp 2", 0.5, 0.9),
    # one word is another
    ("reading lamp", "floor lamp", 0.4, 0.6), ("kitchen light", "kitchen fan", 0.4, 0.6),
    # by sound
    ("lite", "light", 0.8, 0.99), ("nite light", "night light", 0.85, 0.99),
    ("desk lamp", "disk lamp", 0.85, 0.99), ("lamp", "lump", 0.85, 0.99),
    ("mom's lamp", "mum's lamp", 0.85, 0.99), ("gray lamp", "grey lamp", 0.85, 0.99),
    ("colour wall", "color wall", 0.9, 0.99), ("media center", "media centre", 0.85, 0.99),
    ("stares", "stairs", 0.7, 0.99), ("blew lamp", "blue lamp", 0.85, 0.99),
    ("knight lamp", "night lamp", 0.85, 0.99), ("fone", "phone", 0.8, 0.99),
    ("van", "fan", 0.8, 0.99), ("hall light", "haul light", 0.85, 0.99),
    ("kichen", "kitchen", 0.8, 0.99), ("garadge", "garage", 0.8, 0.99),
    ("scone", "skone", 0.8, 0.99), ("filip's room", "philip's room", 0.85, 0.99),
    # by letters
    ("bathrom", "bathroom", 0.7, 0.99), ("kitcehn", "kitchen", 0.7, 0.99),
    ("thermostat", "thermostate", 0.8, 0.99), ("porch", "torch", 0.5, 0.8),
    ("hall", "wall", 0.4, 0.7), ("livingrom", "living room", 0.75, 0.99),
    ("deskl amp", "desk lamp", 0.7, 1), ("conservatry", "conservatory", 0.8, 0.99),
    # a number beside a misheard word
    ("lite two", "light 2", 0.85, 0.99), ("dest lamp 3", "desk lamp three", 0.8, 0.99),
])
def test_what_lies_between(one: str, other: str, least: float, most: float) -> None:
    assert least <= alike(one, other) <= most, alike(one, other)


@pytest.mark.parametrize(("heard", "meant", "not_meant"), [
    ("bed room lamp", "bedroom lamp", "bathroom lamp"), ("disk lamp", "desk lamp", "dusk light"),
    ("lite two", "light 2", "light"), ("kitchen lamp", "kitchen light lamp", "kitchen light"),
    ("hall light", "hall light", "wall light"), ("door", "door", "dryer"),
    ("the second lamp", "lamp 2", "lamp"), ("reading", "reading lamp", "bedroom lamp"),
    ("porch light", "porch lights", "torch light"), ("lamp", "lamp", "lamp 2"),
    ("nine", "room nine", "mine"),
])
def test_the_name_that_was_meant_is_more_alike(heard: str, meant: str, not_meant: str) -> None:
    assert alike(heard, meant) > alike(heard, not_meant)


@pytest.mark.parametrize(("plural", "one"), [
    ("lamps", "lamp"), ("lights", "light"), ("shelves", "shelf"), ("batteries", "battery"),
    ("switches", "switch"), ("boxes", "box"), ("dishes", "dish"), ("glasses", "glass"),
    ("blinds", "blind"), ("mum's", "mum"), ("tvs", "tv"), ("leds", "led"), ("houses", "house"),
    ("gas", "gas"), ("glass", "glass"), ("bus", "bus"), ("iris", "iris"), ("lamp", "lamp"), ("s",
    "s"),
    ("", ""),
])
def test_the_singular_of_a_word(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize(("one", "other"), [
    ("light", "lite"), ("night", "knight"), ("phone", "fone"), ("blue", "blew"), ("desk", "disk"),
    ("colour", "color"), ("centre", "center"), ("grey", "gray"), ("stair", "stare"),
    ("hall", "haul"), ("right", "write"), ("fridge", "frij"), ("kitchen", "kichen"),
    ("vase", "face"), ("thumb", "thum"), ("school", "skool"),
])
def test_words_of_one_sound(one: str, other: str) -> None:
    assert sound(one) == sound(other) != ""


@pytest.mark.parametrize(("one", "other"), [
    ("door", "dryer"), ("door", "dry"), ("hall", "wall"), ("lamp", "light"), ("fan", "pan"),
    ("porch", "torch"), ("kitchen", "chicken"), ("left", "right"), ("tree", "tray table"),
])
def test_words_of_different_sound(one: str, other: str) -> None:
    assert sound(one) != sound(other)


NAMES = st.lists(st.sampled_from([
    "lamp", "lamps", "desk", "disk", "bed", "room", "bedroom", "2", "two", "second", "twenty",
    "one", "b", "a", "the", "hall", "wall", "to", "for", "3rd", "kitchen", "kichen", "oh", "of",
    "hundred", "minus", "half", "point", "k", "grand", "2.5", "-5"]), max_size=8).map(" ".join)


@given(st.one_of(st.text(), NAMES), st.one_of(st.text(), NAMES))
@example("a" * 120, "b" * 120)
def test_likeness_is_symmetric_and_between_nothing_and_all(one: str, other: str) -> None:
    likeness = alike(one, other)
    assert 0 <= likeness <= 1
    assert likeness == alike(other, one)


@given(st.one_of(st.text(max_size=60), NAMES))
def test_a_name_is_itself_or_nothing_at_all(name: str) -> None:
    assert alike(name, name) in (0, 1)
    if any(word in name for word in ("lamp", "desk", "hall")) and len(name) < 60:
        assert alike(name, name) == 1


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_numbers_in_digits_and_in_words_never_differ_and_others_never_meet(
    one: int, other: int
) -> None:
    assert alike(f"room {one}", f"room {num2words(one)}") == 1
    assert alike(f"room {one}", f"room {num2words(other)}") == (one == other)
    assert alike(f"{num2words(one)} lamp", f"{other} lamps") == (one == other)


@given(st.integers(1, 30), st.integers(1, 30))
def test_ordinals_are_numbers(one: int, other: int) -> None:
    said = num2words(one, to="ordinal").replace("-", " ")
    assert alike(f"{said} bedroom", f"bedroom {one}") == 1
    assert alike(f"{said} bedroom", f"{num2words(other, to='ordinal_num')} bedroom") == (
        one == other)


@pytest.mark.parametrize(("heard", "name"), [
    ("you knee corn light", "unicorn light"), ("christmas pearl", "christmas parol"),
    ("solar blinds", "sala blinds"), ("lamp 2", "lamp two"),
])
def test_names_of_like_sound_wherever_the_words_end(heard: str, name: str) -> None:
    assert alike_in_sound(heard, name) == alike_in_sound(name, heard) >= 0.9


@pytest.mark.parametrize(("heard", "name"), [
    ("side door", "slide door"), ("back door", "black door"), ("hall light", "wall light"),
    ("room two lights", "room three lights"), ("lamp b", "lamp d"), ("kitchen", "chicken"),
    ("", "lamp"), ("x" * 500, "lamp"),
])
def test_names_that_do_not_sound_the_same(heard: str, name: str) -> None:
    assert alike_in_sound(heard, name) < 0.9
