"""What a dialogue remembers of devices: what was spoken of, what was done. Leaves out: turns.

Devices are remembered by their ids: one that has vanished is remembered no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Device, Home, Value

_GROUPS = 4
"""Mentions that are remembered."""

State = dict[str, Value]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The commands of one utterance."""

    calls: tuple[ToolCall, ...]
    told: tuple[tuple[str, str, Value], ...]
    """(device's id, property, value), in order."""
    before: dict[str, State]
    """Id -> the state before, of the devices and of a group's members."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Of one site; replaced, never changed."""

    groups: tuple[tuple[str, ...], ...] = ()
    """Ids of what was spoken of together, the latest first."""
    done: Done | None = None

    def mentioned(self, devices: tuple[Device, ...]) -> Memory:
        """After devices were spoken of."""
        if not devices:
            return self
        group = tuple(device.id for device in devices)
        others = tuple(each for each in self.groups if each != group)
        return msgspec.structs.replace(self, groups=(group, *others)[:_GROUPS])

    def after(self, calls: tuple[ToolCall, ...], commands: tuple[Command, ...],
              before: Mapping[str, State]) -> Memory:
        """After commands were given."""
        return msgspec.structs.replace(self, done=Done(
            calls=calls, before=dict(before),
            told=tuple((told.device.id, told.property, told.value) for told in commands)))

    def it(self, home: Home) -> tuple[Device, ...]:
        """What "it" and "them" are: the latest mention."""
        return _here(home, self.groups[:1])

    def last(self, home: Home, fits: Callable[[Device], bool]) -> tuple[Device, ...]:
        """The latest mention of nothing but what fits."""
        mentions = (_here(home, (group,)) for group in self.groups)
        return next((each for each in mentions if each and all(map(fits, each))), ())

    def both(self, home: Home) -> tuple[Device, ...]:
        """The latest two things: one mention of two, or two mentions."""
        if self.groups and len(self.groups[0]) == 2:
            return _here(home, self.groups[:1])
        return _here(home, self.groups[:2])


def _here(home: Home, groups: tuple[tuple[str, ...], ...]) -> tuple[Device, ...]:
    by_id = {device.id: device for device in home.devices}
    ids = dict.fromkeys(each for group in groups for each in group)
    return tuple(by_id[each] for each in ids if each in by_id)
