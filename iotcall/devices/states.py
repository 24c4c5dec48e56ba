"""What the devices last said, shared between threads. Leaves out: how messages get here."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from iotcall.devices.command import Command, satisfies
from iotcall.devices.drivers import Driver
from iotcall.devices.home import Device, DriverName, Home
from iotcall.devices.properties import Value


class DeviceStates:
    """States and availability by device, fed with messages; every method may run on any thread."""

    def __init__(self, home: Home, drivers: Mapping[DriverName, Driver]) -> None:
        self._condition = threading.Condition()
        self._drivers = drivers
        self._states: dict[str, dict[str, Value]] = {d.name: {} for d in home.devices}
        self._heard: dict[tuple[str, str], int] = {}  # (device, property) -> report; 0: retained
        self._reports = 0
        self._online: dict[str, bool] = {}  # availability topic -> what it said
        self._by_state_topic: dict[str, list[Device]] = {}
        self._by_availability: dict[str, Driver] = {}
        self._availability: dict[str, tuple[str, ...]] = {}
        for device in home.devices:
            driver = drivers[device.driver]
            self._availability[device.name] = driver.availability_topics(device)
            for topic in driver.state_topics(device):
                self._by_state_topic.setdefault(topic, []).append(device)
            for topic in driver.availability_topics(device):
                self._by_availability[topic] = driver

    def topics(self) -> tuple[str, ...]:
        """All topics to subscribe to, sorted; none holds a wildcard."""
        return tuple(sorted({*self._by_state_topic, *self._by_availability}))

    def feed(self, topic: str, payload: bytes, *, retained: bool = False) -> bool:
        """Take in a message; whether its topic is one of `topics`.

        A retained message tells a state, but is no acknowledgement: it is older than the command.
        """
        if driver := self._by_availability.get(topic):
            online = driver.read_availability(payload)
            if online is not None:
                with self._condition:
                    self._online[topic] = online
                    self._condition.notify_all()
            return True
        devices = self._by_state_topic.get(topic, [])
        for device in devices:
            said = self._drivers[device.driver].read(device, topic, payload)
            if said:
                self._take(device, said, retained=retained)
        return bool(devices)

    def of(self, device: Device) -> dict[str, Value]:
        """A copy of what the device last said; empty: nothing was heard."""
        with self._condition:
            return dict(self._states[device.name])

    def online(self, device: Device) -> bool | None:
        """False when the device or its bridge says offline; None when neither said anything."""
        with self._condition:
            said = [self._online[topic] for topic in self._availability[device.name]
                    if topic in self._online]
        return all(said) if said else None

    def mark(self) -> int:
        """Take it before sending commands: only what is said after it acknowledges them."""
        with self._condition:
            return self._reports + 1

    def matches(self, told: Command, *, since: int = 0) -> bool:
        """Whether the device said, after the mark, that it is as the command asks."""
        with self._condition:
            return self._matches(told, since)

    def wait_for(self, commands: Sequence[Command], deadline: float, *,
                 since: int = 0) -> tuple[bool, ...]:
        """Which commands the devices have acknowledged; returns early when all have.

        `deadline` is a time of `time.monotonic`.
        """
        with self._condition:
            while True:
                done = tuple(self._matches(told, since) for told in commands)
                left = deadline - time.monotonic()
                if all(done) or left <= 0:
                    return done
                self._condition.wait(left)

    def _matches(self, told: Command, since: int) -> bool:
        name = told.device.name
        heard = self._heard.get((name, told.property), -1)
        return heard >= since and satisfies(told, self._states[name])

    def _take(self, device: Device, said: dict[str, Value], *, retained: bool) -> None:
        with self._condition:
            self._reports += not retained
            self._states[device.name].update(said)
            for name in said:
                self._heard[device.name, name] = 0 if retained else self._reports
            self._condition.notify_all()
