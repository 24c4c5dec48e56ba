"""What is added to a Debian that was only unpacked, so that it boots."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from iotcall.errors import IotcallError
from iotcall.hil.first_steps import added, initrd, modules_needed


def _module(folder: Path, name: str, needs: str) -> None:
    path = folder / f"kernel/drivers/{name}.ko"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0name=" + name.encode()
                     + b"\0")


def test_a_module_comes_after_those_that_it_needs(tmp_path: Path) -> None:
    _module(tmp_path, "virtio", "")
    _module(tmp_path, "virtio_ring", "virtio")
    _module(tmp_path, "virtio-net", "virtio-ring,virtio,built_in")
    found = [path.stem for path in modules_needed(tmp_path, ["virtio_net", "virtio", "ext4"])]
    assert found == ["virtio", "virtio_ring", "virtio-net"]


def test_a_linux_whose_modules_are_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ext4.ko.xz").touch()
    with pytest.raises(IotcallError, match="holds no modules"):
        modules_needed(tmp_path)


def test_the_first_program_is_a_shell_script_without_a_fault(tmp_path: Path) -> None:
    _module(tmp_path, "ext4", "")
    made = initrd(b"busybox", modules_needed(tmp_path, ["ext4"]))
    script = re.search(rb"#!/busybox sh\n.*?switch_root[^\n]*\n", made, re.S)
    assert script
    subprocess.run(["sh", "-n"], input=script[0], check=True)
    assert b"ext4.ko\n" in made


def test_only_the_benchs_key_lets_anybody_in_and_it_is_nowhere_else() -> None:
    made = added(passwd="root:*:0:0::/root:/bin/sh\n", group="root:*:0:\n",
                 authorized_key="ssh-ed25519 OURS\n", host_key="THEIRS\n",
                 python="/usr/bin/python3", version="3.11")
    assert made.count(b"OURS") == made.count(b"THEIRS") == 1
    assert b"PasswordAuthentication no" in made
    assert b"/opt/iotcall/app\n/opt/iotcall/packages\n" in made
    assert b"mosquitto.service" in made
