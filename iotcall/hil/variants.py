"""Bundles made of a bundle: the same under another name, a tampered one, one that does not work.

For updates, and to see that faults are found. Leaves out: worse students, which are trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from iotcall.bundle import Bundle, write_bundle
from iotcall.bundle.manifest import MANIFEST
from iotcall.bundle.signature import SIGNATURE


def renamed(bundle: Bundle, out: Path, name: str) -> Path:
    """The same in all but its name, whole; no signature holds of it."""
    return remade(bundle, out, name)


def tampered(bundle: Bundle, out: Path) -> Path:
    """One bit of its largest file is another; its manifest knows nothing of it."""
    shutil.copytree(bundle.folder, out)
    path = max((path for path in out.rglob("*") if path.is_file()),
               key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return out


def broken(bundle: Bundle, out: Path) -> Path:
    """Whole by its manifest, with graphs that nothing can open."""
    def ruin(folder: Path) -> None:
        for graph in bundle.layout.graphs:
            (folder / graph).write_bytes(b"no graph")

    return remade(bundle, out, f"{bundle.name}-broken", ruin)


def remade(bundle: Bundle, out: Path, name: str,
           change: Callable[[Path], None] = lambda folder: None) -> Path:
    """The same under a name, after a change to its files, which its manifest takes for its own."""
    manifest = bundle.manifest
    with write_bundle(out, name=name, catalogue=manifest.catalogue, student=manifest.student,
                      target=manifest.target, made_with=manifest.made_with,
                      allowed=manifest.allowed) as partial:
        shutil.copytree(bundle.folder, partial, dirs_exist_ok=True)
        for left in (MANIFEST, SIGNATURE):
            (partial / left).unlink(missing_ok=True)
        change(partial)
    return out
