"""Two tiny graphs of fixed shapes to try a provider with. Leaves out: students.

A product, a sum, a sigmoid, a product and a softmax of a few dozen values; the same bytes each
time.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS = "inputs.npz"
"""Beside the graphs: the input ``x``, ``(1, rows, 16)`` float32."""
_WIDTH, _HIDDEN, _CLASSES = 16, 32, 24


def write_graphs(folder: Path, *, rows: int = 8) -> dict[Literal["fp32", "a16w8"], Path]:
    """Write the fp32 graph, its QDQ graph (16-bit activations, 8-bit weights) and an input.

    Graphs of other `rows` have the same weights.
    """
    random = np.random.default_rng(1)
    inputs = [random.standard_normal((1, rows, _WIDTH)).astype(np.float32) for _ in range(8)]
    np.savez(folder / INPUTS, x=inputs[0])
    plain, fixed = folder / f"fp32-{rows}.onnx", folder / f"a16w8-{rows}.onnx"
    onnx.save(_graph(rows), plain)
    with _quiet():
        from onnxruntime import quantization

        class Reader(quantization.CalibrationDataReader):
            def __init__(self) -> None:
                self._left = iter(inputs)

            def get_next(self) -> Any:
                values = next(self._left, None)
                return None if values is None else {"x": values}

        quantization.quantize_static(
            plain, fixed, Reader(), quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt16,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"WeightSymmetric": True})
    return {"fp32": plain, "a16w8": fixed}


def _graph(rows: int) -> onnx.ModelProto:
    random = np.random.default_rng(0)
    shapes = {"inner": (_WIDTH, _HIDDEN), "bias": (_HIDDEN,), "outer": (_HIDDEN, _CLASSES)}
    weights = [numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
               for name, shape in shapes.items()]
    nodes = [
        helper.make_node("MatMul", ["x", "inner"], ["h"], "first"),
        helper.make_node("Add", ["h", "bias"], ["a"], "sum"),
        helper.make_node("Sigmoid", ["a"], ["s"], "sigmoid"),
        helper.make_node("MatMul", ["s", "outer"], ["scores"], "second"),
        helper.make_node("Softmax", ["scores"], ["y"], "softmax", axis=-1),
    ]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, rows, _WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, rows, _CLASSES])], weights)
    # opset 21 is the first whose QuantizeLinear takes 16 bits
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of onnxruntime's quantiser; the root logger is put back as it was."""
    root, disabled = logging.root, logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
