"""A bundle's weights, back out of its graph. Leaves out: what is done with them (distill).

What was packed into blocks comes back as the graph multiplies with it: rounded once, then exact.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from iotcall.errors import InputError
from iotcall.export.graphs.passes.blocks import unpack_blocks
from iotcall.export.graphs.weights import EMBEDDING

_GRAPH = "model.onnx"
_PACKED, _SCALES = ".packed", ".scales"
_PRODUCT = "MatMulNBits"


def bundle_weights(bundle: Path) -> dict[str, NDArray[np.float32]]:
    """The named weights of a bundle's graph in fp32, as the export named them.

    Raises:
        InputError: it has no graph of a CPU's, or one that holds weights in parts.
    """
    path = bundle / _GRAPH
    if not path.is_file():
        raise InputError(f"{bundle} has no {_GRAPH} to take weights from: expected a bundle for a "
                         "CPU; name one of those, or a checkpoint's folder")
    graph = ir.load(path).graph
    values = {name: each.const_value.numpy() for name, each in graph.initializers.items()
              if name.startswith("model.") and each.const_value is not None}
    weights = {name: np.array(array, np.float32) for name, array in values.items()
               if not name.endswith((_PACKED, _SCALES))}
    for node in graph:
        name = (node.inputs[1].name or "") if node.op_type == _PRODUCT and node.inputs[1] else ""
        if name.endswith(_PACKED) and name in values:
            true = name.removesuffix(_PACKED)
            weights[true] = unpack_blocks(
                values[name], values[true + _SCALES], node.attributes["bits"].as_int(),
                node.attributes["block_size"].as_int())[:, :node.attributes["K"].as_int()]
    hidden = [name for name in values
              if _PACKED in name and name.partition(_PACKED)[0] not in weights]
    if hidden or EMBEDDING not in weights:
        raise InputError(f"{path} holds {hidden[0] if hidden else EMBEDDING} otherwise than in "
                         "whole products: expected a bundle for cpu-int4, cpu-int8 or cpu-fp32; "
                         "name the checkpoint's folder instead")
    return weights
