"""Run the command line as scripts do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "iotcall")


def ended(*arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that has ended without a traceback."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=300,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def run(*arguments: str | bytes, code: int = 0, **environment: str) -> str:
    """Standard output of a command that must end with that exit code; else its errors."""
    done = ended(*arguments, **environment)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def run_json(*arguments: str | bytes) -> Any:
    return json.loads(run(*arguments, "--json"))
