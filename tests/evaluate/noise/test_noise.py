"""Typos and transcription noise on the shipped catalogues' golden dialogues."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

import pytest

from iotcall.catalogue import (
    Catalogue,
    Integer,
    Number,
    Text,
    ToolCall,
    load_catalogue,
)
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from iotcall.evaluate.noise import Noisy, mishear, mistype, word_error_rate
from iotcall.evaluate.noise.result import said_words, word_errors
from iotcall.evaluate.noise.typos import slip
from iotcall.evaluate.noise.vocabulary import NEGATIONS, closed_words, sound_alikes, split
from iotcall.shipped import shipped
from iotcall.speech import is_number_word, numbers, said_numbers

CATALOGUES = ("banking", "home", "massive_iot", "shell", "smart_home")
NOISES: dict[str, Callable[[Sequence[Dialogue], Catalogue, int], Noisy]] = {
    "typos": lambda dialogues, catalogue, seed: mistype(dialogues, catalogue, seed=seed),
    "transcription": lambda dialogues, catalogue, seed: mishear(
        dialogues, catalogue, rate=0.2, seed=seed)}


def golden(name: str) -> tuple[list[Dialogue], Catalogue]:
    folder = shipped("grammars") / name
    return read_dialogues(folder / "golden.jsonl"), load_catalogue(folder)


def pairs(before: Sequence[Dialogue], after: Sequence[Dialogue]
          ) -> list[tuple[LabelledTurn, LabelledTurn]]:
    return [pair for one, other in zip(before, after, strict=True)
            for pair in zip(one.turns, other.turns, strict=True)]


@pytest.mark.parametrize("noise", sorted(NOISES))
@pytest.mark.parametrize("name", CATALOGUES)
def test_every_reference_can_still_be_said_and_called(name: str, noise: str) -> None:
    """Grounded texts are slices, grounded numbers are said, calls fit their tools."""
    dialogues, catalogue = golden(name)
    changed = 0
    noisy = NOISES[noise](dialogues, catalogue, 3)
    for was, now in zip(dialogues, noisy.dialogues, strict=True):
        heard: list[str] = []
        before: list[str] = []
        for old, new in zip(was.turns, now.turns, strict=True):
            heard.append(new.utterance)
            before.append(old.utterance)
            changed += new != old
            for label, call in zip(old.calls, new.calls, strict=True):
                catalogue.check(call)
                assert call.name == label.name
                assert call.arguments.keys() == label.arguments.keys()
                for key, value in call.arguments.items():
                    if key in open_arguments(catalogue, call.name) and sayable(
                            label.arguments[key], before):
                        assert sayable(value, heard), (new.utterance, value)
    assert changed > len(dialogues) / 4


def open_arguments(catalogue: Catalogue, tool: str) -> set[str]:
    """Those that are texts, or numbers that must be said."""
    return {field.name for field in catalogue.tool(tool).parameters.fields
            if isinstance(field.node, Text) or (
                isinstance(field.node, Integer | Number) and field.node.source)}


def sayable(value: object, heard: Sequence[str]) -> bool:
    """Whether a value stands in what was heard, as words or as a number."""
    if isinstance(value, str):
        return any(re.search(rf"(?<!\w){re.escape(value.casefold())}(?!\w)", utterance.casefold())
                   for utterance in heard)
    return any(number.value == value for utterance in heard for number in said_numbers(utterance))


@pytest.mark.parametrize("name", CATALOGUES)
def test_closed_values_are_never_altered(name: str) -> None:
    dialogues, catalogue = golden(name)
    closed = closed_words(catalogue)
    for noise in NOISES.values():
        for was, now in pairs(dialogues, noise(dialogues, catalogue, 1).dialogues):
            for old, new in zip(was.calls, now.calls, strict=True):
                for key, value in old.arguments.items():
                    if isinstance(value, str) and value in closed and not sayable(
                            value, [was.utterance]):
                        assert new.arguments[key] == value


@pytest.mark.parametrize("noise", sorted(NOISES))
def test_the_same_seed_gives_the_same_noise_and_another_gives_another(noise: str) -> None:
    dialogues, catalogue = golden("smart_home")
    first = NOISES[noise](dialogues, catalogue, 5)
    assert NOISES[noise](dialogues, catalogue, 5) == first
    assert NOISES[noise](dialogues, catalogue, 6).dialogues != first.dialogues


def test_typos_of_a_dialogue_do_not_depend_on_those_behind_it() -> None:
    dialogues, catalogue = golden("home")
    known = mistype(dialogues, catalogue).dialogues[:3]
    again = mistype([*dialogues[:3], *dialogues], catalogue).dialogues[:3]
    assert again == known


def test_one_typo_is_one_word_and_two_are_two() -> None:
    dialogues, catalogue = golden("massive_iot")
    for typos in (1, 2):
        found = mistype(dialogues, catalogue, typos=typos)
        errors = [word_errors(said_words(was.utterance), said_words(now.utterance))
                  for was, now in pairs(dialogues, found.dialogues)]
        assert set(errors) <= set(range(typos + 1))
        assert errors.count(typos) > 0.9 * len(errors)
        assert found.figures.altered == sum(map(bool, errors))


def test_a_slip_is_at_most_a_swap_away() -> None:
    random, seen = Random(1), set()
    for _ in range(300):
        found = slip("light", random)
        seen.add(len(found))
        assert abs(len(found) - 5) <= 1
        assert len(set(found) ^ set("light")) <= 2
    assert seen == {4, 5, 6}


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("name", CATALOGUES)
def test_the_measured_rate_is_the_one_that_was_asked_for(name: str, rate: float) -> None:
    dialogues, catalogue = golden(name)
    found = mishear(dialogues, catalogue, rate=rate)
    assert found.figures.word_error_rate == pytest.approx(rate, abs=0.01)
    said, heard = zip(*((was.utterance, now.utterance)
                        for was, now in pairs(dialogues, found.dialogues)), strict=True)
    assert word_error_rate(said, heard) == found.figures.word_error_rate


def test_no_negation_comes_or_goes() -> None:
    for name in CATALOGUES:
        dialogues, catalogue = golden(name)
        for was, now in pairs(dialogues, mishear(dialogues, catalogue, rate=0.3).dialogues):
            said, heard = (sorted(word for word in said_words(each.utterance) if word in NEGATIONS)
                           for each in (was, now))
            assert said == heard


@pytest.mark.parametrize("word", ["eighty", "seventy", "sixty"])
def test_no_number_is_clipped_into_another(word: str) -> None:
    _, catalogue = golden("smart_home")
    call = ToolCall("set_thermostat", {"temperature": int(numbers(word)[0]), "mode": "heat"})
    dialogue = Dialogue((LabelledTurn(f"heat the thermostat to {word}", (call,)),))
    for seed in range(150):
        for found in (mishear([dialogue], catalogue, rate=0.4, seed=seed),
                      mistype([dialogue], catalogue, seed=seed)):
            last = found.dialogues[0].turns[0].utterance.split(" ")[-1]
            assert last == word or not is_number_word(last)


def test_thanks_is_not_dropped_where_it_is_all_that_is_meant() -> None:
    _, catalogue = golden("banking")
    dialogue = Dialogue((LabelledTurn("hi thank you so much", (ToolCall("thank_you"),)),))
    for seed in range(40):
        ((turn,),) = (each.turns for each in mishear(
            [dialogue], catalogue, rate=0.4, seed=seed).dialogues)
        assert "thank" in turn.utterance


def test_what_cannot_be_misheard_stays_and_the_rate_says_so() -> None:
    _, catalogue = golden("smart_home")
    found = mishear([Dialogue((LabelledTurn("72", (ToolCall("set_thermostat"),)),))], catalogue,
                    rate=0)
    assert found.figures.word_error_rate == 0
    assert mishear([], catalogue, rate=0.1).figures.words == 0


def test_words_are_heard_as_words() -> None:
    assert "too" in sound_alikes("to", frozenset())
    assert sound_alikes("sprinkler", frozenset({"sprinklers"})) == ("sprinklers",)
    assert sound_alikes("sprinkler", frozenset()) == ()
    assert split("bedroom") == "bed room"
    assert split("kettle") is None
