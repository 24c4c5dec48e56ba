"""An onnxruntime session on the provider that was asked for, and on no other.

Leaves out: what is fed to it. onnxruntime falls back to the CPU provider in several ways without
an error (missing provider, missing device, backend that does not load, failed run): each of these
is an error here, and `Placement` says which nodes run where.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import onnxruntime as ort

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import BundleError, IotcallError

CPU = "CPUExecutionProvider"
_RECORD = "session.record_ep_graph_assignment_info"
_WRITERS = ("saver", "ir")
"""QNN backends that write files and compute nothing: Saver "runs" and returns garbage."""
_FASTEST_FIRST = ("NPU", "GPU", "CPU")
"""Kinds of device, where a plugin offers several."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one provider runs of a graph."""

    provider: str
    subgraphs: int
    """Pieces that it was cut into; the CPU provider counts every node as one."""
    nodes: int
    """After onnxruntime's own fusions."""


class Placement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which provider runs which nodes of a graph."""

    parts: tuple[Part, ...]
    """By provider, sorted."""
    on_cpu: tuple[tuple[str, str], ...]
    """(operator, name) of every node that the CPU provider runs, in the graph's order."""

    def nodes(self, provider: str) -> int:
        return sum(part.nodes for part in self.parts if part.provider == provider)

    def subgraphs(self, provider: str) -> int:
        return sum(part.subgraphs for part in self.parts if part.provider == provider)

    def __str__(self) -> str:
        """E.g. ``18 nodes in 1 subgraph on QNNExecutionProvider, 2 nodes on CPUExecutionProvider``.
        """
        return ", ".join(
            _count(part.nodes, "node")
            + ("" if part.provider == CPU else f" in {_count(part.subgraphs, 'subgraph')}")
            + f" on {part.provider}"
            for part in sorted(self.parts, key=lambda part: part.provider == CPU)) or "no nodes"


class OpenedSession(msgspec.Struct, frozen=True):
    session: Any
    """The ``onnxruntime.InferenceSession``; it never falls back, in a run neither."""
    placement: Placement | None
    """None where this onnxruntime cannot tell (before 1.24)."""


class AbsentError(BundleError):
    """The provider is not on this machine, or its library or device cannot be used."""


class FellBackError(BundleError):
    """onnxruntime opened the graph, with every node on the CPU provider."""

    def __init__(self, message: str, placement: Placement | None) -> None:
        self.placement = placement
        super().__init__(message)


def open_session(model: Path, provider: ProviderSettings, *, threads: int) -> OpenedSession:
    """The graph on the provider.

    Args:
        model: ``.onnx`` file.
        provider: which provider, and how.
        threads: of one pass, on the CPU; 0 leaves it to onnxruntime.

    Raises:
        AbsentError: there is no such provider here; says what there is and what to install.
        FellBackError: the provider took no node of the graph.
        BundleError: the settings are a trap, or onnxruntime cannot load the graph.
    """
    _refuse_writers(provider)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = provider.arena
    for key, value in {_RECORD: "1", **provider.session}.items():
        options.add_session_config_entry(key, value)
    try:
        if provider.plugin:
            options.add_provider_for_devices([_device(provider)], provider.options)
            session = ort.InferenceSession(str(model), options, enable_fallback=0)
        else:
            _check_built_in(provider)
            session = ort.InferenceSession(
                str(model), options, providers=[(provider.name, provider.options)],
                enable_fallback=0)
    except BundleError:
        raise
    except Exception as error:  # onnxruntime raises classes of its own without a public base
        raise BundleError(f"{model}: onnxruntime cannot load it on {provider.name}: "
                          f"{_one_line(error)}") from error
    placement = _placement(session)
    _check_taken(model, provider, session, placement)
    return OpenedSession(session, placement)


def sharing_weights(*, last: bool) -> dict[str, str]:
    """Session entries of graphs that share one context binary: in order, in one process."""
    return {"ep.share_ep_contexts": "1"} | ({"ep.stop_share_ep_contexts": "1"} if last else {})


