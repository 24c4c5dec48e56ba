"""Tiny random students as static graphs, in fp32 and of fixed point. Leaves out: judging them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from iotcall.export.graphs.build import GraphPlan
from iotcall.export.graphs.passes.qdq import QdqReport, quantise_static
from iotcall.export.graphs.trace import trace_skeleton
from iotcall.export.npu.calibration import AnsweredPrompt, Feed, record_feeds
from iotcall.export.target import Activations, load_target
from iotcall.runtime.decoders import Decoder
from tests.export.tiny import (
    CAPACITY,
    FAMILY_CONFIGS,
    IDS,
    VOCABULARY,
    read_config,
    save_checkpoint,
    write_decoder,
)

TARGET = load_target("qnn-htp-v68")[1]
ACTIVATIONS = TARGET.activations or Activations(bits=16)
TURNS = [AnsweredPrompt(tuple((id + 3 * n) % VOCABULARY for id in IDS), 20) for n in range(8)]


class Student(msgspec.Struct, frozen=True):
    checkpoint: Path
    decoder: Decoder
    """Of the fp32 graphs."""
    plain: Path
    """Folder of the fp32 graphs."""
    fixed: Path
    """Folder of the quantised ones."""
    report: QdqReport


def make_student(family: str, opset: int, root: Path) -> Student:
    """A student of `FAMILY_CONFIGS`, quantised for 16-bit activations; the head of qwen3 is tied.
    """
    checkpoint, plain, fixed = root / "checkpoint", root / "plain", root / "fixed"
    save_checkpoint(FAMILY_CONFIGS[family], checkpoint)
    decoder = write_decoder(trace_skeleton(read_config(checkpoint), opset=opset), checkpoint,
                            GraphPlan(layout="static", capacity=CAPACITY), plain)
    report = quantise(plain, fixed, feeds_of(plain, decoder))
    return Student(checkpoint, decoder, plain, fixed, report)


def feeds_of(plain: Path, decoder: Decoder) -> list[tuple[int, Feed]]:
    return list(record_feeds(plain, decoder.layout, TURNS, most=64, threads=1))


def quantise(plain: Path, out: Path, feeds: Iterable[tuple[int, Any]],
             activations: Activations = ACTIVATIONS, step: Path | None = None) -> QdqReport:
    return quantise_static(plain / "chunk.onnx", step or plain / "step.onnx", out, feeds,
                           activations, threads=1)
