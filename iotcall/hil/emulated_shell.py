"""A labgrid driver for an emulated system of this machine. Leaves out: the system (see emulated).

An environment brings it with ``imports: [iotcall.hil.emulated_shell]`` and
``EmulatedShellDriver: {system: NAME}``; the system is on as long as the driver is active.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import attr
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.common import Driver
from labgrid.factory import target_factory
from labgrid.protocol import CommandProtocol, FileTransferProtocol

from iotcall.hil.emulated import EmulatedSystem, emulated_folder
from iotcall.hil.shell import BoardError

_COPY_S = 600.0


@target_factory.reg_driver
@attr.s(eq=False)
class EmulatedShellDriver(CommandMixin, Driver, CommandProtocol, FileTransferProtocol):  # type: ignore[misc]
    """Commands in the system's ``/bin/sh``, files through its ``cat``."""

    system: str = attr.ib(validator=attr.validators.instance_of(str))
    """Its folder's name: that of the board."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._system = EmulatedSystem(emulated_folder(self.system))

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
            self._copied(["/bin/sh", "-c", 'cat > "$1"', "sh", remotepath], file.fileno())

    @Driver.check_active  # type: ignore[untyped-decorator]
    def get(self, filename: str, destination: str) -> None:
        """Copy a file of the system's.

        Raises:
            BoardError: it cannot be read there.
        """
        Path(destination).write_bytes(self._copied(["/bin/cat", filename], subprocess.DEVNULL))

    def _run(self, cmd: str, *, timeout: float | None = None, codec: str = "utf-8",
             decodeerrors: str = "strict") -> tuple[list[str], list[str], int]:
        out, err, code = self._system.run(["/bin/sh", "-c", cmd], timeout_s=timeout)
        return (out.decode(codec, decodeerrors).splitlines(),
                err.decode(codec, decodeerrors).splitlines(), code)

    def _copied(self, words: list[str], given: int) -> bytes:
        out, err, code = self._system.run(words, timeout_s=_COPY_S, given=given)
        if code:
            raise BoardError(f"the emulated system: {err.decode(errors='replace').strip()}")
        return out
