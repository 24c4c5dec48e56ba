"""Names that nobody has, and numbers of a schema."""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random

import pytest

from iotcall.catalogue import Integer, Number
from iotcall.distill.house_names import HouseNames
from iotcall.distill.invention import altered, pseudo_word
from iotcall.distill.other_numbers import another, is_ambiguous, spoken_number
from iotcall.speech import said_numbers

NOUNS = {"light": (("light", "lamp"), ("lights", "lamps")),
         "cover/garage": (("garage door", "garage"), ("garage doors",)),
         "lock": (("door",), ("doors",)), "fan": (("fan",), ())}


def test_made_up_words_are_short_and_of_letters() -> None:
    made = {pseudo_word(Random(seed)) for seed in range(500)}
    assert len(made) > 450
    assert all(re.fullmatch("[a-z]{4,7}", word) for word in made)


def test_an_altered_name_keeps_its_signs_and_its_ending() -> None:
    made = {altered("meeting_notes-04.json", ["budget_march.json"], Random(seed))
            for seed in range(200)}
    assert len(made) > 50
    assert all(re.fullmatch(r"\w+_\w+-\d\d\.json", name) for name in made), made
    assert any("budget" in name or "march" in name for name in made)


def test_an_altered_name_keeps_its_case() -> None:
    for seed in range(100):
        assert altered("README", ["Notes"], Random(seed)).isupper()
        assert altered("Dr. Patel", ["Dr. Patel"], Random(seed)).startswith("Dr. ")
        assert altered("Patel", ["rent"], Random(seed)).istitle()


def test_the_noun_at_the_end_tells_the_sort_the_longest_one_first() -> None:
    names = HouseNames(NOUNS)
    found = names.ending("the big Garage door")
    assert found is not None
    assert (found.noun, found.sort, found.number) == ("garage door", "cover/garage", "one")
    found = names.ending("front doors")
    assert found is not None
    assert (found.sort, found.number) == ("lock", "several")
    assert names.ending("moonlight") is None
    assert names.ending("light switch") is None


def test_made_up_targets_are_of_the_sort_and_the_number() -> None:
    names = HouseNames(NOUNS)
    names.learn(["Nan's lamp", "big garage", "a b c d e lamp", "this and that lamp"], ["attic"])
    made = [name for seed in range(500) if (name := names.target("light", "one", Random(seed)))]
    assert 150 < len(made) < 300
    assert any(name.startswith("Nan's ") for name in made)
    assert not any(name.startswith(("a b", "this and")) for name in made)
    for name in made:
        assert re.search(r"(light|lamp)( \w+)?$", name), name
    assert names.target("sauna", "one", Random(1)) is None


def test_without_nouns_nothing_is_made_up() -> None:
    names = HouseNames({})
    names.learn(["Nan's lamp"], ["attic"])
    assert not [seed for seed in range(100) if names.room(Random(seed))
                or names.target("light", "one", Random(seed))]


@pytest.mark.parametrize("node", [
    Integer(60, 80, 1), Integer(1, 10_000, 1), Integer(0, 100, 5), Integer(6000, 90_000, 1),
    Number(Decimal("0.01"), Decimal(1_000_000), Decimal("0.01")),
])
def test_another_number_is_one_of_the_schema(node: Integer | Number) -> None:
    random = Random(1)
    old = max(70, int(node.minimum))
    for _ in range(500):
        new = another(node, old, random)
        assert node.minimum <= new <= node.maximum
        if isinstance(node, Integer):
            assert new % node.step == 0


def test_another_number_is_of_about_the_size_and_as_many_places() -> None:
    money, random = Number(Decimal("0.01"), Decimal(1_000_000), Decimal("0.01")), Random(1)
    assert all(another(money, 5, random) <= 20 for _ in range(300))
    assert all(another(money, 900_000, random) <= 5000 for _ in range(300))
    for _ in range(300):
        assert re.fullmatch(r"\d+\.\d\d?", str(another(money, 12.5, random)))
    assert all(re.fullmatch(r"\d{4}", another(money, "0417", random)) for _ in range(100))


def test_a_spoken_value_keeps_its_style_and_its_propertys_range() -> None:
    for words in ("40 percent", "forty", "thirty five percent", "twenty one"):
        made = [other for seed in range(200)
                if (other := spoken_number("temperature", words, Random(seed)))]
        assert len(made) > 100, words
        for other in made:
            assert other.endswith("percent") == words.endswith("percent")
            assert any(5 <= each.value <= 30 for each in said_numbers(other)), other
            assert other[0].isdigit() == words[0].isdigit()
    assert spoken_number("temperature", "cosy", Random(1)) is None
    assert not any(spoken_number("color", "40", Random(seed)) for seed in range(50))


def test_words_of_money_are_told_that_may_be_cents_or_not() -> None:
    assert is_ambiguous("twelve fifty", "1250")
    assert is_ambiguous("twelve fifty", "12.5")
    assert not is_ambiguous("twelve hundred fifty", "1250")
    assert not is_ambiguous("$12.50", "12.5")
