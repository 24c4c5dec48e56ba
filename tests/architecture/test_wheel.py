"""The wheel carries its data and needs no extras to answer."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_wheel_without_extras_answers_from_its_own_starter(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w",
                    str(tmp_path), str(ROOT)], check=True, timeout=600)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "hub", with_pip=True)
    binaries = tmp_path / "hub" / "bin"
    subprocess.run([binaries / "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"),
                    str(wheel)], check=True, timeout=900)
    called = subprocess.run([binaries / "iotcall", "call", "turn on the kitchen lights"],
                            capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    assert called.stdout.startswith('toggle_lights(room="kitchen", state="on")')
    listed = subprocess.run([binaries / "pip", "list"], capture_output=True, text=True,
                            check=True, timeout=60).stdout.lower()
    for heavy in ("torch", "transformers", "optimum", "onnx ", "pydantic", "outlines"):
        assert f"\n{heavy}" not in listed
