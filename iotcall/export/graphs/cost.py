"""What a pass through a graph must read and compute at least. Leaves out: measuring it."""

from __future__ import annotations

import math

import onnx_ir as ir

from iotcall.bundle.layout import Cost
from iotcall.export.graphs.markers import DOMAIN
from iotcall.export.graphs.passes.marker_pass import attributes
from iotcall.export.graphs.trace import Skeleton
from iotcall.export.graphs.weights import EMBEDDING, HEAD, LIVE_HEAD

_BY_ROWS = (EMBEDDING, HEAD, LIVE_HEAD)
"""Tables of which a pass reads a few rows; a head with every row counts by its products."""


def cost_of(model: ir.Model, skeleton: Skeleton, *, all_rows: bool) -> Cost:
    """The cost of a finished graph, written out from the skeleton.

    Args:
        all_rows: a pass computes every row of the head.
    """
    read = 0
    for name, value in model.graph.initializers.items():
        by_row = name.startswith(_BY_ROWS)
        if value.const_value is not None and (not by_row or all_rows):
            read += value.const_value.nbytes
    macs = context = past = 0
    for node in skeleton.model.graph:
        if node.domain != DOMAIN:
            continue
        spec = attributes(node)
        if node.op_type == "Linear" and spec["weight"] not in _BY_ROWS:
            macs += math.prod(skeleton.weights[spec["weight"]])
        elif node.op_type == "Attention":
            # of each earlier token: a product with its key, and its value times a share
            context += 2 * spec["heads"] * spec["head_dim"]
            past += 2 * 4 * spec["kv_heads"] * spec["head_dim"]
        elif node.op_type == "ShortConv":
            macs += spec["width"] * spec["taps"]
    return Cost(pass_bytes=read, token_macs=macs, context_macs=context, past_bytes=past)
