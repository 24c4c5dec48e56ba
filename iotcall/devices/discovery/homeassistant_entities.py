"""Home Assistant's discovery messages, as entities. Leaves out: topics, and how entities join.

    {"~": "lamp", "cmd_t": "~/set", "dev": {...}}  -> one entity
    {"dev": {...}, "cmps": {"a": {"p": "light", ...}}}  -> one for each component

Source: https://www.home-assistant.io/integrations/mqtt/ (discovery payload; naming of MQTT
entities; availability).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import msgspec

from iotcall.devices.device import Availability, AvailabilityMode
from iotcall.devices.discovery import homeassistant_points as points
from iotcall.devices.discovery.abbreviations import (
    ABBREVIATIONS,
    DEVICE_ABBREVIATIONS,
    spelled_out,
)
from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.homeassistant_config import Config, Part
from iotcall.devices.discovery.homeassistant_lights import light
from iotcall.devices.discovery.homeassistant_sensors import binary_sensor, sensor
from iotcall.devices.discovery.homeassistant_templates import reading_of
from iotcall.devices.home_file import MAX_ADDRESS_LENGTH

MAX_COMPONENTS = 256
"""Of one announced device."""
_MAX_AVAILABILITY = 8

_MAKERS: dict[str, Callable[[Config], Part]] = {
    "light": light, "switch": points.switch, "lock": points.lock, "cover": points.cover,
    "climate": points.climate, "fan": points.fan, "vacuum": points.vacuum,
    "valve": points.valve, "siren": points.siren, "sensor": sensor,
    "binary_sensor": binary_sensor,
}
_OTHERS = {
    "alarm_control_panel", "button", "camera", "date", "datetime", "device_tracker", "event",
    "humidifier", "image", "infrared", "lawn_mower", "notify", "number", "scene", "select", "text",
    "time", "update", "water_heater",
}
"""Components that are not understood; triggers and tags are nothing that a device has."""
_SHARED = (
    "availability", "availability_mode", "availability_template", "availability_topic",
    "command_topic", "payload_available", "payload_not_available", "state_topic",
)
"""Keys of a device that hold for its components, where they say none of their own."""


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Home Assistant's device that an entity belongs to."""

    key: str = ""
    """An identifier, or a connection; empty: the entity belongs to none."""
    name: str = ""
    room: str = ""
    model: str = ""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one announcement."""

    component: str
    path: str
    """[node/]object of its topic; in a device's announcement with its key there."""
    unique: str
    """Its unique_id, else the path."""
    name: str
    """Empty: it is named as its device is."""
    owner: Owner
    part: Part
    availability: tuple[Availability, ...] = ()
    availability_mode: AvailabilityMode = "all"
    members: tuple[str, ...] = ()
    """Not empty: it is a group of the entities with these unique_ids."""

    @property
    def group(self) -> str:
        """What entities of one device have in common."""
        return self.owner.key or f"#{self.component}/{self.path}"


def entities_of(component: str, path: str, said: Mapping[str, Any]) -> tuple[Entity, ...]:
    """The entities of a message on the topic <prefix>/<component>/<path>/config.

    None for one that takes an announcement back, hands it over to another, or is for specialists
    (`entity_category`, `enabled_by_default`).
    """
    said = spelled_out(said, ABBREVIATIONS)
    if said.get("migrate_discovery"):
        return ()
    owner = said.get("device")
    if component != "device":
        found = [_entity(component, path, said, owner)]
    else:
        found = [_entity(str(config.pop("platform", "")), f"{path}/{key}",
                         _with_shared(config, said), whose)
                 for key, config, whose in islice(_components(said, owner), MAX_COMPONENTS)]
    return tuple(entity for entity in found if entity is not None)


