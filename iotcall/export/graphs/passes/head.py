"""Which logits a graph computes. Leaves out: in which precision.

A prompt's earlier tokens need no logits, and a grammar allows few of the vocabulary's tokens.
"""

from __future__ import annotations

from typing import Literal

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PreconditionError

from iotcall.export.graphs.markers import DOMAIN
from iotcall.export.graphs.passes.marker_pass import Writer, attributes, graph_input
from iotcall.export.graphs.weights import HEAD, LIVE_HEAD, LIVE_HEAD_BIAS

Rows = Literal["all", "asked", "live"]


class SelectLogits(InPlacePass):
    """The head sees only the positions (and, with asked rows, computes only the tokens) asked for.

    Requires: one Linear marker of the head's weight. Ensures: input ``logit_positions`` (P,) int64,
    places among this pass's tokens; logits of (1, P, rows). With `asked`, input ``logit_tokens``
    (N,) int64 too, and logits of (1, P, N) in that order. With `live`, the number of rows shipped:
    the head's weight is then `weights.LIVE_HEAD`.
    """

    def __init__(self, rows: Rows, *, vocabulary: int, live: int = 0,
                 positions: int | str = "positions") -> None:
        super().__init__()
        self._rows, self._live, self._positions = rows, live, positions
        self._vocabulary = vocabulary

    def requires(self, model: ir.Model) -> None:
        if len(_heads(model)) != 1:
            raise PreconditionError("expected one head, a Linear marker of the weight " + HEAD)

    def call(self, model: ir.Model) -> PassResult:
        graph, (head,) = model.graph, _heads(model)
        writer = Writer("logit_positions")
        wanted = graph_input(graph, "logit_positions", ir.DataType.INT64, [self._positions])
        hidden = writer.op("Gather", head.inputs[0], wanted, axis=1)
        graph.insert_before(head, writer.nodes)
        head.replace_input_with(0, hidden)
        if self._rows == "asked":
            tokens = graph_input(graph, "logit_tokens", ir.DataType.INT64, ["tokens"])
            head.op_type = "AskedLinear"
            head.resize_inputs(2)
            head.replace_input_with(1, tokens)
        if self._rows == "live":
            head.attributes["weight"] = ir.AttrString("weight", LIVE_HEAD)
            if attributes(head)["bias"]:
                head.attributes["bias"] = ir.AttrString("bias", LIVE_HEAD_BIAS)
        sizes = {"all": self._vocabulary, "asked": "tokens", "live": self._live}
        for output in graph.outputs:
            if output.name == "logits":
                output.shape = ir.Shape([1, self._positions, sizes[self._rows]])
        return PassResult(model, modified=True)


def _heads(model: ir.Model) -> list[ir.Node]:
    return [node for node in model.graph if node.domain == DOMAIN and node.op_type == "Linear"
            and attributes(node)["weight"] == HEAD]
