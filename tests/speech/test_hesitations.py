from __future__ import annotations

import pytest

from iotcall.speech import Lexicon, Speller

SPELLER = Speller(Lexicon(usual=("the", "lights", "light", "kitchen", "lamp", "off", "what")))


@pytest.mark.parametrize(("said", "read"), [
    ("shut uh off the lamp", "shut off the lamp"), ("Um, the lamp", "the lamp"),
    ("the lamp um", "the lamp"), ("the lamp um uh", "the lamp"),
    ("the lamp hm er,", "the lamp"), ("the lamp er, you know, off", "the lamp off"),
    ("uh... lights", "lights"), ("the hmm light", "the light"), ("the lamp, erm.", "the lamp,"),
    ("lamp, erm. Off", "lamp, Off"), ("the lamp you know off", "the lamp off"),
])
def test_hesitations_are_not_read(said: str, read: str) -> None:
    assert SPELLER.respelt(said).read == read


@pytest.mark.parametrize("said", [
    "um", "uh um", "you know", "uh huh", "um, huh", "open hm.txt", "do you know the lamp",
    "did you know", "you know what", "you know how", "let you know", "if you know", "the error",
    "umbrella off", "um-hm off", "off to the er", "the ER at 5",
    "anyone you know", "don't you know", "would you know the time", "do  you know",
    "what you know", "you know about the lamp"])
def test_what_means_something_is_read(said: str) -> None:
    assert SPELLER.respelt(said).read == said


def test_a_name_beside_a_hesitation_comes_back_without_it() -> None:
    text = SPELLER.respelt("turn um the lamp uh off")
    at = text.read.index("the lamp")
    assert text.as_said(at, at + len("the lamp")) == "the lamp"
    assert text.as_said(0, len(text.read)) == "turn the lamp off"


def test_a_name_around_a_hesitation_comes_back_without_it() -> None:
    text = SPELLER.respelt("the kichen uh lihgts")
    assert text.read == "the kitchen lights"
    at = text.read.index("kitchen")
    assert text.as_said(at, at + len("kitchen lights")) == "kichen lihgts"
    assert text.as_said(at, at + len("kitchen")) == "kichen"


AT_HOME = Speller(Lexicon(
    usual=("the", "light", "kitchen", "desk", "correct", "brig", "lamp", "off"),
    spared=("carton",)), ["desk lamp", "movie night"])


@pytest.mark.parametrize(("said", "read"), [
    ("lampto off", "lamp to off"), ("Kitchenlight", "Kitchen light"), ("lampq", "lamp"),
    ("desklamp", "desk lamp"), ("movienight", "movie night"), ("lampnot", "lamp not")])
def test_words_that_ran_together_are_read_apart(said: str, read: str) -> None:
    assert AT_HOME.respelt(said).read == read


@pytest.mark.parametrize("said", [
    "kitchenzz", "tolamp", "incorrect", "offlight", "brigthen", "carton", "erm", "hmm"])
def test_other_words_are_one(said: str) -> None:
    assert AT_HOME.word(said) == said


def test_a_name_that_ran_together_with_the_next_word_comes_back_alone() -> None:
    text = SPELLER.respelt("the lampto off")
    at = text.read.index("lamp")
    assert text.as_said(at, at + len("lamp")) == "lamp"
    assert text.as_said(0, at + len("lamp")) == "the lamp"
    assert text.as_said(at, len(text.read)) == "lampto off"
