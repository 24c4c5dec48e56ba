"""The fast path answers as the plain loop does, on every golden turn of every student."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.bundle import Bundle
from iotcall.evaluate.golden import GoldenTurn
from iotcall.runtime import RUNNER_UP, Decoding, Student
from iotcall.runtime.drafting import Draft, Guesses
from tests.runtime.conftest import EVERY
from tests.runtime.reference import (
    TRACED,
    Reference,
    assert_same,
    golden,
    with_other_choice,
)

GOLDEN = golden()
MOST_TIES = 2
"""Of the golden turns, whose reference may fall either way: two of the int4 Qwen3's do."""
MakeDraft = Callable[[Reference, GoldenTurn], Draft | None]


def _right(reference: Reference, turn: GoldenTurn) -> Draft:
    return Guesses([reference.tokens(turn.history, turn.utterance)])


def _half_right(reference: Reference, turn: GoldenTurn) -> Draft:
    tokens = reference.tokens(turn.history, turn.utterance)
    return Guesses([tokens[:len(tokens) // 2]])


def _one_decision_wrong(reference: Reference, turn: GoldenTurn) -> Draft:
    answer = reference.answer(turn.history, turn.utterance)
    return Guesses([with_other_choice(answer, 1, 3)])


DRAFTS: dict[str, MakeDraft] = {
    "of its own": lambda reference, turn: None, "right": _right, "half right": _half_right,
    "wrong at one decision": _one_decision_wrong}


def _assert_all_same(reference: Reference, ask: Callable[[GoldenTurn], Decoding]) -> None:
    for turn in GOLDEN:
        found = ask(turn)
        if not reference.is_near_tie(turn.history, turn.utterance):
            assert_same(found, reference.answer(turn.history, turn.utterance))


@pytest.mark.parametrize("bundle", EVERY, indirect=True, ids="-".join)
def test_hardly_any_golden_turn_is_a_near_tie(reference: Reference) -> None:
    ties = sum(reference.is_near_tie(turn.history, turn.utterance) for turn in GOLDEN)
    assert ties <= MOST_TIES
    assert len(GOLDEN) == 14


@pytest.mark.parametrize("bundle", EVERY, indirect=True, ids="-".join)
@pytest.mark.parametrize("draft", DRAFTS)
def test_calls_are_those_of_the_plain_loop(bundle: Bundle, reference: Reference,
                                           draft: str) -> None:
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        _assert_all_same(reference, lambda turn: student.decode(
            turn.history, turn.utterance, draft=DRAFTS[draft](reference, turn)))


@pytest.mark.parametrize("bundle", EVERY, indirect=True, ids="-".join)
def test_several_sites_whose_next_prompts_are_prepared_hear_the_same(
        bundle: Bundle, reference: Reference) -> None:
    """Site by site in turn, so that each dialogue finds another one's words in its past; twice, as
    the second time the same words were said before."""
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        def ask(turn: GoldenTurn) -> Decoding:
            site = f"site {GOLDEN.index(turn) % 3}"
            student.prepare(turn.history, site=site)
            return student.decode(turn.history, turn.utterance, site=site, others=RUNNER_UP)

        _assert_all_same(reference, ask)
        _assert_all_same(reference, ask)