@contextmanager
def running(provider: ProviderSettings) -> Iterator[None]:
    """A run of a graph, whose failure is a fault of the machine and not of the input.

    Raises:
        RunError: onnxruntime could not run it; says why.
    """
    try:
        yield
    except Exception as error:  # onnxruntime raises classes of its own without a public base
        raise RunError(f"{provider.name} failed in a run: {_one_line(error)}; try "
                       "'iotcall selftest' with this bundle, and one for the CPU") from error


class RunError(IotcallError):
    """A graph that was opened could not be run."""


def _refuse_writers(provider: ProviderSettings) -> None:
    for key in ("backend_type", "backend_path"):
        value = provider.options.get(key, "")
        backend = Path(value).stem.lower().removeprefix("lib").removeprefix("qnn")
        if backend in _WRITERS:
            raise BundleError(f"{key} = {value!r} of {provider.name} writes files and computes "
                              "nothing; its results are garbage. Use backend_type = 'htp'")


def _check_built_in(provider: ProviderSettings) -> None:
    available = ort.get_available_providers()
    if provider.name not in available:
        raise AbsentError(_absent(provider, f"found only {', '.join(available)} in onnxruntime "
                                            f"{ort.__version__}"))


def _device(provider: ProviderSettings) -> Any:
    """The fastest device of a plugin provider, whose library is registered if it is not yet."""
    if not hasattr(ort, "register_execution_provider_library"):
        raise AbsentError(f"onnxruntime {ort.__version__} takes no plugin providers such as "
                          f"{provider.name}; install a newer one")
    if not _devices(provider.name):
        try:
            module = importlib.import_module(provider.plugin)
        except ImportError as error:
            raise AbsentError(_absent(provider, f"found no module {provider.plugin!r} "
                                                f"({error})")) from error
        try:
            ort.register_execution_provider_library(provider.name, module.get_library_path())
        except Exception as error:  # see open_session
            raise AbsentError(_absent(provider, f"its library cannot be loaded: "
                                                f"{_one_line(error)}")) from error
    devices = _devices(provider.name)
    if not devices:
        present = sorted({device.ep_name for device in ort.get_ep_devices()})
        raise AbsentError(_absent(provider, f"it offers no device here; found devices of "
                                            f"{', '.join(present)} only"))
    return devices[0]


def _devices(provider: str) -> list[Any]:
    """The provider's devices, the fastest kind first."""
    found = [device for device in ort.get_ep_devices() if device.ep_name == provider]
    kinds = {kind: rank for rank, kind in enumerate(_FASTEST_FIRST)}
    return sorted(found, key=lambda device: kinds.get(device.device.type.name, len(kinds)))


def _absent(provider: ProviderSettings, found: str) -> str:
    way = (f"pip install {' '.join(provider.packages)}" if provider.packages else
           "install the onnxruntime that its vendor builds with it")
    return f"expected the execution provider {provider.name}: {found}; {way}, or export for another"


def _placement(session: Any) -> Placement | None:
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    subgraphs: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    on_cpu = []
    for subgraph in session.get_provider_graph_assignment_info():
        inside = subgraph.get_nodes()
        subgraphs[subgraph.ep_name] += 1
        nodes[subgraph.ep_name] += len(inside)
        if subgraph.ep_name == CPU:
            on_cpu += [(node.op_type, node.name) for node in inside]
    return Placement(tuple(Part(name, subgraphs[name], nodes[name]) for name in sorted(nodes)),
                     tuple(on_cpu))


def _check_taken(model: Path, provider: ProviderSettings, session: Any,
                 placement: Placement | None) -> None:
    used = session.get_providers()
    if provider.name not in used[:1]:
        # subtle: a device that is not there leaves the provider out with a line in the log only
        raise FellBackError(
            f"{model}: expected it on {_described(provider)}, but onnxruntime left that out and "
            f"took {', '.join(used)}; is the device of these options here, and its driver?",
            placement)
    if placement and placement.parts and not placement.nodes(provider.name):
        # subtle: a backend that does not load leaves the provider in the list, with no nodes
        raise FellBackError(
            f"{model}: {_described(provider)} took none of its {placement.nodes(CPU)} nodes; all "
            "would run on the CPU. Does its library or driver load?", placement)


def _described(provider: ProviderSettings) -> str:
    options = ", ".join(f"{key} = {value}" for key, value in provider.options.items())
    return f"{provider.name}{f' ({options})' if options else ''}"


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines) or type(error).__name__


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
