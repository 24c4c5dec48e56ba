"""What the devices last said, shared between threads. Leaves out: how messages get here."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from iotcall.devices.command import Command, satisfies
from iotcall.devices.device import Device
from iotcall.devices.home import Home
from iotcall.devices.points import Point, Read, at_path
from iotcall.devices.properties import Value

log = structlog.get_logger()

MAX_PAYLOAD_BYTES = 65_536
"""A state is some hundred bytes; anything near this is no state."""
_REASON_LENGTH = 200


class DeviceStates:
    """States and availability by device, fed with messages; every method may run on any thread."""

    def __init__(self, home: Home) -> None:
        self._condition = threading.Condition()
        self._states: dict[str, dict[str, Value]] = {}  # device's id -> property -> value
        self._heard: dict[tuple[str, str], int] = {}  # (id, property) -> report; 0: retained
        self._faults: dict[str, tuple[int, str]] = {}  # id -> (report, reason)
        self._reports = 0
        self._online: dict[tuple[str, int], bool] = {}  # (id, place of its availability)
        # id -> (it was said live, places of its availability, one of which spoke last)
        self._spoke_last: dict[str, tuple[bool, frozenset[int]]] = {}
        self._by_topic: dict[str, list[Device]] = {}
        self.follow(home)

    def follow(self, home: Home) -> None:
        """The devices have changed: what the others said stays known, those that went are
        forgotten."""
        by_topic: dict[str, list[Device]] = {}
        for device in home.devices:
            for topic in device.topics():
                by_topic.setdefault(topic, []).append(device)
        here = {device.id for device in home.devices}
        with self._condition:
            self._by_topic = by_topic
            self._states = {each: self._states.get(each, {}) for each in here}
            self._faults = {each: fault for each, fault in self._faults.items() if each in here}
            self._heard = {key: heard for key, heard in self._heard.items() if key[0] in here}
            self._online = {key: said for key, said in self._online.items() if key[0] in here}
            self._spoke_last = {each: last for each, last in self._spoke_last.items()
                                if each in here}
            self._condition.notify_all()

    def topics(self) -> tuple[str, ...]:
        """All topics to subscribe to, sorted; none holds a wildcard."""
        return tuple(sorted(self._by_topic))

    def feed(self, topic: str, payload: bytes, *, retained: bool = False) -> bool:
        """Take in a message; whether its topic is one of `topics`.

        A retained message tells a state, but is no acknowledgement: it is older than the command.
        """
        devices = self._by_topic.get(topic, [])
        if not devices:
            return False
        said = _parsed(payload, topic)
        with self._condition:
            self._reports += not retained
            for device in devices:
                self._hear(device, topic, said, 0 if retained else self._reports)
            self._condition.notify_all()
        return True

    def of(self, device: Device) -> dict[str, Value]:
        """A copy of what the device last said; empty: nothing was heard."""
        with self._condition:
            return dict(self._states.get(device.id, {}))

    def online(self, device: Device) -> bool | None:
        """False when the device or its bridge says offline; None when neither said anything, or
        when nobody can know which of them spoke last and that is what counts."""
        latest = device.availability_mode == "latest"
        with self._condition:
            places = self._spoke_last.get(device.id, (False, ()))[1] if latest else (
                range(len(device.availability)))
            said = [self._online[device.id, place] for place in places
                    if (device.id, place) in self._online]
        if not said or (latest and len(set(said)) > 1):
            return None
        return any(said) if device.availability_mode == "any" else all(said)

    def mark(self) -> int:
        """Take it before sending commands: only what is said after it acknowledges them."""
        with self._condition:
            return self._reports + 1

    def matches(self, told: Command, *, since: int = 0) -> bool:
        """Whether the device said, after the mark, that it is as the command asks."""
        with self._condition:
            return self._matches(told, since)

    def fault(self, device: Device, *, since: int) -> str | None:
        """Why the ecosystem refused a command to the device, told after the mark."""
        with self._condition:
            report, reason = self._faults.get(device.id, (-1, ""))
        return reason if report >= since else None

    def wait_for(self, commands: Sequence[Command], deadline: float, *,
                 since: int = 0) -> tuple[bool, ...]:
        """Which commands the devices have acknowledged; returns early when all have, or were
        refused.

        `deadline` is a time of `time.monotonic`.
        """
        with self._condition:
            while True:
                done = tuple(self._matches(told, since) for told in commands)
                left = deadline - time.monotonic()
                settled = (each or self._faults.get(told.device.id, (-1, ""))[0] >= since
                           for each, told in zip(done, commands, strict=True))
                if all(settled) or left <= 0:
                    return done
                self._condition.wait(left)

    def _matches(self, told: Command, since: int) -> bool:
        key = told.device.id
        names = ("movement", "position") if told.property == "movement" else (told.property,)
        heard = max(self._heard.get((key, name), -1) for name in names)
        return heard >= since and satisfies(told, self._states.get(key, {}))

    def _hear(self, device: Device, topic: str, said: Any, report: int) -> None:
        for place, each in enumerate(device.availability):
            if each.topic == topic:
                word = _word(at_path(said, each.path) if isinstance(said, dict) else said)
                if word in (each.online, each.offline):
                    self._hear_online(device.id, place, word == each.online, live=report > 0)
        for fault in device.faults:
            if fault.topic == topic and report:
                reason = at_path(said, fault.path)
                if isinstance(reason, str) and all(part in reason for part in fault.contains):
                    self._faults[device.id] = report, reason[:_REASON_LENGTH]
        state = self._states.setdefault(device.id, {})
        for name, value in read_state(device, topic, said).items():
            state[name] = value
            self._heard[device.id, name] = report

    def _hear_online(self, key: str, place: int, online: bool, *, live: bool) -> None:
        """subtle: retained messages come in any order, and come again with every subscription. One
        that says what was known is no news; those that are news may each be the last word."""
        news = self._online.get((key, place)) is not online
        self._online[key, place] = online
        was_live, places = self._spoke_last.get(key, (False, frozenset()))
        if live:
            self._spoke_last[key] = True, frozenset({place})
        elif news:
            self._spoke_last[key] = False, (frozenset() if was_live else places) | {place}


def read_state(device: Device, topic: str, said: Any) -> dict[str, Value]:
    """Normalised properties that a message tells (its payload parsed, or text)."""
    found: dict[str, Value] = {}
    for name, point in device.points.items():
        for read in point.reads:
            if read.topic == topic and (value := _told(name, point, read, said)) is not None:
                found[name] = value
                break
    return found


def _told(name: str, point: Point, read: Read, said: Any) -> Value | None:
    try:
        return point.value_of(name, read, said)
    except (ValueError, OverflowError):  # a payload is never trusted
        return None


def _parsed(payload: bytes, topic: str) -> Any:
    """JSON where it is JSON, text otherwise; None for what is too long to be a state."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        log.warning("state_malformed", kind="too_long", topic=topic)
        return None
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload.decode(errors="replace")


def _word(said: Any) -> str:
    if isinstance(said, bool):
        return "true" if said else "false"
    return str(said)
