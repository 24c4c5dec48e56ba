from __future__ import annotations

import os

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from iotcall.evaluate.bench.machine import describe, speed
from iotcall.evaluate.bench.product import block_product, float_product


@pytest.mark.parametrize(("model", "kind", "expected"), [
    (float_product(4, 64, 96), "MatMul", 0.25 * 0.5 * 64),
    # a byte is 0x5a - 0x80 steps of 0.01; its halves as 4 bits are 0xa - 8 and 5 - 8
    (block_product(4, 64, 96, bits=8), "MatMulNBits", 0.25 * -0.38 * 64),
    (block_product(4, 64, 96, bits=4), "MatMulNBits", 0.25 * (0.02 - 0.03) * 32),
], ids=["fp32", "8 bits", "4 bits"])
def test_a_product_written_by_hand_is_a_model_that_gives_the_product(
        model: bytes, kind: str, expected: float) -> None:
    read = onnx.load_model_from_string(model)
    onnx.checker.check_model(read)
    assert [node.op_type for node in read.graph.node] == [kind]
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    found, = session.run(None, {"in": np.full((4, 64), 0.25, np.float32)})
    assert found.shape == (4, 96)
    assert found == pytest.approx(np.full((4, 96), expected), rel=0.01)


def test_a_machine_has_a_name_cores_and_versions() -> None:
    found = describe()
    assert found.name
    assert found.cores == os.cpu_count()
    assert found.memory_bytes > 1e8
    assert set(found.versions) == {"numpy", "onnxruntime", "python"}


def test_speed_is_measured_on_what_a_pass_reads_but_not_on_less_than_can_be_timed() -> None:
    small, large = speed(10, threads=1), speed(3_000_000, threads=2)
    assert (small.read_bytes, large.read_bytes) == (1_000_000, 3_000_000)
    for found in (small, large):
        assert found.bytes_per_s > 1e7
        assert list(found.products_per_s) == ["fp32", "blocks of 8 bits", "blocks of 4 bits"]
        assert found.fastest == max(found.products_per_s.values()) > 1e7
