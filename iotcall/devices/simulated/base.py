"""What a simulated ecosystem does, as plain functions on messages. Leaves out: the connection.

Nothing here reads the profiles that the drivers read: a wrong profile must show as a device that
does not react.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from iotcall.devices.points import Publication
from iotcall.devices.properties import Value


class Simulated(Protocol):
    """One MQTT client of the home: a zigbee2mqtt bridge, or one Tasmota device."""

    client_id: str
    subscriptions: tuple[str, ...]
    will: Publication

    def birth(self) -> list[Publication]:
        """What it says on every connect."""

    def farewell(self) -> list[Publication]:
        """What it says before it goes."""

    def receive(self, topic: str, payload: bytes) -> list[Publication]:
        """What it says to a message that was not retained."""

    def states(self) -> dict[str, dict[str, Value]]:
        """Entry name -> what the device really is, normalised, said or not."""


def hardware_address(seed: str, digits: int) -> str:
    """A hexadecimal address that is always the same for the same device."""
    return hashlib.sha256(seed.encode()).hexdigest()[:digits]
