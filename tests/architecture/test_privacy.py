"""Nothing is collected behind the owner's back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def _left_behind(code: str, folder: Path, **environment: str) -> list[str]:
    """Files that a fresh process leaves in its home and in its scratch folder."""
    home, scratch = folder / "home", folder / "scratch"
    home.mkdir()
    scratch.mkdir()
    kept = {name: value for name, value in os.environ.items()
            if name not in ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120,
                   env=kept | {"HOME": str(home), "TMPDIR": str(scratch)} | environment)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_answered_utterance_leaves_nothing_on_the_machine(tmp_path: Path) -> None:
    """onnxruntime's telemetry would: a database in the home folder, and an identity."""
    assert _left_behind(
        "from iotcall.bundle import open_bundle\nfrom iotcall.runtime import Student\n"
        "from iotcall.shipped import shipped\n"
        "with Student.open(open_bundle(shipped('bundles') / 'smart_home')) as student:\n"
        "    assert student.decode([], 'kitchen lights on').calls", tmp_path) == []
