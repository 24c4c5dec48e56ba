"""Try a target's provider on two tiny graphs. Leaves out: the graphs of students.

Each graph runs in a process of its own, in the environment of the target: a provider that crashes
is a result here. The graphs are of fixed shapes: one in fp32, one of 16-bit activations and 8-bit
weights (QDQ); the CPU provider's numbers on the same graph are what is expected.
"""

from __future__ import annotations

import platform
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import ExportError, IotcallError
from iotcall.export.providers.environments import provider_python
from iotcall.export.providers.tiny_graphs import INPUTS, write_graphs
from iotcall.export.target import Target
from iotcall.runtime.probe_session import Answer, Opened, Opening, Request
from iotcall.runtime.sessions import CPU, Placement

Outcome = Literal["available", "absent", "crashed", "wrong numbers", "fell back", "failed"]
"""Of a graph and, by the graph that is like the target's, of a target. Fell back: to the CPU, with
any node that the target's rules do not leave there."""

Where = Literal["board", "emulation", "another device"]
"""Board: with the target's own options; emulation: of the same device, with those for emulation;
another device: of the same provider, which says nothing of the target's own."""

TOLERANCE = 0.01
"""Largest difference of a probability to the CPU provider's that counts as right: fp16 comes to
0.003 on the tiny graphs, QNN's Saver backend, which computes nothing, to more than 0.1."""
_TIMEOUT_S = 300


class GraphProbe(msgspec.Struct, frozen=True, kw_only=True):
    graph: Literal["fp32", "a16w8"]
    outcome: Outcome
    detail: str = ""
    """What went wrong, on one line."""
    placement: Placement | None = None
    difference: float | None = None
    """Largest absolute difference of a probability to the CPU provider's."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    provider: str
    outcome: Outcome
    detail: str
    where: Where
    graphs: tuple[GraphProbe, ...] = ()
    versions: dict[str, str] = {}
    """Of every onnxruntime distribution that was used."""


def settings_of(target: Target, *, emulated: bool) -> ProviderSettings:
    """How a graph of the target is opened: on its board, or in its emulation on x86."""
    provider, emulation = target.provider, target.emulation if emulated else None
    return ProviderSettings(
        name=provider.name, packages=provider.packages, plugin=provider.plugin,
        options=emulation.options if emulation else provider.options,
        session=emulation.session if emulation else provider.session)


def probe(name: str, target: Target, *, board: bool = False,
          progress: Callable[[str], None] = lambda _: None) -> Probe:
    """Whether the target's provider can be used here, and whether it computes what it should.

    Args:
        name: the target's.
        target: its recipe.
        board: with the options of the board, on the board; else in emulation, if it has one.
        progress: is told what is being done.
    """
    emulation = None if board else target.emulation
    emulates = target.emulation is not None and target.emulation.same_device and (
        not board or platform.machine() == "x86_64")  # where the board's options emulate too
    settings = settings_of(target, emulated=emulation is not None)
    where: Where = ("emulation" if emulates else
                    "board" if emulation is None else "another device")
    try:
        python = provider_python(target.provider, progress=progress)
    except ExportError as error:
        return Probe(target=name, provider=settings.name, outcome="absent", detail=str(error),
                     where=where)
    versions: dict[str, str] = {}
    graphs = []
    with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
        for graph, path in write_graphs(Path(scratch)).items():
            progress(f"{name}: {graph}")
            opening = Opening(model=path.name, provider=settings, inputs=INPUTS)
            try:
                found = run_openings(python, Request(openings=(opening,)), folder=Path(scratch))
            except ProviderCrash as error:
                graphs.append(GraphProbe(graph=graph, outcome="crashed", detail=str(error)))
                continue
            versions = found.versions
            graphs.append(_judge(graph, found.opened[0], target))
    like = next(item for item in graphs
                if item.graph == ("a16w8" if target.activations else "fp32"))
    return Probe(target=name, provider=settings.name, outcome=like.outcome,
                 detail=like.detail or str(like.placement or ""), where=where,
                 graphs=tuple(graphs), versions=versions)


class ProviderCrash(IotcallError):
    """The process in which a provider ran did not end by itself."""

    def __init__(self, provider: str, how: str) -> None:
        self.how = how
        """The signal's name, or what else ended it."""
        super().__init__(f"{provider} ended its process: {how}")


def run_openings(python: Path, request: Request, *, folder: Path | None = None,
                 timeout_s: float = _TIMEOUT_S) -> Answer:
    """Open (and run) graphs in a process of that Python.

    Args:
        python: as `provider_python` gives it.
        request: its relative paths lie below `folder`.
        folder: working folder of the process.
        timeout_s: after it, the process counts as crashed.

    Raises:
        ProviderCrash: it did not answer.
    """
    name = request.openings[0].provider.name
    with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
        asked, answered = Path(scratch) / "request.json", Path(scratch) / "answer.json"
        asked.write_bytes(msgspec.json.encode(request))
        command = [str(python), "-m", "iotcall.runtime.probe_session", str(asked), str(answered)]
        try:
            done = subprocess.run(command, cwd=folder or scratch, capture_output=True, text=True,
                                  errors="replace", check=False, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise ProviderCrash(name, f"no answer within {timeout_s:.0f} s") from error
        if answered.exists():  # subtle: some libraries crash as their process ends, which is late
            return msgspec.json.decode(answered.read_bytes(), type=Answer)
    raise ProviderCrash(name, _ending(done.returncode, done.stderr))


def _ending(code: int, stderr: str) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return f"exit code {code}, {lines[-1] if lines else 'without a word'}"


def _judge(graph: Literal["fp32", "a16w8"], opened: Opened, target: Target) -> GraphProbe:
    outcome: Outcome = "available"
    detail = opened.detail
    stray = strays(opened.placement, target)
    if opened.outcome != "opened":
        outcome = opened.outcome
    elif opened.difference is not None and not opened.difference <= TOLERANCE:
        outcome = "wrong numbers"
        detail = (f"a probability differs by {opened.difference:.3g} from the CPU provider's, "
                  f"expected at most {TOLERANCE}")
    elif stray:
        outcome, detail = "fell back", f"{opened.placement}; on the CPU: {', '.join(stray)}"
    return GraphProbe(graph=graph, outcome=outcome, detail=detail, placement=opened.placement,
                      difference=opened.difference)


def strays(placement: Placement | None, target: Target) -> list[str]:
    """Operators that run on the CPU although the target's rules do not leave them there, sorted."""
    if placement is None or target.provider.name == CPU:
        return []
    return sorted({operator for operator, _ in placement.on_cpu} - {*target.rules.on_cpu})