def _components(said: Mapping[str, Any], owner: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """(key, config, device) of all components that say more than their platform."""
    places = [(said.get("components"), owner)]
    children = said.get("child_devices")
    for each in children[:MAX_COMPONENTS] if isinstance(children, list) else ():
        if isinstance(each, dict) and isinstance(owner, dict):
            child = spelled_out(spelled_out(each, DEVICE_ABBREVIATIONS), ABBREVIATIONS)
            places.append((child.get("components"), owner | {"child_device": child}))
    return [(_identifier(key), config, whose) for listed, whose in places
            if isinstance(listed, dict)
            for key, each in islice(listed.items(), MAX_COMPONENTS)
            if isinstance(each, dict) and len(config := spelled_out(each, ABBREVIATIONS)) > 1]


def _with_shared(config: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: said[key] for key in _SHARED if key in said} | config


def _entity(component: str, path: str, said: Mapping[str, Any], owner: Any) -> Entity | None:
    if component not in _MAKERS and component not in _OTHERS:
        return None
    said = _with_base(said)
    config = Config(said)
    category = said.get("entity_category")
    if not config.flag("enabled_by_default", True) or category == "config" or (
            category == "diagnostic" and said.get("device_class") != "battery"):
        return None
    make = _MAKERS.get(component)
    part = make(config) if make else Part(kind="sensor")
    availability, mode = _availability(said)
    name = clean_name(said.get("name"))
    if not name and "name" not in said and part.kind == "sensor":
        name = next(iter(part.points), "")  # as Home Assistant names it by its class
    return Entity(component=component, path=path, part=part, name=name, owner=_owner(owner),
                  unique=_identifier(said.get("unique_id")) or path[:MAX_ADDRESS_LENGTH],
                  availability=availability, availability_mode=mode,
                  members=_members(said.get("group")))


def _members(said: Any) -> tuple[str, ...]:
    listed = said[:MAX_COMPONENTS] if isinstance(said, list) else []
    return tuple(dict.fromkeys(filter(None, map(_identifier, listed))))


def _with_base(said: Mapping[str, Any]) -> dict[str, Any]:
    """With `~` replaced at the start or end of topics."""
    made = dict(said)
    listed = _listed(made.get("availability"))
    if listed:
        made["availability"] = listed = [spelled_out(each, ABBREVIATIONS) for each in listed]
    base = made.pop("~", None)
    if isinstance(base, str) and len(base) <= 2 * MAX_ADDRESS_LENGTH:
        for where in (made, *listed):
            where.update({key: _based(value, base) for key, value in where.items()
                          if key.endswith("topic") and isinstance(value, str)})
    return made


def _based(topic: str, base: str) -> str:
    if topic.startswith("~"):
        return base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic


def _listed(said: Any) -> list[dict[str, Any]]:
    listed = said if isinstance(said, list) else [said]
    return [each for each in listed[:_MAX_AVAILABILITY] if isinstance(each, dict)]


def _availability(said: Mapping[str, Any]) -> tuple[tuple[Availability, ...], AvailabilityMode]:
    """Where it says that it is there, and how several topics count: by default the latest does."""
    listed = _listed(said.get("availability")) or [{
        "topic": said.get("availability_topic"),
        "value_template": said.get("availability_template"),
        "payload_available": said.get("payload_available", "online"),
        "payload_not_available": said.get("payload_not_available", "offline")}]
    found = (_available(Config(each), each) for each in listed)
    known = tuple(dict.fromkeys(each for each in found if each is not None))
    mode = said.get("availability_mode")
    if len(known) < 2 or mode == "all":
        return known, "all"
    return known, "any" if mode == "any" else "latest"


def _available(config: Config, said: Mapping[str, Any]) -> Availability | None:
    topic = config.topic("topic")
    online = config.word("payload_available", "online")
    offline = config.word("payload_not_available", "offline")
    reading = reading_of(said.get("value_template"), numeric=False)
    if topic is None or online is None or offline is None or reading is None or reading.case:
        return None
    if reading.path:  # JSON's true and false
        online, offline = (word.lower() if word in ("True", "False") else word
                           for word in (online, offline))
    return Availability(topic=topic, path=reading.path, online=online, offline=offline)


def _owner(said: Any) -> Owner:
    if not isinstance(said, dict):
        return Owner()
    device = spelled_out(said, DEVICE_ABBREVIATIONS)
    child = device.get("child_device")
    own = device
    if isinstance(child, dict):
        own = device | spelled_out(child, DEVICE_ABBREVIATIONS)
    model = " ".join(filter(None, map(clean_name, (device.get("manufacturer"),
                                                   device.get("model")))))
    return Owner(key=_key(own), name=clean_name(own.get("name")), model=clean_name(model),
                 room=clean_name(own.get("suggested_area")))


def _key(device: Mapping[str, Any]) -> str:
    """Its first identifier, or else its first connection: mac/aa:bb:cc:00:11:22."""
    said = device.get("identifiers")
    for each in said[:_MAX_AVAILABILITY] if isinstance(said, list) else [said]:
        if found := _identifier(each):
            return found
    said = device.get("connections")
    for each in said[:_MAX_AVAILABILITY] if isinstance(said, list) else []:
        if isinstance(each, list) and len(each) == 2 and all(parts := [*map(_identifier, each)]):
            return "/".join(parts)[:MAX_ADDRESS_LENGTH]
    return ""


def _identifier(said: Any) -> str:
    """A key of the ecosystem, as it is; empty where it can be none."""
    text = said if isinstance(said, str) else str(said) if type(said) is int and (
        abs(said) < 1e18) else ""
    return text if text.isprintable() and len(text) <= MAX_ADDRESS_LENGTH else ""
