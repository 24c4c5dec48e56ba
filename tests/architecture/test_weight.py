"""The hub stays light: what importing and running it pulls in."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "optimum", "onnx", "onnx_ir", "outlines_core", "pydantic",
         "accelerate", "amqtt", "huggingface_hub")


def _loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after the code."""
    listing = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True,
                         check=True, timeout=60)
    return set(run.stdout.split())


@pytest.mark.parametrize("code", [
    "import iotcall.hub, iotcall.hub.daemon, iotcall.demo",
    "import iotcall.cli",
    "from iotcall.bundle import open_bundle\nfrom iotcall.runtime import Student\n"
    "from iotcall.shipped import shipped\n"
    "Student.open(open_bundle(shipped('bundles') / 'smart_home')).decode([], 'lights on')",
    "from iotcall.evaluate import evaluate",
], ids=["hub", "cli", "an answered utterance", "evaluation"])
def test_the_hub_side_loads_nothing_of_the_build_side(code: str) -> None:
    assert _loaded(code).isdisjoint(HEAVY)


def test_the_guard_itself_sees_a_heavy_import() -> None:
    assert "onnx" in _loaded("import onnx")
