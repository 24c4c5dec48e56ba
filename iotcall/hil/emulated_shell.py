"""A labgrid driver for an emulated system of this machine. Leaves out: the system (see emulated).

An environment brings it with ``imports: [iotcall.hil.emulated_shell]`` and
``EmulatedShellDriver: {system: NAME}``; the system is on as long as the driver is active.
"""

from __future__ import annotations

import attr
from labgrid.factory import target_factory

from iotcall.hil.emulated import EmulatedSystem, emulated_folder
from iotcall.hil.system_shell import SystemShell


@target_factory.reg_driver
@attr.s(eq=False)
class EmulatedShellDriver(SystemShell):
    """Commands in the system's ``/bin/sh``, files through its ``cat``."""

    system: str = attr.ib(validator=attr.validators.instance_of(str))
    """Its folder's name: that of the board."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._system: EmulatedSystem = EmulatedSystem(emulated_folder(self.system))

    def said(self, command: str, timeout_s: float | None, given: int) -> tuple[bytes, bytes, int]:
        return self._system.run(["/bin/sh", "-c", command], timeout_s=timeout_s, given=given)
