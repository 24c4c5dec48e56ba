"""Open graphs on a provider in a process of their own, as providers may crash; JSON in, JSON out.

``python -m iotcall.runtime.probe_session REQUEST ANSWER``: two files, as native libraries write to
standard output. Leaves out: making the graphs and their inputs, so that it runs on a hub too.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from iotcall.bundle.layout import ProviderSettings
from iotcall.errors import BundleError
from iotcall.runtime.sessions import (
    AbsentError,
    FellBackError,
    Placement,
    open_session,
)


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One graph to open."""

    model: str
    """``.onnx`` file, absolute or below the working folder."""
    provider: ProviderSettings
    inputs: str = ""
    """``.npz`` file of the graph's inputs; empty: it is opened and not run."""
    reference: str = ""
    """Graph that the CPU provider runs on the same inputs, to be compared with; empty: `model`."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    openings: tuple[Opening, ...]
    """In order and in one process, each kept open to the end."""
    threads: int = 1


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What became of one graph."""

    outcome: Literal["opened", "absent", "fell back", "failed"]
    detail: str = ""
    """The error."""
    placement: Placement | None = None
    difference: float | None = None
    """Largest absolute difference of an output to the reference; None where it was not run."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    opened: tuple[Opened, ...]
    """One for each opening, to the first that did not open."""
    versions: dict[str, str]
    """Of every onnxruntime distribution in this environment."""


def answer(request: Request) -> Answer:
    opened: list[Opened] = []
    kept: list[Any] = []
    for opening in request.openings:
        opened.append(_open(opening, request.threads, kept))
        if opened[-1].outcome != "opened":
            break
    versions = {found.name: found.version for found in importlib.metadata.distributions()
                if found.name.lower().startswith("onnxruntime")}
    return Answer(opened=tuple(opened), versions=dict(sorted(versions.items())))


def _open(opening: Opening, threads: int, kept: list[Any]) -> Opened:
    try:
        found = open_session(Path(opening.model), opening.provider, threads=threads)
        kept.append(found.session)
        return Opened(outcome="opened", placement=found.placement,
                      difference=_difference(opening, found.session, threads))
    except AbsentError as error:
        return Opened(outcome="absent", detail=str(error))
    except FellBackError as error:
        return Opened(outcome="fell back", detail=str(error), placement=error.placement)
    except BundleError as error:
        return Opened(outcome="failed", detail=str(error))


def _difference(opening: Opening, session: Any, threads: int) -> float | None:
    if not opening.inputs:
        return None
    with np.load(opening.inputs) as file:
        inputs = {name: file[name] for name in file.files}
    expected = open_session(Path(opening.reference or opening.model), ProviderSettings(),
                            threads=threads).session
    names = [item.name for item in expected.get_outputs()]
    try:
        pairs = zip(session.run(names, inputs), expected.run(names, inputs), strict=True)
    except Exception as error:  # onnxruntime raises classes of its own without a public base
        raise BundleError(f"{opening.model}: the run failed: {error}") from error
    # subtle: a NaN beside a number must not pass as equal
    return max(float(np.nan_to_num(np.abs(found - wanted), nan=np.inf).max(initial=0.0))
               for found, wanted in pairs)


if __name__ == "__main__":
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(answer(given)))
