"""Sites, prompts, guesses, cancellations and evictions in any order change no answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.runtime import RUNNER_UP, Decoding, Student, Turn
from iotcall.runtime.board import RuntimeSettings
from iotcall.runtime.drafting import Draft, Guesses
from tests.runtime.conftest import EVERY, BundleOf
from tests.runtime.reference import TRACED, Blurts, Reference, assert_same, with_other_choice
from tests.workshop import briefly

UTTERANCES = ("switch on the attic lamp", "and the cellar", "heat to 20", "note milk",
              "zzz \u706f 9")
_ATTIC = Turn("attic lamp on", (ToolCall("lamp", {"room": "attic", "state": "on"}),))
_HEAT = Turn("heat to 21", (ToolCall("heat", {"degrees": 21}),))
HISTORIES: tuple[tuple[Turn, ...], ...] = ((), (_ATTIC,), (_HEAT, _ATTIC), (_HEAT,))
SITES = ("", "kitchen", "hall")


class Ask(msgspec.Struct, frozen=True):
    site: str
    history: tuple[Turn, ...]
    utterance: str
    draft: str
    seed: int
    """Of what the draft gets wrong."""
    runner_up: bool
    cancel_after: int | None
    """Asks."""
    late: bool
    """The deadline has passed already."""


class Prepare(msgspec.Struct, frozen=True):
    site: str
    history: tuple[Turn, ...]
    cancel_after: int | None


class Forget(msgspec.Struct, frozen=True):
    site: str | None


_CANCELS = st.none() | st.none() | st.integers(0, 4)
ASKS = st.builds(Ask, st.sampled_from(SITES), st.sampled_from(HISTORIES),
                 st.sampled_from(UTTERANCES),
                 st.sampled_from(["own", "own", "right", "changed", "cut", "random", "blurts"]),
                 st.integers(0, 99), st.booleans(), _CANCELS,
                 st.sampled_from([False, False, False, False, True]))
STEPS = st.lists(ASKS | ASKS | ASKS | st.builds(Prepare, st.sampled_from(SITES),
                                                st.sampled_from(HISTORIES), _CANCELS)
                 | st.builds(Forget, st.sampled_from([*SITES, None])), min_size=2, max_size=9)


def _after(asks: int | None) -> Any:
    """What says that nobody wants it any more, once it was asked so often."""
    asked = count()
    return lambda: asks is not None and next(asked) >= asks


def _draft(ask: Ask, expected: Decoding) -> Draft | None:
    random = np.random.default_rng(ask.seed)
    right = expected.trace[0].tokens
    guess: Sequence[int] = right
    match ask.draft:
        case "own":
            return None
        case "changed":
            guess = with_other_choice(expected, ask.seed, ask.seed // 7)
        case "cut":
            guess = right[:int(random.integers(1, len(right)))]
        case "random":
            guess = random.integers(-5, 700, 30).tolist()
        case "blurts":
            return Blurts(right[int(random.integers(0, len(right))):])
    return Guesses([guess])


def _check(found: Decoding, ask: Ask, expected: Decoding) -> None:
    """The reference's answer, or as much of it as had been decoded."""
    if ask.late or ask.cancel_after == 0:
        assert (found.calls, found.passes) == ((), 0)
        if ask.cancel_after in (0, None):
            assert found.outcome == ("too_slow" if ask.cancel_after is None else "cancelled")
    elif found.outcome == "cancelled":
        assert ask.cancel_after is not None
        assert (found.calls, found.confidence, found.others) == ((), 0.0, ())
        so_far = found.trace[0].tokens
        assert so_far == expected.trace[0].tokens[:len(so_far)]
    else:
        assert_same(found, expected)
        if found.others:
            assert ask.runner_up
            assert found.others[0].calls != found.calls


def _take(student: Student, step: Ask | Prepare | Forget, reference: Reference) -> None:
    match step:
        case Forget(site):
            student.forget(site)
        case Prepare(site, history, cancel_after):
            student.prepare(history, site=site, cancelled=_after(cancel_after))
        case Ask():
            expected = reference.answer(step.history, step.utterance)
            found = student.decode(
                step.history, step.utterance, site=step.site,
                others=RUNNER_UP if step.runner_up else None,
                draft=_draft(step, expected), cancelled=_after(step.cancel_after),
                deadline=time.monotonic() - 1 if step.late else float("inf"))
            if not reference.is_near_tie(step.history, step.utterance):
                _check(found, step, expected)


def _drive(bundle: Bundle, reference: Reference) -> None:
    """Oracle: the plain loop, asked once for each history and utterance. Memories of next to
    nothing are forgotten at once, those of a third of a megabyte now and then."""

    @given(STEPS, st.sampled_from([0.0001, 0.3, 64]))
    @briefly
    def drive(steps: list[Ask | Prepare | Forget], megabytes: float) -> None:
        settings = RuntimeSettings(threads=1, memory_megabytes=megabytes)
        with Student.open(bundle, settings=settings, modes=TRACED) as student:
            for step in steps:
                _take(student, step, reference)
            history = HISTORIES[len(steps) % len(HISTORIES)]
            _take(student, Ask(SITES[0], history, UTTERANCES[0], "own", 0, False, None, False),
                  reference)

    drive()


def test_nothing_that_happened_before_changes_an_answer(
        bundle: Bundle, reference: Reference) -> None:
    _drive(bundle, reference)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", EVERY, indirect=True, ids="-".join)
def test_nor_in_any_family_in_any_layout(bundle: Bundle, reference: Reference) -> None:
    _drive(bundle, reference)


def test_nor_does_what_a_draft_student_guesses(
        student_of: BundleOf, reference_of: Callable[[Bundle], Reference]) -> None:
    bundle = student_of("lfm2", "int8")
    _drive(msgspec.structs.replace(bundle, draft=student_of("gemma3", "int8")),
           reference_of(bundle))


def test_most_of_what_is_asked_is_no_near_tie(bundle: Bundle, reference: Reference) -> None:
    ties = [(history, utterance) for history in HISTORIES for utterance in UTTERANCES
            if reference.is_near_tie(history, utterance)]
    assert len(ties) <= 2, ties


@pytest.mark.parametrize("failing", range(4))
def test_a_pass_that_fails_leaves_the_student_right(
        bundle: Bundle, reference: Reference, monkeypatch: pytest.MonkeyPatch,
        failing: int) -> None:
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        run, passes = student.decoder.run, count()

        def fail(*given: Any) -> Any:
            found = run(*given)
            if next(passes) == failing:
                raise KeyboardInterrupt
            return found

        expected = reference.answer(HISTORIES[1], UTTERANCES[0])
        monkeypatch.setattr(student.decoder, "run", fail)
        try:
            student.decode(HISTORIES[1], UTTERANCES[0], others=RUNNER_UP)
            student.prepare(HISTORIES[2])
        except KeyboardInterrupt:
            pass
        monkeypatch.undo()
        assert_same(student.decode(HISTORIES[1], UTTERANCES[0]), expected)
        for history in (HISTORIES[2], HISTORIES[1]):
            assert_same(student.decode(history, UTTERANCES[2]),
                        reference.answer(history, UTTERANCES[2]))
