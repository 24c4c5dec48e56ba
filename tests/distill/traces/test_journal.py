from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.distill.traces.journal import Entry, Header, Journal
from iotcall.errors import FileError, InputError

HEADER = Header((("a.jsonl", 3),), {"near": 0.85}, "00")


@pytest.mark.parametrize("resume", [False, True])
def test_a_journal_is_open_in_one_run_at_a_time(resume: bool, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", HEADER, resume=False) as journal:
        with pytest.raises(InputError, match="in use by another run"):
            Journal(tmp_path / "journal", HEADER, resume=resume)
        journal.add(Entry(0, 1))
    with Journal(tmp_path / "journal", HEADER, resume=True) as journal:
        assert journal.entries == [Entry(0, 1)]


def test_what_the_run_is_stands_there_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", HEADER, resume=False):
        assert (tmp_path / "journal").read_bytes().endswith(b"}\n")


def test_a_journal_that_was_refused_is_free_again(tmp_path: Path) -> None:
    Journal(tmp_path / "journal", HEADER, resume=False).close()
    with pytest.raises(InputError, match="add --resume"):
        Journal(tmp_path / "journal", HEADER, resume=False)
    Journal(tmp_path / "journal", HEADER, resume=True).close()


def test_a_journal_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        Journal(tmp_path, HEADER, resume=False)
