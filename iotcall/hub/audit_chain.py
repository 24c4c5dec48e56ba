"""What an audit's files look like, and whether they are whole. Leaves out: writing them (audit).

`NAME` is being written, `NAME.000007` and so on are full, `NAME.key` is the secret of this
installation, `NAME.head` the number and the code of the last line. A line is one JSON object with
its number `n`, its `kind` and last its `code`, an HMAC-SHA256 (RFC 2104), cut to 128 bits, over
the code before it and the line's own bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from iotcall.errors import FileError

KEY_BYTES = 32
NO_CODE = "0" * 32
"""Stands before the first line."""

_TAIL = re.compile(rb',"code":"([0-9a-f]{32})"\}$')


class Keys(msgspec.Struct, frozen=True):
    """One secret, three uses; none tells another."""

    utterance: bytes
    chain: bytes
    head: bytes

    @staticmethod
    def derive(secret: bytes) -> Keys:
        return Keys(*(hmac.new(secret, use, hashlib.sha256).digest()
                      for use in (b"utterance", b"chain", b"head")))


class Head(msgspec.Struct, frozen=True):
    """The last line, as noted beside the log."""

    number: int
    code: str


class Fault(msgspec.Struct, frozen=True):
    """One place in the files."""

    file: str
    line: int
    """Counted from 1; 0: the file as a whole."""
    what: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what}" if self.line else (
            f"{self.file}: {self.what}")


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a look through all files gave."""

    files: int
    records: int
    """Utterances."""
    head: str
    """Number and code of the last line, as `AuditLog.head`."""
    notes: tuple[Fault, ...]
    """What the hub itself noted: lines cut by a crash, records lost to a full disk."""
    faults: tuple[Fault, ...]
    """What was removed or altered; empty: nothing that the chain can tell."""


class Walk:
    """Where the chain stands, line after line, over one file or several."""

    def __init__(self, keys: Keys, wanted: str | None = None) -> None:
        """`wanted`: number and code of a line to look for."""
        self._keys, self._wanted = keys, wanted
        self.found_wanted = False
        self.number, self.code = 0, NO_CODE
        self.lines = 0
        self.records = 0
        self.ordinal = -1
        """Number of the file that the last line is in."""
        self.oldest = 0
        """Number of the oldest file that was kept when the last one was begun."""
        self.torn = b""
        """What stands after the last readable line."""
        self._torn_at = ("", 0)
        self.ends_open = False
        """Whether the last line has no end."""
        self.notes: list[Fault] = []
        self.faults: list[Fault] = []

    def file(self, path: Path) -> None:
        """Go through one file, which follows the ones before."""
        raw = path.read_bytes()
        self.ends_open = bool(raw) and not raw.endswith(b"\n")
        for at, line in enumerate(raw.removesuffix(b"\n").split(b"\n") if raw else (), 1):
            self._line(path.name, at, line)

    def _line(self, name: str, at: int, raw: bytes) -> None:
        found = _read(raw)
        if found is None:
            self.torn += raw + b"\n"
            self._torn_at = name, at
            return
        body, code, content = found
        kind, number = body["kind"], body["n"]
        if self.lines == 0 and kind == "begin":  # the files before it were let go
            self.number, self.code = number - 1, str(body.get("previous"))
        good = hmac.compare_digest(code, code_of(self.code, content, self._keys))
        if self.torn:
            self._settle(body if good else {})
        if not good:
            gap = number - self.number - 1
            self.faults.append(Fault(name, at, f"{gap} lines are missing before it" if gap > 0 else
                                     "it was altered, or lines before it were removed"))
        self.number, self.code = number, code  # subtle: also if bad, so that one fault is one fault
        self.found_wanted |= self._wanted == f"{number}:{code}"
        self.lines += 1
        self.records += kind == "turn"
        if not good:
            return  # what it says is not ours
        if kind == "begin":
            self.ordinal, self.oldest = body["file"], body["oldest"]
        elif kind == "lost":
            self.notes.append(Fault(name, at, f"{body.get('records')} records were not written"))
        elif kind == "missing":
            self.faults.append(Fault(name, at, f"at a start {body.get('lines')} lines were missing "
                                     "before it"))

    def _settle(self, body: dict[str, Any]) -> None:
        """What could not be read is a cut line if the hub said so next, and damage if not."""
        cut = body.get("kind") == "torn" and body.items() >= torn_note(self.torn).items()
        (self.notes if cut else self.faults).append(Fault(
            *self._torn_at, "a crash cut it" if cut else "it cannot be read"))
        self.torn = b""

    def end(self) -> None:
        """There are no more files."""
        if self.torn:
            self.notes.append(Fault(*self._torn_at, "it has no end yet"))


