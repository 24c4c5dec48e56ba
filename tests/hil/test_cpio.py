"""An archive is one to the programs that read such archives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from iotcall.hil.cpio import archive, file, folder, link

ENTRIES = [file("etc/name", "Brett\n"), file("bin/run", b"\x7fELF\0", mode=0o755),
           folder("root", mode=0o700), link("sbin", "bin"), file("empty", "")]


def test_it_is_the_same_whatever_the_order_and_has_the_folders_on_the_way() -> None:
    made = archive(ENTRIES)
    assert made == archive(reversed(ENTRIES))
    assert len(made) % 4 == 0
    assert made.count(b"070701") == len(ENTRIES) + len(["bin", "etc", "the end"])


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_unpacks_it(tmp_path: Path) -> None:
    subprocess.run(["cpio", "--extract", "--quiet"], input=archive(ENTRIES), cwd=tmp_path,
                   check=True)
    assert (tmp_path / "etc/name").read_text() == "Brett\n"
    assert (tmp_path / "bin/run").read_bytes() == b"\x7fELF\0"
    assert (tmp_path / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "root").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "sbin").readlink() == Path("bin")
    assert (tmp_path / "empty").read_bytes() == b""
