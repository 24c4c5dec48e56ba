"""Where passes may end."""

from __future__ import annotations

import pytest

from iotcall.runtime.passes import in_passes, whole

OPEN, CLOSE = 1, 2
AROUND = (OPEN, CLOSE)
TURN = [OPEN, 10, 11, 12, CLOSE]
TWO = [*TURN, 20, 21, *TURN, 22]


@pytest.mark.parametrize(("most", "expected"), [
    (0, 0), (1, 1), (2, 1), (3, 1), (4, 1),  # behind the opening token, never inside
    (5, 5), (6, 6), (7, 7), (8, 8), (9, 8), (11, 8), (12, 12), (13, 13), (99, 13)])
def test_a_beginning_never_ends_inside_an_utterance(most: int, expected: int) -> None:
    assert whole(TWO, most, AROUND) == expected


@pytest.mark.parametrize("most", range(9))
def test_without_such_utterances_any_beginning_is_whole(most: int) -> None:
    assert whole(TWO, most, None) == most


@pytest.mark.parametrize(("most", "expected"), [(0, 0), (1, 0), (3, 0), (4, 4), (5, 5)])
def test_tokens_may_begin_inside_an_utterance(most: int, expected: int) -> None:
    assert whole([*TURN[1:], 20], most, AROUND) == expected


def test_an_utterance_that_is_not_closed_yet_is_cut_nowhere_else_than_it_is() -> None:
    assert whole([*TURN, 20, OPEN], 7, AROUND) == 7
    assert whole([*TURN, 20, OPEN], 6, AROUND) == 6


def test_passes_are_as_long_as_they_may_be() -> None:
    assert list(in_passes(TWO, 7, AROUND)) == [TWO[:7], TWO[7:]]
    assert list(in_passes(TWO, 5, AROUND)) == [TWO[:5], TWO[5:8], TWO[8:]]
    assert list(in_passes(TWO, 6, None)) == [TWO[:6], TWO[6:12], TWO[12:]]


@pytest.mark.parametrize("most", range(1, 15))
def test_an_utterance_that_is_longer_than_a_pass_goes_whole(most: int) -> None:
    passes = list(in_passes(TWO, most, AROUND))
    assert [token for made in passes for token in made] == TWO
    for made in passes:
        assert made.count(CLOSE) or not {10, 11, 12} & set(made)
        assert len(made) <= max(most, len(TURN) - 1)


def test_nothing_takes_no_pass() -> None:
    assert list(in_passes([], 4, AROUND)) == []
