from __future__ import annotations

from pathlib import Path

import pytest
import torch

from iotcall.distill.training.precision import products, takes_bf16


@pytest.mark.parametrize(("flags", "native"), [
    ("flags : fpu sse2 avx2 avx512bw avx512_bf16 avx512_vnni", True),
    ("flags : fpu avx2 amx_bf16 amx_tile", True),
    ("Features : fp asimd i8mm bf16", True),
    ("flags : fpu sse2 avx2 avx512bw avx512_vnni", False),
    ("Features : fp asimd asimddp", False),
])
def test_bf16_is_taken_where_the_processor_multiplies_it(
        tmp_path: Path, flags: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    assert takes_bf16("auto", cpuinfo=tmp_path / "cpuinfo") is native
    assert not takes_bf16("fp32", cpuinfo=tmp_path / "cpuinfo")
    assert takes_bf16("bf16", cpuinfo=tmp_path / "cpuinfo")


def test_a_machine_that_tells_nothing_computes_in_fp32(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not takes_bf16("auto", cpuinfo=tmp_path / "none")


@pytest.mark.parametrize("bf16", [True, False])
def test_products_are_made_in_it_and_weights_stay(bf16: bool) -> None:
    layer = torch.nn.Linear(4, 4)
    with products(layer, bf16=bf16):
        made = layer(torch.ones(1, 4))
    assert made.dtype == (torch.bfloat16 if bf16 else torch.float32)
    assert layer.weight.dtype == torch.float32
