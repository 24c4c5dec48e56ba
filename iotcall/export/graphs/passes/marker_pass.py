"""What the passes that write markers out have in common. Leaves out: any one marker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError

from iotcall.export.graphs.markers import DOMAIN

MICROSOFT = "com.microsoft"
"""Domain of onnxruntime's contributed operators."""


class Writer:
    """Collects the nodes that take a marker's place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._count = 0
        self.nodes: list[ir.Node] = []

    def op(self, kind: str, *inputs: ir.Value | None, domain: str = "", outputs: int = 1,
           **attributes: Any) -> Any:
        """One value, or a tuple where the operator has several outputs."""
        node = ir.node(kind, list(inputs), attributes, domain=domain, num_outputs=outputs,
                       name=f"{self.name}/{kind}_{self._count}")
        for at, value in enumerate(node.outputs):
            value.name = f"{self.name}/{kind}_{self._count}_{at}"
        self._count += 1
        self.nodes.append(node)
        return node.outputs[0] if outputs == 1 else tuple(node.outputs)

    def constant(self, value: Any, dtype: Any = np.int64) -> ir.Value:
        """A small constant as a node."""
        array = np.array(value, dtype=dtype)
        made: ir.Value = self.op("Constant", value=ir.tensor(array))
        made.const_value = ir.tensor(array)
        return made


class MarkerPass(InPlacePass):
    """Writes out every marker of one kind.

    Requires: nothing; without such markers it changes nothing. Ensures: no such marker is left.
    """

    marker: str

    def call(self, model: ir.Model) -> PassResult:
        graph = model.graph
        found = [node for node in graph if node.domain == DOMAIN and node.op_type == self.marker]
        for node in found:
            writer = Writer(node.name or node.outputs[0].name or self.marker)
            made = self.write(writer, node, graph)
            names = [value.name for value in node.outputs]
            if not writer.nodes:
                raise PostconditionError(f"{node.name} was written out as nothing")
            ir.convenience.replace_nodes_and_values(
                graph, node, [node], writer.nodes, node.outputs, list(made))
            for value, name in zip(made, names, strict=True):
                value.name = name
        return PassResult(model, modified=bool(found))

    @abstractmethod
    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        """Write one marker; returns the values that take the place of its outputs."""

    def ensures(self, model: ir.Model) -> None:
        left = [node.name for node in model.graph
                if node.domain == DOMAIN and node.op_type == self.marker]
        if left:
            raise PostconditionError(f"{self.marker} markers are left: {left[:3]}")


def attributes(node: ir.Node) -> Mapping[str, Any]:
    """A marker's attributes as plain values."""
    return {name: item.value for name, item in node.attributes.items()}


def graph_input(graph: ir.Graph, name: str, dtype: ir.DataType,
                shape: Sequence[int | str]) -> ir.Value:
    """The graph's input of that name; added where it is not there yet."""
    for value in graph.inputs:
        if value.name == name:
            return value
    made = ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape(list(shape)))
    graph.inputs.append(made)
    return made


def initializer(graph: ir.Graph, name: str, tensor: ir.TensorProtocol) -> ir.Value:
    """The graph's initializer of that name; added where it is not there yet."""
    if name in graph.initializers:
        return graph.initializers[name]
    made = ir.Value(name=name, const_value=tensor, type=ir.TensorType(tensor.dtype),
                    shape=ir.Shape(tensor.shape))
    graph.register_initializer(made)
    return made


def prepend(graph: ir.Graph, nodes: Sequence[ir.Node]) -> None:
    """Put nodes that depend on inputs only in front of all others."""
    first = next(iter(graph))
    graph.insert_before(first, nodes)
