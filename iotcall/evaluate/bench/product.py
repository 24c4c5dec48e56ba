"""A graph of one matrix product, as the bytes of a model file. Leaves out: running it.

A hub has no onnx package, so the few messages are written by hand (source: onnx.proto of ONNX, and
"Encoding" in the documentation of Protocol Buffers).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32
_FLOAT, _UINT8 = 1, 2
"""TensorProto.DataType."""
_INT = 2
"""AttributeProto.AttributeType."""
_MICROSOFT = "com.microsoft"
_IR_VERSION, _OPSET = 8, 17


def float_product(rows: int, inner: int, columns: int) -> bytes:
    """``out (rows, columns) = in (rows, inner) @ weights`` in fp32."""
    weights = np.full((inner, columns), 0.5, np.float32)
    return _model("MatMul", "", {}, {"weights": weights}, (rows, inner), (rows, columns))


def block_product(rows: int, inner: int, columns: int, *, bits: int) -> bytes:
    """The same over weights of 4 or 8 bits in blocks of 32, activations quantised on the fly:
    MatMulNBits at accuracy level 4, as bundles for CPUs have it."""
    blocks = inner // _BLOCK
    weights = np.full((columns, blocks, _BLOCK * bits // 8), 0x5A, np.uint8)
    scales = np.full((columns, blocks), 0.01, np.float32)
    return _model("MatMulNBits", _MICROSOFT, {
        "K": inner, "N": columns, "bits": bits, "block_size": _BLOCK, "accuracy_level": 4,
    }, {"weights": weights, "scales": scales}, (rows, inner), (rows, columns))


def _model(kind: str, domain: str, attributes: Mapping[str, int],
           initializers: Mapping[str, NDArray[np.float32] | NDArray[np.uint8]],
           given: tuple[int, int], made: tuple[int, int]) -> bytes:
    node = b"".join([
        _text(1, "in"), *(_text(1, name) for name in initializers), _text(2, "out"),
        _text(4, kind), *(_bytes(5, _text(1, name) + _number(3, value) + _number(20, _INT))
                          for name, value in attributes.items()),
        _text(7, domain)])
    graph = b"".join([
        _bytes(1, node), _text(2, "product"),
        *(_bytes(5, _tensor(name, array)) for name, array in initializers.items()),
        _bytes(11, _value("in", given)), _bytes(12, _value("out", made))])
    return b"".join([
        _number(1, _IR_VERSION), _bytes(7, graph), _bytes(8, _text(1, "") + _number(2, _OPSET)),
        _bytes(8, _text(1, _MICROSOFT) + _number(2, 1))])


def _tensor(name: str, array: NDArray[np.float32] | NDArray[np.uint8]) -> bytes:
    kind = _FLOAT if array.dtype == np.float32 else _UINT8
    return b"".join([*(_number(1, size) for size in array.shape), _number(2, kind), _text(8, name),
                     _bytes(9, array.tobytes())])


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, sizes)))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
