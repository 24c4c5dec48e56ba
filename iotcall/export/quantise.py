"""Smaller weights for an exported graph. Leaves out: calibration, which the NPU targets need.

Two ways, both for matrix products with constant weights; attention and the embedding stay fp32:

- :func:`quantise_weights`: weights of 4 or 8 bits in blocks along K, each with its own scale
  (``com.microsoft::MatMulNBits``); activations stay fp32 or, at accuracy level 4, become int8.
- :func:`quantise_dynamic`: int8 weights per output column and activations quantised on the fly
  (``MatMulInteger``), through Optimum's ``ORTQuantizer``.

The same source gives the same bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

import msgspec
import onnx

from iotcall.errors import ExportError
from iotcall.export.onnx_file import model_bytes, quiet, write_model


class QuantisationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantisation did to a graph."""

    path: Path
    """The quantised ``.onnx`` file."""
    bytes_before: int
    """On disk, external weights included."""
    bytes_after: int
    """On disk, external weights included."""
    quantised: int
    """Matrix products whose weights are quantised now."""
    kept: tuple[str, ...]
    """Names of matrix products with constant weights that stayed fp32."""


def quantise_weights(
    source: Path,
    target: Path,
    *,
    bits: Literal[4, 8],
    block_size: int = 32,
    accuracy_level: Literal[0, 4] = 0,
) -> QuantisationReport:
    """Replace constant-weight ``MatMul`` by ``MatMulNBits``, symmetric, round to nearest.

    Args:
        source: an fp32 graph.
        target: the file to write; may be ``source``.
        bits: bits per weight.
        block_size: weights along K that share a scale (a power of two from 16 on).
        accuracy_level: 0 computes in fp32, 4 quantises the activations to int8 in blocks; see
            MatMulNBits in onnxruntime's docs/ContribOperators.md. For 8 bits take 4: onnxruntime
            1.31 has no fast fp32 kernel there (on x86 a step was 10 to 50 times slower).

    Raises:
        ExportError: an option is out of range, or no product of the graph has constant weights.
    """
    if bits not in (4, 8) or accuracy_level not in (0, 4):
        raise ExportError(
            f"bits {bits} with accuracy level {accuracy_level} is not offered: bits are 4 or 8, "
            "the accuracy level is 0 (fp32 activations) or 4 (int8 activations)"
        )
    if block_size < 16 or block_size & (block_size - 1):
        raise ExportError(f"block size {block_size} must be a power of two from 16 on, e.g. 32")
    model, bytes_before, products = _open(source)
    with quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            model,
            bits=bits,
            block_size=block_size,
            is_symmetric=True,
            accuracy_level=accuracy_level,
            op_types_to_quantize=("MatMul",),
        )
        quantizer.process()
    return _write(quantizer.model.model, target, bytes_before, products)


def quantise_dynamic(source: Path, target: Path) -> QuantisationReport:
    """Dynamic int8: weights per output column (symmetric), activations per tensor while running.

    x86 without VNNI may saturate in the int8 product; there, prefer :func:`quantise_weights`.

    Args:
        source: an fp32 graph.
        target: the file to write; may be ``source``.

    Raises:
        ExportError: no product of the graph has constant weights.
    """
    _, bytes_before, products = _open(source, weights=False)
    with quiet(), tempfile.TemporaryDirectory() as scratch:
        from optimum.onnxruntime import ORTQuantizer
        from optimum.onnxruntime.configuration import AutoQuantizationConfig
        from transformers import PretrainedConfig

        config = AutoQuantizationConfig.arm64(  # u8 activations, s8 weights: x86 alike
            is_static=False,
            per_channel=True,
            operators_to_quantize=["MatMul"],
            # subtle: without this list, products of two activations (attention) are taken too
            nodes_to_quantize=list(products),
        )
        ORTQuantizer(source, config=PretrainedConfig()).quantize(
            config, scratch, file_suffix="", use_external_data_format=True
        )
        model = onnx.load(Path(scratch) / source.name)
    return _write(model, target, bytes_before, products)


def _open(source: Path, *, weights: bool = True) -> tuple[onnx.ModelProto, int, tuple[str, ...]]:
    """The model (without external weights, if so asked), its bytes on disk and the names of its
    products with constant weights."""
    if not source.is_file():
        raise ExportError(f"{source} is no file: export the checkpoint first")
    model = onnx.load(source, load_external_data=weights)
    products = _constant_products(model)
    if not products:
        raise ExportError(
            f"{source} has no MatMul with constant weights: give the fp32 graph of the export "
            "(a quantised graph is not quantised again)"
        )
    return model, model_bytes(source), products


def _constant_products(model: onnx.ModelProto) -> tuple[str, ...]:
    constants = {tensor.name for tensor in model.graph.initializer}
    return tuple(
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in constants
    )


def _write(
    model: onnx.ModelProto, target: Path, bytes_before: int, products: tuple[str, ...]
) -> QuantisationReport:
    kept = _constant_products(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    return QuantisationReport(
        path=target,
        bytes_before=bytes_before,
        bytes_after=write_model(model, target),
        quantised=len(products) - len(kept),
        kept=kept,
    )
