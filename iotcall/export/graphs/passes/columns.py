"""Weights of 8 bits in static graphs: linear layers by output column, embeddings by row.

Symmetric, round to nearest, behind a DequantizeLinear, as NPUs take them. Leaves out: activations
(see qdq).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes import InPlacePass, PassResult

from iotcall.export.graphs.passes.marker_pass import MICROSOFT, Writer, initializer

_LARGEST_8, _LARGEST_16 = 127, 65535


class QuantiseColumns(InPlacePass):
    """Constant weights of matrix products become int8 with a scale for each output column.

    Requires: weights as initializers (K, N), or (N, K) behind a Transpose (a tied head). Ensures:
    MatMul over a DequantizeLinear of (K, N); a tied head has columns of its own, since the rows of
    an embedding have other scales.
    """

    def __init__(self) -> None:
        super().__init__()
        self.quantised: list[str] = []
        """Names of the weights, in the graph's order."""

    def call(self, model: ir.Model) -> PassResult:
        for node in list(model.graph):
            if node.op_type != "MatMul" or node.domain:
                continue
            weight, transposed = node.inputs[1], False
            producer = weight.producer() if weight is not None else None
            if producer is not None and producer.op_type == "Transpose":
                weight, transposed = producer.inputs[0], True
            tensor = weight.const_value if weight is not None else None
            if weight is None or tensor is None or not weight.is_initializer():
                continue
            writer = Writer(f"{node.name}/weight")
            node.replace_input_with(1, self._columns(writer, model.graph, weight, tensor,
                                                     transposed=transposed))
            model.graph.insert_before(node, writer.nodes)
            self.quantised.append(str(weight.name))
        return PassResult(model, modified=bool(self.quantised))

    @staticmethod
    def _columns(writer: Writer, graph: ir.Graph, weight: ir.Value, tensor: ir.TensorProtocol, *,
                 transposed: bool) -> ir.Value:
        name = f"{weight.name}.T" if transposed else str(weight.name)

        def read() -> NDArray[np.float32]:
            values: NDArray[np.float32] = tensor.numpy()
            return values.T if transposed else values

        scales = _scales(np.abs(read()).max(axis=0), _LARGEST_8)
        shape = tensor.shape[::-1] if transposed else tensor.shape
        packed = _lazy(graph, f"{name}.int8", ir.DataType.INT8, shape,
                       lambda: np.rint(read() / scales).astype(np.int8))
        made: ir.Value = writer.op(
            "DequantizeLinear", packed, initializer(graph, f"{name}.scales", ir.tensor(scales)),
            initializer(graph, f"{name}.zeros", ir.tensor(np.zeros(scales.shape, np.int8))),
            axis=1)
        return _typed(made, shape)


class QuantiseRows(InPlacePass):
    """An embedding's table becomes 8-bit: with 16-bit activations, each row has a size of its own.

    HTP takes a table with one scale only, which long rows make too coarse for short ones; so the
    rows are stored at length one (by their largest value) and multiplied by a 16-bit size. With
    8-bit activations the table has one scale.

    Requires: Gather of an initializer along axis 0. Ensures: the gathered rows are quantised, with
    all nodes between QuantizeLinear and DequantizeLinear.
    """

    def __init__(self, bits: Literal[8, 16]) -> None:
        super().__init__()
        self._bits = bits
        self.quantised: list[str] = []
        """Names of the tables."""

    def call(self, model: ir.Model) -> PassResult:
        graph = model.graph
        for node in list(graph):
            table = node.inputs[0] if node.op_type == "Gather" else None
            tensor = table.const_value if table is not None else None
            if (table is None or tensor is None or not table.is_initializer()
                    or tensor.dtype != ir.DataType.FLOAT):
                continue
            rows = _Rows(f"{node.name}/rows", graph, str(table.name), tensor,
                         # 16 bits belong to onnxruntime's operators before opset 21
                         "" if (model.opset_imports.get("") or 0) >= 21 else MICROSOFT)
            made = rows.sized(node.inputs[1]) if self._bits == 16 else rows.plain(node.inputs[1])
            ir.convenience.replace_nodes_and_values(graph, node, [node], rows.writer.nodes,
                                                    node.outputs, [made])
            self.quantised.append(str(table.name))
            if any(item.domain for item in rows.writer.nodes):
                model.opset_imports[MICROSOFT] = 1
        return PassResult(model, modified=bool(self.quantised))


