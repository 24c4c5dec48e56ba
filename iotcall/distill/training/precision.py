"""Whether products are made in bf16. Leaves out: weights, which stay fp32 while they learn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

_NATIVE = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Features in ``/proc/cpuinfo`` of processors that multiply bf16: x86's and Arm's."""
CPUINFO = Path("/proc/cpuinfo")


def takes_bf16(wanted: str, *, cpuinfo: Path = CPUINFO) -> bool:
    """Whether a training computes in bf16 here; `wanted` is the recipe's ``precision``.

    "bf16" is taken at its word, though a machine without it is slower with it.
    """
    if wanted != "auto":
        return wanted == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        return not _NATIVE.isdisjoint(cpuinfo.read_text(encoding="utf-8").split())
    except OSError:
        return False


def products(model: Any, *, bf16: bool) -> AbstractContextManager[Any]:
    """The context in which the model's products are made."""
    context: AbstractContextManager[Any] = torch.autocast(
        next(model.parameters()).device.type, torch.bfloat16, enabled=bf16)
    return context
