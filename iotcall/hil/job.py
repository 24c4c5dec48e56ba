"""What one run is told, and the run it makes: between the command and the pytest that it starts.

Leaves out: checking (see hil/test_*.py), and what is made of a run (see bench).
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from iotcall.errors import FileError


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``job.json``: board, suite and bundle of a run, by absolute paths."""

    board: str
    """Its file."""
    suite: str
    """Its file."""
    bundle: str
    """Its folder."""
    home: str
    """File of the home whose devices hear the commands."""
    twin: str = ""
    """Folder of a bundle of the same student that this machine itself can run; empty: that of the
    run, or none."""
    others: tuple[str, ...] = ()
    """Files of runs that this one's calls are compared with."""
    out: str
    """Folder that ``run.json`` is written to."""


def write_job(job: Job, path: Path) -> None:
    """Write it for the plugin to read."""
    path.write_bytes(msgspec.json.encode(job))


def read_job(path: Path) -> Job:
    """What `write_job` wrote.

    Raises:
        FileError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Job)
    except (OSError, msgspec.DecodeError) as error:
        raise FileError(path, f"is no job of the bench: {error}; start runs with 'iotcall hil run'"
                        ) from error
