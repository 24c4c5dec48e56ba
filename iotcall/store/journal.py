"""The journal of commands: what was to be done, what was sent, what became of it.

Leaves out: sending, and what the commands say (they are JSON of the hub's). How it is used:

    entry_id = journal.begin(key, site, session, commands)  # durable, before anything goes out
    ...                                                     # publish command 0
    journal.sent(entry_id, 0)
    journal.settled(entry_id, 0, "confirmed", state)

subtle: `begin` alone makes a command be sent at most once. A crash may come between a publication
and its `sent`, so an unsettled command may have been sent whatever the journal says; it is asked
after, never sent again. So `sent` need not reach the disk at once, nor any `settled` but the last
of an entry: an utterance costs two flushes of an SD card, however many lamps it switches.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import Literal

import msgspec

from iotcall.errors import LimitError, StoreError
from iotcall.store.backend import Backend, Change, Drop, Prune, Put, Row, read_body
from iotcall.store.clocks import Clocks
from iotcall.store.texts import bounded, json_value

Verdict = Literal["accepted", "confirmed", "refused", "unconfirmed"]
"""The words of `iotcall.devices.Verdict`, which stands beside this package."""

MAX_COMMANDS = 256
MAX_JSON_BYTES = 16384
"""Of one command, and of one state."""
MAX_KEY_CHARACTERS = 256
"""Of an utterance key, a site and a session."""

_SPARED = 64  # newest entries that no clock can make too old
_LOOKED_BACK = 64  # entries of a site in which `last_done` looks
_DAY_SECONDS = 86400
_NULL = msgspec.Raw(b"null")


class Intended(msgspec.Struct, frozen=True, kw_only=True):
    """One command, before anything is done about it."""

    command: bytes
    """JSON; whatever the hub needs to ask after it and to name it."""
    before: bytes = b"null"
    """JSON: what its device was like, for undo."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One command and what became of it."""

    command: msgspec.Raw
    before: msgspec.Raw = _NULL
    sent_at: float | None = None
    """Unix seconds. None: nobody knows whether it was sent, unless there is a verdict."""
    verdict: Verdict | None = None
    """None: it was not settled."""
    state: msgspec.Raw = _NULL
    """What its device was like when it was settled."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance that had commands; without any it is known and was settled at once."""

    id: str
    utterance_key: str
    site: str
    session: str | None
    began_at: float
    """Unix seconds."""
    steps: tuple[Step, ...]
    run: str = ""
    """Of whoever began it (`Sharing.run`)."""

    @property
    def is_open(self) -> bool:
        """Whether a command was not settled."""
        return any(step.verdict is None for step in self.steps)


class AlreadyBegun(StoreError):
    """The utterance was begun before: nothing may be sent for it."""

    def __init__(self, utterance_key: str, entry: Entry | None) -> None:
        self.entry = entry
        """What became of it; None: pruned since."""
        super().__init__(f"utterance {utterance_key!r} was begun before; ask `seen` first")


