"""How often things were told, lately. Leaves out: how often is too often (the home's `[safety]`).

Of the one thread that handles utterances; where workers share their notes, of all their threads
together: whoever counts for a site holds the site, and `held` holds the devices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import msgspec
import structlog

from iotcall.devices import Command, Device
from iotcall.devices.home_file import Safety
from iotcall.dialogue.notes import InMemory, Notes
from iotcall.dialogue.safety import is_risky
from iotcall.errors import StoreFull

_MINUTE = 60.0
_MOST_SITES = 64
_MOST_DEVICES = 1024
_Times = list[tuple[float, int]]
"""(seconds ago, commands) of a site, oldest first."""

_log = structlog.get_logger(__name__)


class Rates:
    """What is noted only where the home sets a limit to it."""

    def __init__(self, sites: Notes, devices: Notes) -> None:
        self._sites, self._devices = sites, devices

    @classmethod
    def in_memory(cls, clock: Callable[[], float]) -> Rates:
        """Of one process alone."""
        return cls(InMemory(clock, most=_MOST_SITES), InMemory(clock, most=_MOST_DEVICES))

    def held(self, safety: Safety) -> contextlib.AbstractContextManager[None]:
        """From the first question to `note`: no other worker tells a device in between."""
        return self._devices.lock() if safety.per_device_seconds else contextlib.nullcontext()

    def too_many(self, site_id: str, commands: int, per_minute: int) -> bool:
        """Whether so many more commands are too many for the site's minute; 0: never."""
        return bool(per_minute and commands) and commands + sum(
            count for _, count in self._lately(site_id)) > per_minute

    def too_soon(self, device: Device, seconds: float) -> bool:
        """Whether the device, or a member of the group, was told something less than so long ago;
        0: never."""
        if not seconds:
            return False
        found = map(self._devices.get, (device.id, *(member.id for member in device.members)))
        return any(noted is not None and noted[1] < seconds for noted in found)

    def note(self, site_id: str, commands: Sequence[Command], safety: Safety) -> None:
        """Commands are given now. Where there is no room to note them they are given all the same:
        a full store keeps no light from going on."""
        try:
            if commands and safety.per_minute:
                self._sites.put(site_id, msgspec.json.encode(
                    [*self._lately(site_id), (0.0, len(commands))]))
            if safety.per_device_seconds:
                for id in sorted({each.id for told in commands
                                  for each in (told.device, *told.device.members)
                                  if is_risky(each, safety)}):
                    self._devices.put(id, b"null")
        except StoreFull as error:
            _log.error("rates.unwritten", reason=str(error))

    def _lately(self, site_id: str) -> _Times:
        found = self._sites.get(site_id)
        if found is None:
            return []
        body, age = found
        return [(ago + age, count) for ago, count in msgspec.json.decode(body, type=_Times)
                if ago + age < _MINUTE]
