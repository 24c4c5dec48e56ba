"""A hub in small, which kills itself at a named point: `dying_hub.py STORE BROKER POINT`.

BROKER is a file to which each publication is appended. POINT may be `commit N`: just before the
N-th transaction of the utterance is committed. Prints the verdicts of the utterance at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec

from iotcall.store import Intended, Store, open_store
from iotcall.store.sqlite import SqliteBackend


def run(store: Store, broker: Path, point: str) -> None:
    commits = 0

    def reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def count(statement: str) -> None:
        nonlocal commits
        if statement == "COMMIT":
            commits += 1
            reach(f"commit {commits}")

    journal = store.journal
    for entry in journal.open_entries():
        for index, step in enumerate(entry.steps):
            if step.verdict is None:
                journal.settled(entry.id, index, "unconfirmed")
    assert isinstance(store._backend, SqliteBackend)
    store._backend._connection.set_trace_callback(count)
    reach("started")
    if journal.seen("utterance") is None:
        commands = [Intended(command=b"0"), Intended(command=b"1")]
        entry_id = journal.begin("utterance", "kitchen", None, commands)
        reach("begun")
        for index in range(2):
            with broker.open("a") as file:
                file.write(f"{index}\n")
            reach(f"published {index}")
            journal.sent(entry_id, index)
            reach(f"sent {index}")
        for index in range(2):
            journal.settled(entry_id, index, "confirmed")
            reach(f"settled {index}")
    seen = journal.seen("utterance")
    assert seen is not None
    print(msgspec.json.encode([step.verdict for step in seen.steps]).decode())


if __name__ == "__main__":
    with open_store(Path(sys.argv[1])) as opened:
        run(opened, Path(sys.argv[2]), sys.argv[3])
