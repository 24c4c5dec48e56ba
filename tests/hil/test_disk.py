"""A folder as a disk, read back by the file system's own tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from iotcall.errors import IotcallError
from iotcall.hil.disk import compile_python, make_disk, program


@pytest.mark.skipif(program("mke2fs") is None or program("debugfs") is None,
                    reason="e2fsprogs is not installed")
def test_files_and_rights_are_on_the_disk_and_all_is_roots(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/name").write_text("Brett\n")
    (tree / "etc/name").chmod(0o640)
    (tree / "link").symlink_to("etc/name")
    image = tmp_path / "disk.ext4"
    make_disk(tree, image, spare_megabytes=8)
    subprocess.run([program("e2fsck") or "", "-fn", str(image)], check=True, capture_output=True)
    asked = [subprocess.run([program("debugfs") or "", "-R", question, str(image)], check=True,
                            capture_output=True, text=True).stdout
             for question in ("cat /etc/name", "stat /etc/name", "stat /link")]
    assert asked[0] == "Brett\n"
    assert "Mode:  0640" in asked[1]
    assert "User:     0   Group:     0" in asked[1]
    assert "Type: symlink" in asked[2]
    assert image.stat().st_size > 24 * 2**20


@pytest.mark.skipif(program("mke2fs") is None, reason="e2fsprogs is not installed")
def test_a_folder_that_is_not_there_makes_no_disk(tmp_path: Path) -> None:
    with pytest.raises(IotcallError, match="mke2fs made no disk"):
        make_disk(tmp_path / "none", tmp_path / "disk.ext4")


def test_bytecode_names_files_as_the_board_sees_them(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text("def on():\n    return __file__\n")
    (tmp_path / "fault.py").write_text("def on(:\n")  # is left out
    compile_python(tmp_path, seen_as="/opt/board", once=True)
    made = [path.read_bytes() for path in tmp_path.glob("__pycache__/lamp.*.pyc")]
    assert not made or b"/opt/board/lamp.py" in made[0]  # none: this Python is another than theirs
