"""What labgrid drivers of systems that this machine emulates share: commands, and files by ``cat``.

Leaves out: the systems (see emulated, booted).
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Protocol

from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.common import Driver
from labgrid.protocol import CommandProtocol, FileTransferProtocol

from iotcall.hil.shell import BoardError

_COPY_S = 1200.0


class System(Protocol):
    """Something that is switched on and off."""

    def switch_on(self) -> None: ...

    def switch_off(self) -> None: ...


class SystemShell(CommandMixin, Driver, CommandProtocol, FileTransferProtocol):  # type: ignore[misc]
    """Commands of the system's shell, while the driver is active."""

    _system: System

    def said(self, command: str, timeout_s: float | None, given: int) -> tuple[bytes, bytes, int]:
        """Standard output, standard error and exit code of a command of its shell; `given`:
        file descriptor of its input."""
        raise NotImplementedError

    def on_activate(self) -> None:
        """Switch it on."""
        self._system.switch_on()

    def on_deactivate(self) -> None:
        """Switch it off."""
        self._system.switch_off()

    @Driver.check_active  # type: ignore[untyped-decorator]
    def run(self, cmd: str, timeout: float | None = None, codec: str = "utf-8",
            decodeerrors: str = "strict") -> tuple[list[str], list[str], int]:
        """Lines of standard output and of standard error, and the exit code.

        Raises:
            subprocess.TimeoutExpired: it took longer; it and what it started are ended.
        """
        return self._run(cmd, timeout=timeout, codec=codec, decodeerrors=decodeerrors)

    @Driver.check_active  # type: ignore[untyped-decorator]
    def get_status(self) -> int:
        """1, as labgrid has it for a shell that answers."""
        return 1

    @Driver.check_active  # type: ignore[untyped-decorator]
    def put(self, filename: str, remotepath: str) -> None:
        """Copy a file to the system.

        Raises:
            BoardError: it cannot be written there.
        """
        with Path(filename).open("rb") as file:
            self._copied(f"cat > {shlex.quote(remotepath)}", file.fileno())

    @Driver.check_active  # type: ignore[untyped-decorator]
    def get(self, filename: str, destination: str) -> None:
        """Copy a file of the system's.

        Raises:
            BoardError: it cannot be read there.
        """
        said = self._copied(f"cat {shlex.quote(filename)}", subprocess.DEVNULL)
        Path(destination).write_bytes(said)

    def _run(self, cmd: str, *, timeout: float | None = None, codec: str = "utf-8",
             decodeerrors: str = "strict") -> tuple[list[str], list[str], int]:
        out, err, code = self.said(cmd, timeout, subprocess.DEVNULL)
        return (out.decode(codec, decodeerrors).splitlines(),
                err.decode(codec, decodeerrors).splitlines(), code)

    def _copied(self, command: str, given: int) -> bytes:
        out, err, code = self.said(command, _COPY_S, given)
        if code:
            raise BoardError(f"the emulated system: {err.decode(errors='replace').strip()}")
        return out
