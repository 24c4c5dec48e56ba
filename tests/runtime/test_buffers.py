"""Pasts are cut, copied and moved at random; every one says what a fresh run of its tokens says."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from iotcall.bundle import Bundle
from iotcall.runtime import Student
from iotcall.runtime.decoders import Decoder, Wanted, open_decoder
from iotcall.runtime.decoders.buffers import Beginning, BufferedDecoder, BufferedPast, Plan
from iotcall.runtime.decoders.shared import SharedDecoder
from tests.runtime.conftest import BundleOf
from tests.workshop import briefly

EXACT = {"fp32": 1e-4, "static": 1e-4, "int8": 0.05, "int4": 0.05}
"""Largest difference of logits; blocks of 8 or 4 bits round activations to 8."""
STEPS = st.lists(st.one_of(
    st.tuples(st.just("run"), st.integers(0, 3), st.lists(st.integers(3, 90), min_size=1,
                                                          max_size=20)),
    st.tuples(st.just("cut"), st.integers(0, 3), st.integers(0, 30)),
    st.tuples(st.sampled_from(["copy", "move"]), st.integers(0, 3), st.integers(0, 3)),
), min_size=3, max_size=8)


class Kept:
    """A past beside the tokens that it should hold."""

    def __init__(self, past: Any, tokens: list[int]) -> None:
        self.past, self.tokens = past, tokens


def _logits(decoder: Decoder, past: Any, ids: list[int]) -> NDArray[np.float32]:
    every = np.arange(decoder.layout.vocabulary)
    scores, = decoder.run(ids, past, [Wanted(len(ids) - 1, every)])
    return scores.allowed.copy()


def _follow(decoder: Decoder, steps: list[tuple[str, int, Any]], start: list[Kept],
            tolerance: float) -> None:
    """Do to real pasts what is done to lists of tokens; ask each of them at the end.

    One that cannot go back so far, as columns of before are not known, goes back to nothing.
    """
    kept = start
    for name, which, what in steps:
        one = kept[which % len(kept)]
        if name == "run":
            decoder.run(what, one.past)
            one.tokens += what
        elif name == "cut":
            left = one.past.cut(what)
            assert left in (0, min(what, len(one.tokens)))
            del one.tokens[left:]
        else:
            made = (one.past.copy() if name == "copy" else
                    decoder.restore(one.past.length, decoder.save(one.past)))
            kept[what:what + 1] = [Kept(made, list(one.tokens))]
        assert all(each.past.length == len(each.tokens) for each in kept)
    for each in kept:
        expected = _logits(decoder, decoder.empty(), [*each.tokens, 7])
        assert np.abs(_logits(decoder, each.past, [7]) - expected).max() < tolerance


@pytest.mark.parametrize("kind", list(EXACT))
@pytest.mark.parametrize("family", ["gemma3", "lfm2", "qwen3"])
def test_a_past_says_what_its_tokens_say_whatever_was_done_to_it(
        student_of: BundleOf, family: str, kind: str) -> None:
    bundle = student_of(family, kind)
    decoder = open_decoder(bundle.folder, bundle.layout, threads=1)
    begun = decoder.empty()
    decoder.run(list(range(10, 22)), begun)
    beginning = decoder.restore(12, decoder.save(begun))

    @given(STEPS)
    @briefly
    def follow(steps: list[tuple[str, int, Any]]) -> None:
        _follow(decoder, steps, [Kept(decoder.empty(), []),
                                 Kept(beginning.copy(), list(range(10, 22)))], EXACT[kind])

    follow()


@pytest.fixture(params=["int8", "static"])
def decoder(request: pytest.FixtureRequest, student_of: BundleOf) -> BufferedDecoder:
    """Whose pasts lie in mappings; LFM2 has columns of convolutions too."""
    bundle = student_of("lfm2", request.param)
    opened = open_decoder(bundle.folder, bundle.layout, threads=1)
    assert isinstance(opened, BufferedDecoder)
    return opened


def _arrays(past: BufferedPast) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in past.arrays.items()}


def test_what_one_past_writes_no_other_sees(decoder: BufferedDecoder) -> None:
    """Byte for byte: neither the beginning nor what was copied from it before or after."""
    first = decoder.empty()
    decoder.run([5, 6, 7, 8], first)
    beginning = decoder.restore(4, decoder.save(first))
    one, other = beginning.copy(), beginning.copy()
    untouched = _arrays(beginning)
    assert _arrays(one) == _arrays(other) == untouched
    one.cut(2)
    decoder.run([9] * 20, one)
    assert _arrays(one) != untouched
    assert _arrays(other) == _arrays(beginning) == _arrays(beginning.copy()) == untouched
    decoder.run([11], other)
    again = beginning.copy()
    assert _arrays(again) == untouched
    for array in beginning.arrays.values():
        array[:] = 1.0  # even of the past that came from the file
    assert _arrays(beginning.copy()) == untouched


def test_a_past_counts_the_pages_of_its_own_tokens(decoder: BufferedDecoder) -> None:
    """Those that its next token will need are counted as soon as it is there."""
    first = decoder.empty()
    decoder.run([5] * 40, first)
    beginning = decoder.restore(40, decoder.save(first))
    one = beginning.copy()
    fresh = one.bytes
    assert fresh == beginning.bytes == decoder.empty().bytes < first.bytes
    decoder.run([1] * 30, one)
    reached = one.bytes
    assert reached > fresh
    one.cut(1)
    assert one.bytes == reached  # the pages are still there
    assert 0 <= one.copy().bytes < reached


def test_a_cut_never_lengthens(decoder: BufferedDecoder) -> None:
    past = decoder.empty()
    decoder.run([5, 6], past)
    past.cut(9)
    assert past.length == 2


@pytest.mark.parametrize("family", ["gemma3", "lfm2", "qwen3"])
@pytest.mark.parametrize("kind", list(EXACT))
@pytest.mark.parametrize("copied", [False, True], ids=["itself", "its copy"])
def test_a_past_that_was_cut_below_its_beginning_holds_its_own_tokens(
        student_of: BundleOf, family: str, kind: str, copied: bool) -> None:
    bundle = student_of(family, kind)
    decoder = open_decoder(bundle.folder, bundle.layout, threads=1)
    first = decoder.empty()
    decoder.run([5, 6, 7, 8], first)
    past = decoder.restore(4, decoder.save(first)).copy()
    kept = past.cut(2)
    assert kept == past.length in (0, 2)  # columns of convolutions are not kept that far back
    decoder.run([5, 6, 20, 21, 22][kept:], past)
    expected = _logits(decoder, decoder.empty(), [5, 6, 20, 21, 22, 7])
    found = _logits(decoder, past.copy() if copied else past, [7])
    assert np.abs(found - expected).max() < EXACT[kind]


def test_a_copy_that_is_shorter_than_its_beginning_takes_no_negative_memory(
        decoder: BufferedDecoder) -> None:
    first = decoder.empty()
    decoder.run([5] * 200, first)
    past = decoder.restore(200, decoder.save(first)).copy()
    past.cut(1)
    assert past.copy().bytes >= 0


def test_pasts_that_nobody_holds_give_their_memory_and_files_back(bundle: Bundle) -> None:
    files = Path("/proc/self/fd")
    if not files.exists():
        pytest.skip("only Linux lists a process's files so")
    gc.collect()
    with Student.open(bundle, threads=1) as student:
        before = len(os.listdir(files))
        for site in "abc":
            student.decode([], "heat to 20", site=site)
        past = weakref.ref(student.memories.of(("a", ""), lambda: pytest.fail("none")).past)
        student.forget()
        assert past() is None
        assert len(os.listdir(files)) == before


def test_a_beginning_is_where_its_plan_says() -> None:
    plan = Plan.of({"past_key_values.0.key": (1, 2, 10, 4), "past_key_values.0.conv": (1, 3, 5)},
                   10)
    random = np.random.default_rng(0)
    key = random.normal(size=(1, 2, 6, 4)).astype(np.float32)
    columns = random.normal(size=(1, 3, 5)).astype(np.float32)
    past = BufferedPast(plan, Beginning(plan, 6, {"past_key_values.0.key": key,
                                                  "past_key_values.0.conv": columns}))
    assert past.length == 6
    assert np.array_equal(past.arrays["past_key_values.0.key"][:, :, :6], key)
    assert not past.arrays["past_key_values.0.key"][:, :, 6:].any()
    assert np.array_equal(past.columns("past_key_values.0.conv"), columns)
    assert plan.token_bytes == 4 * (2 * 4 + 5)


@pytest.mark.parametrize("others", [False, True])
def test_most_rows_are_those_of_the_whole_head(
        student_of: BundleOf, monkeypatch: pytest.MonkeyPatch, others: bool) -> None:
    bundle = student_of("lfm2", "int4")
    decoder = open_decoder(bundle.folder, bundle.layout, threads=1)
    assert isinstance(decoder, SharedDecoder)
    asked = [Wanted(2, np.arange(3, 300, 2)), Wanted(5, np.arange(7, 480, 3), others=others)]
    ids = [5, 60, 7, 80, 9, 10]
    gathered = [(found.allowed.copy(), found.rest.copy())
                for found in decoder.run(ids, decoder.empty(), asked)]
    monkeypatch.setattr("iotcall.runtime.decoders.shared._MOST_ROWS", 50)
    for found, (allowed, rest) in zip(decoder.run(ids, decoder.empty(), asked), gathered,
                                      strict=True):
        np.testing.assert_allclose(found.allowed, allowed, atol=1e-4)
        np.testing.assert_allclose(found.rest, rest, atol=1e-4)
