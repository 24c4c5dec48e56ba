from __future__ import annotations

from pathlib import Path

from iotcall.distill.training.lexicon import dictionary_words, lexicon_of, written_again

KNOWN = frozenset({"kitchen", "light", "lights", "tight", "chicken", "on", "please", "piano"})
TEXTS = ["Kitchen light on"] * 40 + ["kichen light"] * 3 + ["kitchn lights on please"] * 6 + [
    "Piano pls"] * 30 + ["zwieback on"] * 2


def test_usual_words_come_in_order_of_how_often_they_are_said() -> None:
    assert lexicon_of(TEXTS, KNOWN).usual == ("light", "kitchen", "piano", "pls", "lights",
                                              "please")


def test_slips_are_no_words() -> None:
    found = lexicon_of(TEXTS, KNOWN)
    assert not {"kichen", "kitchn"} & {*found.usual, *found.spared}


def test_known_words_are_spared_where_they_might_be_taken_for_slips() -> None:
    found = lexicon_of([*TEXTS, "pianx", "pland"], KNOWN)
    assert "tight" in found.spared  # beside light
    assert "chicken" not in found.spared  # one slip away from nothing usual


def test_what_is_said_often_without_a_known_word_beside_it_is_a_word() -> None:
    assert "pls" in lexicon_of(TEXTS, KNOWN).usual
    assert "zwieback" not in lexicon_of(TEXTS, KNOWN).usual  # twice only


def test_what_is_written_again_is_a_slip_only_where_it_is_rare_beside_a_word(
    tmp_path: Path
) -> None:
    said = tmp_path / "synthesis" / "said"
    said.mkdir(parents=True)
    (said / "a.said").write_text("plese\nbruh light\nbruh plees plees plees\n pleasse bruh\n")
    (said / "b.said").write_text("and Plese | turn\n")
    again = written_again(tmp_path)
    assert again == {"plese", "bruh"}
    texts = ["please"] * 8 + ["plese"] * 3 + ["pleasse"] * 3
    assert lexicon_of(texts, KNOWN, again).spared == ("plese",)
    assert lexicon_of([*texts, *["please"] * 8], KNOWN, again).spared == ()


def test_a_plural_that_is_rarer_than_its_word_is_no_slip() -> None:
    assert lexicon_of(["piano"] * 9 + ["pianos"], KNOWN).spared == ("pianos",)
    assert lexicon_of(["lights"] * 9 + ["lightss"], KNOWN).spared == ("light",)


def test_words_of_english_are_no_slips_and_slips_no_words_of_it() -> None:
    words = dictionary_words()
    assert words >= {"teal", "hob", "mowers", "lambs", "nook", "brighten", "televisions"}
    assert words.isdisjoint({"agian", "kichen", "lihgt", "tunr", "becuase"})
    assert "teal" in lexicon_of(["tell me"] * 40 + ["teal lights"] * 6, words).usual
