"""Commands out, verdicts in. Leaves out: whether a command may be given (dialogue's gate).

A command counts as done when the device says so, not when it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from iotcall.devices import Command, Device, DeviceStates, Publication, Verdict, can_confirm
from iotcall.hub.exchange import Undelivered
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import Message
from iotcall.hub.turn import CommandRecord

_ASK_AFTER = (0.25, 0.5)  # shares of acknowledge_seconds after which silent devices are asked

_log = structlog.get_logger(__name__)


class Actuator:
    """Talks to the devices of one home; used by the worker only."""

    def __init__(self, settings: HubSettings, link: Link, states: DeviceStates) -> None:
        self._settings = settings
        self._link = link
        self._states = states

    def carry_out(
        self, commands: Sequence[Command], deadline: float, *,
        on_sent: Callable[[int], None] = lambda at: None,
    ) -> tuple[CommandRecord, ...]:
        """Publish the commands in order and wait for the devices; a record for each.

        `on_sent` hears the place of each command that the broker has taken.

        A command that the broker has not taken by the (monotonic) deadline is given up. A device
        that is silent after a quarter of `acknowledge_seconds` is asked for its state, as some
        locks and plugs take a command in silence; and after half of it again, as bolts are slow.
        """
        since = self._states.mark()
        messages = [told.publications() for told in commands]
        sent = []
        for at, (told, each) in enumerate(zip(commands, messages, strict=True)):
            sent.append(self._delivered(told, each, deadline))
            if sent[-1]:
                on_sent(at)
        silent = [told for told, out in zip(commands, sent, strict=True)
                  if out and can_confirm(told)]
        done = self._acknowledged(silent, since)
        records = []
        for told, each, out in zip(commands, messages, sent, strict=True):
            verdict, reason = self._verdict(told, out, told in done, since)
            if verdict in ("unconfirmed", "refused"):
                _log.warning(f"command.{verdict}", device=told.device.name,
                             property=told.property)
            records.append(CommandRecord(
                device=told.device.name, property=told.property, value=told.value,
                topic=each[-1].topic, payload=each[-1].payload.decode(errors="replace"),
                verdict=verdict, reason=reason, state=self._states.of(told.device)))
        return tuple(records)

    def ask(self, devices: Sequence[Device]) -> None:
        """Ask devices for their states, without waiting."""
        for publication in dict.fromkeys(each for device in devices for each in device.asks):
            self._link.send(self._message(publication))

    def _verdict(self, told: Command, sent: bool, done: bool, since: int) -> tuple[Verdict, str]:
        if done:
            return "confirmed", ""
        if (fault := self._states.fault(told.device, since=since)) is not None:
            return "refused", fault
        if not sent:
            return "unconfirmed", "undelivered"
        if self._states.online(told.device) is False:
            return "refused", "offline"
        return ("unconfirmed", "") if can_confirm(told) else ("accepted", "")

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
            silent = {told.device.id: told.device
                      for told, acknowledged in zip(sent, done, strict=True) if not acknowledged
                      and self._states.fault(told.device, since=since) is None}
            if not silent:
                break
            self.ask(tuple(silent.values()))
            done = self._states.wait_for(sent, begun + until * longest, since=since)
        return [told for told, acknowledged in zip(sent, done, strict=True) if acknowledged]

    def _message(self, publication: Publication) -> Message:
        # Never retained, and gone from the broker when it is no use any more.
        return Message(publication.topic, publication.payload,
                       expiry_seconds=max(1, round(self._settings.command_seconds)))
