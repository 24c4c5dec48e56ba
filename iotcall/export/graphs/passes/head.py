"""Which logits a graph computes. Leaves out: in which precision.

A prompt's earlier tokens need no logits, and a grammar allows few of the vocabulary's tokens. What
a layer computes of each token by itself, behind the last attention or convolution, serves the
logits only, so it is done for the tokens that have some.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PreconditionError

from iotcall.bundle.layout import ASKED
from iotcall.export.graphs.markers import DOMAIN
from iotcall.export.graphs.passes.marker_pass import Writer, attributes, graph_input
from iotcall.export.graphs.weights import HEAD, LIVE_HEAD, LIVE_HEAD_BIAS

Rows = Literal["all", "asked", "asked_or_all", "live"]


class SelectLogits(InPlacePass):
    """What follows the last attention or convolution sees only the positions asked for (and the
    head, with asked rows, computes only the tokens asked for).

    Requires: one Linear marker of the head's weight. Ensures: input ``logit_positions`` (P,) int64,
    places among this pass's tokens; logits of (1, P, rows). With `asked`, input ``logit_tokens``
    (N,) int64 too, and logits of (1, P, N) in that order; with `asked_or_all`, no tokens ask for
    all. With `live`, the number of rows shipped: the head's weight is then `weights.LIVE_HEAD`.
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
        wanted = graph_input(graph, "logit_positions", ir.DataType.INT64, [self._positions])
        for number, value in enumerate(behind := _last_stretch(graph, head)):
            writer = Writer("logit_positions" if len(behind) == 1 else f"logit_positions.{number}")
            gathered = writer.op("Gather", value, wanted, axis=1)
            for node, index in behind[value]:
                node.replace_input_with(index, gathered)
            graph.insert_after(value.producer(), writer.nodes)
        if self._rows in ASKED:
            tokens = graph_input(graph, "logit_tokens", ir.DataType.INT64, ["tokens"])
            head.op_type = "AskedLinear"
            head.attributes["or_all"] = ir.AttrInt64("or_all", self._rows == "asked_or_all")
            head.resize_inputs(2)
            head.replace_input_with(1, tokens)
        if self._rows == "live":
            head.attributes["weight"] = ir.AttrString("weight", LIVE_HEAD)
            if attributes(head)["bias"]:
                head.attributes["bias"] = ir.AttrString("bias", LIVE_HEAD_BIAS)
        sizes = {"all": self._vocabulary, "asked": "tokens", "asked_or_all": "rows",
                 "live": self._live}
        for output in graph.outputs:
            if output.name == "logits":
                output.shape = ir.Shape([1, self._positions, sizes[self._rows]])
        return PassResult(model, modified=True)


_MIXING = ("Attention", "ShortConv")
"""Markers in which tokens meet."""
_BY_TOKEN = {"Linear", "RMSNorm", "Gelu", "Add", "Mul", "Sigmoid", "Constant"}


def _last_stretch(graph: ir.Graph, head: ir.Node) -> dict[ir.Value, list[tuple[ir.Node, int]]]:
    """Values of whole passes -> where they enter what follows the last node in which tokens meet:
    (node, input). The head's own input, where something else than tokens by themselves follows."""
    last = [node for node in graph if node.domain == DOMAIN and node.op_type in _MIXING][-1:]
    before = _ancestors(last)
    stretch = _ancestors([head]) - before
    found: dict[ir.Value, list[tuple[ir.Node, int]]] = {}
    for node in graph:
        if node in stretch:
            for index, value in enumerate(node.inputs):
                producer = value.producer() if value is not None else None
                if value is not None and producer in before:
                    found.setdefault(value, []).append((node, index))
    if not last or not found or any(node.op_type not in _BY_TOKEN for node in stretch):
        assert head.inputs[0] is not None
        return {head.inputs[0]: [(head, 0)]}
    return found


def _ancestors(nodes: Sequence[ir.Node]) -> set[ir.Node]:
    """The nodes and all that they depend on."""
    found, waiting = set(nodes), list(nodes)
    while waiting:
        for value in waiting.pop().inputs:
            producer = value.producer() if value is not None else None
            if producer is not None and producer not in found:
                found.add(producer)
                waiting.append(producer)
    return found


def _heads(model: ir.Model) -> list[ir.Node]:
    return [node for node in model.graph if node.domain == DOMAIN and node.op_type == "Linear"
            and attributes(node)["weight"] == HEAD]
