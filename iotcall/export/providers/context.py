"""Compile graphs for a provider ahead of time (EPContext). Leaves out: graphs of one's own making.

A compiled graph is a small ``NAME_ctx.onnx`` beside a binary of the provider's. It loads faster and
needs no compiler on the board, but fits only its chip and the provider's version, so the source
graphs stay the way back. Contract: "ONNX Runtime EP Context Design" in onnxruntime's documentation.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import ExportError
from iotcall.export.providers.environments import provider_python
from iotcall.export.providers.probe import ProviderCrash, run_openings, settings_of, strays
from iotcall.export.target import Target
from iotcall.runtime.probe_session import Opened, Opening, Request
from iotcall.runtime.sessions import Placement, sharing_weights


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled graphs in one folder."""

    graphs: tuple[Path, ...]
    """The ``_ctx.onnx`` of each source, in their order."""
    binaries: tuple[Path, ...]
    """The provider's files beside them, sorted; one where weights are shared."""
    bytes: int
    """Of all these files."""
    placements: tuple[Placement | None, ...]
    """Of the source graphs, as they were compiled."""
    differences: tuple[float, ...] = ()
    """Largest difference of each, loaded again, to its source on the CPU provider; empty where that
    was not tried."""
    versions: dict[str, str]
    """Of every onnxruntime distribution that was used; the binaries are for these."""


def build_contexts(models: Sequence[Path], out: Path, target: Target, *, share: bool = True,
                   inputs: Sequence[Path] = (),
                   progress: Callable[[str], None] = lambda _: None) -> Contexts:
    """Compile graphs for the target's provider, on this machine.

    Args:
        models: ``.onnx`` files of one folder; one binary may hold them all.
        out: a new or empty folder.
        target: its provider must know ``ep.context_enable``.
        share: weights that the graphs have in common are kept once, in one binary. subtle:
            onnxruntime-qnn 2.7.0 makes such a binary on x86 but crashes when it loads it there. A
            board opens the graphs in order in one process, with the session entries
            ``ep.share_ep_contexts`` and, for the last, ``ep.stop_share_ep_contexts``.
        inputs: an ``.npz`` for each model: then the result is loaded again, in the target's
            emulation, and compared with the source on the CPU provider.
        progress: is told what is being done.

    Raises:
        ExportError: the provider does not compile a graph, or not all that the target's rules want.
    """
    _check(models, out, share=share, inputs=inputs)
    python = provider_python(target.provider, progress=progress)
    settings = settings_of(target, emulated=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        made = Path(scratch) / "contexts"
        made.mkdir()
        progress(f"compiling {', '.join(model.name for model in models)}")
        openings = tuple(
            Opening(model=model.name, provider=_compiling(
                settings, made / _context_name(model), share=share, last=model == models[-1]))
            for model in models)
        # subtle: names in the binary are hashed from the path as given, so it is a bare file name
        opened, versions = _opened(python, openings, models, models[0].parent)
        for model, found in zip(models, opened, strict=True):
            _check_whole(model, made, found, target)
        differences: tuple[float, ...] = ()
        if inputs:
            progress("loading the compiled graphs again")
            differences = _differences(python, models, made, target, inputs)
        if out.exists():
            out.rmdir()  # it is empty
        shutil.move(made, out)
    files = sorted(out.iterdir())
    graphs = tuple(out / _context_name(model) for model in models)
    return Contexts(
        graphs=graphs, binaries=tuple(path for path in files if path not in graphs),
        bytes=sum(path.stat().st_size for path in files),
        placements=tuple(found.placement for found in opened), differences=differences,
        versions=versions)


def _check(models: Sequence[Path], out: Path, *, share: bool, inputs: Sequence[Path]) -> None:
    if not models or len({model.parent.resolve() for model in models}) != 1:
        raise ExportError(f"expected graphs of one folder to compile, found "
                          f"{', '.join(map(str, models)) or 'none'}")
    missing = [model for model in models if not model.is_file()]
    if missing:
        raise ExportError(f"{missing[0]} is no file: export the graph first")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out}: expected a new or empty folder; remove it or name another")
    if inputs and (share or len(inputs) != len(models)):
        raise ExportError("inputs are for graphs that do not share weights, one file a graph: a "
                          "shared binary cannot be loaded on this machine")


def _compiling(settings: ProviderSettings, context: Path, *, share: bool,
               last: bool) -> ProviderSettings:
    entries = {"ep.context_enable": "1", "ep.context_embed_mode": "0",
               "ep.context_file_path": str(context.absolute())}
    if share:
        entries.update(sharing_weights(last=last))
    return msgspec.structs.replace(settings, session={**settings.session, **entries})


def _opened(python: Path, openings: tuple[Opening, ...], models: Sequence[Path],
            folder: Path) -> tuple[tuple[Opened, ...], dict[str, str]]:
    try:
        found = run_openings(python, Request(openings=openings), folder=folder)
    except ProviderCrash as error:
        names = ", ".join(model.name for model in models)
        raise ExportError(f"{names}: {error}; try the graphs one by one, and 'iotcall targets "
                          "--probe' to see whether the provider works at all") from error
    if found.opened[-1].outcome != "opened":
        raise ExportError(f"{models[len(found.opened) - 1].name}: {found.opened[-1].detail}")
    return found.opened, found.versions


def _check_whole(model: Path, made: Path, found: Opened, target: Target) -> None:
    if not (made / _context_name(model)).is_file():
        raise ExportError(f"{model.name}: {target.provider.name} wrote no compiled graph; it does "
                          "not know ep.context_enable")
    stray = strays(found.placement, target)
    if stray:
        raise ExportError(f"{model.name}: {target.provider.name} does not take all of it: "
                          f"{found.placement}; on the CPU: {', '.join(stray)}")
    pieces = found.placement.subgraphs(target.provider.name) if found.placement else 0
    if target.rules.partitions is not None and pieces > target.rules.partitions:
        raise ExportError(f"{model.name}: {target.provider.name} cuts it into {pieces} pieces, "
                          f"expected at most {target.rules.partitions}")


def _differences(python: Path, models: Sequence[Path], made: Path, target: Target,
                 inputs: Sequence[Path]) -> tuple[float, ...]:
    settings = settings_of(target, emulated=target.emulation is not None)
    openings = tuple(
        Opening(model=str((made / _context_name(model)).absolute()), provider=settings,
                inputs=str(values.absolute()), reference=str(model.absolute()))
        for model, values in zip(models, inputs, strict=True))
    opened, _ = _opened(python, openings, models, made)
    return tuple(found.difference for found in opened if found.difference is not None)


def _context_name(model: Path) -> str:
    return f"{model.stem}_ctx.onnx"
