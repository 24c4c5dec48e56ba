"""Guesses are confirmed or corrected; whatever is guessed, the student's own choice stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.export.parity.oracle import Text
from iotcall.grammar import Automaton, Walk
from iotcall.runtime import Student, Turn, decoding
from iotcall.runtime.admission import Limits
from iotcall.runtime.decoding import Path, decode_greedily
from iotcall.runtime.drafting import Draft, Earlier, Guesses
from tests.runtime.conftest import EVERY, BundleOf
from tests.runtime.reference import (
    TRACED,
    Blurts,
    Reference,
    Watch,
    assert_same,
    golden,
    with_other_choice,
)
from tests.runtime.scripted import PROMPT, SIZE, Scripted, automata
from tests.workshop import steadily

ATTIC, CELLAR, OFF = (ToolCall("lamp", {"room": "attic", "state": "on"}),
                      ToolCall("lamp", {"room": "cellar", "state": "on"}),
                      ToolCall("lamp", {"state": "off"}))
SAID = "switch on the attic lamp"
GUESSES = st.lists(st.lists(st.integers(-1, SIZE), max_size=12), max_size=3)
"""Some of their tokens are none of the vocabulary's."""


def _decoded(automaton: Automaton, decoder: Scripted, past: Text, *, draft: Draft | None = None,
             budget: int = 1000, one_by_one: bool = False) -> Path:
    return decode_greedily(Walk(automaton, []), decoder, past, PROMPT,  # type: ignore[arg-type]
                           Limits(token_budget=budget), draft=draft, one_by_one=one_by_one)


def _fits(room: int, length: int, new: int) -> bool:
    return length + new <= room


def _told(path: Path) -> tuple[object, ...]:
    """All that an answer is, but how it came about."""
    return (path.outcome, path.tokens, path.log_probability, path.grammar_mass,
            path.smallest_margin, [(each.after, each.place, each.allowed.tolist(),
                                    each.logits.tolist()) for each in path.decisions])


@given(automaton=automata(), seed=st.integers(0, 1000), changes=st.lists(
    st.tuples(st.integers(0, 20), st.integers(-1, SIZE)), max_size=3), others=GUESSES,
    most_wanted=st.none() | st.integers(1, 3), room=st.just(40) | st.integers(4, 20),
    wide=st.sampled_from([4096, 4096, 2]), ahead=st.sampled_from([64, 64, 2]),
    blurts=st.sampled_from([False, False, True]))
@settings(steadily, max_examples=200)
def test_no_guess_changes_an_answer(
        automaton: Automaton, seed: int, changes: list[tuple[int, int]], others: list[list[int]],
        most_wanted: int | None, room: int, wide: int, ahead: int, blurts: bool) -> None:
    """The guess is the right answer with some tokens changed, or anything. Little may fit in the
    past, or be looked at in one pass; decisions may be too wide to be guessed past."""
    plain = _decoded(automaton, Scripted(seed, room=room), Text([]), one_by_one=True)
    guess = list(plain.tokens)
    for at, token in changes if guess else ():
        guess[at % len(guess)] = token
    draft: Draft = Blurts(others[0] if others else ()) if blurts else Guesses([guess, *others])
    past, decoder = Text([]), Scripted(seed, most_wanted=most_wanted, room=room)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_WIDE", wide)
        patch.setattr(decoding, "_AHEAD", ahead)
        path = _decoded(automaton, decoder, past, draft=draft)
    assert _told(path) == _told(plain)
    assert past.tokens == [*PROMPT, *path.tokens][:past.length]
    assert path.passes == len(decoder.passes) <= plain.passes
    assert path.passes + path.drafted == len(path.decisions)


@pytest.mark.parametrize("budget", range(1, 8))
def test_a_right_guess_makes_no_answer_longer_than_the_budget(budget: int) -> None:
    """Of six tokens in three decisions, those behind them forced."""
    automaton = Automaton.of_edges(0, {0: {1: 1, 2: 1}, 1: {0: 2}, 2: {1: 3, 2: 3}, 3: {0: 4},
                                       4: {1: 5, 2: 5}, 5: {0: 6}})
    whole = _decoded(automaton, Scripted(0), Text([]))
    plain = _decoded(automaton, Scripted(0), Text([]), budget=budget, one_by_one=True)
    path = _decoded(automaton, Scripted(0), Text([]), budget=budget,
                    draft=Guesses([whole.tokens]))
    assert _told(path) == _told(plain)


@given(automata(), st.integers(0, 1000))
@steadily
def test_a_right_guess_makes_one_pass_and_forgets_nothing(automaton: Automaton, seed: int) -> None:
    plain = _decoded(automaton, Scripted(seed), Text([]))
    past = Text([])
    path = _decoded(automaton, Scripted(seed), past, draft=Guesses([plain.tokens]))
    assert path.passes == min(1, len(plain.decisions))
    assert path.drafted == max(0, len(plain.decisions) - 1)
    if plain.decisions:  # all of it but what is forced at the end
        assert past.length == len(PROMPT) + plain.decisions[-1].after


