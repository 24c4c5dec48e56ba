from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iotcall.distill.teacher import Answer, open_ledger
from iotcall.errors import FileError, InputError

ANSWER = Answer("yes", ({"name": "lamp", "arguments": "{}"},), "", 3, 4)


def test_answers_are_there_again_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.jsonl"
    with open_ledger(path) as ledger:
        ledger.add("a", ANSWER, model="m", about="judge")
        ledger.add("b", Answer("\u2028 ü", finish="refused"), model="m")
    with open_ledger(path) as ledger:
        assert (ledger.find("a"), ledger.find("c"), len(ledger)) == (ANSWER, None, 2)
        assert ledger.find("b") == Answer("\u2028 ü", finish="refused")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("torn", [b"{", b'{"request":"x","model":"m","answer":{}}', b"\xff\xfe"])
def test_a_line_that_was_torn_is_cut_off_and_the_next_one_stands_alone(
        tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    with open_ledger(path) as ledger:
        ledger.add("a", ANSWER, model="m")
    with path.open("ab") as file:
        file.write(torn)
    with open_ledger(path) as ledger:
        assert len(ledger) == 1
        ledger.add("b", ANSWER, model="m")
    with open_ledger(path) as ledger:
        assert (ledger.find("a"), ledger.find("b")) == (ANSWER, ANSWER)
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b'{"request": 1}', b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_ledger_is_refused_by_line_and_left_as_it_is(
        tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b"\n" + line + b"\n")
    with pytest.raises(FileError, match="line 2"), open_ledger(path):
        pass
    assert path.read_bytes() == b"\n" + line + b"\n"


def test_one_file_serves_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with open_ledger(path), pytest.raises(InputError, match="in use"), open_ledger(path):
        pass
    with open_ledger(path) as ledger:
        assert len(ledger) == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"), open_ledger(tmp_path):
        pass


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    code = ("import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "from pathlib import Path\n"
            "from iotcall.distill.teacher import Answer, open_ledger\n"
            "with open_ledger(Path(sys.argv[1])) as ledger:\n"
            "    ledger.add('a', Answer('short'), model='m')\n"
            "    ledger.add('b', Answer('x' * 5000), model='m')\n")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False,
        env=dict(os.environ),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    assert "make room" in done.stderr
    with open_ledger(path) as ledger:
        assert (len(ledger), ledger.find("a")) == (1, Answer("short"))
