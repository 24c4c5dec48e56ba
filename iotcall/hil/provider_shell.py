"""A labgrid driver for a board whose NPU is emulated on this machine. Leaves out: making the board.

An environment brings it with ``imports: [iotcall.hil.provider_shell]`` and
``ProviderShellDriver: {system: NAME}``. Processor, network and clock are this machine's; the
interpreter that its shell finds first (``iotcall-python``) has the NPU's provider.
"""

from __future__ import annotations

import os

import attr
from labgrid.factory import target_factory

from iotcall.hil.emulated import emulated_folder
from iotcall.hil.emulated_npu import BIN, PROGRAM
from iotcall.hil.local_shell import LocalShellDriver
from iotcall.hil.shell import BoardError


@target_factory.reg_driver
@attr.s(eq=False)
class ProviderShellDriver(LocalShellDriver):
    """This machine's shell, in another environment."""

    system: str = attr.ib(validator=attr.validators.instance_of(str))
    """Its folder's name: that of the board."""

    def on_activate(self) -> None:
        """See that it has been made."""
        if not (emulated_folder(self.system) / BIN / PROGRAM).is_file():
            raise BoardError(f"there is no {self.system} here yet: iotcall hil setup {self.system}")

    def environment(self) -> dict[str, str]:
        """Its interpreter comes first, and finds the bench's iotcall in its own environment."""
        # subtle: the bench's own packages would come before those of the provider
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        first = str(emulated_folder(self.system) / BIN)
        return {**inherited, "PATH": os.pathsep.join([first, os.environ.get("PATH", os.defpath)])}
