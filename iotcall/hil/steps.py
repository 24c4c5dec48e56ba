"""Make a board on this machine in steps, each a folder that is there whole or not at all.

What is there and as it should be is not made again, so a setup that was broken off goes on where
it was. Leaves out: what the steps make (see userland, emulated_npu).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from iotcall.errors import InputError, IotcallError

MADE = "made.json"
_STAMP = ".iotcall-made"
"""In each step's folder: of what it was made."""
_TAIL = 3

Progress = Callable[[str], None]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """``made.json``: what a setup made."""

    seconds: dict[str, float]
    """Step -> how long it took; a step that was there already is not in it."""
    versions: dict[str, str]
    """As the system itself says them."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A folder to be made."""

    name: str
    stamp: str
    """Of everything that it is made of: another one, and it is made again."""
    make: Callable[[Path], None]
    """Makes it under another name, which does not exist yet."""


def make_all(folder: Path, steps: Sequence[Step], versions: Callable[[], dict[str, str]],
             progress: Progress, *, room_megabytes: int,
             missing: Mapping[str, str] | None = None) -> Made:
    """Make what of the steps is missing or outdated, and ask the result for its versions.

    Args:
        folder: made if need be; one setup works in it at a time.
        versions: asked at the end; what it says is kept in ``made.json``.
        progress: is told what is being done, one line at a time.
        missing: programs that this machine lacks -> Debian's packages of them.
        room_megabytes: that must be free where a step is to be made.

    Raises:
        InputError: there is not so much room, or programs are missing; nothing was begun.
        IotcallError: a step failed; says its last words. What was made before stays.
    """
    if missing:
        raise InputError(f"{', '.join(missing)} not found; apt-get install "
                         f"{' '.join(sorted(set(missing.values())))}")
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder / ".lock", progress):
        if any(not is_made(folder, step) for step in steps):
            _check_room(folder, room_megabytes)
        seconds = {step.name: taken for step in steps
                   if (taken := make_step(folder, step, progress)) is not None}
        progress("switching it on")
        made = Made(seconds=seconds, versions=versions())
        partial = folder / f"{MADE}.partial"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))
        partial.replace(folder / MADE)
    return made


def all_made(folder: Path, steps: Sequence[Step]) -> bool:
    """Whether everything is there and of what it should be of."""
    return (folder / MADE).is_file() and all(is_made(folder, step) for step in steps)


def is_made(folder: Path, step: Step) -> bool:
    """Whether a step's folder is there, and of what it should be of."""
    stamp = folder / step.name / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == step.stamp


def make_step(folder: Path, step: Step, progress: Progress) -> float | None:
    """Make a step's folder; seconds that it took, None where nothing was to be done."""
    if is_made(folder, step):
        return None
    began = time.monotonic()
    partial, place = folder / f"{step.name}.partial", folder / step.name
    remove(partial)  # of one that was killed
    try:
        progress(step.name)
        step.make(partial)
        (partial / _STAMP).write_text(step.stamp, encoding="utf-8")
        remove(place)
        partial.rename(place)
    finally:
        remove(partial)
    return round(time.monotonic() - began, 1)


def remove(place: Path) -> None:
    """A folder and everything in it, whatever its rights say; nothing where there is none."""
    if not place.exists():
        return
    for inside, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            os.chmod(inside, 0o700)
    shutil.rmtree(place)


def run_program(command: Sequence[str], progress: Progress, environment: Mapping[str, str], *,
                do: str) -> None:
    """Run a program; each line that it says is progress.

    Raises:
        IotcallError: it failed; says its last words and what to do.
    """
    said: list[str] = []
    with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env={**os.environ, "LC_ALL": "C", **environment}
    ) as running:
        assert running.stdout
        try:
            for line in running.stdout:
                if line.strip() and not line.startswith("WARNING"):
                    said = [*said[1 - _TAIL:], line.strip()]
                    progress(line.strip())
        except BaseException:
            running.terminate()
            raise
    if running.returncode:
        raise IotcallError(f"{' '.join(command[:3])} ... failed: "
                           f"{' | '.join(said) or 'it said nothing'}; {do}")


def digest(parts: Iterable[str]) -> str:
    """A step's stamp."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _check_room(folder: Path, megabytes: int) -> None:
    free = shutil.disk_usage(folder).free / 2**20
    if free < megabytes:
        raise InputError(f"{free:.0f} MiB free in {folder}, {megabytes} are needed; make room, or "
                         "set IOTCALL_CACHE to another folder")


@contextlib.contextmanager
def _only_one(lock: Path, progress: Progress) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another setup")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
