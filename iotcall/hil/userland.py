"""Make the system of an emulated arm64 board: of Debian's packages, and wheels.

Leaves out: using it (see emulated).

Three steps: ``userland`` (mmdebstrap unpacks it, nothing of it is run), ``wheels`` (pip loads them)
and ``packages`` (pip unpacks them). Afterwards the system is switched on and asked for its
versions, which ``made.json`` keeps.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator, Sequence
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
from iotcall.hil.steps import Made, Progress, Step, all_made, digest, make_all, run_program

MIRROR = "http://deb.debian.org/debian"
RELEASE = "bookworm"
_WHEELS = "wheels"
_DEBIAN = ("ca-certificates", "libgomp1", "libstdc++6", "mosquitto", "python3")
"""Beside what Debian calls essential."""
_MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"
_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64",
              "manylinux2014_aarch64")
_ROOM_MB = 1500
_NEEDED = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "nsenter": "util-linux",
           "chroot": "coreutils"}
ASK = ("import importlib.metadata as m, json, onnxruntime, numpy, tokenizers, cryptography, "
        "msgspec, platform; print(json.dumps({'machine': platform.machine(), "
        "'python': platform.python_version(), "
        "**{n: m.version(n) for n in ('numpy', 'onnxruntime', 'tokenizers')}}))")
_ASK_S = 600.0


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
    return make_all(folder, steps_of(folder, mirror, progress), lambda: _versions(folder), progress,
                    room_megabytes=_ROOM_MB, missing=missing_programs())


def is_set_up(folder: Path) -> bool:
    """Whether everything is there and of the versions that this machine has."""
    return all_made(folder, steps_of(folder, None, lambda _: None))


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


def _requirements(name: str) -> Iterator[str]:
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def _userland(place: Path, packages: Sequence[str], mirror: str, progress: Progress) -> None:
    # subtle: in a namespace with one user, so that nobody need be root; files are all that user's
    run_program(
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
    run_program(
        [sys.executable, "-m", "pip", *words, "--only-binary=:all:", "--no-input",
         "--disable-pip-version-check", f"--python-version={PYTHON_VERSION}",
         "--implementation=cp", f"--abi={abi}", "--abi=abi3", "--abi=none", *targets, *what],
        progress, {}, do=f"pip must find wheels for aarch64 and Python {PYTHON_VERSION} of the "
                         "versions that this machine has")


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
