"""Static graphs of fixed point: weights of 8 bits, activations of 8 or 16, for NPUs.

The prompt chunk and the single step get the same ranges and share one file of weights, as they
share them on the device. Leaves out: the feeds (see calibration), the weights (see columns) and
what a target refuses (see rules).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes import InPlacePass, PassResult
from onnx_ir.passes.common import RemoveUnusedNodesPass

from iotcall.errors import ExportError
from iotcall.export.graphs.passes.columns import QuantiseColumns, QuantiseRows
from iotcall.export.graphs.passes.marker_pass import MICROSOFT, Writer, initializer, prepend
from iotcall.export.npu.ranges import RangeMeter, Ranges, merged
from iotcall.export.target import Activations

WEIGHTS = "weights.data"
Feeds = Iterable[tuple[int, Mapping[str, NDArray[Any]]]]
"""(tokens of the graph, its inputs), one pass after the other."""

_EXTERNAL = 1024
"""Bytes from which a weight is stored outside of the graph."""
_HEADROOM = 0.125
"""Of its span, how much further than in calibration a 16-bit tensor may reach on each side."""
_LEAST_SPAN = 1e-4
"""Of a range, so that no step is too small for fp32 products of steps."""
_MOVES = ("Gather", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze")
"""Operators whose results are values of their first input."""
_PAST, _PRESENT = "past_key_values.", "present."
_QDQ = ("DequantizeLinear", "QuantizeLinear")


class QdqReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a pair of static graphs."""

    graphs: tuple[Path, Path]
    """Chunk and step."""
    weights: Path | None
    """Their common file; None where all weights are small."""
    passes: tuple[int, int]
    """Passes of chunk and step that the ranges rest on."""
    ranges: Ranges
    """Of every float tensor that was measured, as they were used."""
    columns: tuple[str, ...]
    """Weights that are quantised by output column."""
    rows: tuple[str, ...]
    """Tables that are quantised by row."""


def quantise_static(chunk: Path, step: Path, out: Path, feeds: Feeds, activations: Activations, *,
                    threads: int = 0,
                    progress: Callable[[str], None] = lambda _: None) -> QdqReport:
    """Quantise a chunk and a step graph of one student; the same feeds give the same bytes.

    Args:
        chunk: fp32 graph of static layout.
        step: the same with one token.
        out: folder of the results, under the sources' names, beside `WEIGHTS`.
        feeds: used one by one, so that they need not be in memory together.
        threads: of a calibration pass; 0 leaves it to onnxruntime.

    Raises:
        ExportError: a graph was never fed, the graphs differ in a weight, or a tensor has no
            finite range.
    """
    progress("measuring ranges")
    with tempfile.TemporaryDirectory(prefix="iotcall-qdq-") as scratch:
        ranges, passes = _measure((chunk, step), feeds, Path(scratch), threads)
    progress("quantising weights")
    out.mkdir(parents=True, exist_ok=True)
    models = [_Prepared(path, activations) for path in (chunk, step)]
    _check_same(models, (chunk, step))
    weights = _write_weights([item.model for item in models], out)
    ranges = settled([item.model for item in models], ranges, activations)
    for path, item in zip((chunk, step), models, strict=True):
        InsertQdq(ranges, activations.bits)(item.model)
        RemoveUnusedNodesPass()(item.model)  # the constants in fp32
        ir.save(item.model, out / path.name)
    return QdqReport(graphs=(out / chunk.name, out / step.name), weights=weights, passes=passes,
                     ranges=ranges, columns=tuple(models[0].columns), rows=tuple(models[0].rows))


