"""A target's recipe, a TOML file in ``export/targets/``. Leaves out: following it."""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.errors import FileError
from iotcall.settings import read_toml
from iotcall.shipped import find


class Quantisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weights in blocks (onnxruntime's MatMulNBits)."""

    bits: Literal[4, 8]
    block_size: int = 32
    """Weights that share a scale."""
    accuracy_level: Literal[0, 4] = 0
    """0 computes in fp32, 4 in int8, which differs between instruction sets."""


class ParityBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an export must reach to become a bundle."""

    logit_difference: float = 1e-4
    """Largest absolute difference of the fp32 graph's logits to torch's."""
    call_agreement: float = 0.99
    """Share of golden turns on which the bundle's calls equal those of the fp32 graph."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    provider: str
    """Execution provider, ORT's exact name."""
    precision: str
    opset: int = 18
    quantisation: Quantisation | None = None
    parity: ParityBounds = ParityBounds()


def load_target(given: str) -> tuple[str, Target]:
    """Name and recipe of a target, by the name of a shipped one or by path.

    Raises:
        InputError: there is none of that name; lists the shipped ones.
        FileError: the file does not fit.
    """
    path = find("export/targets", given, ".toml")
    target = read_toml(path, Target)
    expected = f"int{target.quantisation.bits}" if target.quantisation else "fp32"
    if target.precision != expected:
        raise FileError(path, f"expected {expected!r}, as its quantisation says, found "
                              f"{target.precision!r}", place="precision")
    return path.stem, target
