"""Linear layers and the embedding over weights of 4 or 8 bits in blocks.

Symmetric, round to nearest; a block's scale is stored in half precision, as in llama.cpp's Q4_0,
and cast when the graph is loaded. Operators: com.microsoft.MatMulNBits and GatherBlockQuantized in
onnxruntime's docs/ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from iotcall.errors import ExportError
from iotcall.export.graphs.passes.linear import with_bias
from iotcall.export.graphs.passes.marker_pass import (
    MICROSOFT,
    MarkerPass,
    Writer,
    attributes,
    initializer,
    prepend,
)
from iotcall.export.graphs.weights import EMBEDDING, HEAD, Weights
from iotcall.export.target import Weights as Recipe

_FP32 = 1
"""MatMulNBits' accuracy level that leaves activations as they are."""


class Packed:
    """Weights packed into blocks, each tensor once in the graph whoever reads it."""

    def __init__(self, weights: Weights, recipe: Recipe, *, by_rows: bool) -> None:
        """`by_rows`: embedding and head are read by single rows only, and stand in the graph as the
        gathering takes them: onnxruntime then maps them from the file and copies nothing."""
        self._weights, self.recipe, self._by_rows = weights, recipe, by_rows
        self._last: tuple[str, NDArray[np.uint8], NDArray[np.float16]] | None = None

    def in_graph(self, graph: ir.Graph, name: str) -> tuple[ir.Value, ir.Value]:
        """Packed rows (N, blocks, bytes), or (N, blocks x bytes) of what is read by single rows;
        and scales (N, blocks), fp32 once loaded."""
        rows, inner = self._weights.shape(name)
        blocks = -(-inner // self.recipe.block_size)
        block_bytes = self.recipe.block_size * self.recipe.bits // 8
        true = EMBEDDING if self._weights.same(name, EMBEDDING) else name
        shape = ([rows, blocks * block_bytes] if self._by_rows and name in (EMBEDDING, HEAD)
                 else [rows, blocks, block_bytes])
        packed = initializer(graph, f"{true}.packed", ir.LazyTensor(
            lambda: ir.tensor(self._pack(true)[0].reshape(shape)), ir.DataType.UINT8,
            ir.Shape(shape), name=f"{true}.packed"))
        half = initializer(graph, f"{true}.scales", ir.LazyTensor(
            lambda: ir.tensor(self._pack(true)[1]), ir.DataType.FLOAT16,
            ir.Shape([rows, blocks]), name=f"{true}.scales"))
        for use in half.uses():
            return packed, use.node.outputs[0]
        writer = Writer(f"{true}.scales")
        full = writer.op("Cast", half, to=ir.DataType.FLOAT)
        prepend(graph, writer.nodes)
        return packed, full

    def width(self, name: str) -> int:
        """Columns of a weight."""
        return self._weights.shape(name)[1]

    def _pack(self, name: str) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        # the last one is kept: a tensor's values and its scales are written one after the other
        if self._last is None or self._last[0] != name:
            self._last = None
            self._last = (name, *pack_blocks(self._weights.read(name), self.recipe.bits,
                                             self.recipe.block_size))
        return self._last[1], self._last[2]


class Reshaped(ir.LazyTensor):
    """The values of another initializer in another shape: in a file they stand once."""

    def __init__(self, of: ir.Value, shape: Sequence[int], name: str) -> None:
        tensor = of.const_value
        assert tensor is not None
        assert of.name is not None
        super().__init__(lambda: ir.tensor(tensor.numpy().reshape(shape)), tensor.dtype,
                         ir.Shape(list(shape)), name=name)
        self.of = of.name


class WritePackedLinears(MarkerPass):
    """``x W^T + b`` as MatMulNBits. Requires: Linear markers. Ensures: MatMulNBits."""

    marker = "Linear"

    def __init__(self, weights: Weights, packed: Packed) -> None:
        super().__init__()
        self._weights, self._packed = weights, packed

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        recipe = self._packed.recipe
        packed, scales = self._packed.in_graph(graph, spec["weight"])
        rows, inner = self._weights.shape(spec["weight"])
        out = writer.op(
            "MatMulNBits", node.inputs[0], packed, scales, domain=MICROSOFT, N=rows, K=inner,
            bits=recipe.bits,
            block_size=recipe.block_size, accuracy_level=recipe.accuracy_level)
        return [with_bias(writer, graph, out, spec["bias"], self._weights)]


class WriteAskedLinears(MarkerPass):
    """Logits of the tokens asked for, from rows gathered out of the packed table.

    Requires: AskedLinear markers without a bias (see head). Ensures: GatherBlockQuantized and
    MatMul in fp32: few rows cost less than the whole product, and lose nothing to activations of 8
    bits. With `or_all`, an If whose other branch is that whole product, in fp32 as well: a tenth of
    what it takes to gather most rows, for a second copy of the table in memory.
    """

    marker = "AskedLinear"

    def __init__(self, packed: Packed) -> None:
        super().__init__()
        self._packed = packed

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        spec = attributes(node)
        if not spec["or_all"]:
            return [self._asked(writer, node, graph)]
        some, whole = Writer(f"{node.name}/asked"), Writer(f"{node.name}/all")
        branches = [_branch(some, self._asked(some, node, graph)),
                    _branch(whole, self._all(whole, node, graph))]
        none = writer.op("Equal", writer.op("Size", node.inputs[1]), writer.constant(0))
        return [writer.op("If", none, else_branch=branches[0], then_branch=branches[1])]

    def _asked(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> ir.Value:
        hidden, tokens = node.inputs
        assert tokens is not None
        rows = gather_rows(writer, graph, self._packed, attributes(node)["weight"], tokens)
        found: ir.Value = writer.op("MatMul", hidden, writer.op("Transpose", rows, perm=[1, 0]))
        return found

    def _all(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> ir.Value:
        name, recipe = attributes(node)["weight"], self._packed.recipe
        packed, scales = self._packed.in_graph(graph, name)
        rows, width = int((packed.shape or (0,))[0]), self._packed.width(name)
        shape = [rows, width // recipe.block_size, recipe.block_size * recipe.bits // 8]
        blocks = initializer(graph, f"{packed.name}.blocks",
                             Reshaped(packed, shape, f"{packed.name}.blocks"))
        found: ir.Value = writer.op(
            "MatMulNBits", node.inputs[0], blocks, scales, domain=MICROSOFT, N=rows, K=width,
            bits=recipe.bits, block_size=recipe.block_size, accuracy_level=_FP32)
        return found


def _branch(writer: Writer, found: ir.Value) -> ir.Graph:
    """A branch of an If out of what a writer wrote."""
    found.type = ir.TensorType(ir.DataType.FLOAT)
    return ir.Graph([], [found], nodes=writer.nodes, name=writer.name)


class WritePackedEmbedding(MarkerPass):
    """Rows of the packed table. Requires: Embedding markers. Ensures: GatherBlockQuantized."""

    marker = "Embedding"

    def __init__(self, packed: Packed) -> None:
        super().__init__()
        self._packed = packed

    def write(self, writer: Writer, node: ir.Node, graph: ir.Graph) -> Sequence[ir.Value]:
        ids = node.inputs[0]
        assert ids is not None
        return [gather_rows(writer, graph, self._packed, attributes(node)["weight"], ids)]


def gather_rows(writer: Writer, graph: ir.Graph, packed: Packed, name: str,
                ids: ir.Value) -> ir.Value:
    """Rows of a packed table in fp32, (..., K) for ids (...)."""
    if packed.width(name) % packed.recipe.block_size:
        raise ExportError(f"a width of {packed.width(name)} is no multiple of the target's blocks "
                          f"of {packed.recipe.block_size}: set weights.block_size to "
                          f"{_divisor(packed.width(name))} in a copy of its file")
    flat, scales = packed.in_graph(graph, name)
    rows, *sizes = (int(size) for size in flat.shape or ())
    if len(sizes) == 2:
        # one blob a block in MatMulNBits, one row of bytes in GatherBlockQuantized
        flat = writer.op("Reshape", flat, writer.constant([rows, sizes[0] * sizes[1]]))
    return writer.op(
        "GatherBlockQuantized", flat, ids, scales, domain=MICROSOFT, gather_axis=0,
        quantize_axis=1, block_size=packed.recipe.block_size, bits=packed.recipe.bits)


def _divisor(width: int) -> int:
    """The largest block size that divides the width."""
    return max(16, width & -width)


def pack_blocks(values: NDArray[np.float32], bits: int,
                block_size: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Rows (N, K) as packed blocks (N, blocks, bytes) and scales (N, blocks).

    ``value = (q - 2^(bits - 1)) * scale``; the scale puts the value of largest magnitude on the end
    of the range that has one step more (as llama.cpp's Q4_0). Bytes hold the earlier of two values
    of 4 bits in their low half.
    """
    zero = 1 << (bits - 1)
    rows, inner = values.shape
    blocks = -(-inner // block_size)
    packed = np.empty((rows, blocks, block_size * bits // 8), np.uint8)
    scales = np.empty((rows, blocks), np.float16)
    step = max(1, 4_000_000 // max(inner, 1))  # rows at a time, to bound the memory
    for start in range(0, rows, step):
        part = values[start:start + step]
        padded = np.zeros((len(part), blocks * block_size), np.float32)
        padded[:, :inner] = part
        block = padded.reshape(len(part), blocks, block_size)
        at = np.abs(block).argmax(axis=2, keepdims=True)
        peak = np.take_along_axis(block, at, axis=2)[..., 0]
        scale = (peak / -zero).astype(np.float16)
        inverse = np.where(scale == 0, 0, 1 / np.where(scale == 0, 1, scale.astype(np.float32)))
        q = np.clip(np.rint(block * inverse[..., None]) + zero, 0, 2 * zero - 1).astype(np.uint8)
        packed[start:start + step] = q if bits == 8 else q[..., ::2] | q[..., 1::2] << 4
        scales[start:start + step] = scale
    return packed, scales


def unpack_blocks(packed: NDArray[np.uint8], scales: NDArray[np.float16], bits: int,
                  block_size: int) -> NDArray[np.float32]:
    """What `pack_blocks` made of rows: the values that it stands for, (N, blocks x block_size)."""
    rows, blocks = scales.shape
    q = packed.reshape(rows, blocks, -1)
    if bits == 4:
        q = np.stack([q & 15, q >> 4], axis=-1).reshape(rows, blocks, block_size)
    values = (q.astype(np.float32) - (1 << (bits - 1))) * scales.astype(np.float32)[..., None]
    return values.reshape(rows, blocks * block_size)