def verify_audit(path: Path, *, head: str | None = None) -> AuditReport:
    """Go through all files of an audit, also while a hub writes it.

    Args:
        head: an `AuditLog.head` that was noted elsewhere earlier; it must still be there.

    Raises:
        FileError: there is none, or a file or its key cannot be read.
    """
    keys = read_key(path)
    if keys is None:
        raise FileError(key_path(path), "is missing; without it nobody can tell whether the audit "
                        "is whole")
    try:
        for _ in range(3):
            noted, full = read_head(path, keys), rotated(path)
            walk = _walked(path, full, keys, wanted=head)
            if rotated(path) == full:  # else the hub has just begun another file
                break
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    faults = list(walk.faults)
    if full and full[0][0] > walk.oldest:
        faults.append(Fault(path.name, 0, f"full files are missing, from {walk.oldest:06d} on"))
    if noted is None and walk.lines:
        faults.append(Fault(f"{path.name}.head", 0, "is missing or was altered"))
    elif noted and noted.number > walk.number:
        faults.append(Fault(path.name, 0, f"{noted.number - walk.number} lines are missing at the "
                            "end"))
    if head is not None and not walk.found_wanted:
        faults.append(Fault(path.name, 0, f"no line is {head}"))
    return AuditReport(files=len(full) + path.exists(), records=walk.records,
                       head=f"{walk.number}:{walk.code}", notes=tuple(walk.notes),
                       faults=tuple(faults))


def code_of(before: str, content: bytes, keys: Keys) -> str:
    """The code of a line: `content` is its bytes up to the code."""
    return hmac.new(keys.chain, before.encode() + content, hashlib.sha256).hexdigest()[:32]


def encode_line(number: int, before: str, kind: str, body: dict[str, Any], keys: Keys
                ) -> tuple[bytes, str]:
    """The bytes of a line and its code; `before` is the code of the line before it."""
    content = msgspec.json.encode({"n": number, "kind": kind, **body})[:-1]
    code = code_of(before, content, keys)
    return content + f',"code":"{code}"}}\n'.encode(), code


def torn_note(torn: bytes) -> dict[str, Any]:
    """What is noted of a cut line."""
    return {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}


def key_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.key")


def read_key(path: Path) -> Keys | None:
    """The keys of the audit at `path`; None: it has none yet.

    Raises:
        FileError: the file is no key.
    """
    try:
        secret = bytes.fromhex(key_path(path).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except ValueError:
        secret = b""
    except OSError as error:
        raise FileError(key_path(path), f"cannot be read: {error.strerror}") from error
    if len(secret) != KEY_BYTES:
        raise FileError(key_path(path), f"expected {2 * KEY_BYTES} hexadecimal digits; put the key "
                        "back, or move the audit away and a new one is begun")
    return Keys.derive(secret)


def rotated(path: Path) -> list[tuple[int, Path]]:
    """Number and path of the full files, oldest first."""
    name = re.compile(re.escape(path.name) + r"\.(\d{6,9})")
    return sorted((int(found[1]), each) for each in path.parent.iterdir()
                  if (found := name.fullmatch(each.name)))


def read_head(path: Path, keys: Keys) -> Head | None:
    """The last line as noted; None: not noted, or not by us."""
    try:
        number, code, seal = head_path(path).read_text(encoding="ascii").strip().split(":")
        head = Head(int(number), code)
    except (FileNotFoundError, ValueError):
        return None
    return head if hmac.compare_digest(seal.encode(), _seal(head, keys).encode()) else None


def write_head(path: Path, head: Head, keys: Keys) -> None:
    """Overwrite the note in place: always as many bytes, so that a full disk has room for it."""
    handle = os.open(head_path(path), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, f"{head.number:015d}:{head.code}:{_seal(head, keys)}\n".encode(), 0)
    finally:
        os.close(handle)


def head_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def _walked(path: Path, full: list[tuple[int, Path]], keys: Keys, *, wanted: str | None) -> Walk:
    walk = Walk(keys, wanted)
    for ordinal, each in full:
        walk.file(each)
        if walk.ordinal != ordinal:
            walk.faults.append(Fault(each.name, 0, "is not the file that its name says"))
    with contextlib.suppress(FileNotFoundError):
        walk.file(path)
    walk.end()
    return walk


def _seal(head: Head, keys: Keys) -> str:
    noted = f"{head.number}:{head.code}".encode()
    return hmac.new(keys.head, noted, hashlib.sha256).hexdigest()[:32]


def _read(raw: bytes) -> tuple[dict[str, Any], str, bytes] | None:
    """The line as an object, its code and what the code is over; None: it is no audit's line."""
    found = _TAIL.search(raw)
    try:
        body = msgspec.json.decode(raw) if found else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not found or not isinstance(body, dict):
        return None
    if type(body.get("n")) is not int or not isinstance(body.get("kind"), str):
        return None
    return body, found[1].decode(), raw[:found.start()]
