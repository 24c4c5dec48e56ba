"""The audit: what is in it, what it survives, and what `verify_audit` notices."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.errors import FileError, StoreError
from iotcall.hub.audit import AuditLog, utterance_hash, verify_audit
from iotcall.hub.audit_chain import read_key
from iotcall.hub.turn import CommandRecord, LatencyRecord, TurnRecord
from tests.hub.actors import ROOT, wait_until


def turn(text: str = "unlock the front door", **changes: Any) -> TurnRecord:
    return TurnRecord(**{
        "utterance": text, "site_id": "kitchen", "session_id": None, "confidence": 0.9,
        "calls": (ToolCall("lock_door", {"door": "front", "state": "unlocked"}),),
        "outcome": "done", "reply": "The front door is unlocked.",
        "commands": (CommandRecord(
            device="front door", property="lock", value="unlocked", topic="zigbee2mqtt/front/set",
            payload='{"state":"UNLOCK"}', verdict="confirmed", state={"lock": "unlocked"}),),
        "latency_ms": LatencyRecord(decode=1.0, command=2.0, total=3.0), **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def write(path: Path, count: int, **settings: int) -> str:
    """So many records; the head after the last."""
    with AuditLog(path, **settings) as log:
        for number in range(count):
            assert log.append(turn(f"utterance {number}")) == ""
        return log.head


# --- what is in it ----------------------------------------------------------------------------


def test_a_record_tells_who_called_for_what_and_what_became_of_it(path: Path) -> None:
    with AuditLog(path) as log:
        log.append(turn())
    began, told = lines(path)
    assert (began["kind"], told["kind"]) == ("begin", "turn")
    assert (told["site"], told["outcome"]) == ("kitchen", "done")
    assert told["calls"] == [{"name": "lock_door",
                              "arguments": {"door": "front", "state": "unlocked"}}]
    assert told["commands"] == [{
        "device": "front door", "property": "lock", "value": "unlocked", "verdict": "confirmed",
        "reason": "", "state": {"lock": "unlocked"}}]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["time"])


def test_what_was_said_is_not_in_it_but_known_again(path: Path) -> None:
    with AuditLog(path) as log:
        for text in ("Unlock  the front door", "unlock the front door", "lock the front door"):
            log.append(turn(text))
    assert "the front door is" not in path.read_text()
    assert "nlock the" not in path.read_text()
    first, same, other = (each["utterance"] for each in lines(path)[1:])
    assert first == same != other
    keys = read_key(path)
    assert keys is not None
    assert utterance_hash("unlock the front door", keys) == first


def test_another_installation_gives_the_same_words_another_hash(tmp_path: Path) -> None:
    found = set()
    for name in ("one.jsonl", "two.jsonl"):
        with AuditLog(tmp_path / name) as log:
            log.append(turn())
        found.add(lines(tmp_path / name)[1]["utterance"])
    assert len(found) == 2


def test_only_its_owner_may_read_it_whoever_made_the_file(path: Path) -> None:
    old = os.umask(0)
    try:
        write(path, 40, max_bytes=4096)
    finally:
        os.umask(old)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert len(modes) > 4
    assert set(modes.values()) == {0o600}


def test_a_text_that_no_encoding_can_write_is_written_with_a_sign_in_its_place(path: Path) -> None:
    with AuditLog(path) as log:
        assert log.append(turn("half \ud800", site_id="a\ud800")) == ""
    assert lines(path)[1]["site"] == "a\ufffd"


def test_a_record_is_bounded_and_says_what_it_lost(path: Path) -> None:
    command = turn().commands[0]
    with AuditLog(path) as log:
        many = tuple(CommandRecord(
            device=f"lamp {number}", property="state", value="on", topic="t", payload="p",
            verdict="confirmed", state={f"value {each}": 1.5 for each in range(30)})
            for number in range(200))
        log.append(turn(commands=many))
        log.append(turn(commands=(command,) * 1000))
        log.append(turn(calls=(ToolCall("note", {"text": "x" * 70000}),)))
    told = lines(path)[1:]
    assert [each["shortened"] for each in told] == ["state", "commands", "calls"]
    assert len(told[0]["commands"]) == 200
    assert all(len(line) < 66000 for line in path.read_bytes().splitlines())
    assert verify_audit(path).faults == ()


# --- rotation ---------------------------------------------------------------------------------


def test_full_files_are_put_aside_and_the_oldest_goes(path: Path) -> None:
    write(path, 100, max_bytes=4096, keep=3)
    names = sorted(each.name for each in path.parent.glob("audit.jsonl*"))
    full = [name for name in names if re.search(r"\d{6}$", name)]
    assert len(full) == 3
    assert full[0] > "audit.jsonl.000001"
    assert all(each.stat().st_size <= 4096 for each in path.parent.glob("audit.jsonl.0*"))
    report = verify_audit(path)
    assert (report.files, report.faults, report.notes) == (4, (), ())
    assert report.records < 100


def test_the_chain_goes_on_over_files_and_over_starts(path: Path) -> None:
    for _ in range(10):
        write(path, 7, max_bytes=4096)
    report = verify_audit(path)
    assert report.records == 70
    assert report.files > 3
    assert report.faults == ()


def test_no_full_file_is_kept_where_none_is_wanted(path: Path) -> None:
    head = write(path, 60, max_bytes=4096, keep=0)
    assert list(path.parent.glob("audit.jsonl.0*")) == []
    assert verify_audit(path, head=head).faults == ()


def test_another_bound_than_before_is_no_fault(path: Path) -> None:
    for keep in (5, 1, 4):
        write(path, 40, max_bytes=4096, keep=keep)
        assert verify_audit(path).faults == ()


@pytest.mark.parametrize("left", [0, 1, 40])
def test_an_end_between_two_files_is_survived(path: Path, left: int) -> None:
    """Killed after the file was put aside: there is no new one, or half of its first line."""
    write(path, 3)
    first = path.read_bytes().split(b"\n")[0]
    path.rename(path.with_name("audit.jsonl.000000"))
    if left:
        path.write_bytes(first[:left])
    write(path, 3)
    report = verify_audit(path)
    assert (report.records, report.files, report.faults) == (6, 2, ())


# --- a crash ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_line_that_a_crash_has_cut_is_closed_and_noted(path: Path, cut: int) -> None:
    """As a kill in mid-line leaves it: the line was not finished, so its code is not noted."""
    write(path, 2)
    head = path.with_name("audit.jsonl.head").read_bytes()
    write(path, 1)
    path.with_name("audit.jsonl.head").write_bytes(head)
    path.write_bytes(path.read_bytes()[:-cut])
    write(path, 1)
    report = verify_audit(path)
    assert report.faults == ()
    if cut == 1:  # only the end of the line was missing
        assert (report.records, report.notes) == (4, ())
    else:
        assert report.records == 3
        assert [each.what for each in report.notes] == ["a crash cut it"]


def test_a_crash_while_the_cut_line_is_noted_is_survived_too(path: Path) -> None:
    write(path, 2)
    raw = path.read_bytes()
    path.write_bytes(raw + b'{"n":4,"kind":"tu\n{"n":4,"kind":"torn","by')
    write(path, 1)
    report = verify_audit(path)
    assert (report.records, report.faults) == (3, ())
    assert len(report.notes) == 1


def test_a_process_that_is_killed_leaves_a_log_that_goes_on(path: Path) -> None:
    code = ("import sys\nfrom pathlib import Path\nfrom iotcall.hub.audit import AuditLog\n"
            "from tests.hub.test_audit import turn\n"
            "log = AuditLog(Path(sys.argv[1]), max_bytes=4096, keep=50)\n"
            "while True: log.append(turn())")
    for _ in range(4):
        size = sum(each.stat().st_size for each in path.parent.glob("audit.jsonl*"))
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT,
                                   env={**os.environ, "PYTHONPATH": str(ROOT)})
        wait_until(lambda size=size: sum(
            each.stat().st_size for each in path.parent.glob("audit.jsonl*")) > size + 9000,
            "records")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert verify_audit(path).faults == ()
    write(path, 1)
    report = verify_audit(path)
    assert report.faults == ()
    assert report.records > 40


# --- a full disk ------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_what_was_lost_is_noted_when_there_is_room(
        path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, room = os.write, [10_000]

    def write_while_there_is_room(handle: int, raw: bytes) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fits, room[0] = raw[:room[0]], room[0] - len(raw)
        return real(handle, fits)

    with AuditLog(path, max_bytes=4096) as log:
        monkeypatch.setattr(os, "write", write_while_there_is_room)
        told = [log.append(turn()) for _ in range(60)]
        assert told[0] == ""
        assert set(told) == {"", os.strerror(errno.ENOSPC)}
        room[0] = 1 << 30
        assert log.append(turn()) == ""
    report = verify_audit(path)
    assert report.faults == ()
    lost = sum(bool(each) for each in told)
    assert [each.what for each in report.notes] == [f"{lost} records were not written"]
    assert report.records == 61 - lost


def test_a_real_full_disk_raises_nothing(path: Path) -> None:
    """With the limit that the system has for files, a disk of 6 kB."""
    code = ("import resource, signal, sys\nfrom pathlib import Path\n"
            "from iotcall.hub.audit import AuditLog\nfrom tests.hub.test_audit import turn\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
            "log = AuditLog(Path(sys.argv[1]))\n"
            "told = {log.append(turn()) for _ in range(60)}\n"
            "print(sorted(told))")
    run = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True,
                         capture_output=True, text=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": str(ROOT)})
    told = [each for each in ("File too large", "No space left on device") if each in run.stdout]
    assert told, run.stdout
    assert verify_audit(path).faults == ()


def test_a_place_that_cannot_be_written_to_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        AuditLog(tmp_path / "none" / "audit.jsonl")


def test_two_hubs_do_not_write_one_audit(path: Path) -> None:
    with AuditLog(path), pytest.raises(StoreError, match="another process"):
        AuditLog(path)
    AuditLog(path).close()


# --- what is noticed --------------------------------------------------------------------------


def altered(raw: list[bytes]) -> list[bytes]:
    return [*raw[:4], raw[4].replace(b"confirmed", b"unconfirm"), *raw[5:]]


def with_another_code(raw: list[bytes]) -> list[bytes]:
    return [*raw[:4], raw[4][:-34] + b"0" * 32 + b'"}', *raw[5:]]


@pytest.mark.parametrize(("change", "says"), [
    (altered, ["line 5: it was altered"]),
    (with_another_code, ["line 5: it was altered", "line 6: it was altered"]),
    (lambda raw: [*raw[:4], *raw[5:]], ["line 5: 1 lines are missing"]),
    (lambda raw: [*raw[:4], raw[5], raw[4], *raw[6:]],
     ["line 5: 1 lines are missing", "line 6: it was altered", "line 7: 1 lines are missing"]),
    (lambda raw: [*raw[:4], raw[3], *raw[4:]],
     ["line 5: it was altered", ]),
    (lambda raw: [*raw[:4], b"nothing", *raw[5:]],
     ["line 5: it cannot be read", "line 6: 1 lines are missing"]),
    (lambda raw: [b"{}", *raw[1:]], ["line 1: it cannot be read", "line 2: 1 lines are missing"]),
    (lambda raw: raw[:-1], ["1 lines are missing at the end"]),
    (lambda raw: [], ["11 lines are missing at the end"]),
], ids=["altered", "code altered", "removed", "swapped", "repeated", "overwritten",
        "first overwritten", "last removed", "emptied"])
def test_what_is_removed_or_altered_is_noticed(path: Path, change, says: list[str]) -> None:
    write(path, 10)
    raw = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in change(raw)))
    found = [str(each) for each in verify_audit(path).faults]
    assert len(found) == len(says)
    assert all(wanted in told for wanted, told in zip(says, found, strict=True)), found


def test_what_was_cut_off_the_end_stays_noticed_after_the_next_start(path: Path) -> None:
    write(path, 5)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    write(path, 1)
    assert [each.what for each in verify_audit(path).faults] == [
        "at a start 2 lines were missing before it"]


def test_a_start_tells_what_was_altered_before_it(path: Path) -> None:
    write(path, 5)
    path.write_bytes(path.read_bytes().replace(b'"confirmed"', b'"refused"', 1))
    with AuditLog(path) as log:
        assert [each.line for each in log.faults] == [2]


@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_full_file_that_is_missing_is_noticed(path: Path, place: int) -> None:
    write(path, 60, max_bytes=4096)
    full = sorted(path.parent.glob("audit.jsonl.0*"))
    assert len(full) > 3
    full[place].unlink()
    assert verify_audit(path).faults


def test_the_newest_file_that_is_missing_is_noticed(path: Path) -> None:
    write(path, 60, max_bytes=4096)
    path.unlink()
    assert [each.what for each in verify_audit(path).faults if "at the end" in each.what]


def test_a_head_of_another_key_or_none_is_noticed(path: Path) -> None:
    write(path, 3)
    head = path.with_name("audit.jsonl.head")
    raw = head.read_text()
    head.write_text(raw.replace(raw[-10:-1], "0" * 9))
    assert [each.file for each in verify_audit(path).faults] == ["audit.jsonl.head"]
    head.unlink()
    assert [each.file for each in verify_audit(path).faults] == ["audit.jsonl.head"]


def test_an_older_copy_of_everything_is_noticed_by_a_head_that_was_noted_elsewhere(path: Path
                                                                                   ) -> None:
    write(path, 3)
    copies = {each: each.read_bytes() for each in path.parent.iterdir()}
    noted = write(path, 3)
    assert verify_audit(path, head=noted).faults == ()
    for each, raw in copies.items():
        each.write_bytes(raw)
    assert verify_audit(path).faults == ()
    assert [each.what for each in verify_audit(path, head=noted).faults] == [f"no line is {noted}"]


def test_without_its_key_it_is_neither_checked_nor_continued(path: Path) -> None:
    write(path, 3)
    path.with_name("audit.jsonl.key").unlink()
    with pytest.raises(FileError, match="is missing"):
        verify_audit(path)
    with pytest.raises(FileError, match="put the key back"):
        AuditLog(path)
    path.with_name("audit.jsonl.key").write_text("no key")
    with pytest.raises(FileError, match="64 hexadecimal digits"):
        AuditLog(path)


def test_it_can_be_checked_while_it_is_written(path: Path) -> None:
    with AuditLog(path, max_bytes=4096, keep=2) as log:
        for _ in range(60):
            log.append(turn())
            assert verify_audit(path).faults == ()


def test_what_is_no_line_of_ours_raises_nothing(path: Path) -> None:
    write(path, 30, max_bytes=4096)
    junk = [b"", b"\x00\xff", b"[" * 5000, b'{"n":true,"kind":"turn","code":"' + b"0" * 32 + b'"}',
            b'{"n":1e400,"kind":"turn","code":"' + b"0" * 32 + b'"}',
            b'{"n":9,"kind":"begin","file":"x","oldest":[],"code":"' + b"0" * 32 + b'"}',
            b'{"n":9,"kind":"begin","file":9,"oldest":"x","code":"' + b"0" * 32 + b'"}']
    for line in junk:
        raw = path.read_bytes()
        path.write_bytes(raw + line + b"\n")
        assert verify_audit(path).records >= 2
        path.write_bytes(raw)
