"""The audit: one JSON line for every utterance, appended and never changed. Leaves out: checking
what was written (audit_check).

What people said is not in it, only a hash, keyed with a secret of this installation: the same
words give the same hash, so that one sees that a phrase came again and can ask whether it was
"unlock the front door", but nobody without the key can try a list of phrases. Calls are in it as
the student wrote them, with the names and free texts in them.

Lines are chained: each holds a code over itself and the code before it, made with the same secret
(HMAC-SHA256, RFC 2104). A file beside it, `NAME.head`, holds the last code, so that lines missing
at the end are noticed too. Who reads the key can forge all of it: the chain tells of damage and of
those who may write here but not read the key; against the machine's owner only a `head` that was
noted elsewhere helps.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import hmac
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from iotcall.catalogue import without_surrogates
from iotcall.errors import FileError, StoreError
from iotcall.hub.audit_chain import (
    KEY_BYTES,
    AuditReport,
    Fault,
    Head,
    Keys,
    Walk,
    encode_line,
    key_path,
    read_head,
    read_key,
    rotated,
    torn_note,
    verify_audit,
    write_head,
)
from iotcall.hub.turn import TurnRecord

__all__ = ["AuditLog", "AuditReport", "Fault", "utterance_hash", "verify_audit"]

_LINE_LIMIT_BYTES = 65536
"""Of one record; a longer one loses its states, then its commands, then its calls, and says so."""
_ROTATING = ("turn", "lost")
"""Kinds before which a full file is put aside; the others belong to the line before them."""


class AuditLog:
    """Open for writing; one process at a time. For one thread."""

    def __init__(self, path: Path, *, max_bytes: int = 1 << 20, keep: int = 8) -> None:
        """Open or begin the log; a line that a crash has cut is closed and noted.

        Raises:
            FileError: it cannot be opened or made.
            StoreError: another process writes it.
        """
        self._path, self._max_bytes, self._keep = path, max_bytes, keep
        self._lost = 0  # records that could not be written since the last one that could
        self._spoilt = False  # whether half a line stands at the end, which could not be cut off
        self.faults: tuple[Fault, ...] = ()
        """What was removed or altered in the newest file before this start."""
        self._lock = self._file = -1
        try:
            self._lock = _locked(path)
            self._keys = self._known_keys()
            self._open()
        except BaseException as error:
            self.close()
            if not isinstance(error, OSError):
                raise
            raise FileError(path, f"the audit cannot be written: {error.strerror}; make room, or "
                            "name another place") from error

    @property
    def head(self) -> str:
        """Number and code of the last line, e.g. to note it on another machine."""
        return f"{self._number}:{self._code}"

    def append(self, turn: TurnRecord) -> str:
        """Write a record and flush it to the disk; why it could not be, else an empty text.

        Never raises for the disk's sake. What was lost is counted, and told in the log as soon as
        there is room.
        """
        try:
            if self._lost:
                self._write("lost", {"records": self._lost})
                self._lost = 0
            self._write("turn", _body(turn, self._keys))
        except (OSError, ValueError) as error:  # ValueError: a text that no encoding can write
            self._lost += 1
            return getattr(error, "strerror", None) or type(error).__name__
        return ""

    def lose(self, records: int) -> None:
        """So many could not even be handed over; told as `append` tells of what was lost."""
        self._lost += records

    def close(self) -> None:
        for handle in (self._file, self._lock):
            if handle >= 0:
                os.close(handle)
        self._file = self._lock = -1

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _known_keys(self) -> Keys:
        keys = read_key(self._path)
        if keys is None and (self._path.exists() or rotated(self._path)):
            raise FileError(key_path(self._path), "is missing, but there is an audit; put the key "
                            "back, or move the audit away and a new one is begun")
        return keys or _new_key(self._path)

    def _open(self) -> None:
        """Continue the file that is there, or the chain of the newest full one."""
        older, noted = rotated(self._path), read_head(self._path, self._keys)
        self._file = self._append_to(self._path)
        self._size = os.fstat(self._file).st_size
        here, walk = Walk(self._keys), Walk(self._keys)
        here.file(self._path)
        if here.lines:
            walk = here
        elif older:
            walk.file(older[-1][1])
        self._number, self._code = walk.number, walk.code
        self._ordinal, self.faults = walk.ordinal, tuple(walk.faults)
        if not here.lines:  # new, or a crash cut its very first line
            os.ftruncate(self._file, 0)
            self._size, self._ordinal = 0, walk.ordinal + 1
            self._begin()
        elif here.ends_open:
            self._put(b"\n")
        if here.lines and here.torn:
            self._write("torn", torn_note(here.torn))
        if noted and noted.number > walk.number:
            # subtle: to go on as if nothing had been would hide that lines were cut off the end.
            self._write("missing", {"lines": noted.number - walk.number})

    def _write(self, kind: str, body: dict[str, Any]) -> None:
        """Append one line and flush it; raises OSError, and then nothing of it is left."""
        line, code = encode_line(self._number + 1, self._code, kind, body, self._keys)
        if kind in _ROTATING and self._size + len(line) > self._max_bytes:
            self._rotate()
        if self._size == 0 and kind != "begin":  # also where no room was left for it before
            self._begin()
            line, code = encode_line(self._number + 1, self._code, kind, body, self._keys)
        self._put(line)
        self._number, self._code = self._number + 1, code
        with contextlib.suppress(OSError):  # it lags then, as after a crash
            write_head(self._path, Head(self._number, self._code), self._keys)

    def _put(self, raw: bytes) -> None:
        if self._spoilt:
            os.ftruncate(self._file, self._size)
        self._spoilt = True
        try:
            if os.write(self._file, raw) != len(raw):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            self._spoilt = False
            raise
        self._spoilt = False
        self._size += len(raw)

    def _rotate(self) -> None:
        """Put the file aside under its number, begin the next, forget the oldest."""
        aside = self._path.with_name(f"{self._path.name}.{self._ordinal:06d}")
        os.rename(self._path, aside)
        try:
            new = self._append_to(self._path)
        except OSError:
            os.rename(aside, self._path)
            raise
        os.close(self._file)
        self._file, self._size, self._ordinal = new, 0, self._ordinal + 1
        full = rotated(self._path)
        for _, path in full[: max(0, len(full) - self._keep)]:
            path.unlink()

    def _begin(self) -> None:
        full = rotated(self._path)
        self._write("begin", {"file": self._ordinal, "previous": self._code,
                              "oldest": full[0][0] if full else self._ordinal})

    @staticmethod
    def _append_to(path: Path) -> int:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        os.fchmod(handle, 0o600)  # whoever made it
        return handle


def _body(turn: TurnRecord, keys: Keys) -> dict[str, Any]:
    body: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "site": turn.site_id, "utterance": utterance_hash(turn.utterance, keys),
        "outcome": turn.outcome,
        "calls": [{"name": call.name, "arguments": call.arguments} for call in turn.calls],
        "commands": [{"device": each.device, "property": each.property, "value": each.value,
                      "verdict": each.verdict, "reason": each.reason, "state": each.state}
                     for each in turn.commands],
    }
    body = without_surrogates(msgspec.to_builtins(body))
    for cut in ("state", "commands", "calls"):
        if len(msgspec.json.encode(body)) <= _LINE_LIMIT_BYTES:
            break
        body["shortened"] = cut
        if cut == "state":
            for each in body["commands"]:
                del each["state"]
        else:
            body[cut] = []
    return body


def utterance_hash(text: str, keys: Keys) -> str:
    """128 bits; the same for the same words, whatever their case and spacing."""
    plain = " ".join(text.casefold().split()).encode(errors="replace")
    return hmac.new(keys.utterance, plain, hashlib.sha256).hexdigest()[:32]


def _locked(path: Path) -> int:
    """A file beside the log that we hold alone; the system lets go of it when we end."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError(f"{path}: another process writes this audit; give each hub its own"
                         ) from None
    return lock


def _new_key(path: Path) -> Keys:
    """Make the installation's secret; written whole or not at all."""
    secret = secrets.token_bytes(KEY_BYTES)
    made = key_path(path).with_name(f"{key_path(path).name}.new")
    with contextlib.suppress(FileNotFoundError):
        made.unlink()
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secret.hex().encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(made, key_path(path))
    return Keys.derive(secret)
