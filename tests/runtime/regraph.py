"""Other graphs for a bundle that was exported: every layout, with nothing else changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np

from iotcall.bundle import Bundle
from iotcall.bundle.bundle import AUTOMATON, TOKENIZER, TOKENS
from iotcall.bundle.layout import OUTSIDE, DecoderLayout, ProviderSettings, RotaryLayout
from iotcall.export.graphs.build import GraphPlan, build_graph, write_graph
from iotcall.export.graphs.trace import trace_skeleton
from iotcall.export.target import Weights as Recipe
from iotcall.runtime import Student
from tests.export.tiny import open_weights, read_config

KINDS = ("fp32", "int8", "int4", "static")
"""fp32: growing pasts; int8: shared ones, as exported for cpu-int8; int4: shared ones, and a head
that is asked for rows, as cpu-int4's; static: fp32 in a prompt chunk and a step, as NPUs'."""
_PLANS = {
    "fp32": GraphPlan(layout="growing"),
    "int4": GraphPlan(layout="shared", capacity=512, fused=True, rows="asked_or_all",
                      recipe=Recipe(bits=4, accuracy_level=4)),
    "static": GraphPlan(layout="static", capacity=512, positions=3),
}
_CHUNK = 16


def regraphed(bundle: Bundle, checkpoint: Path, kind: str, folder: Path) -> Bundle:
    """The bundle in a folder of its own with the graphs of a kind, and its prefix run by them."""
    plan = _PLANS[kind]
    static = plan.layout == "static"
    graphs = {"chunk.onnx": _CHUNK, "step.onnx": 1} if static else {"model.onnx": 0}
    skeleton = trace_skeleton(read_config(checkpoint))
    for name in (TOKENIZER, AUTOMATON, TOKENS):
        shutil.copy(bundle.folder / name, folder)
    with open_weights(skeleton, checkpoint) as weights:
        for name, tokens in graphs.items():
            model, _ = build_graph(skeleton, weights, msgspec.structs.replace(plan, tokens=tokens))
            write_graph(model, folder / name)
    if plan.rows == "asked_or_all":
        np.save(folder / OUTSIDE, np.arange(0, bundle.layout.vocabulary, 5))
    made = msgspec.structs.replace(bundle, folder=folder, layout=DecoderLayout(
        layout="static" if static else "shared" if plan.capacity else "growing",
        graphs=tuple(graphs), provider=ProviderSettings(), rows=plan.rows,
        vocabulary=bundle.layout.vocabulary, capacity=plan.capacity,
        chunk=_CHUNK if static else 0, positions=plan.positions, mask=-50.0 if static else 0.0,
        rotaries=tuple(RotaryLayout(**msgspec.structs.asdict(each)) for each in skeleton.rotaries)
        if static else ()))
    with Student.open(made, threads=1) as student:
        student.write_prefixes()
    return made
