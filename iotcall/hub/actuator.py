"""Commands out, acknowledgements in. Leaves out: whether a command may be given (dialogue's gate).

A command counts as done when the device says so, not when it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import structlog

from iotcall.devices import Command, Device, DeviceStates, Driver, Publication
from iotcall.devices.home import DriverName
from iotcall.hub.exchange import Undelivered
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import Message
from iotcall.hub.turn import CommandRecord

_ASK_AFTER = (0.25, 0.5)  # shares of acknowledge_seconds after which silent devices are asked

_log = structlog.get_logger(__name__)


class Actuator:
    """Talks to the devices of one home; used by the worker only."""

    def __init__(
        self,
        settings: HubSettings,
        link: Link,
        states: DeviceStates,
        drivers: Mapping[DriverName, Driver],
    ) -> None:
        self._settings = settings
        self._link = link
        self._states = states
        self._drivers = drivers

    def carry_out(
        self, commands: Sequence[Command], deadline: float
    ) -> tuple[CommandRecord, ...]:
        """Publish the commands in order and wait for the devices; a record for each.

        A command that the broker has not taken by the (monotonic) deadline is given up. A device
        that is silent after a quarter of `acknowledge_seconds` is asked for its state, as some
        locks and plugs take a command in silence; and after half of it again, as bolts are slow.
        """
        since = self._states.mark()
        publications = [self._drivers[told.device.driver].publications(told) for told in commands]
        sent = [told for told, messages in zip(commands, publications, strict=True)
                if self._delivered(told, messages, deadline)]
        done = self._acknowledged(sent, since)
        return tuple(
            CommandRecord(
                device=told.device.name,
                property=told.property,
                value=told.value,
                topic=messages[0].topic,
                payload=messages[0].payload.decode(errors="replace"),
                acknowledged=told in done,
                state=self._states.of(told.device),
            )
            for told, messages in zip(commands, publications, strict=True)
        )

    def ask(self, devices: Sequence[Device]) -> None:
        """Ask devices for their states, without waiting."""
        for device in devices:
            query = self._drivers[device.driver].query(device)
            if query is not None:
                self._link.send(self._message(query))

    def _delivered(
        self, told: Command, publications: Sequence[Publication], deadline: float
    ) -> bool:
        try:
            for publication in publications:
                self._link.publish(self._message(publication), deadline)
        except Undelivered as error:
            _log.error("command.undelivered", device=told.device.name, reason=str(error))
            return False
        return True

    def _acknowledged(self, sent: Sequence[Command], since: int) -> list[Command]:
        begun, longest = time.monotonic(), self._settings.acknowledge_seconds
        done = self._states.wait_for(sent, begun + _ASK_AFTER[0] * longest, since=since)
        for until in (*_ASK_AFTER[1:], 1.0):
            if all(done):
                break
            silent = {told.device.name: told.device
                      for told, acknowledged in zip(sent, done, strict=True) if not acknowledged}
            self.ask(tuple(silent.values()))
            done = self._states.wait_for(sent, begun + until * longest, since=since)
        for told, acknowledged in zip(sent, done, strict=True):
            if not acknowledged:
                _log.warning("command.unconfirmed", device=told.device.name,
                             property=told.property)
        return [told for told, acknowledged in zip(sent, done, strict=True) if acknowledged]

    def _message(self, publication: Publication) -> Message:
        # Never retained, and gone from the broker when it is no use any more.
        return Message(publication.topic, publication.payload,
                       expiry_seconds=max(1, round(self._settings.command_seconds)))