@given(automata(), st.integers(0, 1000), GUESSES)
@steadily
def test_a_guess_that_is_cut_anywhere_helps_as_far_as_it_goes(
        automaton: Automaton, seed: int, others: list[list[int]]) -> None:
    plain = _decoded(automaton, Scripted(seed), Text([]))
    for end in range(len(plain.tokens)):
        path = _decoded(automaton, Scripted(seed), Text([]), draft=Guesses([plain.tokens[:end]]))
        guessed = sum(each.after < end for each in plain.decisions)
        assert path.drafted == min(guessed, max(0, len(plain.decisions) - 1))


def test_a_right_guess_makes_one_pass_of_a_student(bundle: Bundle, reference: Reference) -> None:
    with Student.open(bundle, threads=1) as student:
        watch = Watch(student.decoder)
        for turn in golden():
            expected = reference.answer(turn.history, turn.utterance)
            if reference.is_near_tie(turn.history, turn.utterance):
                continue
            watch.clear()
            found = student.decode(turn.history, turn.utterance,
                                   draft=Guesses([expected.trace[0].tokens]))
            most = student.decoder.most_wanted or expected.decisions
            passes = -(-expected.decisions // most)  # one, if one may give so many places' logits
            assert (found.passes, found.drafted) == (passes, expected.decisions - passes)
            assert len(watch.passes) == passes
            assert_same(found, expected)


def test_words_that_were_said_before_are_guessed_right(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1) as student:
        first = student.decode([], SAID)
        again = student.decode([], f" {SAID} ", site="elsewhere")
    assert (first.passes, first.drafted) == (first.decisions, 0)
    passes = 2 if student.decoder.most_wanted == 3 < first.decisions else 1
    assert (again.passes, again.drafted) == (passes, first.decisions - passes)
    assert again.calls == first.calls


def test_what_was_said_is_forgotten_with_all_sites_and_not_with_one(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1) as student:
        first = student.decode([], SAID)
        student.forget("")
        assert student.decode([], SAID).passes < first.passes
        student.forget()
        again = student.decode([], SAID)
    assert (again.passes, again.drafted) == (first.passes, 0)


@pytest.mark.parametrize("bundle", EVERY, indirect=True, ids="-".join)
def test_where_only_the_room_was_guessed_wrong_two_passes_do(
        bundle: Bundle, reference: Reference) -> None:
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        guess = student.parts.main.written([CELLAR])
        found = student.decode([], SAID, draft=Guesses([guess]))
        assert_same(found, reference.answer([], SAID))
        assert found.calls == (ATTIC,)
        assert (found.passes, found.drafted) == (2, found.decisions - 2)


@pytest.mark.parametrize("decision", range(4))
def test_a_decision_guessed_wrong_costs_a_pass_and_no_call(
        bundle: Bundle, reference: Reference, decision: int) -> None:
    expected = reference.answer([], SAID)
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        for pick in range(2):
            found = student.decode([], SAID, draft=Guesses([
                with_other_choice(expected, decision, pick)]))
            assert_same(found, expected)
            assert 1 < found.passes <= expected.decisions or decision == expected.decisions - 1


def test_a_guess_that_the_past_has_no_room_for_is_guessed_as_far_as_it_has(
        bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third room from the prompt's end to the answer's: what the plain loop says with it."""
    with Student.open(bundle, threads=1, modes=TRACED) as student, \
            Student.open(bundle, threads=1, modes=msgspec.structs.replace(
                TRACED, prefix_kv=False, drafting=False, one_by_one=True)) as plain:
        trace = plain.decode([], SAID).trace[0]
        for room in range(len(trace.prompt) - 1, len(trace.prompt) + len(trace.tokens), 3):
            for each in (student, plain):
                monkeypatch.setattr(each.decoder, "fits", partial(_fits, room))
            found = student.decode([], SAID, draft=Guesses([trace.tokens]))
            assert_same(found, plain.decode([], SAID))


def test_decisions_too_wide_to_guess_past_take_passes_of_their_own(
        bundle: Bundle, reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lamp's students know 600 tokens, so the bound is lowered to that of a real student's."""
    expected = reference.answer([], "note milk")
    widths = [len(each.allowed) for each in expected.trace[0].decisions]
    assert max(widths) > 100 > min(widths)
    monkeypatch.setattr(decoding, "_WIDE", 100)
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        watch = Watch(student.decoder)
        found = student.decode([], "note milk", draft=Guesses([expected.trace[0].tokens]))
        assert_same(found, expected)
        assert found.passes == len(watch.passes) > 1


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_draft_student_of_another_family_changes_no_answer(
        student_of: BundleOf, reference_of: Callable[[Bundle], Reference], kind: str) -> None:
    """Its calls are written in the large student's format; where it is right, one pass does."""
    bundle = student_of("qwen3", kind)
    reference = reference_of(bundle)
    drafted = msgspec.structs.replace(bundle, draft=student_of("lfm2", "int8"))
    passes = decisions = 0
    with Student.open(drafted, threads=1, modes=TRACED) as student:
        for turn in golden():
            student.prepare(turn.history)
            found = student.decode(turn.history, turn.utterance)
            if not reference.is_near_tie(turn.history, turn.utterance):
                assert_same(found, reference.answer(turn.history, turn.utterance))
                passes, decisions = passes + found.passes, decisions + found.decisions
        student.forget()
        assert student.drafter is not None
        assert len(student.drafter.memories) == len(student.memories) == 0
    assert passes < decisions / 2


@pytest.mark.parametrize("family", ["gemma3", "lfm2", "qwen3"])
@pytest.mark.parametrize("utterance", ["hello there", "what is the weather", "x" * 30])
def test_a_guess_leaves_the_mass_on_the_grammar_as_it_is(
        student_of: BundleOf, reference_of: Callable[[Bundle], Reference], family: str,
        utterance: str) -> None:
    """Rows of the head that only later decisions ask for do not count, where rows are asked."""
    bundle = student_of(family, "int4")
    expected = reference_of(bundle).answer([], utterance)
    with Student.open(bundle, threads=1) as student:
        found = student.decode([], utterance, draft=Guesses([expected.trace[0].tokens]))
    assert found.grammar_mass == pytest.approx(expected.grammar_mass, abs=1e-3)


def _ahead(answers: Sequence[Sequence[int]], begun: Sequence[int]) -> Sequence[int]:
    """In a grammar of two tokens at each of three decisions, a forced one behind each."""
    automaton = Automaton.of_edges(0, {0: {1: 1, 2: 1}, 1: {9: 2}, 2: {3: 3, 4: 3}, 3: {9: 4},
                                       4: {5: 5, 6: 5}, 5: {9: 6}})
    walk = Walk(automaton, [])
    place = walk.start
    for token in begun:
        after = walk.step(place, token)
        assert after is not None
        place = after
    return tuple(Guesses(answers).ahead(walk, place, begun))


@pytest.mark.parametrize(("answers", "begun", "expected"), [
    ([[1, 9, 3, 9, 5, 9]], [], [1, 9, 3, 9, 5, 9]),
    ([[1, 9, 3, 9, 5, 9]], [1, 9], [3, 9, 5, 9]),
    ([[1, 9, 3, 9, 5, 9]], [2, 9], [3, 9, 5, 9]),  # the end still fits
    ([[1, 9, 3, 9, 5, 9]], [1, 9, 4, 9], [5, 9]),
    ([[1, 9, 3, 9, 5, 9]], [2, 9, 4, 9], [5, 9]),
    ([[1, 9, 3, 9, 5, 9], [2, 9, 4, 9, 6, 9]], [2, 9], [4, 9, 6, 9]),  # the second begins so
    ([[1, 9, 3], [2, 9, 4, 9, 6, 9]], [1, 9, 3, 9], [6, 9]),
    ([[], [1]], [1, 9], []),
    ([], [], []),
    ([[7, 7, 7]], [1, 9], []),
])
def test_guesses_go_on_where_the_answer_is(answers: list[list[int]], begun: list[int],
                                           expected: list[int]) -> None:
    assert _ahead(answers, begun) == tuple(expected)


def test_earlier_words_suggest_their_calls_whatever_their_case_and_spaces() -> None:
    earlier = Earlier()
    earlier.learn("Attic lamp ON", (ATTIC,))
    earlier.learn("cellar lamp on", (CELLAR,))
    assert earlier.same(" attic  lamp on ") == (ATTIC,)
    assert earlier.same("lamp attic on") == ()
    assert earlier.alike("please cellar lamp on") == (CELLAR,)
    assert earlier.alike("heat to 20") == earlier.alike("") == Earlier().alike("on") == ()


def test_of_words_equally_alike_the_latest_count_and_the_same_words_are_learnt_anew() -> None:
    earlier = Earlier()
    earlier.learn("attic lamp on", (ATTIC,))
    earlier.learn("cellar lamp on", (CELLAR,))
    assert earlier.alike("big lamp on") == ()  # half of the words, no more
    assert earlier.alike("lamp on") == (CELLAR,)
    earlier.learn("attic lamp on", (OFF,))
    assert earlier.alike("lamp on") == earlier.same("attic lamp on") == (OFF,)


def test_what_was_said_long_ago_is_forgotten() -> None:
    earlier = Earlier()
    for number in range(300):
        earlier.learn(f"heat to {number}", (ToolCall("heat", {"degrees": number}),))
    assert earlier.same("heat to 0") == ()
    assert earlier.same("heat to 299")
    assert sum(bool(earlier.same(f"heat to {number}")) for number in range(300)) == 256


def test_a_guess_from_another_history_is_corrected(bundle: Bundle, reference: Reference) -> None:
    histories = [[Turn("lamp", (call,))] for call in (
        ToolCall("lamp", {"room": "attic", "state": "on"}),
        ToolCall("lamp", {"room": "attic", "state": "off"}))]
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        for history in histories * 2:
            if not reference.is_near_tie(history, "and the cellar"):
                assert_same(student.decode(history, "and the cellar"),
                            reference.answer(history, "and the cellar"))