def settled(models: Iterable[ir.Model], ranges: Ranges,
            activations: Activations) -> Ranges:
    """The ranges to quantise with.

    - Tensors of the same values have the same range: what an operator only moves, both sides of a
      Concat, and a state that the host feeds back, so that nothing is rounded twice.
    - 16-bit tensors get some headroom for texts that calibration did not see.
    - Rotary inputs reach as far at positions that calibration did not see.
    - `Activations.fixed_ranges` hold.
    """
    groups = _Groups()
    made = dict(ranges)
    for model in models:
        for node in model.graph:
            inputs = [value.name or "" for value in node.inputs if value is not None]
            outputs = [value.name or "" for value in node.outputs]
            if node.op_type in activations.fixed_ranges:
                made.update(dict.fromkeys(outputs, activations.fixed_ranges[node.op_type]))
            elif node.op_type == "Softmax":
                made.update(dict.fromkeys(outputs, (0.0, 1.0)))
            elif activations.bits == 16 and node.op_type not in _MOVES:
                made.update((name, _widened(*ranges[name])) for name in outputs if name in ranges)
            if node.op_type == "Concat":
                groups.join(*inputs, *outputs)
            elif node.op_type in _MOVES:
                groups.join(inputs[0], *outputs)
        for name in (value.name or "" for value in model.graph.inputs):
            if name.startswith(_PAST):
                groups.join(name, _PRESENT + name.removeprefix(_PAST))
            elif name.startswith("rotary."):
                groups.join(name, name.rpartition(".")[0])
                far = max(map(abs, ranges[name]))
                made[name] = -far, far
    for members in groups:
        known = [made[name] for name in members if name in made]
        for name in members & made.keys():
            made[name] = min(low for low, _ in known), max(high for _, high in known)
    return made


def _measure(paths: tuple[Path, Path], feeds: Feeds, scratch: Path, threads: int) -> tuple[
        Ranges, tuple[int, int]]:
    meters: dict[int, RangeMeter] = {}
    for path in paths:
        folder = scratch / path.stem
        folder.mkdir()
        meters[_tokens(path)] = RangeMeter(path, folder, threads=threads)
    for tokens, feed in feeds:
        if tokens not in meters:
            raise ExportError(f"expected feeds of {' or '.join(map(str, meters))} tokens, found "
                              f"{tokens}")
        meters[tokens].take(feed)
    first, second = (meter.passes for meter in meters.values())
    for path, meter in zip(paths, meters.values(), strict=True):
        if not meter.passes:
            raise ExportError(f"{path}: no calibration feed has its {_tokens(path)} tokens; give "
                              "dialogues that reach it")
    ranges = merged(*(meter.ranges for meter in meters.values()))
    wild = sorted(name for name, pair in ranges.items() if not np.isfinite(pair).all())
    if wild:
        raise ExportError(f"{paths[0]}: {len(wild)} tensors are not finite on the calibration "
                          f"feeds, e.g. {wild[0]}; the student itself is broken")
    return ranges, (first, second)


class _Prepared:
    """A graph with quantised weights and fp32 activations."""

    def __init__(self, path: Path, activations: Activations) -> None:
        self.model = ir.load(path)
        columns = QuantiseColumns()
        columns(self.model)
        rows = QuantiseRows(activations.bits)
        rows(self.model)
        self.sources = {name: self.model.graph.initializers[name].const_value
                        for name in {*columns.quantised, *rows.quantised}}
        RemoveUnusedNodesPass()(self.model)
        self.columns, self.rows = columns.quantised, rows.quantised


def _check_same(models: list[_Prepared], paths: tuple[Path, Path]) -> None:
    chunk, step = (item.sources for item in models)
    for name in sorted({*chunk, *step}):
        pair = chunk.get(name), step.get(name)
        if pair[0] is None or pair[1] is None or not np.array_equal(pair[0].numpy(),
                                                                    pair[1].numpy()):
            raise ExportError(f"{paths[0]} and {paths[1]} differ in the weight {name}: export both "
                              "from one checkpoint")


def _write_weights(models: list[ir.Model], out: Path) -> Path | None:
    """Put the first graph's quantised weights into a file that all of them use."""
    heavy = {name: value.const_value for name, value in models[0].graph.initializers.items()
             if value.const_value is not None and value.const_value.nbytes >= _EXTERNAL
             and value.const_value.dtype != ir.DataType.FLOAT}
    if not heavy:
        return None
    names = sorted(heavy)
    stored = ir.external_data.convert_tensors_to_external(
        [heavy[name] for name in names], out, WEIGHTS)
    for model in models:
        for name, tensor in zip(names, stored, strict=True):
            model.graph.initializers[name].const_value = tensor
        for value in model.graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor) and value.name not in heavy:
                value.const_value = ir.tensor(value.const_value.numpy(), name=value.name)
    return out / WEIGHTS


