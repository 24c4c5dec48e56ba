"""An interpreter with a fault in the student: python planted.py FAULT -m iotcall ..., or -c CODE.

Faults: ``slow`` thinks for 50 ms, ``tiring`` for a millisecond more with each utterance,
``leaking`` keeps 400 kB of each utterance, ``worse`` always says the same. All of them answer at
once besides, the kitchen's lights on and off in turn.
"""

from __future__ import annotations

import itertools
import runpy
import sys
import time
from typing import Any

from iotcall.catalogue import ToolCall
from iotcall.runtime import Decoding, Student

_KEPT: list[bytes] = []


def plant(fault: str) -> None:
    """Let all students of this process have it."""
    states = itertools.cycle(["on"] if fault == "worse" else ["on", "off"])

    def decode(self: Student, history: Any, utterance: str, **_: Any) -> Decoding:
        if fault == "slow":
            time.sleep(0.05)
        if fault == "tiring":
            _KEPT.append(b"")
            time.sleep(0.001 * len(_KEPT))
        if fault == "leaking":
            _KEPT.append(b"x" * 400_000)
        call = ToolCall("toggle_lights", {"room": "kitchen", "state": next(states)})
        return Decoding(calls=(call,), text="", confidence=1.0, outcome="call", decisions=4,
                        tokens=8, passes=1, prefill_ms=1.0, decode_ms=1.0)

    Student.decode = decode  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    _, fault, option, program, *rest = sys.argv
    if option == "-c":
        sys.argv = ["-c", *rest]
        exec(program)
    else:
        if fault != "none":
            plant(fault)
        sys.argv = [program, *rest]
        runpy.run_module(program, run_name="__main__", alter_sys=True)
