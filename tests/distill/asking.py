"""Commands that ask a service, as subprocesses, and what they are asked about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command import COMMAND, ROOT

SECONDS = 120.0
"""After which a command is taken to hang."""
_WORDS = ("amber", "brick", "cedar", "dune", "ember", "fjord", "gravel", "hazel", "ivory", "jasper",
          "kelp", "linen", "maple", "nickel", "onyx", "pearl", "quartz", "russet", "slate", "topaz")


def write_rows(path: Path, count: int) -> Path:
    """So many dialogues of the lamp catalogue, no two of them near-equal."""
    rows = []
    for number in range(count):
        said = " ".join(_WORDS[(number * step + step) % 20] for step in (1, 3, 7)) + f" {number}"
        call = ({"name": "lamp", "parameters": {"state": "on"}} if number % 2 else
                {"name": "heat", "parameters": {"degrees": 15 + number % 11}})
        rows.append(json.dumps({"question": said, "answer": call}))
    path.write_text("\n".join(rows) + "\n")
    return path


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


class Running:
    """A command that is running; its errors as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.errors = ""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            with self._changed:
                self.errors += line
                self._changed.notify_all()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for(self, text: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.errors, SECONDS), self.errors

    def ended(self) -> int:
        code = self._process.wait(SECONDS)
        self._thread.join(SECONDS)
        return code


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            yield Running(process)
        finally:
            process.kill()
