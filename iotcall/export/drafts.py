"""Folders like a bundle's, with the graphs of one stage in them. Leaves out: judging what they do.

A draft holds everything that a runtime reads, and no manifest yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle import (
    Bundle,
    BundleSkill,
    DecoderLayout,
    Manifest,
    ProviderSettings,
    RotaryLayout,
    StudentInfo,
    TargetInfo,
)
from iotcall.bundle.layout import ASKED, DECODER, OUTSIDE, ROWS
from iotcall.bundle.manifest import FORMAT_VERSION, file_entry
from iotcall.errors import ExportError
from iotcall.export.graphs.build import GraphPlan, build_graph, write_graph
from iotcall.export.graphs.cost import cost_of
from iotcall.export.graphs.families import FAMILIES
from iotcall.export.graphs.passes.head import Rows
from iotcall.export.graphs.passes.qdq import quantise_static
from iotcall.export.graphs.stock import trace_stock
from iotcall.export.graphs.trace import Skeleton, trace_skeleton
from iotcall.export.graphs.weights import (
    EMBEDDING,
    HEAD,
    HEAD_BIAS,
    LIVE_HEAD,
    LIVE_HEAD_BIAS,
    Weights,
)
from iotcall.export.npu.calibration import AnsweredPrompt, record_feeds
from iotcall.export.npu.rules import check_fixed_point, check_graph
from iotcall.export.student.parts import Parts, as_json
from iotcall.export.student.source import Source
from iotcall.export.target import Layout, Target
from iotcall.prefix_attention import prefix_tokens

MODEL, STATIC = "model.onnx", ("chunk.onnx", "step.onnx")
Progress = Callable[[str, int, int], None]
"""Name of the step, how much of it is done, of how much (0: unknown)."""


class Drafts:
    """Makes drafts in a scratch folder, one student's and one target's."""

    def __init__(self, source: Source, weights: Weights, parts: Parts, target_name: str,
                 target: Target, student: StudentInfo, scratch: Path, progress: Progress) -> None:
        self._source, self._weights, self._parts = source, weights, parts
        self._target, self._scratch, self._progress = target, scratch, progress
        self.manifest = Manifest(
            format_version=FORMAT_VERSION, name="export", catalogue=parts.catalogue.name,
            student=student, made_with={}, files={},
            target=TargetInfo(name=target_name, provider=target.provider.name,
                              precision=target.precision))
        self.notes: tuple[str, ...] = ()
        self.outside: NDArray[np.int64] = np.empty(0, np.int64)
        """Tokens that are asked for or have rows beside the allowed ones."""
        self.capacity = target.shapes.capacity
        """Tokens of the past; may be set lower where a catalogue needs less."""
        self._live: NDArray[np.int64] = np.empty(0, np.int64)
        progress("tracing the graph", 0, 0)
        self._skeleton = self._trace()
        self._prepare_weights()

    @property
    def layout(self) -> Layout:
        """The target's, or growing where the architecture knows no other."""
        return self._target.shapes.layout if self._skeleton.attention else "growing"

    def build(self, name: str, layout: Layout, *, final: bool = False) -> Path:
        """A draft: fp32 with every logit, or (final) with the target's weights and rows."""
        plan = self._plan(layout, final=final)
        folder = self._scratch / name
        folder.mkdir()
        self._parts.fill(folder)
        shapes, static = self._target.shapes, layout == "static"
        graphs = (tuple(zip(STATIC, (shapes.chunk, 1), strict=True)) if static
                  else ((MODEL, 0),))
        cost = None
        for file, tokens in graphs:
            model, _ = build_graph(self._skeleton, self._weights,
                                   msgspec.structs.replace(plan, tokens=tokens))
            if self._skeleton.attention:
                cost = cost_of(model, self._skeleton, all_rows=plan.rows == "all")
            write_graph(model, folder / file, lambda done, total: self._progress(
                f"writing graphs: {name}", done, total))
        if plan.rows in ASKED:
            np.save(folder / OUTSIDE, self.outside)
        if plan.rows == "live":
            np.save(folder / ROWS, self._live)
        write_layout(folder, DecoderLayout(
            layout=layout, graphs=tuple(file for file, _ in graphs), rows=plan.rows,
            provider=ProviderSettings(), vocabulary=self._weights.shape(EMBEDDING)[0],
            capacity=self.capacity if layout != "growing" else self._positions(),
            cost=cost, chunk=shapes.chunk if static else 0,
            positions=plan.positions if static else 1, mask=shapes.mask if static else 0.0,
            prefix_tokens=prefix_tokens(self._source.config),
            rotaries=tuple(RotaryLayout(**msgspec.structs.asdict(rotary))
                           for rotary in self._skeleton.rotaries) if static else ()))
        return folder

    def quantise(self, turns: Sequence[AnsweredPrompt]) -> Path:
        """The final draft of a target of fixed point, checked against its rules.

        Raises:
            ExportError: a graph breaks a rule, or cannot be calibrated.
        """
        activations = self._target.activations
        assert activations is not None
        source = self.build("unquantised", "static", final=True)
        layout = self.opened(source).layout
        for name in layout.graphs:
            check_graph(source / name, self._target.rules)
        folder = self._scratch / "final"
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.onnx", "*.data"))
        quantise_static(
            source / layout.graphs[0], source / layout.graphs[1], folder,
            record_feeds(source, layout, turns, most=activations.samples, threads=2), activations,
            progress=lambda step: self._progress(step, 0, 0))
        for name in layout.graphs:
            check_graph(folder / name, self._target.rules)
            check_fixed_point(folder / name)
        return folder

    def opened(self, folder: Path) -> Bundle:
        """A draft as an opened bundle."""
        first, *skills = self._parts.parts
        files = {path.name: file_entry(path) for path in sorted(folder.iterdir())
                 if path.suffix in (".onnx", ".data")}
        return Bundle(
            folder=folder, manifest=msgspec.structs.replace(self.manifest, files=files),
            layout=msgspec.json.decode((folder / DECODER).read_bytes(), type=DecoderLayout),
            catalogue=self._parts.catalogue, format=self._parts.format, pieces=first.pieces,
            automaton=first.automaton, dialogue_toml=None,
            skills=tuple(BundleSkill(part.name, part.catalogue, part.pieces, part.automaton)
                         for part in skills))

    def _positions(self) -> int:
        """That the student knows, at most; 0: nobody says."""
        config = self._source.config
        return int(getattr(config, "max_position_embeddings", None) or 0)

    def _trace(self) -> Skeleton:
        source, target = self._source, self._target
        if source.architecture in FAMILIES:
            return trace_skeleton(source.config, opset=target.opset)
        if target.shapes.layout == "static":
            raise ExportError(
                f"{self.manifest.target.name} needs graphs of fixed shapes, which are made of "
                f"{', '.join(sorted(FAMILIES))} only; {source.architecture} can be exported for "
                "cpu-int8, cpu-int4 and cpu-fp32")
        stock = trace_stock(source.folder, source.config, opset=target.opset)
        self.notes += stock.notes
        return stock.skeleton

    def _prepare_weights(self) -> None:
        """Tie, check and trim."""
        weights = self._weights
        if self._parts.trimmed and prefix_tokens(self._source.config):
            raise ExportError("the tokens around an utterance are written into the graph of a "
                              "student with prefix attention: export it with its whole vocabulary")
        for name, of in self._skeleton.aliases.items():
            weights.alias(name, of)
        self.notes += weights.check(self._skeleton.weights, self._source.folder)
        if self._parts.trimmed:
            for name in dict.fromkeys((EMBEDDING, HEAD, HEAD_BIAS)):
                if name in weights:
                    weights.keep_rows(name, self._parts.trimmed.rows)

    def _plan(self, layout: Layout, *, final: bool = False) -> GraphPlan:
        rows: Rows = self._target.head.rows if final else "all"
        if rows == "asked" and layout == "growing":
            rows = "all"
            self.notes += ("this layout is fed no tokens to ask for: every logit is computed",)
        elif rows == "asked" and self._parts.free_text():
            rows = "asked_or_all"
        live = 0
        if rows == "live":
            allowed = self._parts.live_tokens()
            if allowed is None:
                rows = "all"
                self.notes += ("the catalogue has open slots, whose tokens are known at run time "
                               "only: every row of the head is shipped",)
            else:
                self._live = np.union1d(allowed, self.outside)
                live = len(self._live)
                self._weights.take_rows(LIVE_HEAD, HEAD, self._live)
                self._weights.take_rows(LIVE_HEAD_BIAS, HEAD_BIAS, self._live)
        return GraphPlan(
            layout=layout, capacity=self.capacity, positions=self._target.shapes.positions,
            fused=layout == "shared", recipe=self._target.weights if final else None, rows=rows,
            live=live)


def write_layout(folder: Path, layout: DecoderLayout) -> None:
    """Write ``decoder.json``."""
    (folder / DECODER).write_bytes(as_json(layout))
