"""The short convolutions and activations written out in primitive operators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import PassResult

from iotcall.export.graphs.passes.marker_pass import (
    MICROSOFT,
    MarkerPass,
    Writer,
    attributes,
    initializer,
)
from iotcall.export.graphs.weights import Weights


class WriteConvolutions(MarkerPass):
    """LFM2's gated causal convolution over any number of tokens and any past.

    ``out[t] = C[t] * sum_k weight[k] * (B * x)[t - taps + 1 + k]``, with the columns before this
    pass from the state (source: Lfm2ShortConv in transformers).

    Requires: ShortConv markers, batch 1. Ensures: states of (1, taps - 1, width), oldest first; the
    new state is the columns of this pass (1, S, width), which the host puts behind the old ones, so
    that it can go back to any token.
    """

    marker = "ShortConv"

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._weights = weights

    def call(self, model: ir.Model) -> PassResult:
        result = super().call(model)
        if not result.modified:
            return result
        for value in model.graph.inputs:
            if value.name and value.name.endswith(".conv"):
                assert value.shape is not None
                _, width, before = value.shape
                value.shape = ir.Shape([1, before, width])
                for output in model.graph.outputs:
                    if output.name == value.name.replace("past_key_values", "present", 1):
                        output.shape = ir.Shape([1, "sequence_length", width])
        return result

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        gates, state = node.inputs
        taps = spec["taps"]
        gate_in, gate_out, x = writer.op("Split", gates, outputs=3, axis=-1, num_outputs=3)
        new = writer.op("Mul", gate_in, x)  # (1, S, width)
        seen = writer.op("Concat", state, new, axis=1)  # (1, taps - 1 + S, width)
        kernel = self._weights.read(spec["weight"])  # (width, 1, taps)
        mixed = None
        for tap in range(taps):
            # the ends count from the back, so that no length of a text is in the graph
            end = tap - taps + 1 or np.iinfo(np.int64).max
            part = writer.op("Slice", seen, writer.constant([tap]), writer.constant([end]),
                             writer.constant([1]))
            factor = initializer(graph, f"{spec['weight']}.{tap}",
                                 ir.tensor(np.ascontiguousarray(kernel[:, 0, tap])))
            part = writer.op("Mul", part, factor)
            mixed = part if mixed is None else writer.op("Add", mixed, part)
        if spec["bias"]:
            mixed = writer.op("Add", mixed, initializer(graph, spec["bias"], ir.tensor(
                self._weights.read(spec["bias"]))))
        return writer.op("Mul", gate_out, mixed), new


class WriteGelus(MarkerPass):
    """The tanh approximation of GELU, as onnxruntime's FastGelu or in primitive operators.

    ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))``.
    """

    marker = "Gelu"

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self._fused = fused

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        x = node.inputs[0]
        if self._fused:
            return [writer.op("FastGelu", x, domain=MICROSOFT)]

        def times(value: ir.Value, factor: float) -> ir.Value:
            return writer.op("Mul", value, writer.constant(factor, np.float32))

        cube = writer.op("Mul", writer.op("Mul", x, x), x)
        inner = times(writer.op("Add", x, times(cube, 0.044715)), (2 / np.pi) ** 0.5)
        one = writer.constant(1, np.float32)
        return [writer.op("Mul", times(x, 0.5),
                          writer.op("Add", writer.op("Tanh", inner), one))]
