"""Folders as images of disks (ext4), for systems that are booted. Leaves out: what is in them.

Files belong to root in an image, whoever made it: mke2fs runs in a namespace with one user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from iotcall.errors import IotcallError
from iotcall.hil.emulated import PYTHON_VERSION

_BLOCK = 4096
_SPARE = 1.1
"""Of blocks, for what the file system itself keeps."""
_LEAST_BYTES = 16 * 2**20
_FILES_MORE = 4000
_SBIN = ("/usr/sbin", "/sbin")
"""Often not on a user's PATH."""


def program(name: str) -> str | None:
    """Where a program of this machine is, the administrator's too; None: nowhere."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_SBIN]))


def make_disk(tree: Path, image: Path, *, spare_megabytes: int = 0) -> None:
    """Make an image of everything in a folder; `spare_megabytes` (MiB) stay free in it.

    Raises:
        IotcallError: mke2fs does not do it; says its last words.
    """
    sizes = [path.lstat().st_size for path in _everything(tree)]
    used = sum((size + _BLOCK - 1) // _BLOCK * _BLOCK for size in sizes)
    size = int(_SPARE * used) + _LEAST_BYTES + spare_megabytes * 2**20
    files = len(sizes) + _FILES_MORE
    made = subprocess.run(
        ["unshare", "--user", "--map-root-user", program("mke2fs") or "mke2fs", "-q", "-F",
         "-t", "ext4", "-b", str(_BLOCK), "-m", "0", "-N", str(files), "-O", "^has_journal",
         "-E", "root_owner=0:0", "-d", str(tree), str(image), f"{size // 1024}k"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False)
    if made.returncode:
        raise IotcallError(f"mke2fs made no disk of {tree}: {made.stdout.strip()[-300:]}")


def compile_python(folder: Path, *, seen_as: str, once: bool) -> None:
    """Compile the Python below a folder, which is `seen_as` another on the board, if this machine's
    Python is of the board's version; emulation would take minutes where this takes seconds.

    `once`: nobody changes it later, so the board need not look at the times of files. What cannot
    be compiled is left out.
    """
    if "{}.{}".format(*sys.version_info) != PYTHON_VERSION:
        return
    mode = "unchecked-hash" if once else "timestamp"
    subprocess.run(
        [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", mode, "-s", str(folder),
         "-p", seen_as, str(folder)], stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _everything(tree: Path) -> Iterable[Path]:
    for inside, folders, files in os.walk(tree):
        yield from (Path(inside) / name for name in (*folders, *files))
