"""RMS norms written out, and fused with the additions before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult

from iotcall.export.graphs.passes.marker_pass import (
    MICROSOFT,
    MarkerPass,
    Writer,
    attributes,
    initializer,
)
from iotcall.export.graphs.weights import Weights


class WriteNorms(MarkerPass):
    """``weight * x / sqrt(mean(x^2) + epsilon)``, as one operator or in primitive ones.

    subtle: in fixed point the primitive ones lose small tokens beside a large one, as a square has
    twice the reach of its root: at a hundredth of the largest they are 7 % off, at half of that
    nothing is left of them (measured). The operator has no squares in between.

    Requires: RMSNorm markers; opset 23 for `whole`. Ensures: SimplifiedLayerNormalization (fused),
    RMSNormalization (whole), or Mul, ReduceMean, Add, Sqrt and Div.
    """

    marker = "RMSNorm"

    def __init__(self, weights: Weights, *, fused: bool, whole: bool = False) -> None:
        super().__init__()
        self._weights, self._fused, self._whole = weights, fused, whole

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        x = node.inputs[0]
        assert x is not None
        weight = initializer(graph, spec["weight"], ir.tensor(
            self._weights.read(spec["weight"]) + np.float32(spec["offset"])))
        if self._fused:
            return [writer.op("SimplifiedLayerNormalization", x, weight, axis=-1,
                              epsilon=spec["epsilon"], stash_type=1)]
        if self._whole:
            return [writer.op("RMSNormalization", x, weight, axis=-1, epsilon=spec["epsilon"])]
        mean = writer.op("ReduceMean", writer.op("Mul", x, x), writer.constant([-1]), keepdims=1)
        root = writer.op("Sqrt", writer.op("Add", mean, writer.constant(spec["epsilon"],
                                                                        np.float32)))
        return [writer.op("Mul", writer.op("Div", x, root), weight)]


class FuseSkips(InPlacePass):
    """An addition and the norm of its sum become SkipSimplifiedLayerNormalization.

    Requires: WriteNorms with fused norms. Ensures: the same values, the sum as its fourth output.
    Operator: com.microsoft.SkipSimplifiedLayerNormalization in onnxruntime's
    docs/ContribOperators.md.
    """

    def call(self, model: ir.Model) -> PassResult:
        graph, changed = model.graph, 0
        for node in list(graph):
            total = node.inputs[0] if node.inputs else None
            addition = total.producer() if total is not None else None
            if (node.op_type != "SimplifiedLayerNormalization" or addition is None
                    or addition.op_type != "Add" or addition.graph is not graph
                    or any(value is None or value.const_value is not None
                           for value in addition.inputs)):
                continue
            changed += 1
            writer = Writer(f"{node.name}/skip")
            epsilon = node.attributes.get_float("epsilon")
            normed, *_, summed = writer.op(
                "SkipSimplifiedLayerNormalization", *addition.inputs, node.inputs[1],
                domain=MICROSOFT, outputs=4, epsilon=epsilon)
            names = [value.name for value in (*node.outputs, *addition.outputs)]
            # subtle: at the addition's place, since others may read the sum before the norm does
            ir.convenience.replace_nodes_and_values(
                graph, addition, [node, addition], writer.nodes,
                [*node.outputs, *addition.outputs], [normed, summed])
            normed.name, summed.name = names
            for unread in writer.nodes[-1].outputs[1:3]:
                unread.name = ""
        return PassResult(model, modified=bool(changed))
