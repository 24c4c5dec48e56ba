"""Groups of a home: which of its devices their members are. Leaves out: who announces groups.

A discovery knows a group's members as it announced them; here they become the home's own devices,
with the names and rooms that these have, whoever describes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from iotcall.devices.device import Device
from iotcall.devices.home_file import MAX_NAME_LENGTH, spoken


def told_at(topic: str) -> str:
    """The topic without the attribute behind it: zigbee2mqtt takes ``lamp/set/state`` too."""
    head, found, _ = topic.partition("/set/")
    return f"{head}/set" if found else topic


def told_topics(device: Device) -> frozenset[str]:
    """Where a device is commanded, whatever it is told; a group, even if we tell it nothing."""
    own = {device.group_topic} if device.group_topic else set()
    return frozenset(map(told_at, own | device.write_topics()))


def called(group: Device, places: Collection[str]) -> Device:
    """With "the downstairs group" as a name besides "downstairs"; as its only one where that is a
    place, one of those spoken names."""
    name = " ".join(group.name.replace("/", " ").split())
    longer = f"{name} group"
    if "group" in name.casefold() or len(longer) > MAX_NAME_LENGTH:
        return group
    if spoken(name) not in places:
        return msgspec.structs.replace(group, aliases=(*group.aliases, longer))
    return msgspec.structs.replace(group, name=longer, aliases=tuple(
        each for each in group.aliases if spoken(each) not in places))


def with_members(devices: Sequence[Device], found: Iterable[Device]) -> tuple[Device, ...]:
    """The devices, of which those that are commanded where a found group is are groups, too.

    A member that is none of the devices stays as it was announced: what guards it guards the group.
    """
    groups = {topic: each.members for each in found if each.members for topic in told_topics(each)}
    if not groups:
        return tuple(devices)
    at: dict[str, list[Device]] = {}
    for device in devices:
        if not device.members:
            for topic in told_topics(device) - groups.keys():
                at.setdefault(topic, []).append(device)
    by_id = {device.id: device for device in devices}

    def here(member: Device) -> list[Device]:
        if member.id in by_id:
            return [by_id[member.id]]
        same = [each for topic in sorted(told_topics(member)) for each in at.get(topic, ())]
        return [each for each in same if each.kind == member.kind] or same or [member]

    made = []
    for device in devices:
        members = device.members or next(
            (groups[topic] for topic in sorted(told_topics(device)) if topic in groups), ())
        if members:
            known = {each.id: each for member in members for each in here(member)}
            device = msgspec.structs.replace(device, members=tuple(known.values()))
        made.append(device)
    return tuple(made)


def beside_members(devices: Sequence[Device]) -> frozenset[str]:
    """Ids of the groups of which members are among the devices, too: whoever means all of these
    does not mean the group besides. One whose members are hidden stands in their place."""
    groups = [device for device in devices if device.members]
    ids = {device.id for device in devices} if groups else set()
    return frozenset(group.id for group in groups if any(each.id in ids for each in group.members))
