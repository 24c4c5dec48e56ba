"""Carry a plan out: journal first, then the devices, then the hub's own chores.

Leaves out: what a plan is (dialogue), publishing (actuator), keeping (store). A command that is in
the journal is never sent again: after a crash the device is asked, and what cannot be known is
*unconfirmed*.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence

import msgspec
import structlog

from iotcall.devices import (
    Command,
    Device,
    DeviceStates,
    Home,
    Unable,
    Value,
    Verdict,
    command_for,
)
from iotcall.dialogue import DialogueSettings, Plan
from iotcall.errors import LimitError, StoreError
from iotcall.hub.actuator import Actuator
from iotcall.hub.chores import do_chore
from iotcall.hub.turn import CommandRecord
from iotcall.store import AlreadyBegun, Entry, Intended, LeaseLost, Store

_log = structlog.get_logger(__name__)


class Told(msgspec.Struct, frozen=True):
    """A command as the journal keeps it."""

    device: str
    """Its id."""
    name: str
    property: str
    value: Value


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a plan."""

    commands: tuple[CommandRecord, ...] = ()
    chores: tuple[str, ...] = ()
    """What came of each chore, in words."""
    store_fault: str = ""
    """Why something was not kept."""


class Performer:
    """Used by the worker only."""

    def __init__(self, actuator: Actuator, states: DeviceStates, dialogue: DialogueSettings,
                 store: Store | None) -> None:
        self._actuator, self._states = actuator, states
        self._dialogue, self._store = dialogue, store

    def earlier(self, key: str) -> Entry | None:
        """What became of an utterance that was begun before, in this run or an earlier one."""
        if self._store is None:
            return None
        try:
            return self._store.journal.seen(key)
        except StoreError as error:
            _log.error("journal.unread", reason=str(error))
            return None

    def perform(self, plan: Plan, *, key: str, first_delivery: bool, site: str,
                session_id: str | None, deadline: float,
                on_begun: Callable[[], None] = lambda: None) -> Performed:
        """Do it; `deadline` is monotonic: nothing is sent after it. `on_begun` is called before
        anything is sent.

        Raises:
            AlreadyBegun: the utterance was begun before: nothing was sent.
            LeaseLost: another worker serves the site by now: nothing was sent.
        """
        fault = ""
        entry_id = None
        commands: Sequence[Command] = plan.commands
        withheld: list[Command] = []
        if self._store is not None and commands:
            try:
                entry_id = self._store.journal.begin(
                    key, site, session_id, [self._intended(told) for told in commands],
                    first_delivery=first_delivery)
            except (AlreadyBegun, LeaseLost):
                raise
            except (StoreError, LimitError) as error:
                # what must not be done twice is not done without a journal
                fault = str(error)
                _log.error("journal.unwritten", reason=fault)
                withheld = [told for told in commands if self._is_risky(told)]
                commands = [told for told in commands if told not in withheld]
        on_begun()
        records = list(self._actuator.carry_out(
            commands, deadline, on_sent=lambda at: self._sent(entry_id, at)))
        for at, record in enumerate(records):
            self._settled(entry_id, at, record)
        records += [CommandRecord(
            device=told.device.name, property=told.property, value=told.value, topic="",
            payload="", verdict="refused", reason="the journal cannot be written",
            state=self._states.of(told.device)) for told in withheld]
        return Performed(commands=_in_order(records, plan.commands), store_fault=fault,
                         chores=tuple(self._chore(
                             plan, uuid.uuid4().hex if first_delivery else key, site)))

    @property
    def is_open(self) -> bool:
        """Whether an earlier run has left commands open."""
        return self._store is not None and bool(self._store.journal.open_entries())

    def reconcile(self, home: Callable[[], Home], deadline: float, *, run: str | None = None
                  ) -> dict[str, list[str]]:
        """Settle what an earlier run has begun and not settled: ask the devices, send nothing.

        `home` is asked again while devices are still being discovered. `run`: only that worker's.

        Returns:
            Site -> names of devices of which nobody can say whether they did it.
        """
        unknown: dict[str, list[str]] = {}
        for entry in self._store.journal.open_entries() if self._store else ():
            if run is None or entry.run == run:
                assert self._store is not None
                with self._store.lock(entry.site):
                    if names := self.settle(entry.id, home, deadline):
                        unknown.setdefault(entry.site, []).extend(names)
        return unknown

    def settle(self, entry_id: str, home: Callable[[], Home], deadline: float) -> list[str]:
        """Settle one entry; names of devices of which nobody can say whether they did it."""
        unknown: list[str] = []
        entry = self._store.journal.entry(entry_id) if self._store else None
        for at, step in enumerate(entry.steps) if entry else ():
            if step.verdict is not None:
                continue
            told = msgspec.json.decode(step.command, type=Told)
            verdict, state = self._found(told, home, deadline)
            if verdict == "unconfirmed":
                unknown.append(told.name)
            _log.warning("command.reconciled", device=told.name, verdict=verdict)
            assert self._store is not None
            self._store.journal.settled(entry_id, at, verdict, msgspec.json.encode(state))
        return unknown

    def _found(self, told: Told, home: Callable[[], Home], deadline: float
               ) -> tuple[Verdict, dict[str, Value]]:
        """What the device says now of a command that may have been sent."""
        device = _device(told.device, home, deadline)
        if device is None:
            return "unconfirmed", {}
        try:
            command = command_for(device, told.property, told.value)
        except Unable:
            return "unconfirmed", self._states.of(device)
        since = self._states.mark()
        self._actuator.ask((device,))
        (done,) = self._states.wait_for([command], deadline, since=since)
        return "confirmed" if done else "unconfirmed", self._states.of(device)

    def _chore(self, plan: Plan, key: str, site: str) -> list[str]:
        house = self._dialogue.house
        if not plan.chores or house is None:
            return []
        if self._store is None:
            return [house.replies.not_kept]
        return [do_chore(chore, self._store, house.replies, site=site, key=f"{key}/{at}")
                for at, chore in enumerate(plan.chores)]

    def _is_risky(self, told: Command) -> bool:
        return any(confirm.concerns(told) for confirm in self._dialogue.confirm)

    def _intended(self, told: Command) -> Intended:
        return Intended(
            command=msgspec.json.encode(Told(told.device.id, told.device.name, told.property,
                                             told.value)),
            before=msgspec.json.encode(self._states.of(told.device)))

    def _sent(self, entry_id: str | None, at: int) -> None:
        if self._store is not None and entry_id is not None:
            try:
                self._store.journal.sent(entry_id, at)
            except StoreError as error:
                _log.error("journal.unwritten", reason=str(error))

    def _settled(self, entry_id: str | None, at: int, record: CommandRecord) -> None:
        if self._store is not None and entry_id is not None:
            try:
                self._store.journal.settled(entry_id, at, record.verdict,
                                            msgspec.json.encode(record.state))
            except StoreError as error:
                _log.error("journal.unwritten", reason=str(error))


def _device(key: str, home: Callable[[], Home], deadline: float) -> Device | None:
    """The device of that id, which may yet be discovered."""
    pause = threading.Event()
    while True:
        for device in home().devices:
            if device.id == key:
                return device
        if time.monotonic() >= deadline:
            return None
        pause.wait(0.05)


def _in_order(records: Sequence[CommandRecord], commands: Sequence[Command]
              ) -> tuple[CommandRecord, ...]:
    """The records in the order of the plan's commands."""
    left = list(records)
    ordered = []
    for told in commands:
        found = next(record for record in left if (record.device, record.property) == (
            told.device.name, told.property))
        left.remove(found)
        ordered.append(found)
    return tuple(ordered)