class Journal:
    """Entries, oldest first. Thread-safe."""

    def __init__(self, backend: Backend, clocks: Clocks, *, entries: int = 2000,
                 days: int = 30, run: str = "") -> None:
        self._backend, self._clocks, self._run = backend, clocks, run
        self._entries, self._days = entries, days
        self._changing = threading.Lock()

    def begin(self, utterance_key: str, site: str, session: str | None,
              commands: Sequence[Intended], *, first_delivery: bool = False) -> str:
        """Note what is about to be done; its id. It is on the disk when this returns.

        Args:
            utterance_key: the same for every delivery of one utterance, another for the same
                words said again: packet identifier and hash of the payload, say.
            first_delivery: the broker says that it never delivered this before (DUP is 0; MQTT 5,
                3.3.1.1), so an older entry of the key is another utterance: identifiers wrap.

        Raises:
            AlreadyBegun: the key is known; nothing was noted.
            StoreFull: no room; nothing was noted, and what must not be done twice must not be done.
            LimitError: too many commands, or too long.
        """
        if len(commands) > MAX_COMMANDS:
            raise LimitError("commands of one utterance", len(commands), MAX_COMMANDS)
        entry = Entry(
            id=secrets.token_hex(8), began_at=self._clocks.wall(),
            utterance_key=bounded(utterance_key, MAX_KEY_CHARACTERS, "an utterance key"),
            site=bounded(site, MAX_KEY_CHARACTERS, "a site"),
            run=self._run, session=session and bounded(session, MAX_KEY_CHARACTERS, "a session"),
            steps=tuple(Step(command=json_value(each.command, MAX_JSON_BYTES, "a command"),
                             before=json_value(each.before, MAX_JSON_BYTES, "a state"))
                        for each in commands))
        oldest = entry.began_at - self._days * _DAY_SECONDS
        changes: list[Change] = [Drop("utterance", utterance_key)] if first_delivery else []
        changes += [
            Put(kind="utterance", key=utterance_key, site=site, at=entry.began_at,
                body=msgspec.json.encode(entry.id), new=True),
            _put(entry, new=True),
            Prune(kind="entry", keep=self._entries, since=oldest, spare=_SPARED),
            Prune(kind="utterance", keep=self._entries, since=oldest, spare=_SPARED),
        ]
        if not self._backend.commit(changes):
            raise AlreadyBegun(utterance_key, self.seen(utterance_key))
        return entry.id

    def sent(self, entry_id: str, index: int) -> None:
        """The broker has taken the command; the first time counts.

        Raises:
            StoreError: there is no such entry or command. (StoreFull: it stays as it was.)
        """
        with self._changing:
            entry, step = self._step(entry_id, index)
            if step.sent_at is None:
                self._change(entry, index, msgspec.structs.replace(
                    step, sent_at=self._clocks.wall()))

    def settled(self, entry_id: str, index: int, verdict: Verdict, state: bytes = b"null") -> None:
        """What became of the command, and what its device is like; the last word counts.

        Raises:
            StoreError: there is no such entry or command. (StoreFull: it stays as it was.)
            LimitError: the state is too long.
        """
        found = json_value(state, MAX_JSON_BYTES, "a state")
        with self._changing:
            entry, step = self._step(entry_id, index)
            self._change(entry, index, msgspec.structs.replace(
                step, verdict=verdict, state=found))

    def entry(self, entry_id: str) -> Entry | None:
        """One entry; None: unknown, or pruned."""
        row = self._backend.row("entry", entry_id)
        return None if row is None else read_body(row, Entry)

    def open_entries(self) -> tuple[Entry, ...]:
        """Those with a command that was never settled, oldest first.

        After a start: what the process before us may or may not have sent. Ask the devices, settle
        each as confirmed or unconfirmed, send none.
        """
        return tuple(entry for entry in self._read(self._backend.rows("entry")) if entry.is_open)

    def seen(self, utterance_key: str) -> Entry | None:
        """What became of the utterance; None: it was never begun, or so long ago that it is gone.

        Ask before `begin` wherever the broker says that it delivers again.
        """
        row = self._backend.row("utterance", utterance_key)
        entry_id = None if row is None else read_body(row, str)
        return None if entry_id is None else self.entry(entry_id)

    def last_done(self, site: str) -> Entry | None:
        """The newest of the site's latest entries that did something, or may have: for undo.

        Its steps hold the state before; those that were refused are no matter of undo.
        """
        rows = self._backend.rows("entry", site=site, newest=_LOOKED_BACK)
        for entry in reversed(self._read(rows)):
            if any(step.verdict not in (None, "refused") for step in entry.steps):
                return entry
        return None

    def _step(self, entry_id: str, index: int) -> tuple[Entry, Step]:
        entry = self.entry(entry_id)
        if entry is None:
            raise StoreError(f"the journal has no entry {entry_id!r}, or none that can be read")
        if not 0 <= index < len(entry.steps):
            raise StoreError(f"entry {entry_id!r} has {len(entry.steps)} commands, and "
                             f"none is number {index}")
        return entry, entry.steps[index]

    def _change(self, entry: Entry, index: int, step: Step) -> None:
        steps = (*entry.steps[:index], step, *entry.steps[index + 1:])
        changed = msgspec.structs.replace(entry, steps=steps)
        self._backend.commit([_put(changed)], durable=not changed.is_open)

    @staticmethod
    def _read(rows: Sequence[Row]) -> tuple[Entry, ...]:
        found = (read_body(row, Entry) for row in rows)
        return tuple(entry for entry in found if entry is not None)


def _put(entry: Entry, *, new: bool = False) -> Put:
    return Put(kind="entry", key=entry.id, site=entry.site, at=entry.began_at, new=new,
               body=msgspec.json.encode(entry))
