"""Attention written out: fused with a shared buffer, or in primitive operators.

Three layouts (`iotcall.export.target.Shapes`); source of the arithmetic: the families' modelling
code in transformers. Leaves out: quantisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import PassResult

from iotcall.errors import ExportError
from iotcall.export.graphs.families import Rotary
from iotcall.export.graphs.passes.marker_pass import (
    MICROSOFT,
    MarkerPass,
    Writer,
    attributes,
    graph_input,
    initializer,
    prepend,
)
from iotcall.export.graphs.weights import Weights

_NOT_ATTENDED = float(np.finfo(np.float32).min)


class _Attention(MarkerPass):
    marker = "Attention"

    def __init__(self, weights: Weights, rotaries: Sequence[Rotary]) -> None:
        super().__init__()
        self._weights = weights
        self._rotaries = {rotary.name: rotary for rotary in rotaries}

    def _normed(self, writer: Writer, graph: ir.Graph, x: ir.Value, heads: int, weight: str,
                spec: Mapping[str, Any]) -> ir.Value:
        """Each head's RMS norm; (1, S, heads x D) -> (1, S, heads, D)."""
        split = writer.op("Reshape", x, writer.constant([1, -1, heads, spec["head_dim"]]))
        if not weight:
            return split
        return writer.op("RMSNorm", split, domain="iotcall", weight=weight,
                         epsilon=spec["epsilon"], offset=spec["offset"])


class SharedAttention(_Attention):
    """GroupQueryAttention with rotary embedding inside, writing into a buffer given as past.

    Requires: Attention markers, batch 1. Ensures: inputs ``seqlens_k`` (1,) int32, the tokens after
    this pass less one, and ``total_sequence_length`` () int32; past and present of
    (1, kv heads, capacity, D) may be one buffer. Operator: com.microsoft.GroupQueryAttention in
    onnxruntime's docs/ContribOperators.md.
    """

    def __init__(self, weights: Weights, rotaries: Sequence[Rotary], capacity: int) -> None:
        super().__init__(weights, rotaries)
        self._capacity = capacity

    def call(self, model: ir.Model) -> PassResult:
        result = super().call(model)
        for value in (*model.graph.inputs, *model.graph.outputs):
            if value.name and value.name.endswith((".key", ".value")):
                assert value.shape is not None
                value.shape = ir.Shape([1, value.shape[1], self._capacity, value.shape[3]])
        return result

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        q, k, v, past_key, past_value = node.inputs
        assert q is not None
        assert k is not None
        heads, kv_heads, head_dim = spec["heads"], spec["kv_heads"], spec["head_dim"]
        if head_dim % 16:
            raise ExportError(f"{node.name}: fused attention takes a head size that is a multiple "
                              f"of 16, found {head_dim}; choose a target of the growing layout")
        flat = [writer.op("Reshape", self._normed(writer, graph, x, count, weight, spec),
                          writer.constant([1, -1, count * head_dim]))
                for x, count, weight in ((q, heads, spec["query_norm"]),
                                         (k, kv_heads, spec["key_norm"]))]
        cos, sin = self._tables(graph, self._rotaries[spec["rotary"]])
        return writer.op(
            "GroupQueryAttention", *flat, v, past_key, past_value,
            graph_input(graph, "seqlens_k", ir.DataType.INT32, [1]),
            graph_input(graph, "total_sequence_length", ir.DataType.INT32, []),
            cos, sin, domain=MICROSOFT, outputs=3, num_heads=heads, kv_num_heads=kv_heads,
            scale=spec["scale"], do_rotary=1, rotary_interleaved=0,
            local_window_size=spec["window"] or -1)

    def _tables(self, graph: ir.Graph, rotary: Rotary) -> tuple[ir.Value, ir.Value]:
        """Cosines and sines of every position, (capacity, D / 2).

        They are computed when the graph is loaded (onnxruntime folds them), so that a file holds
        frequencies only.
        """
        name = f"rotary.{rotary.name}"
        for node in graph:
            if node.name == f"{name}/cos":
                return node.outputs[0], next(other for other in graph
                                             if other.name == f"{name}/sin").outputs[0]
        writer = Writer(name)
        frequencies = initializer(graph, f"{name}.frequencies", ir.tensor(
            np.array([rotary.frequencies], np.float32)))  # (1, D / 2)
        positions = writer.op("Cast", writer.op(
            "Range", writer.constant(0), writer.constant(self._capacity), writer.constant(1)),
            to=ir.DataType.FLOAT)
        angles = writer.op("Mul", writer.op("Unsqueeze", positions, writer.constant([1])),
                           frequencies)
        cos, sin = scaled_rotary(writer, angles, rotary)
        cos.producer().name, sin.producer().name = f"{name}/cos", f"{name}/sin"
        prepend(graph, writer.nodes)
        return cos, sin


