"""What is told of turns: the network thread never waits for the audit's disk."""

from __future__ import annotations

import threading
from pathlib import Path

from iotcall.hub import watch as watching
from iotcall.hub.audit import AuditLog, verify_audit
from iotcall.hub.turn import TurnRecord
from iotcall.hub.watch import Watch
from tests.hub.actors import DEADLINE_SECONDS
from tests.hub.test_audit import lines, turn


class Stuck(AuditLog):
    """On a disk that takes nothing until `free` is set."""

    def __init__(self, path: Path) -> None:
        self.free, self.waits = threading.Event(), threading.Event()
        super().__init__(path)

    def append(self, turn: TurnRecord) -> str:
        self.waits.set()
        assert self.free.wait(DEADLINE_SECONDS)
        return super().append(turn)


def watch_of(audit: AuditLog) -> Watch:
    return Watch("hub", queue=lambda: 0, devices=lambda: 0, audit=audit)


def refused(number: int = 0) -> TurnRecord:
    return turn(f"utterance {number}", outcome="busy", calls=(), commands=())


def test_what_was_refused_does_not_wait_for_a_disk_that_is_stuck_and_is_in_the_audit(
    tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    with Stuck(path) as audit:
        with watch_of(audit) as watch:
            # here the test itself is the network thread
            for number in range(3):
                watch.refused(refused(number))
            assert audit.waits.wait(DEADLINE_SECONDS)
            assert watch.metrics.snapshot()["utterances"]["busy"] == 3
            audit.free.set()
        assert [each["outcome"] for each in lines(path) if each["kind"] == "turn"] == ["busy"] * 3
    assert verify_audit(path).faults == ()


def test_what_was_handled_is_in_the_audit_when_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path) as audit, watch_of(audit) as watch:
        watch.turn(turn())
        assert lines(path)[-1]["outcome"] == "done"


def test_a_flood_that_the_disk_cannot_take_is_bounded_and_counted_as_lost(tmp_path: Path) -> None:
    path, more = tmp_path / "audit.jsonl", 5
    with Stuck(path) as audit:
        with watch_of(audit) as watch:
            watch.refused(refused())
            assert audit.waits.wait(DEADLINE_SECONDS)  # one is being written
            for number in range(watching._ASIDE_LIMIT + more):
                watch.refused(refused(number))
            assert watch.metrics.snapshot()["store_errors"] == more
            audit.free.set()
        told = lines(path)
    assert [each["records"] for each in told if each["kind"] == "lost"] == [more]
    assert len([each for each in told if each["kind"] == "turn"]) == 1 + watching._ASIDE_LIMIT
    assert verify_audit(path).faults == ()


def test_a_watch_without_an_audit_ends(tmp_path: Path) -> None:
    with Watch("hub", queue=lambda: 0, devices=lambda: 0) as watch:
        watch.refused(refused())
    assert watch.metrics.snapshot()["utterances"]["busy"] == 1
