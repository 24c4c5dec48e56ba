"""The real broker of the tests. Where there is none they are skipped, except in CI."""

from __future__ import annotations

import os
import shutil

import pytest

_FOLDERS = "/usr/sbin:/usr/local/sbin"  # often not on a user's PATH
_MISSING = "needs a real mosquitto: apt-get install mosquitto"


def mosquitto_program() -> str:
    """Path of the installed mosquitto; skips the test, or fails it in CI, where there is none."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:{_FOLDERS}")
    if program:
        return program
    if os.environ.get("CI"):
        pytest.fail(_MISSING)
    pytest.skip(_MISSING)
