"""The bundle makes the calls that its export saw. Leaves out: whether they are right (accuracy)."""

from __future__ import annotations

from iotcall.evaluate import wilson_interval
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.selftest import run_selftest
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite


def test_golden_turns_give_the_calls_of_the_export(
        installed: Installation, shell: Shell, suite: Suite, record: Recorder) -> None:
    assert suite.numerics
    found = run_selftest(shell, installed, turns=suite.numerics.turns,
                         timeout_s=suite.step_seconds)
    record.calls = found.calls
    parted = f"; parted: {', '.join(map(repr, found.parted[:5]))}" if found.parted else ""
    record.figure("numerics.agreement", found.agreed, "count",
                  f"{found.agreed} of {found.turns} golden turns give torch's calls on "
                  f"{found.instruction_set}, {found.ties} ties{parted}", at_least=found.needed,
                  do="export again, or look for a provider that rounds otherwise",
                  interval95=tuple(each * found.turns for each in wilson_interval(
                      found.agreed, found.turns)), labels={"isa": found.instruction_set})
    if found.same_as_export is None:
        record.report("numerics.same_as_export", "the export was made on another instruction set "
                                                 f"than {found.instruction_set}")
    else:
        record.figure("numerics.same_as_export", found.same_as_export, "count",
                      f"{found.same_as_export} of {found.turns} golden turns are as the export saw "
                      f"them on {found.instruction_set}", at_least=found.turns,
                      do="another onnxruntime or another processor: export again with this one",
                      labels={"isa": found.instruction_set})
