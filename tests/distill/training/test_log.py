from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.distill.training.log import LOG, Begun, Judgement, Log, Loss, read_log
from iotcall.errors import FileError


def loss(step: int) -> Loss:
    return Loss(step=step, epoch=step / 10, loss=1.0, learning_rate=0.1)


def judged(step: int, equivalence: float, *, counts: bool = True, best: bool = False) -> Judgement:
    return Judgement(step=step, epoch=step / 10, items=10, correct=round(10 * equivalence),
                     equivalence=equivalence, interval95=(0.0, 1.0), names=1.0, unanswered=0,
                     seconds=0.1, counts=counts, best=best)


BEGUN = Begun(step=0, device="cpu", precision="fp32", threads=1, parameters=9, learning=9,
              sequences=4)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    rows = [BEGUN, loss(5), judged(10, 0.5, best=True)]
    for row in rows:
        log.add(row)
    assert read_log(tmp_path) == rows
    assert (tmp_path / LOG).read_text().count("\n") == 3


def test_who_goes_on_from_a_step_forgets_what_came_behind_it(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    for row in (BEGUN, loss(5), judged(10, 0.5), loss(15), judged(20, 0.9)):
        log.add(row)
    again = Log(tmp_path, 10)
    assert read_log(tmp_path) == [BEGUN, loss(5), judged(10, 0.5)]
    assert again.judgements == [judged(10, 0.5)]
    Log(tmp_path, 0)
    assert read_log(tmp_path) == []


def test_the_best_is_better_than_all_that_count(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    assert log.is_best(0.0, counts=True)
    log.add(judged(10, 0.5))
    log.add(judged(20, 0.9, counts=False))
    assert log.is_best(0.6, counts=True)
    assert not log.is_best(0.5, counts=True)
    assert not log.is_best(0.99, counts=False)


def test_a_line_that_an_interruption_cut_is_left_out(tmp_path: Path) -> None:
    Log(tmp_path, 0).add(loss(5))
    with (tmp_path / LOG).open("a") as file:
        file.write('{"kind":"loss","st')
    assert read_log(tmp_path) == [loss(5)]


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"kind":"other"}', "\udcff"])
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / LOG).write_bytes(line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(FileError, match="line 1"):
        read_log(tmp_path)


def test_a_folder_without_a_log_has_no_rows(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == []
