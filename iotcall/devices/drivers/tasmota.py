"""Tasmota: a topic per command, a JSON result for each. Leaves out: rules, sensors, shutters.

Source: https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Commands/
"""

from __future__ import annotations

from iotcall.devices.device import Availability, Device
from iotcall.devices.drivers.points import point_of, slots_of
from iotcall.devices.home_file import Entry
from iotcall.devices.points import Publication, Read, Write
from iotcall.devices.profile import Profile


def device_of(entry: Entry, profile: Profile, full_topic: str) -> Device:
    """The entry's device below the full topic of the home."""
    def topic(prefix: str, name: str) -> str:
        return topic_of(full_topic, prefix, entry.address, name)

    points = {}
    for name, slot in slots_of(entry, profile).items():
        power = slot.attribute == "POWER"
        command = numbered(slot.attribute, entry.relay) if power else slot.attribute
        keys = power_names(entry.relay) if power else (slot.attribute,)
        words = {said: word for word, said in slot.values.items()}
        reads = [Read(topic=told, path=(key,), words=words)
                 for told in (topic("stat", "RESULT"), topic("tele", "STATE")) for key in keys]
        if power:
            reads += [Read(topic=topic("stat", key), words=words) for key in keys]
        points[name] = point_of(name, slot, entry, Write(
            topic=topic("cmnd", command), words=dict(slot.values)), tuple(reads))
    assert entry.kind is not None
    return Device(
        name=entry.name, room=entry.room, kind=entry.kind, source="tasmota",
        address=f"{entry.address}/{entry.relay}", aliases=entry.aliases, points=points,
        availability=(Availability(topic=topic("tele", "LWT"), online=profile.online,
                                   offline=profile.offline),),
        # State answers on stat/RESULT with everything; an empty payload asks.
        asks=(Publication(topic("cmnd", "State"), b""),))


def topic_of(full_topic: str, prefix: str, address: str, name: str) -> str:
    """A topic of the device's own layout: cmnd/lamp/POWER."""
    full = full_topic.replace("%prefix%", prefix).replace("%topic%", address)
    return f"{full.rstrip('/')}/{name}"


def numbered(command: str, relay: int) -> str:
    """POWER of the first relay, POWER2 of the second."""
    return f"{command}{relay}" if relay > 1 else command


def power_names(relay: int) -> tuple[str, ...]:
    """A device of one relay says POWER, of several POWER1, POWER2 ..."""
    return ("POWER", "POWER1") if relay == 1 else (f"POWER{relay}",)
