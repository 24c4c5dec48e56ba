"""zigbee2mqtt 2.x: JSON on one topic per device. Leaves out: pairing, groups and the bridge's API.

Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from iotcall.devices.command import Command, Publication
from iotcall.devices.drivers.payload import read_object
from iotcall.devices.home import Device
from iotcall.devices.profile import Profile, Slot
from iotcall.devices.properties import Value


class Zigbee2mqtt:
    """The zigbee2mqtt devices of a home; see `base.Driver`."""

    def __init__(self, profile: Profile, base_topic: str = "") -> None:
        self._profile = profile
        self._base = base_topic or profile.topic

    def publications(self, told: Command) -> tuple[Publication, ...]:
        slots = self._profile.kinds[told.device.kind]
        values = {**slots[told.property].also, told.property: told.value}
        payload = {told.device.attributes.get(name, slots[name].attribute):
                   slots[name].encode(value) for name, value in values.items()}
        return (self._message(told.device, "set", payload),)

    def query(self, device: Device) -> Publication | None:
        return self._message(device, "get", {key: "" for key, _, _ in self._slots(device)})

    def state_topics(self, device: Device) -> tuple[str, ...]:
        return (f"{self._base}/{device.address}",)

    def read(self, device: Device, topic: str, payload: bytes) -> dict[str, Value] | None:
        told = read_object(payload, device.name, topic)
        if told is None:
            return None
        found = ((name, slot.decode(told.get(key))) for key, name, slot in self._slots(device))
        return {name: value for name, value in found if value is not None}

    def availability_topics(self, device: Device) -> tuple[str, ...]:
        return f"{self._base}/bridge/state", f"{self._base}/{device.address}/availability"

    def read_availability(self, payload: bytes) -> bool | None:
        try:
            told: Any = msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            told = payload.decode(errors="replace")  # 1.x wrote the bare word
        state = told.get("state") if isinstance(told, dict) else told
        return {self._profile.online: True, self._profile.offline: False}.get(str(state))

    def _slots(self, device: Device) -> list[tuple[str, str, Slot]]:
        """(attribute, property, slot) of what the device has."""
        return [(device.attributes.get(name, slot.attribute), name, slot)
                for name, slot in self._profile.kinds[device.kind].items()
                if name != "brightness" or device.dimmable]

    def _message(self, device: Device, suffix: str, payload: dict[str, Any]) -> Publication:
        return Publication(f"{self._base}/{device.address}/{suffix}", msgspec.json.encode(payload))
