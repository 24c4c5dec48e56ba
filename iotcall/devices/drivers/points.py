"""What the drivers of profiles have in common. Leaves out: topics."""

from __future__ import annotations

from typing import Any

from iotcall.devices.home_file import Entry
from iotcall.devices.points import Point, Read, Write
from iotcall.devices.profile import Profile, Slot
from iotcall.devices.properties import PROPERTIES


def slots_of(entry: Entry, profile: Profile) -> dict[str, Slot]:
    """Property -> slot of what the entry's device has."""
    assert entry.kind is not None
    return {name: slot for name, slot in profile.kinds[entry.kind].items()
            if not slot.needs or getattr(entry, slot.needs)}


def point_of(name: str, slot: Slot, entry: Entry, write: Write, reads: tuple[Read, ...]) -> Point:
    """The point of a slot, within what the entry allows."""
    bounds: dict[str, Any] = {}
    if name == "setpoint":
        bounds = {"low": entry.minimum_celsius, "high": entry.maximum_celsius,
                  "step": entry.step_celsius}
    return Point(write=None if PROPERTIES[name].measured else write, reads=reads,
                 scale=slot.scale, unit=slot.unit, color=slot.color, **bounds)
