"""What a Debian that was only unpacked needs to boot: its first program, and files in /etc.

Debian's packages bring their files; what their scripts would do on a computer of theirs (users,
keys, which services are started) is done here, without running any of it.
Leaves out: making the disks (image), switching it on (booted).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from iotcall.errors import IotcallError
from iotcall.hil.cpio import archive, file, folder, link

PLACE = "opt/iotcall"
"""On the board: a virtual environment, and below it the folders of code that are disks."""
DISKS = ("packages", "app")
"""Names of the disks beside the first, in order: libraries, and iotcall itself."""
BROKER_PORT = 1883
"""Of the board's own mosquitto: Debian's settings, which let only the board itself in."""
_ADDED = "added"
"""Folder of the archive that is copied over the first disk."""
_MODULES = ("crc32c_generic", "ext4", "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net",
            "virtio_rng")
"""Modules of Linux that nobody would load: no program has listed what they need (depmod). A kernel
that has one built in has no file of it."""
_NEEDS = re.compile(rb"\0depends=([^\0]*)\0")
_WAIT_S = 60
_INIT = f"""#!/busybox sh
# Load what disks need, put them together, add what the bench has to add, and start systemd.
/busybox mkdir -p /proc /sys /dev /system
/busybox mount -t devtmpfs dev /dev
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sys /sys
while read module; do /busybox insmod "/modules/$module"; done < /modules/order
tries=0
until [ -b /dev/vdc ] || [ $tries -ge {10 * _WAIT_S} ]; do
  tries=$((tries + 1)); /busybox sleep 0.1
done
stop() {{ echo "iotcall: $1"; /busybox poweroff -f; }}
/busybox mount -t ext4 -o rw,noatime /dev/vda /system || stop "the first disk cannot be used"
/busybox cp -af /{_ADDED}/. /system/ || stop "the first disk cannot be written to"
/busybox mount -t ext4 -o ro /dev/vdb /system/{PLACE}/{DISKS[0]} || stop "no disk of libraries"
/busybox mount -t ext4 -o ro /dev/vdc /system/{PLACE}/{DISKS[1]} || stop "no disk of iotcall"
# As qemu's own network has it ("Network emulation", user mode).
/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up || stop "there is no network"
/busybox route add default gw 10.0.2.2
for place in dev proc sys; do /busybox mount --move /$place /system/$place; done
exec /busybox switch_root /system /lib/systemd/systemd
"""
_NOT_WANTED = (  # what only a computer with a person before it wants, or one that is installed
    "serial-getty@ttyAMA0.service", "getty-static.service", "ldconfig.service",
    "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
    "systemd-sysusers.service", "systemd-update-done.service", "systemd-firstboot.service",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-binfmt.service",
    "systemd-logind.service")
_WANTED = ("multi-user.target.wants/mosquitto.service", "multi-user.target.wants/ssh.service")
_SSHD = """HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
LoginGraceTime 0
"""
_PATIENCE = """[Manager]
DefaultTimeoutStartSec=30min
DefaultTimeoutStopSec=10min
"""
"""What systemd allows a program to start: an emulated computer on a busy one takes its time. Units
that say so themselves, watchdogs among them, keep what they say."""
_USERS = """sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
mosquitto:x:102:102::/var/lib/mosquitto:/usr/sbin/nologin
"""
_GROUPS = "mosquitto:x:102:\nsystemd-journal:x:103:\nkvm:x:104:\ninput:x:105:\nrender:x:106:\n"


def initrd(busybox: bytes, modules: Sequence[Path]) -> bytes:
    """Linux's first file system: the program that puts the board together, and modules in the order
    in which they are to be loaded.
    """
    order = "".join(f"{path.name}\n" for path in modules)
    return archive([file("busybox", busybox, mode=0o755), file("init", _INIT, mode=0o755),
                    file("modules/order", order),
                    *(file(f"modules/{path.name}", path.read_bytes()) for path in modules)])


def modules_needed(folder: Path, wanted: Iterable[str] = _MODULES) -> list[Path]:
    """Files of modules below a folder, each after those that it needs; a kernel that has one built
    in has no file of it.

    Raises:
        IotcallError: modules are packed in a way that is not known here.
    """
    there = {_module_name(path.name): path for path in sorted(folder.rglob("*.ko"))}
    if not there:
        raise IotcallError(f"{folder} holds no modules (*.ko) of Linux")
    found: dict[str, Path] = {}

    def need(name: str) -> None:
        path = there.get(_module_name(name))
        if path is None or path.name in found:
            return
        said = _NEEDS.search(b"\0" + path.read_bytes())
        for other in said[1].decode().split(",") if said else ():
            need(other)
        found[path.name] = path

    for name in wanted:
        need(name)
    return list(found.values())


def added(*, passwd: str, group: str, authorized_key: str, host_key: str, python: str,
          version: str) -> bytes:
    """An archive of what is copied over the first disk, each time that the board is switched on.

    Args:
        passwd, group: texts of these files in ``/etc``, as Debian has them to begin with.
        authorized_key: public key of whoever may come in as root.
        host_key: private key of the board.
        python: the board's interpreter.
        version: of it, e.g. ``3.11``.
    """
    site = f"{PLACE}/lib/python{version}/site-packages"
    entries = [
        file("etc/hostname", "qemu-arm64\n"), file("etc/hosts", "127.0.0.1 localhost qemu-arm64\n"),
        file("etc/machine-id", f"{1:032x}\n"), file("etc/fstab", ""),
        file("etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\nshadow: files\n"
                                  "hosts: files\n"),
        file("etc/passwd", passwd + _USERS), file("etc/group", group + _GROUPS),
        file("etc/shadow", "root:*:1::::::\n", mode=0o600),
        file("etc/tmpfiles.d/iotcall.conf", "d /var/lib/mosquitto 0755 mosquitto mosquitto\n"),
        file("etc/systemd/system.conf.d/iotcall.conf", _PATIENCE),
        file("etc/ssh/sshd_config", _SSHD),
        file("etc/ssh/ssh_host_ed25519_key", host_key, mode=0o600),
        folder("root", mode=0o700), folder("root/.ssh", mode=0o700),
        file("root/.ssh/authorized_keys", authorized_key, mode=0o600),
        *(link(f"etc/systemd/system/{unit}", "/dev/null") for unit in _NOT_WANTED),
        *(link(f"etc/systemd/system/{unit}", f"/lib/systemd/system/{unit.rpartition('/')[2]}")
          for unit in _WANTED),
        link("etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target"),
        *(folder(f"{PLACE}/{name}") for name in DISKS),
        file(f"{PLACE}/pyvenv.cfg", f"home = {python.rpartition('/')[0]}\n"
                                    "include-system-site-packages = false\n"),
        link(f"{PLACE}/bin/python", python),
        file(f"{site}/iotcall.pth", "".join(f"/{PLACE}/{name}\n" for name in reversed(DISKS))),
    ]
    return archive(msgspec.structs.replace(entry, path=f"{_ADDED}/{entry.path}")
                   for entry in entries)


def _module_name(text: str) -> str:
    """As Linux has it: of a file's name or of another module's need."""
    return text.removesuffix(".ko").replace("-", "_")
