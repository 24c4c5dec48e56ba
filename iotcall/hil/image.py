"""Make the system of a booted arm64 board: Debian with Linux and systemd, as images of disks.

The steps of userland, with more of Debian's packages, and one more: disks. No program of the system
is run to make it. Leaves out: switching it on (booted), what it needs to boot (first_steps).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from iotcall.errors import IotcallError
from iotcall.hil import userland
from iotcall.hil.booted import DISKS_FOLDER, NEEDED, PACKAGES_DISK, ROOT_DISK, BootedSystem
from iotcall.hil.disk import compile_python, make_disk, program
from iotcall.hil.emulated import PACKAGES, PYTHON_VERSION, USERLAND
from iotcall.hil.first_steps import BROKER_PORT, DISKS, PLACE
from iotcall.hil.steps import Made, Progress, Step, all_made, digest, make_all
from iotcall.hil.userland import MIRROR

_DEBIAN = ("busybox-static", "iproute2", "libnss-systemd", "linux-image-cloud-arm64",
           "openssh-server", "systemd-sysv", "udev")
"""Beside what every emulated board has."""
_SPARE_MB = 768
"""Free on the first disk, for bundles, logs and what the hub keeps."""
_ROOM_MB = 3000
_PYTHON = f"/{PLACE}/bin/python"
_LISTENS = f"exec 3<>/dev/tcp/127.0.0.1/{BROKER_PORT}"
_ASK_S = 1200.0


def missing_programs() -> dict[str, str]:
    """Programs that a setup or a run needs and this machine lacks -> Debian's packages of them."""
    needed = {**NEEDED, "mmdebstrap": "mmdebstrap"}
    return {name: package for name, package in sorted(needed.items()) if program(name) is None}


def set_up(folder: Path, *, mirror: str = MIRROR, progress: Progress = lambda _: None) -> Made:
    """Make the system in a folder, or what of it is missing or outdated, and boot it once.

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


def steps_of(folder: Path, mirror: str | None, progress: Progress) -> list[Step]:
    """What is to be made, in order."""
    before = userland.steps_of(folder, mirror, progress, _DEBIAN)
    stamp = digest([*(step.stamp for step in before), str(_SPARE_MB)])
    return [*before, Step(name=DISKS_FOLDER, stamp=stamp,
                          make=lambda place: _disks(place, folder, progress))]


def _disks(place: Path, folder: Path, progress: Progress) -> None:
    place.mkdir()
    for name, seen_as in ((f"{USERLAND}/usr/lib/python{PYTHON_VERSION}",
                           f"/usr/lib/python{PYTHON_VERSION}"),
                          (PACKAGES, f"/{PLACE}/{DISKS[0]}")):
        progress(f"compiling {name}")
        compile_python(folder / name, seen_as=seen_as, once=True)
    progress("making disks")
    make_disk(folder / USERLAND, place / ROOT_DISK, spare_megabytes=_SPARE_MB)
    make_disk(folder / PACKAGES, place / PACKAGES_DISK)


def _versions(folder: Path) -> dict[str, str]:
    """What the system says when it is booted."""
    with BootedSystem(folder) as system:
        said = _said(system, [
            f"{_PYTHON} -c {shlex.quote(userland.ASK)}",
            "uname -r", "systemctl --version | head -n 1 | cut -d ' ' -f 2",
            "mosquitto -h | head -n 1 | cut -d ' ' -f 3", f"bash -c '{_LISTENS}'"])
    versions = msgspec.json.decode(said[0], type=dict[str, str])
    return {**versions, "linux": said[1], "systemd": said[2], "mosquitto": said[3]}


def _said(system: BootedSystem, commands: Sequence[str]) -> list[str]:
    """The last line of each command."""
    found = []
    for command in commands:
        out, err, code = system.run(command, timeout_s=_ASK_S)
        if code:
            raise IotcallError(f"the system boots, but not all of it works: {command[:60]}: "
                               f"{err.decode(errors='replace').strip()[-300:]}")
        found.append((out.decode(errors="replace").strip().splitlines() or [""])[-1])
    return found
