"""A sentence keeps its spans, whatever is done to it."""

from __future__ import annotations

from random import Random

import pytest

from iotcall.catalogue import ToolCall
from iotcall.distill.noise import Noise, mishear
from iotcall.distill.slices import Pieces, Sentence, roughened
from iotcall.evaluate.marked import MarkedTurn, Span
from iotcall.speech import numbers

LOUD = Noise(padded=0, slips=0.5, misheard=1)
QUIET = Noise(padded=0, slips=0, misheard=0)
LAMP = Span(9, 13, 0, "target")


def turn(utterance: str, *spans: Span) -> MarkedTurn:
    return MarkedTurn(utterance, (ToolCall("turn", {}),), spans)


def with_spans(*texts: str) -> tuple[Sentence, dict[str, Span]]:
    """A sentence of these texts; those in brackets are spans."""
    pieces: Pieces = []
    spans = {}
    for text in texts:
        if text.startswith("["):
            spans[text[1:-1]] = Span(len(pieces), len(pieces) + 1, 0, "target")
            pieces.append((text[1:-1], (spans[text[1:-1]],)))
        else:
            pieces.append((text, ()))
    return Sentence(pieces), spans


def test_a_sentence_is_its_turn_with_other_words_in_the_spans() -> None:
    said = turn("turn the lamp on", LAMP)
    assert Sentence.of(said, {}).text == "turn the lamp on"
    other = Sentence.of(said, {LAMP: "big fan"})
    assert other.text == "turn the big fan on"
    assert other.span(LAMP) == "big fan"


def test_two_spans_of_the_same_words_stay_together() -> None:
    second = Span(9, 13, 1, "target")
    other = Sentence.of(turn("turn the lamp on", LAMP, second), {LAMP: "fan"})
    assert other.text == "turn the fan on"
    assert other.span(LAMP) == other.span(second) == "fan"


@pytest.mark.parametrize(("before", "word", "after"), [
    ("open a ", "icebox", "open an icebox"),
    ("A ", "icebox", "An icebox"),
    ("open an ", "fridge", "open a fridge"),
    ("for an ", "hour", "for an hour"),
    ("for a ", "hour", "for an hour"),
    ("a ", "USB lamp", "a USB lamp"),
    ("a ", "umbrella", "an umbrella"),
    ("pizza ", "icebox", "pizza icebox"),
])
def test_the_article_follows_the_new_word(before: str, word: str, after: str) -> None:
    span = Span(len(before), len(before) + 1, 0, "target")
    assert Sentence.of(turn(f"{before}x", span), {span: word}).text == after


def test_the_words_of_a_span_are_a_slice_of_the_sentence() -> None:
    sentence, spans = with_spans("Put the ", "[Nan's lamp]", " and the ", "[kitchen fan]",
                                 " on, ok?")
    seen = set()
    for seed in range(1000):
        rough = roughened(sentence, Random(seed), LOUD)
        for name, span in spans.items():
            words = rough.span(span)
            seen.add(words)
            assert words
            assert words == words.strip()
            assert words in rough.text
            assert name
    assert len(seen) > 50


def test_kept_spans_keep_their_signs() -> None:
    sentence, spans = with_spans("Sort ", "[.env-2.TXT]", ", please!")
    for seed in range(500):
        rough = roughened(sentence, Random(seed), LOUD, kept=spans.values())
        assert rough.span(spans[".env-2.TXT"]) == ".env-2.TXT"


def test_a_transcript_has_no_signs_beside_kept_spans() -> None:
    sentence, spans = with_spans("Sort, quickly: ", "[a-b.txt]", "!")
    said = {roughened(sentence, Random(seed), QUIET, kept=spans.values()).text
            for seed in range(100)}
    assert "sort quickly a-b.txt" in said


def test_a_span_of_signs_alone_survives_a_transcript() -> None:
    sentence, spans = with_spans("find ", "[*]", " here")
    said = {roughened(sentence, Random(seed), QUIET).span(spans["*"]) for seed in range(100)}
    assert said == {"*"}


def test_words_beside_a_number_never_become_a_part_of_it() -> None:
    sentence, spans = with_spans("pay ", "[a hundred thirty]", " to the gym for ", "[twenty]",
                                 " days")
    kept = spans.values()
    said = {roughened(sentence, Random(seed), LOUD, kept=kept).text for seed in range(2000)}
    assert len(said) > 200
    assert {tuple(value for value in numbers(text) if value in (130, 20)) for text in said} == {
        (130, 20)}


def test_a_filler_beside_a_span_stands_outside_of_it() -> None:
    sentence, spans = with_spans("[lamp]", " on")
    found = [roughened(sentence, Random(seed), Noise(padded=0, slips=0, misheard=1))
             for seed in range(500)]
    assert any("lamp you know on" in each.text.lower() for each in found)
    assert any("you know lamp on" in each.text.lower() for each in found)
    assert not [each for each in found if " " in each.span(spans["lamp"])]


def test_a_second_word_is_misheard_in_the_share_that_is_asked_for() -> None:
    sentence, _ = with_spans("would you be so kind and close the curtains of the room", "", "")
    said = sentence.text.split()

    def altered(again: float) -> int:
        noise = Noise(padded=0, slips=0, shouted=0, misheard=1, again=again)
        found = (roughened(sentence, Random(seed), noise).text.lower().strip(".!").split()
                 for seed in range(300))
        return sum(len(set(said) ^ set(words)) for words in found)

    assert altered(0.0) * 1.3 < altered(1.0)


@pytest.mark.parametrize(("sentence", "heard"), [
    ("is the lamp on", {"is", "his"}),
    ("turn it down", {"it"}),
    ("close that now", {"that", "dat"}),
])
def test_words_that_carry_the_meaning_are_not_lost(sentence: str, heard: set[str]) -> None:
    for seed in range(300):
        said = mishear(sentence, Random(seed))
        assert any(word in said for word in heard), said
