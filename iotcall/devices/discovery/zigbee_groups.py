"""A group of zigbee2mqtt, of what its members are. Leaves out: where the members come from.

    group, members -> one device with what all of them can be told

The bridge sends one message to all members and tells what became of the group on a topic of its
own. Source: https://www.zigbee2mqtt.io/guide/usage/groups.html and
https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html#zigbee2mqtt-bridge-groups
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from iotcall.devices.device import Device
from iotcall.devices.discovery.base import clean_name
from iotcall.devices.drivers.zigbee2mqtt import availability_of, faults_of
from iotcall.devices.points import Point, Read, Write
from iotcall.devices.properties import Kind, properties_of

MAX_MEMBERS = 256
"""Of one group; more than a network has."""

_KINDS: tuple[Kind, ...] = ("light", "plug", "fan", "thermostat", "lock", "cover")
"""Of members of several kinds the group is the first of these that has what they share."""

Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9A-Fa-f]{16}\Z")]
"""IEEE address of a device."""


class Member(msgspec.Struct, frozen=True):
    """One endpoint of a device."""

    ieee_address: Address
    endpoint: int = 1


class Group(msgspec.Struct, frozen=True):
    """One of bridge/groups."""

    id: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    friendly_name: str
    members: Annotated[tuple[Member, ...], msgspec.Meta(max_length=MAX_MEMBERS)] = ()


def group_of(group: Group, members: Mapping[Member, Device | None], base: str) -> Device:
    """The device that a group with members is.

    subtle: with a member that is not known (switched off at the bridge, not yet interviewed) the
    group can be told nothing: nobody can say whether that is one to be careful with.
    """
    friendly = group.friendly_name
    known = tuple({each.id: each for each in members.values() if each is not None}.values())
    strange = [f"member {each.ieee_address} is not known" for each, found in members.items()
               if found is None]
    points = {} if strange else _shared(known, f"{base}/{friendly}")
    nothing = [] if points or strange else ["its members have nothing in common"]
    name = clean_name(friendly) or f"group {group.id}"
    spoken = " ".join(name.replace("/", " ").split())
    labels = {each.label for each in known}
    return Device(
        name=name, room="", kind=_kind([each.kind for each in known], points),
        source="zigbee2mqtt", address=f"group/{group.id}", points=points,
        aliases=(spoken,) if spoken not in ("", name) else (),
        availability=availability_of(base, friendly), faults=faults_of(base, friendly),
        # what the members say is what the bridge makes the group's state of
        asks=tuple(dict.fromkeys(ask for each in known for ask in each.asks)) if points else (),
        label=labels.pop() if len(labels) == 1 else "", hidden=tuple(strange or nothing),
        members=known, group_topic=f"{base}/{friendly}/set")


def _kind(kinds: Sequence[Kind], points: Iterable[str]) -> Kind:
    if len(set(kinds)) == 1:
        return kinds[0]
    return next((kind for kind in _KINDS if kind in kinds and points and (
        set(points) <= set(properties_of(kind)))), "sensor")


def _shared(members: Sequence[Device], topic: str) -> dict[str, Point]:
    """What every member can be told in the same words, as the group is told it."""
    made: dict[str, Point] = {}
    for name in members[0].points if members else ():
        points = [device.points.get(name) for device in members]
        told = [(point, point.write) for point in points if point and point.write]
        if len(told) == len(points) and (point := _joined(name, told, topic)):
            made[name] = point
    return made


def _joined(name: str, told: Sequence[tuple[Point, Write]], topic: str) -> Point | None:
    """One point for all; None where they differ in how it is written."""
    first, write = told[0]
    keys = {_key(each) for _, each in told}
    forms = {(point.scale, point.unit) for point, _ in told}
    words = {word: raw for word, raw in write.words.items()
             if all(each.words.get(word) == raw for _, each in told)}
    if len(keys) != 1 or len(forms) != 1 or bool(words) != any(each.words for _, each in told):
        return None
    low = max((point.low for point, _ in told if point.low is not None), default=None)
    high = min((point.high for point, _ in told if point.high is not None), default=None)
    if low is not None and high is not None and low > high:
        return None
    key = keys.pop()
    reads: tuple[Read, ...] = ()
    if all(point.reads for point, _ in told):
        said = {its: ours for its, ours in first.reads[0].words.items() if ours in words}
        reads = (Read(topic=topic, path=(key,), words=said),)
    alike = all(each.fixed == write.fixed for _, each in told)
    colors = {point.color for point, _ in told}
    return Point(
        write=Write(topic=f"{topic}/set", path=(key,), words=words,
                    fixed=write.fixed if alike else {}),
        reads=reads, scale=first.scale, unit=first.unit, low=low, high=high,
        # the bridge takes red, green and blue for every lamp
        color=colors.pop() if len(colors) == 1 else "rgb_object",
        step=max((point.step for point, _ in told if point.step), default=None))


def _key(write: Write) -> Any:
    """What the property is called in a command: a member may have a topic for each."""
    return write.path[0] if write.path else write.topic.rpartition("/")[2]
