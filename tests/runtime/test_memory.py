"""What is kept between utterances: bounded, by site, and worth its memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.bundle import Bundle
from iotcall.export.parity.oracle import Text
from iotcall.runtime import RUNNER_UP, Decoding, Student, Turn
from iotcall.runtime.board import RuntimeSettings
from iotcall.runtime.memory import Memories, Memory
from tests.runtime.conftest import BundleOf
from tests.runtime.reference import TRACED, Reference, Watch, assert_same
from tests.workshop import steadily

UNGUESSED = msgspec.structs.replace(TRACED, drafting=False)
SAID, NEXT = "switch on the attic lamp", "and the cellar"
TOKENS = st.lists(st.integers(0, 2), max_size=8)


def _common(one: Sequence[int], two: Sequence[int]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b),
                min(len(one), len(two)))


def _held(answered: Decoding) -> list[int]:
    """What a past holds after an answer: all but what was chosen last and is forced behind it."""
    trace = answered.trace[0]
    return [*trace.prompt, *trace.tokens[:trace.decisions[-1].after]]


def _keeps(megabytes: float) -> RuntimeSettings:
    return RuntimeSettings(threads=1, memory_megabytes=megabytes)


@given(TOKENS, TOKENS.filter(bool))
@steadily
def test_what_is_kept_is_what_both_begin_with(before: list[int], ids: list[int]) -> None:
    """But never the last token, whose logits are wanted."""
    memory = Memory(list(before), Text(list(before)))
    kept = memory.keep(ids)
    assert kept == min(_common(before, ids), len(ids) - 1)
    assert memory.tokens == memory.past.tokens == ids[:kept]  # type: ignore[attr-defined]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["", "skills/x"]),
                          st.integers(1, 9)), max_size=20), st.integers(1, 20))
@steadily
def test_the_least_recently_used_go_first_and_the_newest_stays(
        uses: list[tuple[str, str, int]], most: int) -> None:
    """Oracle: a list of keys, the latest last, cut from the front until the rest fits."""
    memories = Memories(most)
    order: list[tuple[str, str]] = []
    sizes: dict[tuple[str, str], int] = {}
    for site, part, size in uses:
        key = site, part
        if key not in order:
            sizes[key] = size
        memory = memories.of(key, partial(Memory, [], Text([]), bytes=size))
        order = [other for other in order if other != key] + [key]
        assert memory.size == sizes[key]
        memories.shrink()
        while len(order) > 1 and sum(sizes[each] for each in order) > most:
            order.pop(0)
        assert memories.bytes == sum(sizes[each] for each in order)
        assert memories.bytes <= most or len(memories) == 1
        for each in "abcde":
            assert sorted(memories.of_site(each)) == sorted(
                part for known, part in order if known == each)


def test_a_site_is_forgotten_with_all_its_parts_and_no_other() -> None:
    memories = Memories(100)
    for key in ((None, "x"), ("a", ""), ("a", "x"), ("", ""), ("b", "x")):
        memories.of(key, lambda: Memory([], Text([]), bytes=1))
    memories.forget("a")
    assert (memories.of_site("a"), memories.of_site("b"), memories.of_site("")) == ([], ["x"], [""])
    assert len(memories) == 3
    memories.forget()
    assert len(memories) == memories.bytes == 0


def test_a_follow_up_runs_only_what_is_new(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1, modes=UNGUESSED) as student:
        watch = Watch(student.decoder)
        first = student.decode([], SAID)
        assert watch.held[0] == len(student.parts.main.prefix)
        assert watch.passes[0] == [*first.trace[0].prompt[watch.held[0]:],
                                   *first.trace[0].tokens[:first.trace[0].decisions[0].after]]
        watch.clear()
        second = student.decode([Turn(SAID, first.calls)], NEXT)
        prompt = second.trace[0].prompt
        known = _common(_held(first), prompt)
        assert known > len(student.parts.main.prefix) + 3  # the words of the turn before
        assert watch.held[0] == known
        assert [token for ids in watch.passes for token in ids] == _held(second)[known:]


def test_the_same_prompt_again_runs_its_last_token_only(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1, modes=UNGUESSED) as student:
        first = student.decode([], SAID)
        watch = Watch(student.decoder)
        student.decode([], SAID)
        assert watch.held[0] == len(first.trace[0].prompt) - 1


def test_what_was_prepared_is_not_run_again(bundle: Bundle, reference: Reference) -> None:
    """Only what is said and what stands behind it are, and nothing is prepared twice."""
    history = [Turn(SAID, reference.answer([], SAID).calls)]
    with Student.open(bundle, threads=1, modes=UNGUESSED) as student:
        part = student.parts.main
        student.decode([], SAID, site="hall")
        student.prepare(history, site="hall")
        watch = Watch(student.decoder)
        student.prepare(history, site="hall")
        assert watch.passes == []
        found = student.decode(history, NEXT, site="hall")
        turn = part._prompt.open_turn(NEXT)[len(part._opening):]
        forced = found.trace[0].tokens[:found.trace[0].decisions[0].after]
        assert watch.passes[0] == [*turn, *forced]
        assert_same(found, reference.answer(history, NEXT))


def test_a_preparation_ends_when_somebody_speaks(
        bundle: Bundle, reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its passes are of 8 tokens here, so that there is something to end; what ran counts."""
    history = [Turn(SAID, reference.answer([], SAID).calls)] * 2
    monkeypatch.setattr("iotcall.runtime.student.CHUNK", 8)
    with Student.open(bundle, threads=1, modes=UNGUESSED) as student:
        watch = Watch(student.decoder)
        student.prepare(history, cancelled=lambda: len(watch.passes) == 2)
        assert list(map(len, watch.passes)) == [8, 8]
        watch.clear()
        assert_same(student.decode(history, NEXT), reference.answer(history, NEXT))
        assert watch.held[0] == len(student.parts.main.prefix) + 16


