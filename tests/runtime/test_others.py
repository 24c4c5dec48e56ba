"""The likeliest answer beside the one given, against all answers written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from iotcall.bundle import Bundle
from iotcall.catalogue import catalogue_from_json
from iotcall.export.parity.oracle import Text
from iotcall.grammar import Automaton, Walk
from iotcall.grammar.compiler import compile_automaton
from iotcall.grammar.scoring import likeliest_answers, log_shares
from iotcall.runtime import PLAIN, RUNNER_UP, Others, Student, Turn
from iotcall.runtime.admission import Limits
from iotcall.runtime.decoders import Decoder, Wanted
from iotcall.runtime.decoding import decode_greedily
from iotcall.runtime.memory import Memory
from iotcall.runtime.others import find_others
from tests.runtime.reference import TRACED, Reference, Watch, assert_same
from tests.runtime.scripted import PROMPT, Scripted, automata
from tests.workshop import steadily

UTTERANCES = ("switch on the attic lamp", "heat to 20", "lamps off", "zzz")


def _enumerated(walk: Walk, logits_after: Callable[[Sequence[int]], NDArray[np.float32]]) -> (
        dict[tuple[int, ...], float]):
    """Log-probability of every answer, by the definition."""
    found: dict[tuple[int, ...], float] = {}

    def follow(place: Any, tokens: tuple[int, ...], log_probability: float) -> None:
        forced, place = walk.forced_run(place)
        tokens = (*tokens, *forced)
        if walk.is_final(place):
            found[tokens] = log_probability
            return
        allowed = walk.allowed(place)
        shares = log_shares(logits_after(tokens)[allowed])
        assert shares is not None
        for token, share in zip(allowed.tolist(), shares.tolist(), strict=True):
            follow(walk.step(place, token), (*tokens, token), log_probability + share)

    follow(walk.start, (), 0.0)
    return found


@given(automata(), st.integers(0, 1000), st.integers(1, 9))
@steadily
def test_they_are_the_likeliest_of_all_other_answers(
        automaton: Automaton, seed: int, count: int) -> None:
    walk, decoder, past = Walk(automaton, []), Scripted(seed), Text([])
    path = decode_greedily(walk, decoder, past, PROMPT,  # type: ignore[arg-type]
                           Limits(token_budget=1000))
    answers = _enumerated(walk, lambda tokens: decoder.logits_after([*PROMPT, *tokens]))
    decoder.passes.clear()
    memory = Memory([*PROMPT, *path.tokens][:past.length], past)
    looked = find_others(
        walk, decoder, memory, PROMPT, path,  # type: ignore[arg-type]
        Limits(token_budget=1000), Others(passes=1000, count=count))
    found, passes = looked.answers, looked.passes
    assert passes == len(decoder.passes)
    assert memory.tokens == past.tokens
    others = {tokens: value for tokens, value in answers.items() if tokens != tuple(path.tokens)}
    assert [one.log_probability for one in found] == pytest.approx(
        sorted(others.values(), reverse=True)[:count])
    assert [one.log_probability for one in found] == pytest.approx(
        [others[one.tokens] for one in found])


@given(automata(), st.integers(0, 1000), st.integers(0, 8))
@steadily
def test_passes_of_its_own_are_bounded_and_those_of_the_answer_cost_nothing(
        automaton: Automaton, seed: int, most: int) -> None:
    """With too few passes there is no runner-up rather than a wrong one."""
    walk, decoder, past = Walk(automaton, []), Scripted(seed), Text([])
    path = decode_greedily(walk, decoder, past, PROMPT,  # type: ignore[arg-type]
                           Limits(token_budget=1000))
    looked_at = {tuple(path.tokens[:each.after]) for each in path.decisions}
    answers = _enumerated(walk, lambda tokens: decoder.logits_after([*PROMPT, *tokens]))
    answers.pop(tuple(path.tokens))
    memory = Memory([*PROMPT, *path.tokens][:past.length], past)
    texts: list[tuple[int, ...]] = []
    run = decoder.run

    def note(ids: Sequence[int], past: Text, wanted: Sequence[Wanted] = ()) -> Any:
        found = run(ids, past, wanted)
        texts.append(tuple(past.tokens[len(PROMPT):]))
        return found

    decoder.run = note  # type: ignore[method-assign]
    looked = find_others(
        walk, decoder, memory, PROMPT, path,  # type: ignore[arg-type]
        Limits(token_budget=1000), Others(passes=most))
    found, passes = looked.answers, looked.passes
    assert passes == len(texts) == len(set(texts)) <= most
    assert not looked_at & set(texts)
    for one in found:
        assert one.log_probability == pytest.approx(max(answers.values()))


def test_where_the_grammar_has_one_answer_there_is_none() -> None:
    walk = Walk(Automaton.of_edges(0, {0: {3: 1}, 1: {4: 2}}), [])
    path = decode_greedily(walk, Scripted(0), Text([]), PROMPT,  # type: ignore[arg-type]
                           Limits(token_budget=9))
    assert (path.tokens, path.passes) == ([3, 4], 0)
    looked = find_others(
        walk, Scripted(0), Memory([], Text([])), PROMPT, path,  # type: ignore[arg-type]
        Limits(token_budget=9))
    assert (looked.answers, looked.passes) == ((), 0)


def test_where_greedy_was_beaten_the_runner_up_is_likelier_than_the_answer() -> None:
    """0.6 of all answers begin with 1, but each of its two ends has half of that."""

    class Told(Scripted):
        def logits_after(self, tokens: Sequence[int]) -> NDArray[np.float32]:
            logits = np.zeros(6, np.float32)
            if len(tokens) == len(PROMPT):
                logits[1], logits[2] = math.log(0.6), math.log(0.4)
            return logits

    walk = Walk(Automaton.of_edges(0, {0: {1: 1, 2: 3}, 1: {3: 2, 4: 2}, 3: {5: 2}}), [])
    decoder, past = Told(0), Text([])
    path = decode_greedily(walk, decoder, past, PROMPT,  # type: ignore[arg-type]
                           Limits(token_budget=9))
    looked = find_others(
        walk, decoder, Memory(list(past.tokens), past), PROMPT, path,  # type: ignore[arg-type]
        Limits(token_budget=9))
    (found,), passes = looked.answers, looked.passes
    assert (path.tokens, found.tokens, passes) == ([1, 3], (2, 5), 0)
    assert math.exp(path.log_probability) == pytest.approx(0.3)
    assert math.exp(found.log_probability) == pytest.approx(0.4)


def _uncached(decoder: Decoder, prompt: Sequence[int], texts: list[tuple[int, ...]]) -> Any:
    """Runs the whole text for each decision, and notes it."""
    def run(tokens: Sequence[int], before: tuple[int, ...], allowed: NDArray[np.int32]) -> Any:
        text = (*before, *tokens)
        texts.append(text)
        ids = [*prompt, *text]
        scores, = decoder.run(ids, decoder.empty(), [
            Wanted(len(ids) - 1, allowed.astype(np.int64))])
        return scores.allowed.copy(), text

    return run


@pytest.mark.parametrize("utterance", UTTERANCES)
def test_a_students_runner_up_is_the_second_of_the_best_answers(
        bundle: Bundle, reference: Reference, utterance: str) -> None:
    """Guessed or not, and asked twice: the past is where it was for the next utterance."""
    expected = reference.answer([], utterance)
    given = expected.trace[0]
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        walk, texts = student.parts.main.walk([], utterance), list[tuple[int, ...]]()
        assert walk is not None
        likeliest = likeliest_answers(
            walk, _uncached(student.decoder, given.prompt, texts), (), ())
        other = next(one for one in likeliest if one.tokens != given.tokens)
        own = set(texts) - {given.tokens[:each.after] for each in given.decisions}
        watch = Watch(student.decoder)
        for _ in range(2):
            watch.clear()
            found = student.decode([], utterance, others=RUNNER_UP)
            assert_same(found, expected)
            if not found.others:
                assert len(own) > RUNNER_UP.passes  # that it would have taken
                continue
            second, = found.others
            main = student.parts.main
            assert second.calls == main.read(main.text(other.tokens[:-1]))
            assert second.confidence == pytest.approx(math.exp(other.log_probability), abs=0.01)
            assert found.others_passes == len(own)
            assert found.passes + found.others_passes == len(watch.passes)
        follow_up = [Turn(utterance, expected.calls)], "and the cellar"
        if not reference.is_near_tie(*follow_up):
            assert_same(student.decode(*follow_up), reference.answer(*follow_up))


@pytest.mark.parametrize("utterance", UTTERANCES)
def test_of_a_closed_catalogue_it_is_the_second_of_all_calls(
        bundle: Bundle, utterance: str) -> None:
    """The lamp catalogue without its free text has 17 answers."""
    catalogue = catalogue_from_json(
        [tool.declaration for tool in bundle.catalogue.tools if tool.name != "note"], "closed")
    with Student.open(bundle, threads=1) as student:
        automaton = compile_automaton(catalogue, bundle.format, bundle.pieces, student.tokenizer)
    closed = msgspec.structs.replace(bundle, automaton=automaton, catalogue=catalogue)
    with Student.open(closed, threads=1, modes=TRACED) as student:
        found = student.decode([], utterance, others=RUNNER_UP)
        walk = student.parts.main.walk([], utterance)
        assert walk is not None
        prompt = found.trace[0].prompt
        decoder, past = student.decoder, student.decoder.empty()
        decoder.run(prompt, past)
        every = np.arange(bundle.layout.vocabulary)

        def logits_after(tokens: Sequence[int]) -> NDArray[np.float32]:
            past.cut(len(prompt) - 1)
            scores, = decoder.run([prompt[-1], *tokens], past, [Wanted(len(tokens), every)])
            return scores.allowed

        ranked = sorted(_enumerated(walk, logits_after).items(), key=lambda item: -item[1])
        assert len(ranked) == 17
        assert math.fsum(math.exp(value) for _, value in ranked) == pytest.approx(1)
        if min(ranked[0][1] - ranked[1][1], ranked[1][1] - ranked[2][1]) > 0.05:
            second, = found.others
            assert found.trace[0].tokens == ranked[0][0]
            main = student.parts.main
            assert second.calls == main.read(main.text(ranked[1][0][:-1]))
            assert second.confidence == pytest.approx(math.exp(ranked[1][1]), abs=0.01)


def test_it_is_looked_for_on_demand_only(bundle: Bundle, reference: Reference) -> None:
    with Student.open(bundle, threads=1) as student:
        assert student.decode([], UTTERANCES[0]).others == ()
    with Student.open(bundle, threads=1, modes=PLAIN) as student:
        plain = student.decode([], UTTERANCES[0], others=RUNNER_UP)
        assert len(plain.others) == 1
    with Student.open(bundle, threads=1) as student:
        quick = student.decode([], UTTERANCES[0], others=RUNNER_UP)
        assert quick.others[0].calls == plain.others[0].calls
