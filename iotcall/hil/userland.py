"""Make the system of an emulated arm64 board: of Debian's packages, and wheels.

Leaves out: using it (see emulated).

Three steps, each a folder that is there whole or not at all: ``userland`` (mmdebstrap unpacks it,
nothing of it is run), ``wheels`` (pip loads them) and ``packages`` (pip unpacks them). What is
there and as it should be is not made again, so a setup that was broken off goes on where it was.
Afterwards the system is switched on and asked for its versions, which ``made.json`` keeps.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from iotcall.errors import InputError, IotcallError
from iotcall.hil.emulated import (
    PACKAGES,
    PYTHON,
    PYTHON_VERSION,
    USERLAND,
    EmulatedSystem,
    qemu_program,
)

MADE = "made.json"
MIRROR = "http://deb.debian.org/debian"
RELEASE = "bookworm"
_WHEELS = "wheels"
_DEBIAN = ("ca-certificates", "libgomp1", "libstdc++6", "mosquitto", "python3")
"""Beside what Debian calls essential."""
_MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"
_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64",
              "manylinux2014_aarch64")
_STAMP = ".iotcall-made"
"""In each step's folder: of what it was made."""
_ROOM_MB = 1500
_NEEDED = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "nsenter": "util-linux",
           "chroot": "coreutils"}
ASK = ("import importlib.metadata as m, json, onnxruntime, numpy, tokenizers, cryptography, "
        "msgspec, platform; print(json.dumps({'machine': platform.machine(), "
        "'python': platform.python_version(), "
        "**{n: m.version(n) for n in ('numpy', 'onnxruntime', 'tokenizers')}}))")
"""For a system's Python: its versions."""
_ASK_S = 600.0
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


def missing_programs() -> dict[str, str]:
    """Programs that a setup needs and this machine lacks -> Debian's packages of them."""
    found = {name: package for name, package in _NEEDED.items() if shutil.which(name) is None}
    return found if qemu_program() else {**found, "qemu-aarch64-static": "qemu-user-static"}


def set_up(folder: Path, *, mirror: str = MIRROR, progress: Progress = lambda _: None) -> Made:
    """Make the system in a folder, or what of it is missing or outdated.

    Args:
        folder: made if need be; one setup works in it at a time.
        mirror: of Debian.
        progress: is told what is being done, one line at a time.

    Raises:
        InputError: this machine lacks programs or room for it; nothing was begun.
        IotcallError: a step failed; says its last words. What was made before stays.
    """
    return make_system(folder, steps_of(folder, mirror, progress), missing=missing_programs(),
                       room_megabytes=_ROOM_MB, ask=lambda: _versions(folder), progress=progress)


