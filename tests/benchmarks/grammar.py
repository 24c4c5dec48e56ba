"""``make bench-grammar``: iotcall's grammar engine beside three others, in one run.

Every measurement is a process of its own, one after the other; this one stays small, since a child
may inherit its parent's peak memory. ``--report`` writes the report again from the last figures.
Leaves out: what is measured (see measure), how it is shown (see report).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks import report

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ROOT / "build" / "bench" / "grammar.json"
ENGINES = ("iotcall", "outlines-core", "llguidance", "xgrammar")
VOCABULARIES = ("starter", "qwen3", "gemma3")
CATALOGUES = ("smart_home", "banking", "massive_iot", "shell")
LIMIT_S = 45
"""An engine that has not compiled once by then is left out of that cell."""
LIMIT_GB = 12
"""Address space of such a process."""
_PACKAGES = ("outlines-core", "llguidance", "xgrammar", "torch", "tokenizers", "numpy")


def main() -> int:
    if "--report" not in sys.argv[1:]:
        try:
            _measure()
        except KeyboardInterrupt:
            _say("interrupted; nothing was written")
            return 130
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    report.write(figures, ROOT)
    print(report.tables(figures))
    return 0


def _measure() -> None:
    figures: dict[str, Any] = {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version(),
                    "system": platform.system()},
        "versions": {name: version(name) for name in _PACKAGES},
        "limit_s": LIMIT_S, "limit_gb": LIMIT_GB, "cells": [],
    }
    began = time.monotonic()
    _child("-c", "from tests.benchmarks.material import *; list(map(fetch, VOCABULARIES))")
    for vocabulary in VOCABULARIES:
        _say(f"{vocabulary}: memory with the tokenizer alone")
        base = {name: _measurement("peak", name, vocabulary, "smart_home") for name in ENGINES}
        for catalogue in CATALOGUES:
            _say(f"{vocabulary} {catalogue}, {time.monotonic() - began:.0f} s so far")
            peaks: dict[str, Any] = {}
            for name in ENGINES:
                peaks[name] = _measurement("peak", name, vocabulary, catalogue, "compile",
                                           limit_s=LIMIT_S)
                if "failure" not in peaks[name]:
                    peaks[name]["tokenizer_mb"] = base[name]["peak_mb"]
            able = [name for name in ENGINES if "failure" not in peaks[name]]
            figures["cells"].append({"vocabulary": vocabulary, "catalogue": catalogue,
                                     "compiling": peaks,
                                     **_measurement("cell", vocabulary, catalogue, *able)})
    # only a whole run takes the place of the last one
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _measurement(*arguments: str, limit_s: float | None = None) -> dict[str, Any]:
    """What the child printed, or ``{"failure": why}`` where a limit is set."""
    try:
        # loading a tokenizer takes some seconds of its own
        found = _child("-m", "tests.benchmarks.measure", *arguments,
                       limit_s=limit_s and limit_s + 8)
    except subprocess.TimeoutExpired:
        return {"failure": f"not done in {limit_s:.0f} s"}
    except subprocess.CalledProcessError as error:
        if limit_s is None:
            raise
        _say(f"  {' '.join(arguments)}: exit status {error.returncode}")
        return {"failure": f"more than {LIMIT_GB} GB" if error.returncode < 0 else "failed"}
    value: dict[str, Any] = json.loads(found)
    if limit_s is not None and value["first_s"] > limit_s:
        return {"failure": f"not done in {limit_s:.0f} s"}
    return value


def _child(*arguments: str, limit_s: float | None = None) -> str:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT_GB << 30, LIMIT_GB << 30))

    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, text=True,
                          stdout=subprocess.PIPE, timeout=limit_s, preexec_fn=limited).stdout


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