class PrimitiveAttention(_Attention):
    """Attention in MatMul, Softmax and their like; rotary angles and masks come from `positions`.

    Requires: Attention markers, batch 1. Ensures: primitive operators only.
    """

    def __init__(self, weights: Weights, rotaries: Sequence[Rotary],
                 places: GrowingPlaces | StaticPlaces) -> None:
        super().__init__(weights, rotaries)
        self._places = places

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        q, k, v, past_key, past_value = node.inputs
        assert q is not None
        assert k is not None
        assert v is not None
        heads, kv_heads, head_dim = spec["heads"], spec["kv_heads"], spec["head_dim"]
        cos, sin = self._places.rotation(graph, self._rotaries[spec["rotary"]])
        query = self._turned(writer, self._normed(writer, graph, q, heads, spec["query_norm"],
                                                  spec), cos, sin)
        new_key = self._turned(writer, self._normed(writer, graph, k, kv_heads, spec["key_norm"],
                                                    spec), cos, sin)
        new_value = writer.op("Transpose", writer.op(
            "Reshape", v, writer.constant([1, -1, kv_heads, head_dim])), perm=[0, 2, 1, 3])
        key = writer.op("Concat", past_key, new_key, axis=2)  # (1, kv heads, T, D)
        value = writer.op("Concat", past_value, new_value, axis=2)
        # the heads of a group share their keys: (1, kv heads, group x S, D)
        grouped = writer.op("Reshape", query, writer.constant([1, kv_heads, -1, head_dim]))
        scores = writer.op("MatMul", grouped, writer.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = writer.op("Mul", scores, writer.constant(spec["scale"], np.float32))
        scores = writer.op("Reshape", scores, self._places.scores_shape(writer, heads))
        scores = writer.op("Add", scores, self._places.mask(graph, spec["window"]))
        shares = writer.op("Softmax", scores, axis=-1)  # (1, heads, S, T)
        shares = writer.op("Reshape", shares, self._places.scores_shape(writer, kv_heads))
        mixed = writer.op("Reshape", writer.op("MatMul", shares, value),
                          writer.constant([1, heads, -1, head_dim]))
        out = writer.op("Reshape", writer.op("Transpose", mixed, perm=[0, 2, 1, 3]),
                        writer.constant([1, -1, heads * head_dim]))
        return (out, new_key, new_value) if self._places.returns_new_only else (out, key, value)

    def _turned(self, writer: Writer, x: ir.Value, cos: ir.Value, sin: ir.Value) -> ir.Value:
        """Rotary embedding of (1, S, heads, D) as (1, heads, S, D): halves, not pairs."""
        x = writer.op("Transpose", x, perm=[0, 2, 1, 3])
        low, high = writer.op("Split", x, outputs=2, axis=-1, num_outputs=2)
        return writer.op("Concat", writer.op(
            "Sub", writer.op("Mul", low, cos), writer.op("Mul", high, sin)), writer.op(
            "Add", writer.op("Mul", high, cos), writer.op("Mul", low, sin)), axis=-1)


class GrowingPlaces:
    """Positions follow the length of the past; each pass returns a longer one."""

    returns_new_only = False

    def __init__(self, first_key: str) -> None:
        self._first_key = first_key
        self._made: dict[str, Any] = {}

    def scores_shape(self, writer: Writer, heads: int) -> ir.Value:
        """0 keeps the size of that axis."""
        return writer.constant([1, heads, -1, 0])

    def rotation(self, graph: ir.Graph, rotary: Rotary) -> tuple[ir.Value, ir.Value]:
        """Cosines and sines (S, D / 2)."""
        if rotary.name not in self._made:
            writer = Writer(f"rotary.{rotary.name}")
            queries, _ = self._positions(graph)
            frequencies = initializer(graph, f"rotary.{rotary.name}.frequencies", ir.tensor(
                np.array([rotary.frequencies], np.float32)))
            angles = writer.op("Mul", writer.op("Cast", queries, to=ir.DataType.FLOAT),
                               frequencies)
            self._made[rotary.name] = scaled_rotary(writer, angles, rotary)
            graph.insert_after(queries.producer(), writer.nodes)
        found: tuple[ir.Value, ir.Value] = self._made[rotary.name]
        return found

    def mask(self, graph: ir.Graph, window: int) -> ir.Value:
        """(S, T): 0 where a query may attend."""
        key = f"mask {window}"
        if key not in self._made:
            writer = Writer(f"mask.{window}")
            queries, keys = self._positions(graph)  # (S, 1), (1, T)
            seen = writer.op("LessOrEqual", keys, queries)
            if window:
                seen = writer.op("And", seen, writer.op("Greater", keys, writer.op(
                    "Sub", queries, writer.constant(window))))
            self._made[key] = writer.op("Where", seen, writer.constant(0, np.float32),
                                        writer.constant(_NOT_ATTENDED, np.float32))
            graph.insert_after(queries.producer(), writer.nodes)
        found: ir.Value = self._made[key]
        return found

    def _positions(self, graph: ir.Graph) -> tuple[ir.Value, ir.Value]:
        """Of the queries (S, 1) and of the keys (1, T), int64."""
        if "positions" not in self._made:
            inputs = {value.name: value for value in graph.inputs}
            writer = Writer("positions")
            past = writer.op("Squeeze", writer.op("Shape", inputs[self._first_key], start=2,
                                                  end=3), writer.constant([0]))
            new = writer.op("Squeeze", writer.op("Shape", inputs["input_ids"], start=1, end=2),
                            writer.constant([0]))
            total, one = writer.op("Add", past, new), writer.constant(1)
            keys = writer.op("Unsqueeze", writer.op("Range", writer.constant(0), total, one),
                             writer.constant([0]))
            queries = writer.op("Unsqueeze", writer.op("Range", past, total, one),
                                writer.constant([1]))
            prepend(graph, writer.nodes)
            self._made["positions"] = queries, keys
        found: tuple[ir.Value, ir.Value] = self._made["positions"]
        return found


class StaticPlaces:
    """Positions and masks come from the host; each pass returns the new keys and values only."""

    returns_new_only = True

    def __init__(self, tokens: int, capacity: int) -> None:
        self._tokens, self._capacity = tokens, capacity

    def scores_shape(self, writer: Writer, heads: int) -> ir.Value:
        """All sizes are known but the one that the group's size decides."""
        return writer.constant([1, heads, -1, self._capacity + self._tokens])

    def rotation(self, graph: ir.Graph, rotary: Rotary) -> tuple[ir.Value, ir.Value]:
        """Inputs ``rotary.NAME.cos`` and ``.sin`` (S, D / 2)."""
        shape = [self._tokens, len(rotary.frequencies)]
        cos, sin = (graph_input(graph, f"rotary.{rotary.name}.{part}", ir.DataType.FLOAT, shape)
                    for part in ("cos", "sin"))
        return cos, sin

    def mask(self, graph: ir.Graph, window: int) -> ir.Value:
        """Input ``mask`` or ``mask.WINDOW`` (S, capacity + S), added to the scores."""
        return graph_input(graph, f"mask.{window}" if window else "mask", ir.DataType.FLOAT,
                           [self._tokens, self._capacity + self._tokens])


def scaled_rotary(writer: Writer, angles: ir.Value, rotary: Rotary) -> tuple[Any, Any]:
    """Cosine and sine of angles, scaled where the embedding says so."""
    pair = writer.op("Cos", angles), writer.op("Sin", angles)
    if rotary.scaling == 1.0:
        return pair
    cos, sin = (writer.op("Mul", part, writer.constant(rotary.scaling, np.float32))
                for part in pair)
    return cos, sin
