from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue
from iotcall.dialogue import read_dialogue
from iotcall.dialogue.words import has_any, is_only, without, words
from iotcall.errors import FileError


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("history_turns = 4", "history_turn = 4", "", "did you mean `history_turns`"),
        ("history_turns = 4", "history_turns = 99", "history_turns", "0 to 16"),
        ("fallback_below = 0.5", "fallback_below = 5", "fallback_below", "0 to 1"),
        ("fallback_below = 0.5", "fallback_below = 0.5\nwish_from = 2", "wish_from", "0 to 1"),
        ("confirm_seconds = 20", "confirm_seconds = 0", "confirm_seconds", "above 0"),
        ("[set.toggle_lights]", "[set.toggle_lamps]", "set.toggle_lamps", "no tool"),
        ("{subject} cannot be", "{subjekt} cannot be", "replies.offline", "expected {subject}"),
        ("{subject} cannot be", "{subject.name} cannot be", "replies.offline", "{subject.name}"),
        ("{subject} cannot be", "{subject cannot be", "replies.offline", "is no template"),
        ('heat = "heat", cool', 'heat = "warm", cool', "set.set_thermostat.slots.mode.values",
         "one of heat, cool, auto, off"),
        (', auto = "auto" } }', " } }", "set.set_thermostat.slots.mode.values", "auto, cool, heat"),
        ("slots.state = {", "slots.stat = {", "set.toggle_lights.slots.stat",
         "no argument 'stat'; it has: room, state"),
        (', unit = "fahrenheit"', "", "set.set_thermostat.slots.temperature.unit", "setpoint"),
        ('slot = "room"', 'slot = "rooms"', "set.toggle_lights.place.slot", "no argument"),
        ('value = "unlocked"', 'value = "open"', "confirm[0]", "locked, unlocked"),
    ],
)
def test_a_wrong_dialogue_file_is_refused_at_its_place(
    catalogue: Catalogue, dialogue_path: Path, old: str, new: str, place: str, says: str
) -> None:
    text = dialogue_path.read_text()
    assert old in text
    with pytest.raises(FileError) as caught:
        read_dialogue(text.replace(old, new, 1), catalogue, dialogue_path)
    assert caught.value.place == place
    assert says in str(caught.value)


def test_every_tool_of_the_catalogue_must_be_tied(
    catalogue: Catalogue, dialogue_path: Path
) -> None:
    text = dialogue_path.read_text()
    without_scene = text[:text.index("[scene.set_scene]")] + text[text.index("[unclear."):]
    with pytest.raises(FileError, match="'set_scene' is in none of"):
        read_dialogue(without_scene, catalogue, dialogue_path)


def test_words_know_no_case_punctuation_or_kind_of_apostrophe() -> None:
    assert words("Yes, I\u2019m SURE\u2014go!") == ("yes", "i'm", "sure", "go")


def test_phrases_are_whole_words_in_a_row() -> None:
    assert has_any(words("turn all off"), ["all"])
    assert not has_any(words("call the hall"), ["all"])
    assert without(words("in the living room"), ["in", "the"]) == ("living", "room")
    assert is_only(words("yes please"), ["yes"], ["please"])
    assert not is_only(words("please"), ["yes"], ["please"])
    assert not is_only((), ["yes"], ["please"])
