"""Devices announced for Home Assistant: ESPHome, and whoever else speaks that way.

Leaves out: what a config means (homeassistant_entities), birth messages, Home Assistant itself.
Source: https://www.home-assistant.io/integrations/mqtt/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

import msgspec
import structlog

from iotcall.devices.device import Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, clean_name, read_json
from iotcall.devices.discovery.homeassistant_entities import Entity, Owner, entities_of
from iotcall.devices.points import Publication

log = structlog.get_logger()

MAX_ENTITIES = 10 * MAX_DEVICES
"""Of all announcements; a device has a handful."""
MAX_OF_ONE = 256
"""Entities of one device."""
MAX_HIDDEN = 32
"""Names of what is not understood that are kept of one device."""
_HIDDEN_LENGTH = 96

_TOPIC = re.compile(r"([a-z_]{1,32})/((?:[A-Za-z0-9_-]{1,128}/)?[A-Za-z0-9_-]{1,128})/config\Z")


class HomeAssistantDiscovery:
    """A `Discovery` of all that is announced below one prefix."""

    source: Source = "homeassistant"

    def __init__(self, prefix: str) -> None:
        """`prefix`: the discovery prefix, usually homeassistant."""
        self._prefix = prefix.rstrip("/") + "/"
        self._entities: dict[str, tuple[Entity, ...]] = {}  # topic -> what it announces
        self._count = 0  # of entities
        self._topics: dict[str, set[str]] = {}  # group -> topics
        self._devices: dict[str, tuple[Device, ...]] = {}  # group -> devices

    def subscriptions(self) -> tuple[str, ...]:
        """Topics with and without a node; whole devices have the first form, too."""
        return f"{self._prefix}+/+/config", f"{self._prefix}+/+/+/config"

    def take(self, topic: str, payload: bytes) -> bool:
        """A message replaces the one before on its topic; an empty one takes it back."""
        found = _TOPIC.match(topic.removeprefix(self._prefix)) if topic.startswith(
            self._prefix) else None
        if found is None:
            return False
        said = read_json(payload, topic) if payload else {}
        if not isinstance(said, dict):
            if said is not None:
                log.warning("announcement_malformed", kind="no_object", topic=topic)
            return False
        entities = entities_of(found[1], found[2], said) if said else ()
        before = self._entities.get(topic, ())
        if self._count - len(before) + len(entities) > MAX_ENTITIES:
            log.warning("announcement_malformed", kind="too_many", topic=topic)
            return False
        self._remember(topic, before, entities)
        groups = {entity.group for entity in (*before, *entities)}
        changed = any([self._regroup(group) for group in sorted(groups)])
        return changed or [each.members for each in before] != [each.members for each in entities]

    def devices(self) -> tuple[Device, ...]:
        """Sorted by id; two of one id are told apart by what they are."""
        found: dict[str, Device] = {}
        for group in sorted(self._devices):
            for device in self._devices[group]:
                if _is_of_the_bridge(device):
                    continue
                if device.id in found:
                    device = msgspec.structs.replace(
                        device, address=f"{device.kind}/{device.address}")
                found.setdefault(device.id, device)
        members = {f"{self.source}:{entity.unique}": entity.members
                   for entities in self._entities.values() for entity in entities if entity.members}
        known = {key: found[key] for key in sorted(found)[:MAX_DEVICES]}
        return tuple(_grouped(device, members.get(key, ()), members.keys(), known)
                     for key, device in known.items())

    def asks(self) -> tuple[Publication, ...]:
        """Nothing: announcements are retained."""
        return ()

    def _remember(self, topic: str, before: tuple[Entity, ...],
                  entities: tuple[Entity, ...]) -> None:
        self._count += len(entities) - len(before)
        self._entities[topic] = entities
        if not entities:
            del self._entities[topic]
        for entity in before:
            self._topics.get(entity.group, set()).discard(topic)
        for entity in entities:
            self._topics.setdefault(entity.group, set()).add(topic)

    def _regroup(self, group: str) -> bool:
        """Make the devices of a group anew; whether they are others now."""
        topics = self._topics.get(group, set())
        if not topics:
            self._topics.pop(group, None)
        entities = (entity for topic in sorted(topics) for entity in self._entities[topic]
                    if entity.group == group)
        before = self._devices.pop(group, ())
        devices = _devices(list(islice(entities, MAX_OF_ONE)))
        if devices:
            self._devices[group] = devices
        return devices != before


def _devices(entities: Sequence[Entity]) -> tuple[Device, ...]:
    """The devices that the entities of one Home Assistant device are.

    What can be told is a device each. Sensors are one device together, but for those of which there
    are several of a sort, and beside something that can be told: these are devices of their own.
    """
    owner = _joined([entity.owner for entity in entities])
    main = [one for one in entities if one.part.points and one.part.kind != "sensor"]
    sensors = [one for one in entities if one.part.points and one.part.kind == "sensor"]
    refused = [one for one in entities if not one.part.points]
    sorts = Counter(name for one in sensors for name in one.part.points)
    together = [one for one in sensors if owner.key and not main and all(
        sorts[name] == 1 for name in one.part.points)]
    made = [_device(one, owner) for one in main]
    if together:
        made.append(_sensors(together, owner))
    made += [_device(one, owner) for one in sensors if one not in together]
    if not made and refused:
        # Nothing of it is understood; it is there all the same, to say what that is.
        first = next((one for one in refused if one.part.kind != "sensor"), refused[0])
        made = [msgspec.structs.replace(_device(first, owner), hidden=())]
    if refused:
        made[0] = msgspec.structs.replace(
            made[0], hidden=_short((*made[0].hidden, *map(_refusal, refused))))
    return tuple(made)


def _device(entity: Entity, owner: Owner) -> Device:
    return Device(
        name=_named(owner.name, entity.name) or clean_name(
            entity.path.split("/")[-1].replace("_", " ")),
        room=owner.room, kind=entity.part.kind, source="homeassistant", address=entity.unique,
        points=entity.part.points, availability=entity.availability,
        availability_mode=entity.availability_mode, model=owner.model, label=entity.part.label,
        hidden=_short(entity.part.hidden))


def _grouped(device: Device, members: Sequence[str], groups: Collection[str],
             known: Mapping[str, Device]) -> Device:
    """With its members, if it is a group; a group of what is not known can be told nothing."""
    ids = [f"{device.source}:{each}" for each in members]
    parts = tuple(known[each] for each in ids if each in known and each not in groups)
    if len(parts) == len(ids):
        return msgspec.structs.replace(device, members=parts) if parts else device
    strange = [f"member {each} is not known" for each, key in zip(members, ids, strict=True)
               if key not in known or key in groups]
    return msgspec.structs.replace(
        device, points={}, members=parts, hidden=_short((*device.hidden, *strange)),
        group_topic=min(device.write_topics(), default=""))


def _sensors(entities: Sequence[Entity], owner: Owner) -> Device:
    """One device of several sensors; it is there when all of them are."""
    first = _device(entities[0], owner)
    common = [each for each in first.availability
              if all(each in entity.availability for entity in entities)]
    labels = {entity.part.label for entity in entities} - {""}
    modes = {entity.availability_mode for entity in entities}
    return msgspec.structs.replace(
        first, name=owner.name or first.name, address=owner.key, availability=tuple(common),
        availability_mode=modes.pop() if len(modes) == 1 else "all",
        points={name: point for entity in entities for name, point in entity.part.points.items()},
        label=labels.pop() if len(labels) == 1 else "",
        hidden=_short(each for entity in entities for each in entity.part.hidden))


def _joined(owners: Sequence[Owner]) -> Owner:
    """What any of the entities says of their device: some name it in the first of them only."""
    def first(field: str) -> str:
        return next(filter(None, (getattr(owner, field) for owner in owners)), "")

    return Owner(key=first("key"), name=first("name"), room=first("room"), model=first("model"))


def _named(device: str, entity: str) -> str:
    """The device's name, then the entity's, unless that begins with it."""
    if f"{entity} ".casefold().startswith(f"{device} ".casefold()):
        return entity or device
    return clean_name(f"{device} {entity}")


def _is_of_the_bridge(device: Device) -> bool:
    """zigbee2mqtt's own switches: "all plugs on" must not let strangers join the network."""
    return any("/bridge/request/" in topic for topic in device.write_topics())


def _refusal(entity: Entity) -> str:
    """light Strip: template schema"""
    what = f"{entity.component} {entity.name or entity.path.split('/')[-1]}"
    return f"{what}: {', '.join(entity.part.hidden)}" if entity.part.hidden else what


def _short(hidden: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each[:_HIDDEN_LENGTH] for each in hidden))[:MAX_HIDDEN]
