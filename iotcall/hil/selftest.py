"""A bundle's self-test on the board. Leaves out: what is made of it (hil/test_numerics.py)."""

from __future__ import annotations

import msgspec

from iotcall.evaluate import SelfTest
from iotcall.hil.installed import Installation
from iotcall.hil.shell import BoardError, Shell


def run_selftest(shell: Shell, installed: Installation, *, turns: int | None,
                 timeout_s: float) -> SelfTest:
    """What ``iotcall selftest`` finds of the bundle that serves, passed or not.

    Raises:
        BoardError: it gave no answer, as the provider fell back or crashed, say.
    """
    most = [] if turns is None else ["--turns", str(turns)]
    answer, said = shell.iotcall("selftest", "--bundle", installed.current, *most,
                                 scratch=installed.folder, timeout_s=timeout_s)
    if not isinstance(answer, dict):
        raise BoardError(f"'iotcall selftest' on the board gave no answer (exit code {said.code}): "
                         f"{said.tail}")
    answer.pop("passed", None)
    return msgspec.convert(answer, SelfTest)
