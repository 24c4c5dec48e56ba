"""A graph against what its target is known to refuse. Leaves out: the rules (see target).

`check_graph` and `check_fixed_point` look at a file, before any provider sees it; `check_placement`
looks at what the provider took.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

from iotcall.errors import ExportError
from iotcall.export.target import Rules
from iotcall.runtime.sessions import CPU, Placement

_SHOWN = 3
"""Offenders that an error names."""
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


def check_graph(path: Path, rules: Rules) -> None:
    """Operators, shapes and constants of a graph.

    Raises:
        ExportError: it breaks a rule; names the first offenders and how many there are.
    """
    model = onnx.load(path, load_external_data=False)
    nodes = [(operator_of(node), node.name or node.output[0]) for node in model.graph.node
             if node.op_type != "Constant"]  # onnxruntime folds it
    if rules.operators:
        _refuse(path, "operators that the target does not take",
                [(operator, name) for operator, name in nodes if operator not in rules.operators])
    _refuse(path, "operators that the target is known to fail on",
            [(operator, name) for operator, name in nodes if operator in rules.forbidden])
    if rules.static_shapes:
        _refuse(path, "tensors without a fixed shape", _open_shapes(model))
    if rules.least_constant is not None:
        _refuse(path, f"constants below {rules.least_constant:g}",
                [(f"{least:g}", name) for name, least in _least(model, path.parent)
                 if least < rules.least_constant])


def check_fixed_point(path: Path) -> None:
    """Every float result of a QDQ graph goes through QuantizeLinear, so that no node of the chip
    computes in a float type.

    Raises:
        ExportError: some do not; names their nodes.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(path, load_external_data=False))
    types = {value.name: value.type.tensor_type.elem_type
             for value in (*model.graph.value_info, *model.graph.output)}
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    results = {value.name for value in model.graph.output}
    stray = []
    for node in model.graph.node:
        if node.op_type in ("DequantizeLinear", "Constant"):
            continue
        for name in node.output:
            if types.get(name) in _FLOATS and (name in results or any(
                    reader.op_type != "QuantizeLinear" for reader in readers.get(name, ()))):
                stray.append((operator_of(node), node.name or name))
    _refuse(path, "nodes whose results stay float", stray)


def check_placement(placement: Placement | None, rules: Rules, provider: str) -> None:
    """Where the nodes of an opened graph run.

    Raises:
        ExportError: the CPU provider runs nodes that the rules do not leave there, the graph is cut
            into more pieces than they allow, or onnxruntime cannot tell.
    """
    if provider == CPU:
        return
    if placement is None:
        raise ExportError(f"this onnxruntime cannot tell which nodes {provider} runs: install 1.24 "
                          "or newer")
    stray = [(operator, name) for operator, name in placement.on_cpu
             if operator not in rules.on_cpu]
    _refuse(provider, f"nodes that run on the CPU ({placement})", stray)
    pieces = placement.subgraphs(provider)
    if rules.partitions is not None and pieces > rules.partitions:
        between = ", ".join(f"{operator} {name}" for operator, name in placement.on_cpu[:_SHOWN])
        raise ExportError(f"{provider}: expected the graph in at most {rules.partitions} pieces, "
                          f"found {pieces} ({placement}); on the CPU between them: "
                          f"{between or 'nothing'}")


def operator_of(node: NodeProto) -> str:
    """Its operator, with the domain unless that is ONNX's."""
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type


def _refuse(where: Path | str, what: str, offenders: Sequence[tuple[str, str]]) -> None:
    if not offenders:
        return
    shown = ", ".join(f"{kind} {name}" for kind, name in offenders[:_SHOWN])
    more = f", and {len(offenders) - _SHOWN} more" if len(offenders) > _SHOWN else ""
    raise ExportError(f"{where}: expected none, found {len(offenders)} {what}: {shown}{more}")


def _open_shapes(model: onnx.ModelProto) -> list[tuple[str, str]]:
    """(kind, name) of tensors whose sizes are not all known, also after shape inference."""
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    graph = model.graph
    sizes: dict[str, list[str]] = {}
    for value in (*graph.value_info, *graph.input, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            sizes[value.name] = [dim.dim_param or str(dim.dim_value) if dim.WhichOneof("value")
                                 else "?" for dim in value.type.tensor_type.shape.dim]
    wanted = [("input", value.name) for value in graph.input]
    wanted += [(operator_of(node), name) for node in graph.node for name in node.output if name]
    found = []
    for kind, name in wanted:
        shape = sizes.get(name)
        if shape is None or not all(size.isdigit() for size in shape):
            found.append((kind, f"{name} [{', '.join(shape or ['unknown'])}]"))
    return found


def _least(model: onnx.ModelProto, folder: Path) -> list[tuple[str, float]]:
    """(name, smallest value) of every float constant, quantised ones too."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    found = [(name, _smallest(_values(tensor, folder))) for name, tensor in tensors.items()
             if tensor.data_type in _FLOATS]
    for node in model.graph.node:
        if node.op_type == "Constant":
            found += [(node.output[0], _smallest(_values(item.t, folder)))
                      for item in node.attribute
                      if item.name == "value" and item.t.data_type in _FLOATS]
            found += [(node.output[0], float(item.f)) for item in node.attribute
                      if item.name == "value_float"]
            found += [(node.output[0], min(item.floats, default=0.0)) for item in node.attribute
                      if item.name == "value_floats"]
        elif node.op_type == "DequantizeLinear" and node.input[0] in tensors:
            found.append((node.input[0], _dequantised_least(
                node, lambda name: _values(tensors[name], folder))))
    return found


def _dequantised_least(node: NodeProto, read: Callable[[str], NDArray[Any]]) -> float:
    """The smallest value behind a DequantizeLinear with constant inputs, by tensor or by axis."""
    stored = read(node.input[0])
    scale = read(node.input[1]).astype(np.float64)
    zero = read(node.input[2]).astype(np.float64) if len(node.input) > 2 else np.zeros_like(scale)
    if scale.ndim and scale.size > 1:
        axis = next((item.i for item in node.attribute if item.name == "axis"), 1) % stored.ndim
        lowest = stored.min(axis=tuple(at for at in range(stored.ndim) if at != axis))
    else:
        lowest = stored.min(initial=np.iinfo(stored.dtype).max)
    return float(((lowest - zero) * scale).min())


def _values(tensor: TensorProto, folder: Path) -> NDArray[Any]:
    values: NDArray[Any] = numpy_helper.to_array(tensor, base_dir=str(folder))
    return values


def _smallest(values: NDArray[Any]) -> float:
    return float(values.astype(np.float64).min(initial=0.0))
