"""What a run of the bench found, as data. Leaves out: finding it, judging it, showing it.

A run is one JSON file (``run.json``); everything else, the page and the comparison, is made of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from iotcall.errors import FileError

RUN = "run.json"
Stamp = Literal["measured", "emulated", "simulated"]
"""How a figure came about: on the hardware that it is said of, on an emulation of it, or by a
model of it. Figures of different stamps are never compared with each other."""
Verdict = Literal["passed", "failed", "reported"]
"""reported: a figure that no budget judges."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure of one check."""

    check: str
    """Suite member and figure, e.g. ``latency.utterance_to_command``."""
    stamp: Stamp
    verdict: Verdict
    told: str
    """For the person who reads it: what was found and, where it failed, what was expected and what
    to do; one or two sentences."""
    value: float | None = None
    """None: the check has no figure, such as a signature."""
    unit: str = ""
    """``ms``, ``MB``, ``share``, ``count``, ``J``, ``instructions``; empty: none."""
    samples: tuple[float, ...] = ()
    """What the value was made of, in the order taken."""
    interval95: tuple[float, float] | None = None
    budget: str = ""
    """What it was judged against, e.g. ``<= 150`` or ``baseline + 5 %``."""
    labels: dict[str, str] = {}
    """What tells rows of one check apart, e.g. ``{"wer": "0.1"}`` or ``{"tool": "turn"}``."""


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that was watched over time."""

    name: str
    """E.g. ``memory``."""
    unit: str
    stamp: Stamp
    seconds: tuple[float, ...]
    """Since the watch began, ascending."""
    values: tuple[float, ...]
    """As many."""


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One run of a suite on a board."""

    board: str
    suite: str
    bundle: str
    bundle_sha256: str
    """Of the bundle's manifest, which names the hash of everything else."""
    began: str
    """ISO 8601, UTC."""
    seconds: float
    versions: dict[str, str]
    """Of what took part: iotcall, onnxruntime, Python, the board's kernel and processor."""
    rows: tuple[Row, ...]
    series: tuple[Series, ...] = ()
    exact: tuple[bool, ...] = ()
    """Of every golden turn, in order, whether the call was exactly right: what two runs on the same
    bundle's turns are compared by (McNemar)."""
    calls: tuple[str, ...] = ()
    """Of every golden turn, in order, the calls as JSON (``null``: none): what runs of one bundle
    on several machines are compared by."""

    @property
    def failed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "failed")


def write_run(run: Run, folder: Path) -> Path:
    """Write ``run.json`` into a folder that is made if need be; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUN
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
    partial.replace(path)
    return path


def read_run(path: Path) -> Run:
    """A run by its file or folder.

    Raises:
        FileError: there is none, or it does not fit.
    """
    path = path / RUN if path.is_dir() else path
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError) as error:
        raise FileError(path, f"is no run of the bench: {error}; expected what 'iotcall hil run' "
                              "writes") from error
