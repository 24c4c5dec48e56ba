"""A whole bench of a tiny bundle: its figures are those of its samples."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest

from iotcall.bundle import Bundle
from iotcall.errors import InputError
from iotcall.evaluate.bench import BenchSettings, Report, draw, measure, table
from iotcall.evaluate.bench.floor import floor_of
from iotcall.evaluate.bench.report import samples_of
from iotcall.evaluate.bench.table import row_name
from iotcall.runtime.board import RuntimeSettings

SETTINGS = BenchSettings(utterances=5, rounds=2, starts=1, runtime=RuntimeSettings(threads=1))


@pytest.fixture(scope="module")
def bundle(bundle_of: Callable[[str], Bundle]) -> Bundle:
    return bundle_of("qwen3")


@pytest.fixture(scope="module")
def report(bundle: Bundle) -> Report:
    return measure(bundle, SETTINGS)


def test_every_row_is_the_figures_of_its_samples(report: Report) -> None:
    assert [row_name(row) for row in report.rows] == [
        "guesses, first time", "guesses, said before", "no guesses", "plain"]
    assert sum(row.ms.samples for row in report.rows) == len(report.samples) == 2 * 3 * 5
    for row in report.rows:
        samples = samples_of(report, row)
        assert row.ms.p50 == pytest.approx(statistics.median(each.ms for each in samples))
        assert row.ms.p50 <= row.ms.p95 <= row.ms.p99 <= row.ms.most
        assert row.ms.p50_interval95[0] <= row.ms.p50 <= row.ms.p50_interval95[1]
        assert row.passes == statistics.fmean(len(each.ran) for each in samples)
        assert row.prefill_p50_ms <= row.ms.most


def test_the_floor_is_that_of_the_passes_that_ran(report: Report) -> None:
    assert report.speed is not None
    assert report.cost is not None
    assert report.no_floor == ""
    for row in report.rows:
        samples = samples_of(report, row)
        floors = [floor_of(each.ran, report.cost, report.speed) for each in samples]
        assert row.against is not None
        assert row.against.floor_ms == pytest.approx(
            statistics.median(each.floor_ms for each in floors))
        assert row.against.in_turn_ms >= row.against.floor_ms
        assert row.against.floor_ms >= 0.999 * row.against.least_ms > 0
        assert row.against.ratio.median == pytest.approx(statistics.median(
            sample.ms / each.floor_ms for sample, each in zip(samples, floors, strict=True)))


def test_comparisons_are_pairs_of_one_utterance_in_one_round(report: Report) -> None:
    found = {(" ".join(each.over), " ".join(each.under)): each.ratio
             for each in report.comparisons}
    over, under = "plain any time", "guesses said before"
    times = {(each.mode, each.turn): each.ms for each in report.samples if each.round == 1}
    ratios = [times["plain", turn] / times["guesses", turn] for turn in range(5)]
    assert found[over, under].pairs == 5
    assert found[over, under].median == pytest.approx(statistics.median(ratios))
    assert found[over, "no guesses any time"].pairs == 10
    assert ("guesses said before", "guesses first time") not in found  # never side by side


def test_the_calls_of_all_modes_agree(report: Report) -> None:
    assert (report.turns, report.agreed, report.parted) == (5, 5, ())
    assert report.answered == len(report.samples)


def test_the_json_is_read_back_and_fits_its_schema(report: Report) -> None:
    written = msgspec.json.encode(report)
    assert msgspec.json.decode(written, type=Report).rows == report.rows
    jsonschema.validate(msgspec.json.decode(written), msgspec.json.schema(Report))


def test_the_table_shows_every_row_and_the_floor(report: Report) -> None:
    text = table(report)
    for row in report.rows:
        assert text.count(f"\n{row_name(row)} ") >= 3
    assert "GB/s" in text
    assert "plain over guesses, said before" in text
    assert "memory of a fresh process" in text
    head, _, figures = text.partition("\n\n")
    assert report.machine.name in head
    assert max(map(len, figures.splitlines())) <= 110


def test_without_the_cost_of_a_pass_there_is_no_floor_and_the_report_says_why(
        bundle: Bundle) -> None:
    layout = msgspec.structs.replace(bundle.layout, cost=None)
    settings = msgspec.structs.replace(SETTINGS, starts=0, rounds=1, modes=("no guesses",))
    found = measure(msgspec.structs.replace(bundle, layout=layout), settings)
    assert (found.speed, found.fresh, found.comparisons) == (None, None, ())
    assert [row.against for row in found.rows] == [None]
    assert "no floor: qwen3/decoder.json does not say what a pass costs; export" in table(found)


def test_a_bench_without_a_mode_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InputError, match="expected at least one mode of guesses, no guesses"):
        measure(bundle, msgspec.structs.replace(SETTINGS, modes=()))


def test_the_picture_is_drawn_where_matplotlib_is(report: Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(report, tmp_path / "latency.png")
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