class InsertQdq(InPlacePass):
    """Every float tensor goes through QuantizeLinear and DequantizeLinear.

    Scales and places are those of onnxruntime's own quantiser, whose time grows with the square of
    the tensors: over a minute for 18 layers.

    Requires: a range of every float tensor that a node computes or the graph is fed. Ensures:
    inputs and outputs of the graph are float, as before; constants are of fixed point.
    """

    def __init__(self, ranges: Ranges, bits: Literal[8, 16]) -> None:
        super().__init__()
        self._ranges = ranges
        self._most = (1 << bits) - 1
        self._dtype: type[np.unsignedinteger[Any]] = np.uint16 if bits == 16 else np.uint8

    def call(self, model: ir.Model) -> PassResult:
        graph = model.graph
        # 16 bits belong to onnxruntime's operators before opset 21
        wide = self._most > 255 and (model.opset_imports.get("") or 0) < 21
        self._domain = MICROSOFT if wide else ""
        if wide:
            model.opset_imports[MICROSOFT] = 1
        for value in list(graph.initializers.values()):
            readers = [use.node for use in value.uses() if use.node.op_type not in _QDQ]
            if value.dtype == ir.DataType.FLOAT and readers:
                self._constant(graph, value, readers)
        results = {id(value) for value in graph.outputs}
        for value in [*graph.inputs, *(value for node in graph for value in node.outputs)]:
            producer = value.producer()
            if value.name in self._ranges and (producer is None or producer.op_type not in _QDQ):
                self._activation(graph, value, is_result=id(value) in results)
        return PassResult(model, modified=True)

    def _constant(self, graph: ir.Graph, value: ir.Value, readers: list[ir.Node]) -> None:
        assert value.const_value is not None
        numbers = value.const_value.numpy()
        scale, zero = self._encoding(float(numbers.min()), float(numbers.max()))
        stored = initializer(graph, f"{value.name}.fixed", ir.tensor(np.clip(
            np.rint(numbers / scale) + zero, 0, self._most).astype(self._dtype)))
        writer = Writer(f"{value.name}/fixed")
        full = writer.op("DequantizeLinear", stored, *self._parameters(graph, scale, zero),
                         domain=self._domain)
        prepend(graph, writer.nodes)
        for reader in readers:
            for at, read in enumerate(reader.inputs):
                if read is value:
                    reader.replace_input_with(at, full)

    def _activation(self, graph: ir.Graph, value: ir.Value, *, is_result: bool) -> None:
        uses = list(value.uses())
        parameters = self._parameters(graph, *self._encoding(*self._ranges[value.name or ""]))
        writer = Writer(f"{value.name}/fixed")
        full = writer.op("DequantizeLinear", writer.op(
            "QuantizeLinear", value, *parameters, domain=self._domain), *parameters,
            domain=self._domain)
        producer = value.producer()
        if producer is None:
            prepend(graph, writer.nodes)
        else:
            graph.insert_after(producer, writer.nodes)
        for use in uses:
            use.node.replace_input_with(use.idx, full)
        if is_result:
            graph.outputs[graph.outputs.index(value)] = full
            full.type, full.shape = value.type, value.shape
            full.name, value.name = value.name, f"{value.name}/computed"

    def _encoding(self, low: float, high: float) -> tuple[np.float32, int]:
        """Step and zero; the range is made to hold 0."""
        low = min(low, 0.0)
        high = max(high, low + _LEAST_SPAN, 0.0)
        scale = np.float32((high - low) / self._most)
        return scale, int(np.clip(np.rint(-low / scale), 0, self._most))

    def _parameters(self, graph: ir.Graph, scale: np.float32, zero: int) -> tuple[
            ir.Value, ir.Value]:
        """Equal ones are one initializer."""
        return (initializer(graph, f"scale/{scale!s}", ir.tensor(scale)),
                initializer(graph, f"zero/{zero}", ir.tensor(self._dtype(zero))))


class _Groups:
    """Names that belong together; iterates over the groups."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = {}

    def join(self, *names: str) -> None:
        joined = set(names).union(*(self._of.get(name, ()) for name in names))
        self._of.update(dict.fromkeys(joined, joined))

    def __iter__(self) -> Iterator[set[str]]:
        return iter({id(group): group for group in self._of.values()}.values())


def _widened(low: float, high: float) -> tuple[float, float]:
    """With headroom; what is never negative or never positive stays so."""
    more = _HEADROOM * (high - low)
    return (low - more if low < 0 else low), (high + more if high > 0 else high)


def _tokens(path: Path) -> int:
    """Tokens of a pass of the graph."""
    for value in onnx.load(path, load_external_data=False).graph.input:
        if value.name == "input_ids":
            return int(value.type.tensor_type.shape.dim[1].dim_value)
    raise ExportError(f"{path} has no input input_ids: expected a decoder of static layout")
