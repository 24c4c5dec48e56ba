from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from iotcall.bundle import Bundle
from iotcall.errors import IotcallError
from iotcall.evaluate import golden_turns, read_dialogues
from iotcall.evaluate.bench.fresh import Memory, measure_fresh, read_memory
from iotcall.runtime.board import RuntimeSettings


def test_memory_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(
        "Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t 7 kB\nRssAnon:\t 4 kB\nRssFile:\t 2 kB\n"
        "RssShmem:\t 1 kB\n")
    assert read_memory(tmp_path) is None
    (tmp_path / "smaps_rollup").write_text("55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 7 kB\n"
                                           "Pss:      6 kB\nPss_Anon:    4 kB\n")
    assert read_memory(tmp_path) == Memory(resident=7168, anonymous=4096, files=2048, shared=1024,
                                           share=6144, peak=9216)
    assert read_memory(tmp_path / "absent") is None


def test_a_start_is_the_sum_of_its_steps_and_memory_of_its_kinds(
        bundle_of: Callable[[str], Bundle]) -> None:
    bundle = bundle_of("qwen3")
    turns = golden_turns(read_dialogues(bundle.golden_path))[:4]
    ticks: list[int] = []
    found = measure_fresh(bundle, RuntimeSettings(threads=1), turns, starts=2,
                          progress=lambda: ticks.append(0))
    assert (len(found.starts), found.answers, len(ticks)) == (2, 4, 3)
    for start in found.starts:
        assert start.total_ms == pytest.approx(
            start.interpreter_ms + start.imports_ms + start.opening_ms + start.answer_ms)
        assert min(msgspec.structs.astuple(start)) > 0
    assert found.first is not None
    assert found.memory is not None
    for memory in (found.first, found.memory):
        assert memory.peak >= memory.resident >= memory.share > 1e7
        assert memory.resident == pytest.approx(
            memory.anonymous + memory.files + memory.shared, rel=0.1)
    assert found.graphs_ms > 0
    assert found.tokenizer_ms > 0


def test_a_process_that_does_not_answer_is_an_error_with_what_it_said(
        bundle_of: Callable[[str], Bundle], tmp_path: Path) -> None:
    bundle = bundle_of("qwen3")
    turns = golden_turns(read_dialogues(bundle.golden_path))[:1]
    gone = msgspec.structs.replace(bundle, folder=tmp_path / "gone")
    with pytest.raises(IotcallError, match=r"ended with code 1 .*found no readable manifest.json"):
        measure_fresh(gone, RuntimeSettings(threads=1), turns, starts=1)
