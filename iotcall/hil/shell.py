"""A board as the bench works on it: commands, files, processes that stay. Leaves out: which board.

labgrid reaches the board (its CommandProtocol and FileTransferProtocol): here is what of it the
bench uses, with errors that say what to do.
"""

from __future__ import annotations

import shlex
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from iotcall.errors import IotcallError

_QUICK_S = 60.0
"""For commands that only look or switch."""
_POLL_S = 0.05
_TAIL_LINES = 12


class BoardError(IotcallError):
    """A board did not do what the bench told it."""


class Commands(Protocol):
    """What is used of labgrid's CommandProtocol."""

    def run(self, cmd: str, *, timeout: float | None = None) -> tuple[list[str], list[str], int]:
        """Lines of standard output and of standard error, and the exit code."""


class Files(Protocol):
    """What is used of labgrid's FileTransferProtocol."""

    def put(self, filename: str, remotepath: str) -> None:
        """Copy a file to the board."""

    def get(self, filename: str, destination: str) -> None:
        """Copy a file from the board."""


class Said(msgspec.Struct, frozen=True):
    """What a command said."""

    out: str
    err: str
    code: int

    @property
    def tail(self) -> str:
        """Its last words, for messages."""
        lines = [line for line in [*self.out.splitlines(), *self.err.splitlines()] if line.strip()]
        return " | ".join(lines[-_TAIL_LINES:]) or "it said nothing"


class Shell:
    """A shell on a board, and a way for files."""

    def __init__(self, commands: Commands, files: Files, *, python: str, patience: float = 1.0
                 ) -> None:
        self._commands, self._files = commands, files
        self.patience = patience
        """By which every time that the bench waits for the board is multiplied; never a figure."""
        self.python = python
        """Interpreter on the board that has iotcall."""

    def run(self, command: str, *, timeout_s: float = _QUICK_S) -> Said:
        """What a command of the board's shell says, whatever its exit code.

        Raises:
            BoardError: it took longer.
        """
        try:
            out, err, code = self._commands.run(command, timeout=timeout_s * self.patience)
        except subprocess.TimeoutExpired as error:
            raise BoardError(f"the board was not done after {timeout_s * self.patience:g} s with: "
                             f"{command}") from error
        return Said("\n".join(out), "\n".join(err), code)

    def check(self, command: str, *, timeout_s: float = _QUICK_S) -> str:
        """Standard output of a command that must succeed.

        Raises:
            BoardError: its exit code is not 0; says its last words.
        """
        said = self.run(command, timeout_s=timeout_s)
        if said.code:
            raise BoardError(f"exit code {said.code} on the board of: {command}: {said.tail}")
        return said.out

    def iotcall(self, *words: str, scratch: str, timeout_s: float) -> tuple[Any, Said]:
        """Run an iotcall command that prints JSON; its document, None where there is none, and
        what it said besides. `scratch`: a folder on the board.
        """
        out = f"{scratch}/answer-{time.monotonic_ns()}.json"
        line = " ".join(map(shlex.quote, [self.python, "-m", "iotcall", *words, "--json"]))
        said = self.run(f"{line} > {shlex.quote(out)}", timeout_s=timeout_s)
        text = self.read(out)
        self.run(f"rm -f {shlex.quote(out)}")
        try:  # native libraries may print before it
            return msgspec.json.decode(text[min(filter(lambda at: at >= 0, (
                text.find(b"{"), text.find(b"["))), default=0):]), said
        except msgspec.DecodeError:
            return None, said

    def put(self, local: Path, remote: str) -> None:
        """Copy a file to the board."""
        self._files.put(str(local), remote)

    def write(self, text: str, remote: str) -> None:
        """Make a file of a text."""
        with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
            path = Path(scratch) / "file"
            path.write_text(text, encoding="utf-8")
            self.put(path, remote)

    def read(self, remote: str) -> bytes:
        """The content of a file."""
        with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
            path = Path(scratch) / "file"
            self._files.get(remote, str(path))
            return path.read_bytes()

    def put_folder(self, local: Path, remote: str) -> None:
        """Copy a folder's files to a new folder on the board, as one archive."""
        with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
            archive = Path(scratch) / "folder.tar"
            with tarfile.open(archive, "w") as tar:
                for path in sorted(local.rglob("*")):
                    tar.add(path, str(path.relative_to(local)), recursive=False)
            there = shlex.quote(remote)
            self.check(f"mkdir -p {there}")
            self.put(archive, f"{remote}.tar")
            self.check(f"tar -xf {there}.tar -C {there} --no-same-owner && rm -f {there}.tar",
                       timeout_s=10 * _QUICK_S)

    def start(self, words: Sequence[str], *, log: str, environment: str = "") -> RemoteProcess:
        """Start a program that stays when the command is over; its output goes to `log`."""
        line = " ".join(map(shlex.quote, words))
        said = self.check(f"{environment} setsid {line} >> {shlex.quote(log)} 2>&1 < /dev/null & "
                          "echo $!")
        return RemoteProcess(self, int(said.split()[-1]), log)


class RemoteProcess:
    """A program on the board."""

    def __init__(self, shell: Shell, pid: int, log: str) -> None:
        self._shell, self.pid, self._log = shell, pid, log

    def alive(self) -> bool:
        """Whether it runs; one that ended and that nobody waited for does not."""
        return self._shell.run(f"grep -qs '^State:.[^ZX]' /proc/{self.pid}/status").code == 0

    def signal(self, name: str) -> bool:
        """Send it a signal, e.g. ``TERM``; False where it has ended."""
        return self._shell.run(f"kill -{name} {self.pid}").code == 0

    def stop(self, *, within_s: float = 20) -> None:
        """End it in good order, or else by force."""
        deadline = time.monotonic() + within_s * self._shell.patience
        while self.alive() and time.monotonic() < deadline:
            self.signal("TERM")  # again: mosquitto forgets one before its main loop
            until = min(deadline, time.monotonic() + 2 * self._shell.patience)
            while self.alive() and time.monotonic() < until:
                time.sleep(_POLL_S)
        if self.alive():
            self.signal("KILL")

    def last_words(self) -> str:
        """The end of its output."""
        return Said(self._shell.run(f"tail -n {_TAIL_LINES} {shlex.quote(self._log)}").out, "",
                    0).tail
