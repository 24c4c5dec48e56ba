"""A labgrid driver for a booted arm64 board. Leaves out: making its system (image).

An environment brings it with ``imports: [iotcall.hil.booted_shell]`` and ``BootedShellDriver:
{system: NAME}``. The system is booted while the driver is active.
"""

from __future__ import annotations

import shlex
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import attr
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.common import Driver
from labgrid.factory import target_factory
from labgrid.protocol import CommandProtocol, FileTransferProtocol

from iotcall.hil.booted import BootedSystem
from iotcall.hil.emulated import emulated_folder
from iotcall.hil.shell import BoardError

_COPY_S = 1200.0


@target_factory.reg_driver
@attr.s(eq=False)
class BootedShellDriver(CommandMixin, Driver, CommandProtocol, FileTransferProtocol):  # type: ignore[misc]
    """Commands, files and ports through one connection of SSH."""

    system: str = attr.ib(validator=attr.validators.instance_of(str))
    """Its folder's name: that of the board."""
    cores: int = attr.ib(default=2, validator=attr.validators.instance_of(int))
    memory_megabytes: int = attr.ib(default=1024, validator=attr.validators.instance_of(int))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._system = BootedSystem(emulated_folder(self.system), cores=self.cores,
                                    memory_megabytes=self.memory_megabytes)

    def on_activate(self) -> None:
        """Boot it."""
        self._system.switch_on()

    def on_deactivate(self) -> None:
        """Switch it off; what was written on it is gone."""
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

    @Driver.check_active  # type: ignore[untyped-decorator]
    def forward_local_port(self, remoteport: int) -> AbstractContextManager[int]:
        """A port of this machine that leads to one of the system's, as labgrid's SSHDriver has it.
        """
        return self._system.forwarded(remoteport)

    def _run(self, cmd: str, *, timeout: float | None = None, codec: str = "utf-8",
             decodeerrors: str = "strict") -> tuple[list[str], list[str], int]:
        out, err, code = self._system.run(cmd, timeout_s=timeout)
        return (out.decode(codec, decodeerrors).splitlines(),
                err.decode(codec, decodeerrors).splitlines(), code)

    def _copied(self, command: str, given: int) -> bytes:
        out, err, code = self._system.run(command, timeout_s=_COPY_S, given=given)
        if code:
            raise BoardError(f"the booted system: {err.decode(errors='replace').strip()}")
        return out
