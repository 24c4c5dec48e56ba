from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.speech import Lexicon, Speller
from iotcall.speech.slips import one_slip_away
from iotcall.speech.typos import LONGEST

LEXICON = Lexicon(usual=("the", "lights", "light", "kitchen", "turn", "off", "door"),
                  spared=("dour", "tight", "lamb"))
SPELLER = Speller(LEXICON)


@pytest.mark.parametrize(("said", "read"), [
    ("kitchne", "kitchen"),  # two swapped
    ("kichen", "kitchen"),  # one left out
    ("kitchhen", "kitchen"),  # one put in
    ("kitxhen", "kitchen"),  # one exchanged
    ("itchen", "kitchen"), ("kitche", "kitchen"), ("Kichen", "Kitchen"), ("KICHEN", "KITCHEN"),
    ("lighs", "lights"),  # the commoner of two
    ("offf", "off"), ("oof", "off"),
    ("lighst", "lights"),  # letters are swapped more easily than just this one comes in
])
def test_a_slip_becomes_the_usual_word(said: str, read: str) -> None:
    assert SPELLER.word(said) == read


@pytest.mark.parametrize("said", [
    "kitchen", "Kitchen", "lamb", "dour", "tight",  # known
    "of", "o", "",  # too short to tell
    "ktchn",  # two slips
    "veranda", "k" * (LONGEST + 1),
])
def test_other_words_stay(said: str) -> None:
    assert SPELLER.word(said) == said


@pytest.mark.parametrize("text", [
    "lght2", "2lght", "l'ght", "dont't", "kichen_a", "ligħt", "", "  ", "42", "on/of"])
def test_words_with_other_signs_in_them_stay(text: str) -> None:
    assert SPELLER.respelt(text).read == text


def test_a_text_is_read_right_and_given_back_as_it_was_said() -> None:
    text = SPELLER.respelt("Trun the lihgts of, the kichen ones")
    assert text.read == "Turn the lights of, the kitchen ones"
    at = text.read.index("kitchen ones")
    assert text.as_said(at, at + len("kitchen ones")) == "kichen ones"
    assert text.as_said(0, 4) == "Trun"
    assert text.as_said(0, len(text.read)) == text.said


def test_a_genitive_keeps_its_ending() -> None:
    text = SPELLER.respelt("the kichen's lihgts' dont'")
    assert text.read == "the kitchen's lights' dont'"
    assert text.as_said(4, 13) == "kichen's"
    assert Speller(LEXICON, ["kids' aircon"]).respelt("kisd' aircno").read == "kids' aircon"


def test_a_name_that_is_a_plural_has_no_other() -> None:
    assert Speller(Lexicon(usual=("the",)), ["net curtains"]).respelt(
        "the curtainss").read == "the curtains"


def test_names_may_stand_in_plural() -> None:
    at_home = Speller(LEXICON, ["aircon"])
    assert at_home.word("airclns") == "aircons"
    assert at_home.word("aircons") == "aircons"


def test_a_part_of_a_changed_word_is_all_of_it() -> None:
    text = SPELLER.respelt("a kichen b")
    at = text.read.index("chen")
    assert text.as_said(at, at + 4) == "kichen"
    assert text.as_said(0, at) == "a kichen"


def test_lines_file_names_and_signs_stay_where_they_are() -> None:
    text = SPELLER.respelt("mv kichen.txt door-lihgt.log!")
    assert text.read == "mv kitchen.txt door-light.log!"
    assert text.as_said(text.read.index("door"), len(text.read) - 1) == "door-lihgt.log"


@given(st.lists(st.sampled_from(
    ["the", "kichen", "lights", "Lihgt", "off", "x", "42", "doro", ","])))
def test_whole_words_come_back_as_they_were_said(words: list[str]) -> None:
    said = " ".join(words)
    text = SPELLER.respelt(said)
    read = [SPELLER.word(word) for word in words]
    assert text.read == " ".join(read)
    for first in range(len(words)):
        for last in range(first + 1, len(words) + 1):
            start = len(" ".join(read[:first])) + (first > 0)
            end = start + len(" ".join(read[first:last]))
            assert text.as_said(start, end) == " ".join(words[first:last])


def test_one_slip_away_is_what_one_edit_makes() -> None:
    """Beside every way to make one, written out."""
    word, letters = "abca", "abcdefghijklmnopqrstuvwxyz"
    slow = {word[:i] + word[i + 1:] for i in range(4)}
    slow |= {word[:i] + letter + word[i:] for i in range(5) for letter in letters}
    slow |= {word[:i] + letter + word[i + 1:] for i in range(4) for letter in letters}
    slow |= {"baca", "acba", "abac"}
    assert set(one_slip_away(word)) == slow - {word}


def test_reading_takes_time_in_proportion_to_the_words() -> None:
    assert SPELLER.respelt("qwertzuiop " * 400).read == "qwertzuiop " * 400


@pytest.mark.parametrize(("said", "known"), [
    ("kitchen", True), ("zxcv the qwrt", True), ("kichen", True), ("42", True), ("", True),
    ("asdfg jklo", False), ("Qwertz!", False),
])
def test_a_text_of_which_no_word_is_known_is_told(said: str, known: bool) -> None:
    assert SPELLER.knows(said) == known


def test_a_slip_in_a_name_of_the_home_is_that_name_before_any_usual_word() -> None:
    at_home = Speller(LEXICON, ["The Dooor lamp", "Zoltan 2"])
    assert at_home.word("Zoltn") == "Zoltan"
    assert at_home.word("dooor") == "dooor"  # as its owner writes it
    assert at_home.word("doooor") == "dooor"
    assert at_home.word("kichen") == "kitchen"
    assert SPELLER.word("Zoltn") == "Zoltn"
