"""An arm64 system on this machine, run by qemu's user emulation. Leaves out: making it (userland).

Linux runs its programs in namespaces of their own (user, mounts, processes): no right of root is
needed, nothing of this machine is changed, and what still runs ends with the process that switched
it on. Network and clock are this machine's.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
from pathlib import Path

import iotcall
from iotcall.hil.shell import BoardError
from iotcall.shipped import cache_folder, shipped

QEMU = ("qemu-aarch64-static", "qemu-aarch64")
"""Names of the emulator, in the order in which they are looked for; it must be linked statically.
"""
PYTHON = "/usr/bin/python3"
PYTHON_VERSION = "3.11"
"""Of the system's Python (Debian bookworm)."""
USERLAND, PACKAGES = "userland", "packages"
_PLACE = "opt/iotcall"
_DATA = ("bundles", "devices", "export", "grammars", "hil")
_UP_S = 60.0
_CPU = "cortex-a76"
_FEATURES = ("fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
             "asimddp")
_CPUINFO = f"""processor\t: 0
BogoMIPS\t: 125.00
Features\t: {_FEATURES}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
"""
"""What Linux says of the processor that qemu emulates; qemu's user emulation shows this machine's
own file, by which libraries would choose instructions that are not there."""
_ONE_CPU = ("possible", "present", "online")
"""Files of /sys/devices/system/cpu; without them onnxruntime uses its slowest kernels. All of /sys
is not given to the board: programs that look through it hang under emulation."""
_MAGIC = (r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:"
          r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff")
"""Beginning of an arm64 program, and which bits of it count: qemu's scripts/qemu-binfmt-conf.sh."""
_UP = r"""
set -e
root=$1 qemu=$2 packages=$3 cpuinfo=$4; shift 4
# Linux 6.7 gives each user namespace a register of its own; before that, the system's is used.
if mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null; then
  printf '%s' ":iotcall-arm64:M::MAGIC:$qemu:PF" > /proc/sys/fs/binfmt_misc/register
fi
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$cpuinfo" "$root/proc/cpuinfo"
mount --bind "$packages" "$root/PLACE/packages"
for folder; do mount --bind "$folder" "$root/PLACE/app/${folder##*/}"; done
chroot "$root" /bin/true
echo up
exec cat
""".replace("MAGIC", _MAGIC).replace("PLACE", _PLACE)
"""The board's first process; it ends, and all others with it, when its input does."""


def emulated_folder(name: str) -> Path:
    """Where the system of an emulated board lies, or would be made."""
    return cache_folder() / "hil" / name


def qemu_program() -> str | None:
    """The emulator; None: there is none."""
    return next(filter(None, map(shutil.which, QEMU)), None)


class EmulatedSystem:
    """One that is switched on; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._root, self._packages = folder / USERLAND, folder / PACKAGES
        self._cpuinfo = folder / "cpuinfo"
        self._first: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> EmulatedSystem:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    def switch_on(self) -> None:
        """Until it runs programs.

        Raises:
            BoardError: the emulator or the system is missing, or Linux does not allow it.
        """
        qemu = qemu_program()
        if qemu is None or not self._root.is_dir() or not self._packages.is_dir():
            raise BoardError(f"there is no emulated system in {self._root.parent}, or no qemu: "
                             "'iotcall hil doctor' says what is missing")
        code = bench_code()
        self._prepare(code)
        self._first = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child",
             "/bin/sh", "-c", _UP, "sh", str(self._root), qemu, str(self._packages),
             str(self._cpuinfo), *map(str, code)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "QEMU_CPU": _CPU, "LC_ALL": "C"}, start_new_session=True)
        if not self._is_up():
            first, self._first = self._first, None
            first.kill()
            said = first.communicate()[1].decode(errors="replace").strip()
            raise BoardError(
                "the emulated system does not start: "
                f"{said.splitlines()[-1] if said else 'it said nothing'}; it needs user namespaces "
                "for everybody, and Linux 6.7 or qemu registered by the package of its name "
                "(binfmt_misc with the flag F)")

    def switch_off(self) -> None:
        """Everything that runs on it ends."""
        if self._first:
            self._first.kill()
            self._first.communicate()
            self._first = None

    def run(self, words: list[str], *, timeout_s: float | None, given: int = subprocess.DEVNULL,
            ) -> tuple[bytes, bytes, int]:
        """Standard output, standard error and exit code of a program; `given`: file descriptor of
        its input.

        Raises:
            BoardError: the system is not switched on.
            subprocess.TimeoutExpired: it took longer; it and what it started are ended.
        """
        if self._first is None:
            raise BoardError("the emulated system is not switched on")
        spaces = f"/proc/{self._first.pid}/ns"
        # subtle: a process that unshares its process identifiers stays outside, its child is inside
        enter = ["nsenter", f"--user={spaces}/user", f"--mount={spaces}/mnt",
                 f"--pid={spaces}/pid_for_children", "--preserve-credentials", "chroot",
                 str(self._root)]
        process = subprocess.Popen(
            [shutil.which(enter[0]) or enter[0], *enter[1:], *words], stdin=given,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
            start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return out, err, process.returncode

    def _is_up(self) -> bool:
        assert self._first
        assert self._first.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._first.stdout, selectors.EVENT_READ)
            return bool(selector.select(_UP_S)) and self._first.stdout.readline() == b"up\n"

    def _prepare(self, code: list[Path]) -> None:
        """Files and mount points that the system does not have by itself."""
        self._cpuinfo.write_text(_CPUINFO, encoding="ascii")
        cpus = self._root / "sys/devices/system/cpu"
        cpus.mkdir(parents=True, exist_ok=True)
        for name in _ONE_CPU:
            (cpus / name).write_text("0\n", encoding="ascii")
        for folder in (Path("packages"), *(Path("app") / each.name for each in code)):
            (self._root / _PLACE / folder).mkdir(parents=True, exist_ok=True)


def bench_code() -> list[Path]:
    """The folders of the iotcall that the bench itself runs, which the board runs too."""
    package = Path(iotcall.__file__).resolve().parent
    data = [] if (package / "_data").is_dir() else [shipped(name) for name in _DATA]
    return [package, *(folder for folder in data if folder.is_dir())]


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
            "PYTHONPATH": f"/{_PLACE}/app:/{_PLACE}/packages", "OMP_NUM_THREADS": "1",
            # subtle: kept from run to run, but never in the bench's own folders
            "PYTHONPYCACHEPREFIX": "/var/cache/python", "QEMU_CPU": _CPU}
