"""A labgrid driver for the machine that the bench runs on. Leaves out: any other machine.

An environment brings it with ``imports: [iotcall.hil.local_shell]`` and ``LocalShellDriver: {}``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import attr
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.common import Driver
from labgrid.factory import target_factory
from labgrid.protocol import CommandProtocol, FileTransferProtocol

import iotcall


@target_factory.reg_driver
@attr.s(eq=False)
class LocalShellDriver(CommandMixin, Driver, CommandProtocol, FileTransferProtocol):  # type: ignore[misc]
    """Commands in ``/bin/sh``, files by copying; Python finds the iotcall that the bench runs."""

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
        """Copy a file to where the board has it."""
        shutil.copy(filename, remotepath)

    @Driver.check_active  # type: ignore[untyped-decorator]
    def get(self, filename: str, destination: str) -> None:
        """Copy a file of the board's."""
        shutil.copy(filename, destination)

    def environment(self) -> dict[str, str]:
        """Of its commands."""
        root = str(Path(iotcall.__file__).parent.parent)
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path}

    def _run(self, cmd: str, *, timeout: float | None = None, codec: str = "utf-8",
             decodeerrors: str = "strict") -> tuple[list[str], list[str], int]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", cmd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment(), start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return (out.decode(codec, decodeerrors).splitlines(),
                err.decode(codec, decodeerrors).splitlines(), process.returncode)