def make_system(folder: Path, steps: Sequence[Step], *, missing: Mapping[str, str],
                room_megabytes: float, ask: Callable[[], dict[str, str]], progress: Progress
                ) -> Made:
    """Make steps in order, switch the system on and keep what it says of itself.

    Args:
        folder, progress: as `set_up` has them.
        steps: of the system.
        missing: programs that this machine lacks -> Debian's packages of them.
        room_megabytes: that must be free, where anything is to be made.
        ask: switches it on, and says its versions.

    Raises:
        as `set_up`.
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
        made = Made(seconds=seconds, versions=ask())
        partial = folder / f"{MADE}.partial"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))
        partial.replace(folder / MADE)
    return made


def is_set_up(folder: Path, steps: Sequence[Step] | None = None) -> bool:
    """Whether everything is there and of the versions that this machine has; `steps`: of another
    kind of system."""
    wanted = steps_of(folder, None, lambda _: None) if steps is None else steps
    return (folder / MADE).is_file() and all(is_made(folder, step) for step in wanted)


def steps_of(folder: Path, mirror: str | None, progress: Progress,
             more: Sequence[str] = ()) -> list[Step]:
    """What is to be made, in order; a mirror does not make a system another one. `more`: packages
    of Debian, beside those that a hub needs."""
    wanted = wanted_packages()
    pins = digest([PYTHON_VERSION, *_PLATFORMS, *wanted])
    debian = (*_DEBIAN, *more)
    return [
        Step(name=USERLAND, stamp=digest([RELEASE, *debian]),
             make=lambda place: _userland(place, debian, mirror or MIRROR, progress)),
        Step(name=_WHEELS, stamp=pins, make=lambda place: _load(place, wanted, progress)),
        Step(name=PACKAGES, stamp=pins,
             make=lambda place: _unpack(place, folder / _WHEELS, progress)),
    ]


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


def wanted_packages() -> list[str]:
    """iotcall's own dependencies and theirs, in the versions that this machine has, sorted.

    Raises:
        InputError: this iotcall was not installed by pip, so nobody knows what it needs.
    """
    found: dict[str, str] = {}
    try:
        waiting = list(_requirements("iotcall"))
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError("iotcall is not installed here, so its dependencies are not known: "
                         "pip install -e '.[hil]'") from error
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # only elsewhere needed
            # subtle: a local version (2.1+cpu) is of this machine's build only
            found[name] = importlib.metadata.version(name).partition("+")[0]
            waiting += _requirements(name)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def remove(place: Path) -> None:
    """A folder and everything in it, whatever its rights say; nothing where there is none."""
    if not place.exists():
        return
    for inside, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            os.chmod(inside, 0o700)
    shutil.rmtree(place)


def _requirements(name: str) -> Iterator[str]:
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def _userland(place: Path, packages: Sequence[str], mirror: str, progress: Progress) -> None:
    # subtle: in a namespace with one user, so that nobody need be root; files are all that user's
    run_tool(
        ["unshare", "--user", "--map-root-user", "mmdebstrap", "--mode=root", "--variant=extract",
         "--architectures=arm64", "--skip=chroot/mount", f"--hook-dir={_MERGED}",
         "--include=?essential", f"--include={','.join(packages)}",
         '--aptopt=Acquire::Languages "none"', RELEASE, str(place), mirror],
        progress, {"TAR_OPTIONS": "--no-same-owner"},
        do="does this user have user namespaces ('unshare --user --map-root-user true'), and is "
           f"{mirror} reached from here? --mirror names another")
    if not (place / "usr/bin/python3").exists():
        raise IotcallError(f"mmdebstrap left no Python in {place}; try another --mirror")


def _load(place: Path, wanted: Sequence[str], progress: Progress) -> None:
    place.mkdir()
    _pip(["download", "--dest", str(place), "--progress-bar=off"], wanted, progress)


def _unpack(place: Path, wheels: Path, progress: Progress) -> None:
    _pip(["install", "--no-index", "--no-deps", "--no-compile", "--target", str(place)],
         [str(path) for path in sorted(wheels.glob("*.whl"))], progress)


def _pip(words: list[str], what: Sequence[str], progress: Progress) -> None:
    targets = [f"--platform={name}" for name in _PLATFORMS]
    abi = f"cp{PYTHON_VERSION.replace('.', '')}"
    run_tool(
        [sys.executable, "-m", "pip", *words, "--only-binary=:all:", "--no-input",
         "--disable-pip-version-check", f"--python-version={PYTHON_VERSION}",
         "--implementation=cp", f"--abi={abi}", "--abi=abi3", "--abi=none", *targets, *what],
        progress, {}, do=f"pip must find wheels for aarch64 and Python {PYTHON_VERSION} of the "
                         "versions that this machine has")


def run_tool(command: list[str], progress: Progress, environment: dict[str, str], *, do: str
             ) -> None:
    """Run a program; each line that it says is progress."""
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


def _versions(folder: Path) -> dict[str, str]:
    """What the system says when it is switched on; its first start fills the cache of bytecode."""
    with EmulatedSystem(folder) as system:
        out, err, code = system.run([PYTHON, "-c", ASK], timeout_s=_ASK_S)
        if code:
            raise IotcallError("the system was made, but its Python does not work: "
                               f"{err.decode(errors='replace').strip()[-300:]}")
        broker, said, _ = system.run(["/usr/sbin/mosquitto", "-h"], timeout_s=_ASK_S)
        versions = msgspec.json.decode(out.splitlines()[-1], type=dict[str, str])
        first = (broker or said).decode(errors="replace").splitlines()
        return {**versions, "mosquitto": first[0].rpartition(" ")[2] if first else "unknown"}


def _check_room(folder: Path, megabytes: float) -> None:
    free = shutil.disk_usage(folder).free / 2**20
    if free < megabytes:
        raise InputError(f"{free:.0f} MiB free in {folder}, {megabytes:g} are needed; make "
                         "room, or set IOTCALL_CACHE to another folder")


@contextlib.contextmanager
def _only_one(lock: Path, progress: Progress) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another setup")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def digest(parts: Iterable[str]) -> str:
    """Of everything that a step is made of."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
