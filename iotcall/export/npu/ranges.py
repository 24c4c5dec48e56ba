"""How far a graph's tensors reach on calibration feeds. Leaves out: what becomes of the ranges."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from iotcall.bundle.layout import ProviderSettings
from iotcall.runtime.sessions import open_session

Ranges = dict[str, tuple[float, float]]
"""Tensor -> smallest and largest value."""


class RangeMeter:
    """Runs a graph and keeps the smallest and largest value of every float tensor."""

    def __init__(self, graph: Path, scratch: Path, *, threads: int = 0) -> None:
        """`scratch`: an empty folder that lasts as long as the meter."""
        model = onnx.load(graph, load_external_data=False)
        model = onnx.shape_inference.infer_shapes(model)
        for name in {entry.value for tensor in model.graph.initializer
                     for entry in tensor.external_data if entry.key == "location"}:
            _link(graph.parent / name, scratch / name)
        self._measured = _float_tensors(model)
        self._outputs = []
        for name in self._measured:
            for kind in ("ReduceMin", "ReduceMax"):
                output = f"{name}/{kind}"
                model.graph.node.append(helper.make_node(kind, [name], [output], output,
                                                         keepdims=0))
                model.graph.output.append(helper.make_tensor_value_info(
                    output, TensorProto.FLOAT, []))
                self._outputs.append(output)
        path = scratch / graph.name
        onnx.save(model, path)
        self._session = open_session(path, ProviderSettings(), threads=threads).session
        self._low = np.full(len(self._measured), np.inf)
        self._high = np.full(len(self._measured), -np.inf)
        self.passes = 0

    def take(self, feed: Mapping[str, NDArray[Any]]) -> None:
        """Run one pass."""
        found = np.array(self._session.run(self._outputs, dict(feed)), np.float64)
        self._low = np.minimum(self._low, found[0::2])
        self._high = np.maximum(self._high, found[1::2])
        self.passes += 1

    @property
    def ranges(self) -> Ranges:
        return {name: (float(low), float(high)) for name, low, high
                in zip(self._measured, self._low, self._high, strict=True)}


def merged(*several: Ranges) -> Ranges:
    """Ranges that hold all of the given ones."""
    made: Ranges = {}
    for ranges in several:
        for name, (low, high) in ranges.items():
            known = made.get(name, (low, high))
            made[name] = (min(low, known[0]), max(high, known[1]))
    return made


def _float_tensors(model: onnx.ModelProto) -> list[str]:
    """Inputs and results of nodes, without repetition, in the graph's order."""
    graph = model.graph
    types = {value.name: value.type.tensor_type.elem_type
             for value in (*graph.value_info, *graph.input, *graph.output)}
    names = [value.name for value in graph.input]
    names += [name for node in graph.node for name in node.output]
    return [name for name in names if types.get(name) == TensorProto.FLOAT]


def _link(source: Path, target: Path) -> None:
    """The file under another name, without a copy where the file system can do that."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