class _Rows:
    """Writes one table and the gathering of its rows."""

    def __init__(self, node: str, graph: ir.Graph, name: str, tensor: ir.TensorProtocol,
                 domain: str) -> None:
        self.writer = Writer(node)
        self._graph, self._name, self._tensor, self._domain = graph, name, tensor, domain

    def plain(self, ids: ir.Value | None) -> ir.Value:
        """Rows of a table with one scale, zero at 128."""
        step = np.float32(_scales(np.abs(self._read()).max(), _LARGEST_8))
        scale = self._scale("rows", step, np.uint8(128))
        packed = _lazy(self._graph, f"{self._name}.rows.uint8", ir.DataType.UINT8,
                       self._tensor.shape,
                       lambda: (np.rint(self._read() / step) + 128).astype(np.uint8))
        return self._requantised(self._gathered(packed, scale, ids), scale)

    def sized(self, ids: ir.Value | None) -> ir.Value:
        """Rows times their sizes."""
        longest = _scales(np.abs(self._read()).max(axis=1, keepdims=True), 1)  # (V, 1)
        step = np.float32(longest.max() / _LARGEST_16)
        sizes = np.minimum(np.ceil(longest / step), _LARGEST_16).astype(np.uint16)

        def rows() -> NDArray[np.int8]:
            # subtle: by the size as it is stored, so that its rounding costs nothing
            scaled = np.rint(self._read() / (sizes * step) * _LARGEST_8)
            return np.clip(scaled, -_LARGEST_8, _LARGEST_8).astype(np.int8)

        by_table = self._scale("rows", np.float32(1 / _LARGEST_8), np.int8(0))
        by_size = self._scale("sizes", step, np.uint16(0))
        fine = self._scale("rows16", np.float32(2 / _LARGEST_16), np.uint16(32768))
        packed = _lazy(self._graph, f"{self._name}.rows.int8", ir.DataType.INT8,
                       self._tensor.shape, rows)
        packed_sizes = initializer(self._graph, f"{self._name}.sizes.uint16", ir.tensor(sizes))
        # subtle: the table's own scale first, then 16 bits: HTP takes no Gather that changes both
        found = self._requantised(self._requantised(
            self._gathered(packed, by_table, ids), by_table), fine)
        size = self._requantised(self._gathered(packed_sizes, by_size, ids), by_size)
        made: ir.Value = self.writer.op("Mul", found, size)
        return made

    def _read(self) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self._tensor.numpy()
        return values

    def _scale(self, kind: str, value: np.float32, zero: np.generic) -> _Scale:
        return _Scale(initializer(self._graph, f"{self._name}.{kind}.scale", ir.tensor(value)),
                      initializer(self._graph, f"{self._name}.{kind}.zero", ir.tensor(zero)),
                      self._domain if zero.itemsize == 2 else "")

    def _gathered(self, packed: ir.Value, scale: _Scale, ids: ir.Value | None) -> ir.Value:
        made: ir.Value = self.writer.op("Gather", self._full(packed, scale), ids)
        return made

    def _requantised(self, value: ir.Value, scale: _Scale) -> ir.Value:
        return self._full(self.writer.op("QuantizeLinear", value, scale.step, scale.zero,
                                         domain=scale.domain), scale)

    def _full(self, packed: ir.Value, scale: _Scale) -> ir.Value:
        made: ir.Value = self.writer.op("DequantizeLinear", packed, scale.step, scale.zero,
                                        domain=scale.domain)
        return made


class _Scale(NamedTuple):
    step: ir.Value
    zero: ir.Value
    domain: str
    """Of the operators that use it."""


def _scales(largest: Any, steps: int) -> NDArray[np.float32]:
    """The step that `largest` is so many of; rows and columns of zeros get 1."""
    return np.where(largest > 0, largest / np.float32(steps), 1).astype(np.float32)


def _lazy(graph: ir.Graph, name: str, dtype: ir.DataType, shape: ir.Shape,
          read: Callable[[], NDArray[Any]]) -> ir.Value:
    """An initializer that is computed when it is written."""
    return initializer(graph, name, ir.LazyTensor(
        lambda: ir.tensor(np.ascontiguousarray(read())), dtype, ir.Shape(shape), name=name))


def _typed(value: ir.Value, shape: ir.Shape) -> ir.Value:
    value.dtype, value.shape = ir.DataType.FLOAT, ir.Shape(shape)
    return value
