"""An arm64 computer on this machine, run by qemu's system emulation. Leaves out: making its disks
(image), and what of Debian is other than on a computer of its own (first_steps).

It boots Linux and systemd, and is reached by SSH, with keys that are made when it is switched on.
What is written on it is gone when it is switched off, and that it is at the latest when the process
ends that switched it on. Several may run at once.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from iotcall.hil.disk import compile_python, make_disk
from iotcall.hil.emulated import PYTHON, PYTHON_VERSION, USERLAND, bench_code
from iotcall.hil.first_steps import DISKS, PLACE, added, initrd, modules_needed
from iotcall.hil.shell import BoardError

QEMU_SYSTEM = "qemu-system-aarch64"
DISKS_FOLDER = "disks"
"""Of the system: images of Debian and of the libraries."""
ROOT_DISK, PACKAGES_DISK = "root.ext4", f"{DISKS[0]}.ext4"
NEEDED = {QEMU_SYSTEM: "qemu-system-arm", "mke2fs": "e2fsprogs", "ssh": "openssh-client",
          "ssh-keygen": "openssh-client", "unshare": "util-linux", "setpriv": "util-linux"}
"""Programs that a switched on system needs of this machine -> Debian's packages of them."""
_CPU = "cortex-a76"
_BOOT_S = 900.0
"""20 s of two idle cores; on a busy machine many times that."""
_TRY_S = 60
_POLL_S = 1.0
_END_S = 10.0
_TAIL_LINES = 5
_CONSOLE = "console.log"


