"""A device as the hub knows it, whoever described it. Leaves out: states, and who says what.

The home's file, or a discovery, writes it; nothing later asks which ecosystem it is of.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.devices.points import Path, Point, Publication
from iotcall.devices.properties import PROPERTIES, Kind

Source = Literal["zigbee2mqtt", "tasmota", "homeassistant", "shelly", "homie"]
"""Who describes or speaks for devices."""
SOURCES: tuple[Source, ...] = ("zigbee2mqtt", "homeassistant", "tasmota", "shelly", "homie")


AvailabilityMode = Literal["all", "any", "latest"]
"""Of a device with several such topics. all: none of them may say offline; any: one that says
online is enough; latest: what was said last on any of them holds."""


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """A topic on which the device, or what it hangs on, says that it is there."""

    topic: str
    path: Path = ()
    """Into a JSON object; a payload that is none is the word itself."""
    online: str = "online"
    offline: str = "offline"
    """Booleans are true and false."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A message by which the ecosystem refuses a command to the device."""

    topic: str
    path: Path
    """Where in the JSON payload the reason stands."""
    contains: tuple[str, ...] = ()
    """All of these stand in the reason."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device."""

    name: str
    """Spoken in replies."""
    room: str
    """Key of a room; empty: in none that is known."""
    kind: Kind
    source: Source
    address: str
    """What its ecosystem calls it."""
    aliases: tuple[str, ...] = ()
    """Other names people say."""
    points: dict[str, Point] = {}
    """Property -> how it is told and known."""
    availability: tuple[Availability, ...] = ()
    availability_mode: AvailabilityMode = "all"
    asks: tuple[Publication, ...] = ()
    """Messages that make it say its state; empty: there are none."""
    faults: tuple[Fault, ...] = ()
    model: str = ""
    """Maker and model, for people."""
    label: str = ""
    """What sort of its kind it is, where the ecosystem says so: garage, curtain, outlet."""
    hidden: tuple[str, ...] = ()
    """What it has that the hub does not understand, for `iotcall home show`."""
    members: tuple[Device, ...] = ()
    """Not empty: it is a group, and what it is told is told to these, none of them a group."""
    group_topic: str = ""
    """Where its ecosystem commands the group, though there may be nothing that it can be told."""

    @property
    def id(self) -> str:
        """Never two devices have the same; it outlives a new name."""
        return f"{self.source}:{self.address}"

    @property
    def is_group(self) -> bool:
        """Whether it is one, though none of its members may be known."""
        return bool(self.members or self.group_topic)

    def can(self, name: str) -> bool:
        """Whether the property can be set."""
        point = self.points.get(name)
        return point is not None and point.write is not None

    def limits(self, name: str) -> tuple[float, float]:
        """Lowest and highest number that the device may be told."""
        rules, point = PROPERTIES[name], self.points.get(name)
        low = point.low if point and point.low is not None else rules.low
        high = point.high if point and point.high is not None else rules.high
        return low, high

    def write_topics(self) -> frozenset[str]:
        """Where it is commanded."""
        return frozenset(point.write.topic for point in self.points.values() if point.write)

    def topics(self) -> frozenset[str]:
        """All that must be subscribed to, to know it."""
        return frozenset((*(read.topic for point in self.points.values() for read in point.reads),
                          *(each.topic for each in self.availability),
                          *(fault.topic for fault in self.faults)))
