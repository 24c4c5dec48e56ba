from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from iotcall.distill.curation import grouped, plain
from iotcall.distill.curation.groups import NEAR


@pytest.mark.parametrize(("one", "other"), [
    ("Turn on the attic lamp!", "turn on the attic lamp"), ("I'm cold", "i\u2019m  cold"),
    ("\uff2c\uff21\uff2d\uff30 on", "lamp on"), ("Straße", "STRASSE")])
def test_case_signs_and_widths_make_no_other_utterance(one: str, other: str) -> None:
    assert plain(one) == plain(other)
    assert grouped([one, "something else", other]) == [0, 1, 0]


def test_near_equal_utterances_and_theirs_share_a_group() -> None:
    said = ["please turn on the attic lamp", "turn the heat to twenty",
            "please turn on the attic lamp now", "turn on the attic lamp now"]
    assert grouped(said) == [0, 1, 0, 0]


def test_another_room_is_another_utterance() -> None:
    assert grouped(["turn on the kitchen lights", "turn on the bedroom lights"]) == [0, 1]


def test_utterances_of_signs_alone_are_told_apart() -> None:
    assert grouped(["?!", "...", "?!"]) == [0, 1, 0]


def _jaccard(one: str, other: str) -> float:
    """The slow way."""
    sets = [{f"  {text}  "[start:start + 3] for start in range(len(text) + 2)}
            for text in (plain(one), plain(other))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@settings(max_examples=40, deadline=None)
@given(some.lists(some.text(alphabet="ab c", max_size=8), max_size=8))
def test_only_near_utterances_are_tied_and_groups_are_named_after_their_first(said: list[str]
                                                                              ) -> None:
    groups = grouped(said)
    for index, group in enumerate(groups):
        assert group <= index
        assert groups[group] == group
        others = [other for other, number in enumerate(groups) if number == group != index]
        assert index == group or any(
            _jaccard(said[index], said[other]) >= NEAR for other in {*others, group} - {index})
