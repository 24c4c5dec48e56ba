"""Linear layers and the embedding written out in fp32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from iotcall.export.graphs.passes.marker_pass import MarkerPass, Writer, attributes, initializer
from iotcall.export.graphs.weights import Weights


class WriteLinears(MarkerPass):
    """``x W^T + b`` with fp32 weights.

    Requires: Linear markers. Ensures: MatMul over transposed weights; a head that is tied to the
    embedding reads the embedding's table (untied copies would double the file).
    """

    marker = "Linear"

    def __init__(self, weights: Weights, shared: str = "") -> None:
        super().__init__()
        self._weights, self._shared = weights, shared
        """`shared`: a weight that is in the graph as rows already."""

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        name, x = spec["weight"], node.inputs[0]
        if self._shared and self._weights.same(name, self._shared):
            table = initializer(graph, self._shared, _lazy(self._weights, self._shared))
            out = writer.op("MatMul", x, writer.op("Transpose", table, perm=[1, 0]))
        else:
            shape = self._weights.shape(name)
            out = writer.op("MatMul", x, initializer(graph, f"{name}.T", ir.LazyTensor(
                lambda: ir.tensor(np.ascontiguousarray(self._weights.read(name).T)),
                ir.DataType.FLOAT, ir.Shape(shape[::-1]), name=f"{name}.T")))
        return [with_bias(writer, graph, out, spec["bias"], self._weights)]


class WriteEmbedding(MarkerPass):
    """Rows of an fp32 table. Requires: Embedding markers. Ensures: Gather."""

    marker = "Embedding"

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._weights = weights

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        name = attributes(node)["weight"]
        table = initializer(graph, name, _lazy(self._weights, name))
        return [writer.op("Gather", table, node.inputs[0])]


def with_bias(writer: Writer, graph: ir.Graph, out: ir.Value, bias: str,
              weights: Weights) -> ir.Value:
    """The value plus a bias; itself where the bias is ""."""
    if not bias:
        return out
    return writer.op("Add", out, initializer(graph, bias, ir.tensor(weights.read(bias))))


def _lazy(weights: Weights, name: str) -> ir.LazyTensor:
    return ir.LazyTensor(lambda: ir.tensor(weights.read(name)), ir.DataType.FLOAT,
                         ir.Shape(weights.shape(name)), name=name)
