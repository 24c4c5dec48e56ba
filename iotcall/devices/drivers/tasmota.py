"""Tasmota: a topic per command, a JSON result for each. Leaves out: rules, sensors, shutters.

Source: https://tasmota.github.io/docs/MQTT/
"""

from __future__ import annotations

from typing import Any

from iotcall.devices.command import Command, Publication
from iotcall.devices.drivers.payload import read_object
from iotcall.devices.home import Device
from iotcall.devices.profile import Profile
from iotcall.devices.properties import Value


class Tasmota:
    """The Tasmota devices of a home; see `base.Driver`."""

    def __init__(self, profile: Profile, full_topic: str = "") -> None:
        self._profile = profile
        self._full_topic = full_topic or profile.topic

    def publications(self, told: Command) -> tuple[Publication, ...]:
        slot = self._profile.kinds[told.device.kind][told.property]
        name = _numbered(slot.attribute, told.device)
        return (Publication(self._topic("cmnd", told.device, name),
                            str(slot.encode(told.value)).encode()),)

    def query(self, device: Device) -> Publication | None:
        # State answers on stat/RESULT with everything; an empty payload asks.
        return Publication(self._topic("cmnd", device, "State"), b"")

    def state_topics(self, device: Device) -> tuple[str, ...]:
        return (self._topic("stat", device, "RESULT"), self._topic("tele", device, "STATE"),
                *(self._topic("stat", device, name) for name in _power_names(device)))

    def read(self, device: Device, topic: str, payload: bytes) -> dict[str, Value] | None:
        told: dict[str, Any] | None
        name = topic.rstrip("/").rpartition("/")[2]
        if topic in [self._topic("stat", device, power) for power in _power_names(device)]:
            told = {name: payload.decode(errors="replace")}
        else:
            told = read_object(payload, device.name, topic)
        if told is None:
            return None
        found: dict[str, Value] = {}
        for wanted, slot in self._profile.kinds[device.kind].items():
            keys = _power_names(device) if slot.attribute == "POWER" else (slot.attribute,)
            values = (slot.decode(told.get(key)) for key in keys)
            value = next((value for value in values if value is not None), None)
            if value is not None and (wanted != "brightness" or device.dimmable):
                found[wanted] = value
        return found

    def availability_topics(self, device: Device) -> tuple[str, ...]:
        return (self._topic("tele", device, "LWT"),)

    def read_availability(self, payload: bytes) -> bool | None:
        said = payload.decode(errors="replace")
        return {self._profile.online: True, self._profile.offline: False}.get(said)

    def _topic(self, prefix: str, device: Device, name: str) -> str:
        full = self._full_topic.replace("%prefix%", prefix).replace("%topic%", device.address)
        return f"{full.rstrip('/')}/{name}"


def _numbered(command: str, device: Device) -> str:
    return f"{command}{device.relay}" if device.relay > 1 and command == "POWER" else command


def _power_names(device: Device) -> tuple[str, ...]:
    """A device of one relay says POWER, of several POWER1, POWER2 ..."""
    return ("POWER", "POWER1") if device.relay == 1 else (f"POWER{device.relay}",)
