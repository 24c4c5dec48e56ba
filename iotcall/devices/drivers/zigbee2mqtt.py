"""zigbee2mqtt 2.x: JSON on one topic per device. Leaves out: pairing, groups and the bridge's API.

Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from iotcall.devices.device import Availability, Device, Fault
from iotcall.devices.drivers.points import point_of, slots_of
from iotcall.devices.home_file import Entry
from iotcall.devices.points import Publication, Read, Write
from iotcall.devices.profile import Profile


def device_of(entry: Entry, profile: Profile, base: str) -> Device:
    """The entry's device below the bridge's base topic."""
    slots = slots_of(entry, profile)
    attributes = {name: entry.attributes.get(name, slot.attribute) for name, slot in slots.items()}
    points = {}
    for name, slot in slots.items():
        fixed: dict[str, Any] = {attributes[other]: slots[other].values[word]
                                 for other, word in slot.also.items()}
        write = Write(topic=f"{base}/{entry.address}/set", path=(attributes[name],), fixed=fixed,
                      words=dict(slot.values))
        reads = (Read(topic=f"{base}/{entry.address}", path=(attributes[name],),
                      words={said: word for word, said in slot.values.items()}),)
        points[name] = point_of(name, slot, entry, write, reads)
    assert entry.kind is not None
    return Device(
        name=entry.name, room=entry.room, kind=entry.kind, source="zigbee2mqtt",
        address="/".join((entry.address, *sorted(entry.attributes.values()))),
        aliases=entry.aliases, points=points,
        availability=availability_of(base, entry.address),
        asks=asks_of(base, entry.address, dict.fromkeys(attributes.values())),
        faults=faults_of(base, entry.address))


def availability_of(base: str, name: str) -> tuple[Availability, ...]:
    """Of the bridge and of the device; 1.x writes the bare word."""
    return tuple(Availability(topic=topic, path=("state",))
                 for topic in (f"{base}/bridge/state", f"{base}/{name}/availability"))


def asks_of(base: str, name: str, attributes: Iterable[str]) -> tuple[Publication, ...]:
    """The message that makes the bridge read the attributes; none where there are none."""
    keys = dict.fromkeys(attributes, "")
    return (Publication(f"{base}/{name}/get", msgspec.json.encode(keys)),) if keys else ()


def faults_of(base: str, name: str) -> tuple[Fault, ...]:
    """The bridge tells of a command that failed in its log only."""
    return (Fault(topic=f"{base}/bridge/logging", path=("message",),
                  contains=("Publish 'set'", f"to '{name}' failed")),
            Fault(topic=f"{base}/bridge/logging", path=("message",),
                  contains=("No converter available", f"on '{name}'")),
            Fault(topic=f"{base}/bridge/logging", path=("message",),
                  contains=(f"Entity '{name}' is unknown",)))
