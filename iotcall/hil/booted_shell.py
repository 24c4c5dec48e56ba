"""A labgrid driver for a booted arm64 board. Leaves out: making its system (image).

An environment brings it with ``imports: [iotcall.hil.booted_shell]`` and ``BootedShellDriver:
{system: NAME}``. The system is booted while the driver is active; what is written on it is gone
afterwards.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import attr
from labgrid.driver.common import Driver
from labgrid.factory import target_factory

from iotcall.hil.booted import BootedSystem
from iotcall.hil.emulated import emulated_folder
from iotcall.hil.system_shell import SystemShell


@target_factory.reg_driver
@attr.s(eq=False)
class BootedShellDriver(SystemShell):
    """Commands, files and ports through one connection of SSH."""

    system: str = attr.ib(validator=attr.validators.instance_of(str))
    """Its folder's name: that of the board."""
    cores: int = attr.ib(default=2, validator=attr.validators.instance_of(int))
    memory_megabytes: int = attr.ib(default=1024, validator=attr.validators.instance_of(int))
    counting: bool = attr.ib(default=False, validator=attr.validators.instance_of(bool))
    """Whether its clock counts instructions; see `BootedSystem`."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._system: BootedSystem = BootedSystem(
            emulated_folder(self.system), cores=self.cores, memory_megabytes=self.memory_megabytes,
            counting=self.counting)

    def said(self, command: str, timeout_s: float | None, given: int) -> tuple[bytes, bytes, int]:
        return self._system.run(command, timeout_s=timeout_s, given=given)

    @Driver.check_active  # type: ignore[untyped-decorator]
    def forward_local_port(self, remoteport: int) -> AbstractContextManager[int]:
        """A port of this machine that leads to one of the system's, as labgrid's SSHDriver has it.
        """
        return self._system.forwarded(remoteport)
