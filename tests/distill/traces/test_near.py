from __future__ import annotations

import pytest

from iotcall.distill.traces.near import Near

LONG = " ".join(f"lamp number {number} off" for number in range(200))


@pytest.mark.parametrize("threshold", [0.5, 0.98, 0.985, 0.99, 0.995, 0.9999])
def test_every_threshold_finds_equal_texts_and_no_others(threshold: float) -> None:
    near = Near(threshold)
    assert [near.find_or_add(text) for text in (LONG, "unlike all", LONG)] == [False, False, True]


def test_candidates_are_compared_with_the_threshold_itself() -> None:
    for threshold, found in ((0.98, True), (0.9999, False)):
        near = Near(threshold)
        near.find_or_add(LONG)
        assert near.find_or_add(f"{LONG} now") is found
