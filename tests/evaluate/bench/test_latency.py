"""Which passes run is known of every answer; times are not looked at."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from iotcall.bundle import Bundle
from iotcall.evaluate import golden_turns, read_dialogues
from iotcall.evaluate.bench.counted import CountedStudent
from iotcall.evaluate.bench.latency import (
    MODES,
    draw_turns,
    measure_round,
    open_students,
    warm_up,
)
from iotcall.evaluate.golden import GoldenTurn, same_answer
from iotcall.runtime import Modes, Student
from iotcall.runtime.board import RuntimeSettings
from iotcall.runtime.drafting import Guesses

ONE_THREAD = RuntimeSettings(threads=1)


def _turns(bundle: Bundle) -> list[GoldenTurn]:
    return golden_turns(read_dialogues(bundle.golden_path))


def test_turns_are_drawn_by_the_seed_and_none_is_said_before_it_is_measured(
        bundle_of: Callable[[str], Bundle]) -> None:
    turns = _turns(bundle_of("qwen3"))
    drawn = draw_turns(turns, 3, 1)
    assert drawn == draw_turns(turns, 3, 1)
    assert len(drawn.measured) == 3
    everything = draw_turns(turns, None, 1)
    assert len(everything.measured) + len(everything.warming) == len(turns)
    assert not [turn for turn in everything.warming if turn in everything.measured]
    assert draw_turns(turns, None, 2) != everything
    assert draw_turns(turns[:1], 5, 1).measured == tuple(turns[:1])


@pytest.mark.parametrize("architecture", ["qwen3", "lfm2"])
def test_all_modes_answer_alike_with_the_passes_that_they_stand_for(
        bundle_of: Callable[[str], Bundle], architecture: str) -> None:
    bundle = bundle_of(architecture)
    drawn = draw_turns(_turns(bundle), 6, 1)
    ticks = []
    with open_students(bundle, ONE_THREAD, tuple(MODES)) as students:
        warm_up(students, drawn.warming)
        samples = [sample for number in range(2) for sample in measure_round(
            students, drawn.measured, number=number, seed=1, progress=lambda: ticks.append(0))]
    assert len(samples) == len(ticks) == 2 * 3 * len(drawn.measured)
    for turn in range(len(drawn.measured)):
        ours = {(each.round, each.mode): each for each in samples if each.turn == turn}
        assert set(ours) == {(number, mode) for number in (0, 1) for mode in MODES}
        first = ours[0, "no guesses"]
        assert all(same_answer(first.answer, each.answer) for each in ours.values())
        assert all(each.tokens == first.tokens for each in ours.values())
        again = ours[1, "guesses"]
        assert again.drafted == max(0, again.decisions - 1)
        assert again.passes == min(1, first.passes)
        assert ours[0, "plain"].passes >= first.passes >= again.passes
        assert ours[0, "no guesses"].drafted == ours[0, "plain"].drafted == 0
    for sample in samples:
        assert len(sample.ran) == sample.passes
        assert sample.ms > 0
        assert sample.follow_up == bool(drawn.measured[sample.turn].history)
        needed, = sample.needed
        assert needed.past == sample.ran[0].past
        assert needed.tokens <= sum(each.tokens for each in sample.ran)


def test_tokens_that_were_guessed_wrong_ran_and_were_not_needed(
        bundle_of: Callable[[str], Bundle]) -> None:
    with Student.open(bundle_of("qwen3"), threads=1, modes=Modes(traced=True)) as student:
        counted = CountedStudent(student)
        wrong = student.decode([], "cellar lamp on").trace[0].tokens
        found = {}
        for site, guess in (("none", ()), ("wrong", wrong)):
            counted.begin()
            student.decode([], "heat to 20", site=site, draft=Guesses([guess]))
            found[site] = counted.own.ran, counted.own.needed
    ran, needed = zip(*found.values(), strict=True)
    assert needed[0] == needed[1]
    assert needed[0][0].tokens == sum(each.tokens for each in ran[0])
    assert needed[1][0].tokens < sum(each.tokens for each in ran[1])


def test_passes_of_a_draft_student_are_counted_apart(bundle_of: Callable[[str], Bundle]) -> None:
    bundle = bundle_of("qwen3")
    bundle = msgspec.structs.replace(bundle, draft=bundle)  # it guesses what it would say itself
    turns = _turns(bundle)[:3]
    with open_students(bundle, ONE_THREAD, ("guesses", "no guesses")) as students:
        samples = measure_round(students, turns, number=0, seed=1)
    guessed = [each for each in samples if each.mode == "guesses"]
    assert all(each.draft_ran and len(each.ran) == 1 for each in guessed)
    assert not [each for each in samples if each.mode == "no guesses" and each.draft_ran]


def test_modes_share_the_graphs_of_the_first(bundle_of: Callable[[str], Bundle]) -> None:
    with open_students(bundle_of("qwen3"), ONE_THREAD, tuple(MODES)) as students:
        assert len({id(each.own.counted) for each in students.values()}) == 1