def test_a_cancelled_preparation_keeps_within_the_bound(student_of: BundleOf) -> None:
    history = [Turn(SAID, ())]
    with Student.open(student_of("lfm2", "int8"), settings=_keeps(0.0001)) as student:
        for site in "abc":
            student.prepare(history, site=site)
        assert len(student.memories) == 1
        for site in "def":
            student.prepare(history, site=site, cancelled=lambda: True)
        assert len(student.memories) == 1


def test_a_site_that_was_forgotten_begins_anew_and_says_the_same(
        bundle: Bundle, reference: Reference) -> None:
    with Student.open(bundle, threads=1, modes=UNGUESSED) as student:
        watch = Watch(student.decoder)
        student.decode([], SAID, site="a")
        ran = watch.tokens
        student.forget("b")
        watch.clear()
        student.decode([], SAID, site="a")
        assert watch.tokens < ran
        student.forget("a")
        assert len(student.memories) == 0
        watch.clear()
        assert_same(student.decode([], SAID, site="a"), reference.answer([], SAID))
        assert watch.tokens == ran


@pytest.mark.parametrize("megabytes", [0.0001, 0.5])
def test_memories_stay_within_their_bound_whoever_speaks(
        bundle: Bundle, reference: Reference, megabytes: float) -> None:
    with Student.open(bundle, settings=_keeps(megabytes), modes=TRACED) as student:
        most = 0
        for number in range(12):
            site = f"site {number * 5 % 7}"
            found = student.decode([], SAID, site=site)
            assert_same(found, reference.answer([], SAID))
            assert student.memories.bytes <= megabytes * 1e6 or len(student.memories) == 1
            assert student.memories.of_site(site) == [""]  # the newest stays
            most = max(most, len(student.memories))
        assert most == (1 if megabytes < 0.1 else min(most, 7))
    assert len(student.memories) == 0


def test_without_memory_each_prompt_is_run_whole(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1, modes=msgspec.structs.replace(
            UNGUESSED, prefix_kv=False)) as student:
        watch = Watch(student.decoder)
        student.prepare([Turn(SAID, ())])
        assert watch.passes == []
        for _ in range(2):
            watch.clear()
            found = student.decode([], SAID)
            assert watch.held[0] == 0
            assert watch.tokens == len(_held(found))
        assert len(student.memories) == 0


def test_a_past_holds_its_own_sites_tokens_and_no_others(
        bundle: Bundle, reference: Reference) -> None:
    """Every pass, with wrong guesses and without, is noted with the past that it was run in: where
    logits are asked for, its tokens are the prompt's of that site and of no other."""
    with Student.open(bundle, threads=1, modes=TRACED) as student:
        texts: WeakKeyDictionary[Any, list[int]] = WeakKeyDictionary()
        asked: list[list[int]] = []
        run = student.decoder.run

        def note(ids: Sequence[int], past: Any, wanted: Sequence[Any] = ()) -> Any:
            text = texts.setdefault(past, list(student.parts.main.prefix))
            assert past.length <= len(text)
            text[past.length:] = ids
            if wanted:
                asked.append(list(text))
            return run(ids, past, wanted)

        student.decoder.run = note  # type: ignore[method-assign]
        words = [SAID, "heat to 20", "note milk"]
        history: dict[str, list[Turn]] = {site: [] for site in "abc"}
        for turn in range(3):
            for number, site in enumerate("abc"):
                student.prepare(history[site], site=site)
                said = words[(turn + number) % 3]
                asked.clear()
                found = student.decode(history[site], said, site=site, others=RUNNER_UP)
                prompt = list(found.trace[0].prompt)
                assert asked
                assert all(text[:len(prompt)] == prompt for text in asked)
                history[site].append(Turn(said, found.calls))
        assert len(texts) == 3
