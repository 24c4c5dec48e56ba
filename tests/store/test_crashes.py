"""A hub that is killed anywhere publishes nothing twice, and knows afterwards what is in doubt."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iotcall.store import Intended, open_store

ROOT = Path(__file__).parent.parent.parent

# point of death -> what was published by then, what the restarted hub says of each command
POINTS: dict[str, tuple[str, list[str]]] = {
    "started": ("", ["confirmed", "confirmed"]),
    "commit 1": ("", ["confirmed", "confirmed"]),
    "begun": ("", ["unconfirmed", "unconfirmed"]),
    "published 0": ("0", ["unconfirmed", "unconfirmed"]),
    "commit 2": ("0", ["unconfirmed", "unconfirmed"]),
    "sent 0": ("0", ["unconfirmed", "unconfirmed"]),
    "published 1": ("01", ["unconfirmed", "unconfirmed"]),
    "commit 3": ("01", ["unconfirmed", "unconfirmed"]),
    "sent 1": ("01", ["unconfirmed", "unconfirmed"]),
    "commit 4": ("01", ["unconfirmed", "unconfirmed"]),
    "settled 0": ("01", ["confirmed", "unconfirmed"]),
    "commit 5": ("01", ["confirmed", "unconfirmed"]),
    "settled 1": ("01", ["confirmed", "confirmed"]),
}


def hub(path: Path, broker: Path, point: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.store.dying_hub", str(path), str(broker), point],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_and_told_again_it_publishes_nothing_twice(tmp_path: Path, point: str) -> None:
    path, broker = tmp_path / "hub.db", tmp_path / "broker"
    broker.touch()
    killed = hub(path, broker, point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    published, verdicts = POINTS[point]
    assert broker.read_text().split() == list(published)
    with open_store(path) as store:
        assert store.put_aside is None
        never_settled = point not in ("started", "commit 1", "settled 1")
        assert bool(store.journal.open_entries()) == never_settled
    again = hub(path, broker, "nowhere")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == verdicts
    never_begun = point in ("started", "commit 1")
    assert broker.read_text().split() == list("01" if never_begun else published)


def test_whatever_is_left_of_the_log_is_the_state_after_some_commit(tmp_path: Path) -> None:
    """What the power takes is the end of the log: a command is never settled and not begun."""
    with open_store(tmp_path / "hub.db") as store:
        for number in range(4):
            entry_id = store.journal.begin(str(number), "kitchen", None, [Intended(command=b"0")])
            store.journal.sent(entry_id, 0)
            store.journal.settled(entry_id, 0, "confirmed")
        whole = tmp_path / "hub.db-wal"
        length = whole.stat().st_size
        found = []
        for left in range(0, length, 1999):
            cut = tmp_path / str(left)
            cut.mkdir()
            shutil.copy(tmp_path / "hub.db", cut)
            (cut / "hub.db-wal").write_bytes(whole.read_bytes()[:left])
            with open_store(cut / "hub.db") as less:
                assert less.put_aside is None
                seen = [less.journal.seen(str(number)) for number in range(4)]
                found.append("".join(
                    "-" if entry is None else "?" if entry.is_open else "!" for entry in seen))
    assert found == sorted(found, key=lambda states: (states.count("!"), states.count("?")))
    assert set(found) <= {"----", "?---", "!---", "!?--", "!!--", "!!?-", "!!!-", "!!!?", "!!!!"}
    assert {"----", "!?--"} < set(found)
