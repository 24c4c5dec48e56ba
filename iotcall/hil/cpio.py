"""Archives that Linux unpacks when it boots: cpio's "new ASCII" format. Leaves out: reading them.

Format: https://docs.kernel.org/driver-api/early-userspace/buffer-format.html. Everything in them is
root's, whoever makes them, and nothing of it depends on when or where that is.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import PurePosixPath

import msgspec

_MAGIC = b"070701"
_END = "TRAILER!!!"
_ALIGNED = 4


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file, a folder or a link."""

    path: str
    """Below the root, without a slash at its beginning."""
    mode: int
    """As in `stat`, the type included."""
    content: bytes = b""
    """Of a link: what it points at."""


def file(path: str, content: str | bytes, *, mode: int = 0o644) -> Entry:
    """A file; a text in UTF-8."""
    return Entry(path=path, mode=stat.S_IFREG | mode,
                 content=content.encode() if isinstance(content, str) else content)


def folder(path: str, *, mode: int = 0o755) -> Entry:
    """A folder with rights of its own; those that are only on the way need not be named."""
    return Entry(path=path, mode=stat.S_IFDIR | mode)


def link(path: str, to: str) -> Entry:
    """A symbolic link."""
    return Entry(path=path, mode=stat.S_IFLNK | 0o777, content=to.encode())


def archive(entries: Iterable[Entry]) -> bytes:
    """An archive of entries and of the folders on the way to them, sorted.

    Several archives one after the other are one to Linux, so that a part may be added later.
    """
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in map(str, PurePosixPath(path).parents):
            if parent != ".":
                found.setdefault(parent, folder(parent))
    written = b"".join(_written(number, found[path])
                       for number, path in enumerate(sorted(found), start=1))
    return written + _written(0, Entry(path=_END, mode=0))


def _written(number: int, entry: Entry) -> bytes:
    """Header, name and content, each filled up to four bytes."""
    name = entry.path.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device (2), device of a special file (2), name, sum
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    head = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
    return _filled(head) + _filled(entry.content)


def _filled(part: bytes) -> bytes:
    return part + b"\0" * (-len(part) % _ALIGNED)
