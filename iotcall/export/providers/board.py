"""A finished bundle on its execution provider, in a process and environment of its own.

Some providers crash and some clash with the plain onnxruntime; so the bundle is run by
``iotcall selftest`` there, as a board would run it. Leaves out: judging its calls (certificate).
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from iotcall.errors import ExportError
from iotcall.evaluate import SelfTest
from iotcall.export.providers.environments import provider_python
from iotcall.export.providers.probe import settings_of
from iotcall.export.target import Target

_TIMEOUT_S = 4 * 3600


def run_on_provider(bundle: Path, target: Target, *,
                    progress: Callable[[str], None] = lambda step: None) -> SelfTest:
    """The golden turns of a bundle, decoded on its provider, in the target's emulation if any.

    Raises:
        ExportError: the environment cannot be made, or the process did not answer.
    """
    python = provider_python(target.provider, progress=progress)
    progress(f"golden turns: {target.provider.name}")
    with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
        settings, out = Path(scratch) / "provider.json", Path(scratch) / "selftest.json"
        settings.write_bytes(msgspec.json.encode(settings_of(target, emulated=True)))
        command = [str(python), "-m", "iotcall", "selftest", "--bundle", str(bundle.absolute()),
                   "--provider", str(settings), "--out", str(out), "--threads", "2"]
        if target.emulation and target.emulation.turns:
            command += ["--turns", str(target.emulation.turns)]
        try:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True,
                                  errors="replace", check=False, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"{target.provider.name} gave no answer within {_TIMEOUT_S // 3600} "
                              "hours") from error
        if out.is_file():
            return msgspec.json.decode(out.read_bytes(), type=SelfTest)
    said = [line for line in done.stderr.splitlines() if line.strip()]
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    raise ExportError(f"{target.provider.name} did not run the bundle ({ended}): "
                      f"{said[-1] if said else 'it said nothing'}")
