from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from iotcall.distill.noise import FILLERS, Noise, mishear, slip
from iotcall.distill.slices import Sentence
from iotcall.distill.slices import roughened as rough
from iotcall.speech import said_numbers

SENTENCE = "turn the kitchen lights to 68 percent"
MANY = 3000
FINGERS = Noise(slips=0.04, misheard=0)


def roughened(sentence: str, noise: Noise = FINGERS, *, breaks_off: bool = False) -> list[str]:
    random = Random(1)
    return [rough(Sentence([(sentence, ())]), random, noise, breaks_off=breaks_off).text
            for _ in range(MANY)]


@pytest.fixture(scope="module")
def said() -> list[str]:
    return roughened(SENTENCE)


def plain_words(text: str) -> list[str]:
    return "".join(char for char in text.lower() if char.isalnum() or char in " '").split()


def differences(words: list[str]) -> int:
    """Words of the sentence that are not there, wherever padding has shifted it."""
    wanted = SENTENCE.split()
    return min(sum(a != b for a, b in zip(words[start:], wanted, strict=False))
               for start in range(len(words) - len(wanted) + 1))


def test_the_same_seed_gives_the_same_noise() -> None:
    assert roughened(SENTENCE) == roughened(SENTENCE)


def test_the_words_stay_in_order_with_one_slip_at_most(said: list[str]) -> None:
    slips = Counter(differences(plain_words(text)) for text in said)
    assert set(slips) <= {0, 1, 2}
    assert slips[2] < MANY / 500
    assert slips[1] / MANY == pytest.approx(0.04, abs=0.015)


def test_numbers_never_change(said: list[str]) -> None:
    assert all("68" in plain_words(text) for text in said)
    assert all("40125khz" in plain_words(text) for text in roughened("tune to 40125khz"))


def test_a_slip_changes_one_letter_inside_a_word() -> None:
    slipped = {slip("kitchen", Random(seed)) for seed in range(300)}
    assert "kitchen" in slipped  # a letter may be drawn again
    for word in slipped:
        assert word.startswith("k")
        assert word.endswith(("n", "ne"))
        assert len(word) in (6, 7, 8)
        assert len(set(word) - set("kitchen")) <= 1


def test_every_habit_of_real_input_occurs(said: list[str]) -> None:
    assert SENTENCE in said
    assert SENTENCE.capitalize() in said
    assert {SENTENCE.capitalize() + sign for sign in ".!"} <= set(said)
    assert any(plain_words(text)[0] not in ("turn", "tur", "trn") for text in said)
    assert any(plain_words(text)[-1] == "thanks" for text in said)


def test_a_sentence_begins_with_a_capital_often_but_not_always(said: list[str]) -> None:
    capitals = sum(text[0].isupper() for text in said)
    assert 0.2 < capitals / MANY < 0.45


def test_a_recognisers_transcript_has_no_capitals_and_no_punctuation() -> None:
    said = roughened("Hey, what's ON?")
    assert sum(text == "hey what's on" for text in said) / MANY > 0.15


def test_a_question_gets_no_second_end() -> None:
    assert not [text for text in roughened("is it on?") if text.rstrip("?")[-1] in ".!,"
                or "?" in text[:-1]]


def test_nothing_is_put_behind_a_sentence_that_breaks_off() -> None:
    said = roughened("turn off the", breaks_off=True)
    assert all(text.lower().endswith("turn off the") for text in said)
    assert any(text.lower() != "turn off the" for text in said)


@pytest.mark.parametrize("sentence", ["", "on", "21", "?", "lamp-on 21.5"])
def test_short_and_odd_sentences_are_no_trouble(sentence: str) -> None:
    assert len(roughened(sentence)) == MANY


def test_a_recogniser_hears_other_words_but_no_other_numbers() -> None:
    sentence = "put sixty five dollars from my checking account to four two one seven"
    numbers = {each.value for each in said_numbers(sentence)}
    said = roughened(sentence, Noise(padded=0, slips=0, misheard=1))
    assert {each.value for text in said for each in said_numbers(text)} == numbers
    assert any("a count" in text for text in said)
    assert any("check in" in text for text in said)
    assert any(set(FILLERS) & set(text.split()) for text in said)
    assert any(" my " not in text.lower() for text in said)


def test_what_is_misheard_keeps_the_spaces_at_its_ends() -> None:
    for seed in range(200):
        text = mishear(" turn the lights on in the ", Random(seed))
        assert text.startswith(" ")
        assert text.endswith(" ")


@pytest.mark.parametrize(("text", "heard"), [
    ("flick the ", "flick "), (" the ", " "), ("the lamp", "lamp"), ("the", "the"), ("my", "my"),
    ("turn off the ", "turn off ")])
def test_an_article_gets_lost_but_never_all_that_was_said(text: str, heard: str) -> None:
    made = {mishear(text, Random(seed)) for seed in range(200)}
    assert heard in made
    assert text == " the " or all(each.strip() for each in made)
