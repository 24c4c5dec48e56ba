"""Passes that would end too late, or that nobody wants any more, are not begun."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from iotcall.bundle import Bundle
from iotcall.export.parity.oracle import Text
from iotcall.grammar import Automaton, Walk
from iotcall.runtime import RUNNER_UP, Student, Turn
from iotcall.runtime.admission import Limits, Pace
from iotcall.runtime.decoding import CHUNK, decode_greedily
from iotcall.runtime.drafting import Guesses
from tests.runtime.reference import TRACED, Reference, Watch, assert_same
from tests.runtime.scripted import Scripted

SAID = "switch on the attic lamp"
HOUR = 3600.0


def test_a_pace_is_learnt_from_passes_and_their_tokens() -> None:
    """Reading the weights costs as much as four tokens."""
    pace = Pace()
    assert pace.expect(100) == 0
    pace.learn(16, 10.0)  # half a second for each of 16 + 4
    assert pace.expect(16) == pytest.approx(10)
    assert pace.expect(1) == pytest.approx(2.5)
    assert pace.expect(0) == pytest.approx(2)


def test_a_fast_pass_is_believed_at_once_and_a_slow_one_little_by_little() -> None:
    pace = Pace()
    pace.learn(6, 10.0)
    pace.learn(6, 5.0)
    assert pace.expect(6) == pytest.approx(5)
    pace.learn(6, 15.0)
    assert pace.expect(6) == pytest.approx(6)  # a tenth of the way
    for _ in range(100):
        pace.learn(6, 15.0)
    assert pace.expect(6) == pytest.approx(15, rel=0.01)


def test_a_pass_of_no_time_teaches_nothing_wrong() -> None:
    pace = Pace()
    pace.learn(6, 0.0)
    assert pace.expect(6) == 0
    pace.learn(6, 10.0)
    assert pace.expect(6) == pytest.approx(10)


def test_a_refusal_is_doubted_until_a_pass_is_tried() -> None:
    pace = Pace()
    pace.learn(6, 20 * HOUR)
    limits = Limits(token_budget=1, deadline=time.monotonic() + HOUR, pace=pace)
    refusals = [limits.refuse(6) for _ in range(12)]
    assert refusals == ["too_slow"] * 9 + [None] * 3  # 20 * 0.7 ** 9 < 1
    assert limits.refuse(600) == "too_slow"


def test_nobody_is_asked_to_wait_and_no_pace_is_doubted_where_it_was_cancelled() -> None:
    pace = Pace()
    pace.learn(6, 20 * HOUR)
    limits = Limits(token_budget=1, deadline=0.0, pace=pace, cancelled=lambda: True)
    assert limits.refuse(6) == "cancelled"
    assert pace.expect(6) == pytest.approx(20 * HOUR)
    assert Limits(token_budget=1, pace=pace).refuse(10 ** 9) is None


def test_a_student_that_was_slow_is_tried_again_after_refusals(
        bundle: Bundle, reference: Reference) -> None:
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        watch = Watch(student.decoder)
        student._pace.learn(6, 20 * HOUR)
        outcomes: list[str] = []
        while "call" not in outcomes and len(outcomes) < 30:
            found = student.decode([], SAID, deadline=time.monotonic() + HOUR)
            outcomes.append(found.outcome)
            if found.outcome == "too_slow":
                assert (watch.passes, found.passes, found.calls) == ([], 0, ())
        assert outcomes == ["too_slow"] * (len(outcomes) - 1) + ["call"]
        assert len(outcomes) > 2
        assert_same(found, reference.answer([], SAID))


@pytest.mark.parametrize("passes", range(1, 4))
def test_an_answer_ends_where_its_deadline_passed_and_says_how_far_it_came(
        bundle: Bundle, reference: Reference, monkeypatch: pytest.MonkeyPatch,
        passes: int) -> None:
    """By a clock that counts passes: one of them takes a second."""
    expected = reference.answer([], SAID).trace[0]
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        watch = Watch(student.decoder)
        monkeypatch.setattr("iotcall.runtime.admission.time", SimpleNamespace(
            monotonic=lambda: float(len(watch.passes))))
        found = student.decode([], SAID, deadline=passes)
        assert (found.outcome, found.passes, found.calls) == ("too_slow", passes, ())
        assert len(watch.passes) == passes
        assert (found.confidence, found.others) == (0.0, ())
        end = expected.decisions[passes].after
        assert found.trace[0].tokens == expected.tokens[:end]
        assert found.text == student.parts.main.text(expected.tokens[:end])
        assert_same(student.decode([], SAID), reference.answer([], SAID))


@pytest.mark.parametrize("passes", range(4))
def test_an_answer_that_nobody_wants_ends_between_passes(
        bundle: Bundle, reference: Reference, passes: int) -> None:
    expected = reference.answer([], SAID).trace[0]
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        watch = Watch(student.decoder)
        found = student.decode([], SAID, cancelled=lambda: len(watch.passes) == passes)
        assert (found.outcome, found.passes, found.calls) == ("cancelled", passes, ())
        assert len(watch.passes) == passes
        assert found.trace[0].tokens == expected.tokens[:expected.decisions[passes].after]
        assert_same(student.decode([], SAID), reference.answer([], SAID))
        follow_up = [Turn(SAID, reference.answer([], SAID).calls)], "and the cellar"
        assert_same(student.decode(*follow_up), reference.answer(*follow_up))


def test_a_runner_up_that_there_is_no_time_for_is_left_out(
        bundle: Bundle, reference: Reference) -> None:
    """Cancelled as soon as the call is there."""
    expected = reference.answer([], SAID)
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        watch = Watch(student.decoder)
        found = student.decode([], SAID, others=RUNNER_UP,
                               cancelled=lambda: len(watch.passes) >= expected.decisions)
        assert_same(found, expected)
        assert len(watch.passes) == expected.decisions


def test_cancelling_is_asked_for_between_the_chunks_of_a_long_prompt() -> None:
    walk = Walk(Automaton.of_edges(0, {0: {1: 1, 2: 1}}), [])
    decoder, past = Scripted(0), Text([])
    path = decode_greedily(walk, decoder, past, [0] * (5 * CHUNK),  # type: ignore[arg-type]
                           Limits(token_budget=9, cancelled=lambda: len(decoder.passes) == 2))
    assert (path.outcome, path.tokens, path.passes) == ("cancelled", [], 2)
    assert list(map(len, decoder.passes)) == [CHUNK, CHUNK]
    assert past.length == 2 * CHUNK


def test_a_guess_with_which_a_pass_would_end_too_late_is_not_run_with_it() -> None:
    """That of the prompt would end before the deadline by far."""
    edges: dict[int, dict[int, int]] = {at: {0: at + 1, 1: at + 1} for at in range(60)}
    walk = Walk(Automaton.of_edges(0, edges), [])
    pace, decoder = Pace(), Scripted(0)
    pace.learn(6, HOUR)  # six minutes a token
    decode_greedily(walk, decoder, Text([]), [0, 0], Limits(  # type: ignore[arg-type]
        token_budget=60, deadline=time.monotonic() + 1.5 * HOUR, pace=pace),
        draft=Guesses([[0] * 60]))
    assert len(decoder.passes[0]) + 4 < 15
