"""Calibration feeds are what a static student's graphs are fed, and no more than asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from iotcall.bundle.layout import DecoderLayout
from iotcall.errors import ExportError
from iotcall.export.graphs.build import GraphPlan
from iotcall.export.graphs.trace import trace_skeleton
from iotcall.export.npu.calibration import AnsweredPrompt, record_feeds, spread
from tests.export.tiny import (
    CAPACITY,
    CHUNK,
    FAMILY_CONFIGS,
    IDS,
    read_config,
    save_checkpoint,
    torch_logits,
    write_decoder,
)

TURNS = [AnsweredPrompt((*IDS[:17], 40 + n, 50, 60, 70, 80, 90, 5, 6, 7, 8), 20 + n % 3)
         for n in range(5)]
"""They begin with 17 tokens in common: two chunks and one."""


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DecoderLayout, np.ndarray]:
    """fp32 graphs of static layout, with convolutions and a tied head, and torch's logits."""
    root = tmp_path_factory.mktemp("calibration")
    checkpoint = save_checkpoint(FAMILY_CONFIGS["lfm2"], root / "lfm2")
    decoder = write_decoder(trace_skeleton(read_config(checkpoint)), checkpoint,
                            GraphPlan(layout="static", capacity=CAPACITY), root / "graphs")
    return root / "graphs", decoder.layout, torch_logits(checkpoint)


def test_feeds_are_those_of_the_student(student: tuple[Path, DecoderLayout, np.ndarray]) -> None:
    """The oracle is torch: each recorded pass gives the logits of its place in the text."""
    folder, layout, expected = student
    turn = AnsweredPrompt(tuple(IDS), 20)
    feeds = list(record_feeds(folder, layout, [turn], most=1, threads=1))
    assert [tokens for tokens, _ in feeds] == [CHUNK] * 3 + [1] * 5 + [CHUNK]
    last = [7, 15, 19, 20, 21, 22, 23, 24, 24]  # place of each pass's last token
    for (tokens, feed), place in zip(feeds, last, strict=True):
        session = ort.InferenceSession(folder / layout.graphs[tokens == 1])
        assert np.abs(session.run(["logits"], feed)[0][0, 0] - expected[place]).max() < 1e-4


def test_common_beginnings_run_once_and_pasts_have_several_lengths(
        student: tuple[Path, DecoderLayout, np.ndarray]) -> None:
    folder, layout, _ = student
    feeds = list(record_feeds(folder, layout, TURNS, most=64, threads=1))
    chunks = [feed for tokens, feed in feeds if tokens == CHUNK]
    assert len(chunks) == 2 + 5 * 2  # of each turn: what is left of the prompt, and its answer
    seen = [int((feed["mask"][0, :CAPACITY] == 0).sum()) for _, feed in feeds]
    assert set(seen) == {0, 8, 16, *range(20, 27)}
    assert {float(feed["mask"].min()) for _, feed in feeds} == {layout.mask}
    padded = [feed for feed in chunks if feed["logit_positions"][0] < CHUNK - 1]
    assert len(padded) == 10


@pytest.mark.parametrize(("most", "kept"), [
    (1, [0]), (2, [0, 4]), (3, [0, 2, 4]), (9, [0, 1, 2, 3, 4])])
def test_turns_are_taken_evenly(most: int, kept: list[int]) -> None:
    assert [TURNS.index(turn) for turn in spread(TURNS, most)] == kept


@pytest.mark.parametrize(("turn", "message"), [
    (AnsweredPrompt((1, 2, 3), 3), "3 tokens of which 3 are the prompt's"),
    (AnsweredPrompt((1, 2, 3), 0), "3 tokens of which 0 are the prompt's"),
    (AnsweredPrompt((1,) * 65, 60), "65 tokens does not fit the graphs' past of 64"),
    (None, "found none"),
])
def test_turns_that_cannot_be_used_are_named(
        student: tuple[Path, DecoderLayout, np.ndarray], turn: AnsweredPrompt | None,
        message: str) -> None:
    folder, layout, _ = student
    with pytest.raises(ExportError, match=message):
        next(record_feeds(folder, layout, [turn] if turn else [], most=4, threads=1))
