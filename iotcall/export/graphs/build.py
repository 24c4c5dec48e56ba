"""Skeleton and weights become a graph of a target's layout and precision: the order of the passes.

Leaves out: the passes themselves, calibration (see qdq), and what a bundle holds beside graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import onnx
import onnx_ir as ir
from onnx_ir.passes import InPlacePass
from onnx_ir.passes.common import (
    CommonSubexpressionEliminationPass,
    LiftConstantsToInitializersPass,
    RemoveUnusedNodesPass,
)

from iotcall.bundle.layout import ASKED
from iotcall.errors import ExportError
from iotcall.export.graphs.passes.attention import (
    GrowingPlaces,
    PrimitiveAttention,
    SharedAttention,
    StaticPlaces,
)
from iotcall.export.graphs.passes.blocks import (
    Packed,
    Reshaped,
    WriteAskedLinears,
    WritePackedEmbedding,
    WritePackedLinears,
)
from iotcall.export.graphs.passes.convolution import WriteConvolutions, WriteGelus
from iotcall.export.graphs.passes.head import Rows, SelectLogits
from iotcall.export.graphs.passes.linear import WriteEmbedding, WriteLinears
from iotcall.export.graphs.passes.norms import FuseSkips, WriteNorms
from iotcall.export.graphs.trace import Skeleton
from iotcall.export.graphs.weights import EMBEDDING, HEAD, Weights
from iotcall.export.target import Weights as Recipe

_WHOLE_NORMS = 23
"""The first opset with RMSNormalization: static graphs from there on have it."""


class GraphPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of graph to build."""

    layout: str
    """growing, shared or static, see `iotcall.export.target.Shapes`."""
    tokens: int = 0
    """Of a pass, where the layout is static."""
    capacity: int = 0
    positions: int = 1
    """Whose logits a pass gives, where the layout is static; no more than its tokens."""
    fused: bool = False
    """Contributed operators of onnxruntime for norms and activations."""
    recipe: Recipe | None = None
    """Weights in blocks; None: fp32."""
    rows: Rows = "all"
    live: int = 0
    """Rows of the head, where only live ones are shipped."""


def passes_of(skeleton: Skeleton, weights: Weights, plan: GraphPlan) -> list[InPlacePass]:
    """The passes of a plan, in order.

    Raises:
        ExportError: a layout that needs fused attention, of a skeleton without.
    """
    if plan.layout != "growing" and not skeleton.attention:
        raise ExportError(f"{skeleton.architecture} has no fused attention here: expected a target "
                          f"of the growing layout, found {plan.layout}")
    first_key = next(value.name for value in skeleton.model.graph.inputs
                     if value.name and value.name.endswith(".key"))
    static = plan.layout == "static"
    passes: list[InPlacePass] = [SelectLogits(
        plan.rows, vocabulary=weights.shape(HEAD)[0], live=plan.live,
        positions=min(plan.positions, plan.tokens) if static else "positions")]
    if plan.layout == "shared":
        passes.append(SharedAttention(weights, skeleton.rotaries, plan.capacity))
    else:
        places = StaticPlaces(plan.tokens, plan.capacity) if static else GrowingPlaces(first_key)
        passes.append(PrimitiveAttention(weights, skeleton.rotaries, places))
    passes += [WriteConvolutions(weights),
               WriteNorms(weights, fused=plan.fused, whole=static and (
                   skeleton.model.opset_imports.get("") or 0) >= _WHOLE_NORMS),
               WriteGelus(fused=plan.fused)]
    if plan.fused:
        passes.append(FuseSkips())
    if plan.recipe:
        packed = Packed(weights, plan.recipe, by_rows=plan.rows in ASKED)
        passes += [WritePackedEmbedding(packed), WriteAskedLinears(packed),
                   WritePackedLinears(weights, packed)]
    else:
        passes += [WriteEmbedding(weights), WriteLinears(weights, shared=EMBEDDING)]
    if static:
        passes.append(FixShapes(plan.tokens, plan.capacity))
    return [*passes, LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
            CommonSubexpressionEliminationPass(), RemoveUnusedNodesPass()]


def build_graph(skeleton: Skeleton, weights: Weights, plan: GraphPlan) -> tuple[
        ir.Model, tuple[str, ...]]:
    """The graph, with weights read when it is written, and the passes that changed it."""
    model = skeleton.model.clone()
    changed = []
    for item in passes_of(skeleton, weights, plan):
        if item(model).modified:
            changed.append(type(item).__name__)
    for domain in sorted({node.domain for node in model.graph if node.domain}):
        model.opset_imports[domain] = 1
    model.opset_imports.pop("iotcall", None)
    return model, tuple(changed)


def _reshape(path: Path, again: Mapping[str, Reshaped]) -> None:
    """Name values of a written graph a second time, in other shapes."""
    model = onnx.load(path, load_external_data=False)
    stored = {item.name: item for item in model.graph.initializer}
    for name, tensor in sorted(again.items()):
        second = model.graph.initializer.add()
        second.CopyFrom(stored[tensor.of])
        second.name = name
        second.dims[:] = [int(size) for size in tensor.shape]
    onnx.save(model, path)


class FixShapes(InPlacePass):
    """Inputs and outputs get the sizes of a static graph.

    Requires: attention and convolutions that return new states only. Ensures: no open size.
    """

    def __init__(self, tokens: int, capacity: int) -> None:
        super().__init__()
        self._tokens, self._capacity = tokens, capacity

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        known = {value.name: list(value.shape or ()) for value in model.graph.inputs}
        for value in (*model.graph.inputs, *model.graph.outputs):
            name = value.name or ""
            # subtle: the tracer knows a state's heads where it goes in, not where it comes out
            past = name.replace("present", "past_key_values", 1)
            shape = known.get(past, list(value.shape or ()))
            if name == "input_ids":
                shape = [1, self._tokens]
            elif name.endswith((".key", ".value")):
                shape = [1, shape[1], self._capacity if name == past else self._tokens, shape[3]]
            elif name.startswith("present"):
                shape = [1, self._tokens, shape[2]]
            value.shape = ir.Shape(shape)
        return ir.passes.PassResult(model, modified=True)


def write_graph(model: ir.Model, path: Path,
                progress: Callable[[int, int], None] | None = None) -> Sequence[Path]:
    """Write the graph to `path`; tensors of 1 kB and more beside it in ``<name>.data``. They are
    read, packed and written one after the other.

    `progress` is told how many of how many tensors are written. Returns the files.
    """
    graph = model.graph
    for holder in (model, graph, *graph, *graph.inputs, *graph.outputs,
                   *graph.initializers.values()):
        holder.metadata_props.clear()
        holder.doc_string = None
    model.producer_name = model.producer_version = model.domain = None
    graph.name = "decoder"
    external = path.with_name(path.name + ".data")

    def told(tensor: ir.TensorProtocol, info: ir.external_data.CallbackInfo) -> None:
        if progress:
            progress(info.index + 1, info.total)

    again = {name: value.const_value for name, value in graph.initializers.items()
             if isinstance(value.const_value, Reshaped)}
    for name in again:
        graph.initializers.pop(name)
    ir.save(model, path, external_data=external.name, size_threshold_bytes=1024, callback=told)
    if again:
        _reshape(path, again)
    return [item for item in (path, external) if item.is_file()]
