"""What every driver does. Leaves out: connections; a driver is plain functions on messages."""

from __future__ import annotations

from typing import Protocol

from iotcall.devices.command import Command, Publication
from iotcall.devices.home import Device
from iotcall.devices.properties import Value


class Driver(Protocol):
    """One ecosystem of one home."""

    def publications(self, told: Command) -> tuple[Publication, ...]:
        """The messages that carry the command."""

    def query(self, device: Device) -> Publication | None:
        """The message that makes the device say its state; None where there is none."""

    def state_topics(self, device: Device) -> tuple[str, ...]:
        """Topics (no wildcards) on which the device says its state."""

    def read(self, device: Device, topic: str, payload: bytes) -> dict[str, Value] | None:
        """Normalised properties that a message on a state topic tells; {} when it tells none.

        None: the payload is malformed; it was logged by kind.
        """

    def availability_topics(self, device: Device) -> tuple[str, ...]:
        """Topics on which the device, or what it hangs on, says that it is there."""

    def read_availability(self, payload: bytes) -> bool | None:
        """Whether a message on an availability topic says online; None: it says neither."""