class BootedSystem:
    """A system that is switched on as long as the context lasts."""

    def __init__(self, folder: Path, *, cores: int = 2, memory_megabytes: int = 1024,
                 counting: bool = False) -> None:
        """
        Args:
            folder: what `iotcall hil setup` made.
            counting: its clock counts instructions, a nanosecond for each, and goes on as
                real time does where it has nothing to do (qemu's ``-icount shift=0``); it has
                one core then.
        """
        self._folder, self._memory, self._counting = folder, memory_megabytes, counting
        self._cores = 1 if counting else cores
        self._scratch: Path | None = None
        self._machine: subprocess.Popen[bytes] | None = None
        self._master: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> BootedSystem:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    @property
    def console(self) -> Path:
        """What the last one that was switched on here said on its serial line."""
        return self._folder / _CONSOLE

    def switch_on(self) -> None:
        """Until it lets us in.

        Raises:
            BoardError: the system or the emulator is missing, or it does not come up; says its
                last words.
        """
        disks = self._folder / DISKS_FOLDER
        if shutil.which(QEMU_SYSTEM) is None or not disks.is_dir():
            raise BoardError(f"there is no system to boot in {self._folder}, or no {QEMU_SYSTEM}: "
                             "'iotcall hil doctor' says what is missing")
        self._scratch = Path(tempfile.mkdtemp(prefix="iotcall-"))
        try:
            self._prepare(self._scratch)
            self._port = _free_port()
            self._machine = _until_we_end(self._machine_words(self._scratch, disks))
            self._log_in(self._scratch)
        except BaseException:
            self.switch_off()
            raise

    def switch_off(self) -> None:
        """At once; its disks are as they were."""
        for process in (self._master, self._machine):
            if process:
                process.kill()
                process.wait()
        self._master = self._machine = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def run(self, command: str, *, timeout_s: float | None, given: int = subprocess.DEVNULL
            ) -> tuple[bytes, bytes, int]:
        """Standard output, standard error and exit code of a command of its shell; `given`: file
        descriptor of its input.

        Raises:
            BoardError: the system is not switched on, or has gone.
            subprocess.TimeoutExpired: it took longer; it and what it started are ended.
        """
        line = f"/bin/sh -c {shlex.quote(command)}"
        if timeout_s is not None:
            line = f"timeout -k {_END_S:g} {timeout_s + _END_S:g} {line}"
        process = subprocess.Popen([*self._ssh(), "--", line], stdin=given, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode == 255 and not self._reached():
            raise BoardError(f"the booted system has gone: {self._last_words()}")
        return out, err, process.returncode

    @contextlib.contextmanager
    def forwarded(self, port: int) -> Iterator[int]:
        """A port of this machine that leads to one of the system's own."""
        here = _free_port()
        way = ["-L", f"127.0.0.1:{here}:127.0.0.1:{port}"]
        subprocess.run([*self._ssh("-O", "forward", *way)], check=True, capture_output=True)
        try:
            yield here
        finally:
            subprocess.run([*self._ssh("-O", "cancel", *way)], check=False, capture_output=True)

    def _prepare(self, scratch: Path) -> None:
        """Keys, the disk of iotcall itself, and Linux's first file system."""
        userland = self._folder / USERLAND
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "iotcall",
                            "-f", str(scratch / name)], check=True, stdin=subprocess.DEVNULL)
        app = scratch / DISKS[1]
        for folder in bench_code():
            shutil.copytree(folder, app / folder.name, symlinks=True)  # times too: of bytecode
        compile_python(app, seen_as=f"/{PLACE}/{DISKS[1]}", once=False)
        make_disk(app, scratch / f"{DISKS[1]}.ext4")
        shutil.rmtree(app)
        masters = userland / "usr/share/base-passwd"
        (scratch / "initrd").write_bytes(
            initrd((userland / "bin/busybox").read_bytes(),
                   modules_needed(userland / "usr/lib/modules"))
            + added(passwd=(masters / "passwd.master").read_text(),
                    group=(masters / "group.master").read_text(),
                    authorized_key=(scratch / "key.pub").read_text(),
                    host_key=(scratch / "host").read_text(),
                    python=PYTHON, version=PYTHON_VERSION))

    def _machine_words(self, scratch: Path, disks: Path) -> list[str]:
        kernels = sorted((self._folder / USERLAND / "boot").glob("vmlinuz-*"))
        if not kernels:
            raise BoardError(f"{self._folder / USERLAND} holds no Linux; 'iotcall hil setup' makes "
                             "it again, once its folder is taken away")
        changes = "format=raw,if=virtio,cache=unsafe,snapshot=on"  # gone when it is switched off
        fixed = "format=raw,if=virtio,readonly=on"
        return [
            QEMU_SYSTEM, "-machine", "virt", "-cpu", _CPU, "-smp", str(self._cores),
            "-m", str(self._memory), "-nodefaults", "-no-reboot",
            *(("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=on") if self._counting
              else ("-accel", "tcg,thread=multi")),
            "-display", "none", "-serial", f"file:{self.console}",
            "-kernel", str(kernels[-1]), "-initrd", str(scratch / "initrd"),
            "-append", "console=ttyAMA0 panic=-1 quiet net.ifnames=0 systemd.show_status=yes",
            # in this order: Linux names disks by their places
            "-drive", f"file={disks / ROOT_DISK},{changes}",
            "-drive", f"file={disks / PACKAGES_DISK},{fixed}",
            "-drive", f"file={scratch / DISKS[1]}.ext4,{fixed}",
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"]

    def _log_in(self, scratch: Path) -> None:
        host = (scratch / "host.pub").read_text()
        (scratch / "known").write_text(f"[127.0.0.1]:{self._port} {host}")
        deadline = time.monotonic() + _BOOT_S
        while True:
            self._master = _until_we_end([*self._ssh("-M", "-N")])
            while self._master.poll() is None and time.monotonic() < deadline:
                if self._reached():
                    return
                time.sleep(_POLL_S)
            self._master.kill()
            self._master.wait()
            self._master = None
            assert self._machine
            if self._machine.poll() is not None:
                said = (self._machine.stderr.read().decode(errors="replace").strip()
                        if self._machine.stderr else "")
                raise BoardError(f"the system does not boot: {said or self._last_words()}")
            if time.monotonic() > deadline:
                raise BoardError(f"the system let nobody in within {_BOOT_S:g} s: "
                                 f"{self._last_words()}")
            time.sleep(_POLL_S)

    def _reached(self) -> bool:
        return subprocess.run([*self._ssh("-O", "check")], capture_output=True,
                              check=False).returncode == 0

    def _ssh(self, *options: str) -> list[str]:
        if self._scratch is None:
            raise BoardError("the booted system is not switched on")
        said = {"IdentityFile": self._scratch / "key", "IdentitiesOnly": "yes", "BatchMode": "yes",
                "UserKnownHostsFile": self._scratch / "known", "StrictHostKeyChecking": "yes",
                "ControlPath": self._scratch / "ssh", "ConnectTimeout": _TRY_S,
                "ServerAliveInterval": _TRY_S, "ServerAliveCountMax": 10, "LogLevel": "ERROR"}
        return ["ssh", "-F", "none", "-p", str(self._port), *options,
                *(f"-o{name}={value}" for name, value in said.items()), "root@127.0.0.1"]

    def _last_words(self) -> str:
        try:
            lines = self.console.read_text(errors="replace").split("\n")
        except OSError:
            return "it said nothing"
        said = [line.strip() for line in lines if line.strip()]
        return f"{' | '.join(said[-_TAIL_LINES:]) or 'it said nothing'} ({self.console})"


def _until_we_end(words: list[str]) -> subprocess.Popen[bytes]:
    """A process that Linux ends when ours does, however that ends."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *words],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, start_new_session=True)


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
