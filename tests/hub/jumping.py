"""The stand-in hub on a wall clock that jumps by years at every look: python jumping.py OPTIONS."""

from __future__ import annotations

import itertools
import runpy
import time
from pathlib import Path

_true, _years = time.time, itertools.cycle((0, 9, -20, 3, -1))


def _jumping() -> float:
    return _true() + next(_years) * 365.25 * 86400


time.time = _jumping  # before anything can keep the true one

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("stand_in.py")), run_name="__main__")
