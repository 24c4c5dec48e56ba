from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from iotcall.catalogue import ToolCall
from iotcall.distill.curation import Shares, Splits, grouped, pick_seeds, split, strata
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, LabelledTurn

WORDS = ("amber", "brick", "cedar", "dune", "ember", "fjord", "gravel", "hazel", "ivory", "jasper",
         "kelp", "linen", "maple", "nickel", "onyx", "pearl", "quartz", "russet", "slate", "topaz")


def _dialogue(*turns: tuple[str, str]) -> Dialogue:
    return Dialogue(tuple(LabelledTurn(said, (ToolCall(tool),)) for said, tool in turns))


def _many(count: int, seed: int = 1, ending: str = "") -> list[Dialogue]:
    """Dialogues of different words, of three tools, one of them rare."""
    random = Random(seed)
    found = []
    for number in range(count):
        said = " ".join(random.sample(WORDS, 4)) + f" {number}"
        tool = "rare" if number % 10 == 0 else ("lamp", "heat")[number % 2]
        turns = [(said, tool)] + ([(ending, "goodbye")] if ending else [])
        found.append(_dialogue(*turns))
    return found


def _said(dialogues: list[Dialogue], half: tuple[tuple[int, int], ...]) -> list[str]:
    return [turn.utterance for place, turns in half for turn in dialogues[place].turns[:turns]]


def _share_nothing(dialogues: list[Dialogue], found: Splits) -> None:
    halves = [_said(dialogues, half) for half in (found.train, found.dev, found.test)]
    groups = grouped([said for half in halves for said in half])
    ends = [len(halves[0]), len(halves[0]) + len(halves[1])]
    train, dev, test = ({*groups[:ends[0]]}, {*groups[ends[0]:ends[1]]}, {*groups[ends[1]:]})
    assert not train & dev
    assert not train & test
    assert not dev & test


def test_each_half_gets_its_share_of_each_tool() -> None:
    dialogues = _many(200)
    found = split(dialogues, Shares(0.1, 0.2), seed=1)
    _share_nothing(dialogues, found)
    assert len(found.test) == pytest.approx(40, abs=3)
    assert len(found.dev) == pytest.approx(20, abs=3)
    assert len(found.train) + len(found.dev) + len(found.test) == 200
    tools = strata(dialogues)
    rare = [sum(tools[place] == "rare" for place, _ in half)
            for half in (found.train, found.dev, found.test)]
    assert rare == pytest.approx([14, 2, 4], abs=1)


def test_an_utterance_that_ends_nearly_every_dialogue_ties_them_no_more() -> None:
    dialogues = _many(100, ending="Thanks, bye!")
    found = split(dialogues, Shares(0.1, 0.1), seed=1)
    _share_nothing(dialogues, found)
    assert min(len(found.dev), len(found.test)) >= 8
    assert found.cut == len(found.dev) + len(found.test)
    assert "Thanks, bye!" in _said(dialogues, found.train)


def test_near_equal_dialogues_stay_together() -> None:
    dialogues = [_dialogue((said, "lamp")) for said in (
        "please turn on the attic lamp", "please turn on the attic lamp now",
        *(" ".join(WORDS[start:start + 3]) for start in range(17)))]
    for seed in range(8):
        found = split(dialogues, Shares(0.3, 0.3), seed)
        _share_nothing(dialogues, found)


def test_training_never_loses_a_tool() -> None:
    dialogues = [*_many(40), _dialogue(("only once", "single"))]
    for seed in range(8):
        found = split(dialogues, Shares(0.4, 0.4), seed)
        tools = strata(dialogues)
        assert {tools[place] for place, _ in found.train} == {*tools}


def test_the_same_seed_divides_the_same_way_and_another_one_otherwise() -> None:
    dialogues = _many(60)
    assert split(dialogues, Shares(), 1) == split(dialogues, Shares(), 1)
    assert split(dialogues, Shares(), 1) != split(dialogues, Shares(), 2)


def test_without_dev_and_test_everything_is_for_training() -> None:
    dialogues = _many(9)
    assert split(dialogues, Shares(0, 0), 1).train == tuple((place, 1) for place in range(9))
    assert split([], Shares(), 1) == Splits((), (), (), 0, 0)


@pytest.mark.parametrize("shares", [Shares(-0.1, 0), Shares(0.5, 0.5), Shares(float("nan"), 0),
                                    Shares(0, 1)])
def test_shares_that_are_none_are_refused(shares: Shares) -> None:
    with pytest.raises(InputError, match="--dev and --test"):
        split(_many(3), shares, 1)


@settings(max_examples=60, deadline=None)
@given(some.lists(some.lists(some.tuples(
    some.sampled_from([*WORDS[:8], "yes", "bye", "on", "on it"]), some.sampled_from("abc")),
    min_size=1, max_size=3), max_size=25), some.integers(0, 3))
def test_whatever_is_said_the_halves_share_no_utterance(
        turns: list[list[tuple[str, str]]], seed: int) -> None:
    dialogues = [_dialogue(*each) for each in turns]
    found = split(dialogues, Shares(0.2, 0.3), seed)
    _share_nothing(dialogues, found)
    places = [place for half in (found.train, found.dev, found.test) for place, _ in half]
    assert len({*places}) == len(places) == len(dialogues) - found.set_aside


def test_seeds_take_turns_by_tool_best_first_and_no_two_alike() -> None:
    dialogues = [_dialogue((said, tool)) for said, tool in (
        ("amber", "lamp"), ("Amber!", "lamp"), ("brick", "lamp"), ("cedar", "lamp"),
        ("dune", "heat"))]
    groups = grouped([each.turns[-1].utterance for each in dialogues])
    picked = pick_seeds(dialogues, groups, [9, 9, 10, 2, 1], 4, seed=1)
    assert picked[:2] == [4, 2]
    assert {*picked[2:]} in ({0, 3}, {1, 3})
    assert sorted(pick_seeds(dialogues, groups, [0] * 5, 99, 1)) == [0, 1, 2, 3, 4]
    assert pick_seeds([], [], [], 5, 1) == []


def test_a_dialogue_stands_for_its_rarest_tool() -> None:
    dialogues = [_dialogue(("a", "heat"), ("bye", "goodbye")), _dialogue(("b", "goodbye")),
                 _dialogue(("c", "goodbye")), Dialogue((LabelledTurn("d", ()),))]
    assert strata(dialogues) == ["heat", "goodbye", "goodbye", "(no call)"]
