"""Devices and groups that zigbee2mqtt announces. Leaves out: what exposes mean, what groups share.

Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html#zigbee2mqtt-bridge-devices
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec
import structlog

from iotcall.devices.device import Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, clean_name, is_topic, read_json
from iotcall.devices.discovery.zigbee_exposes import Part, parts_of
from iotcall.devices.discovery.zigbee_groups import Address, Group, Member, group_of
from iotcall.devices.drivers.zigbee2mqtt import asks_of, availability_of, faults_of
from iotcall.devices.points import Publication

log = structlog.get_logger()

T = TypeVar("T")

MAX_HIDDEN = 32
"""Names of what is not understood that are kept of one device."""
MAX_ENDPOINTS = 64
"""Of one device."""


class Definition(msgspec.Struct, frozen=True):
    """What is known of the model."""

    exposes: list[Any] = []
    vendor: Any = ""
    model: Any = ""
    description: Any = ""


class Announced(msgspec.Struct, frozen=True):
    """One of bridge/devices; the coordinator, and what nobody supports, has no definition."""

    ieee_address: Address
    friendly_name: str
    definition: Definition | None = None
    disabled: bool = False
    interview_completed: bool = True
    endpoints: Any = {}
    """Number -> an object with its name, where it has one."""


class ZigbeeDiscovery:
    """A `Discovery` of one bridge."""

    source: Source = "zigbee2mqtt"

    def __init__(self, base: str) -> None:
        """`base`: the bridge's base topic."""
        self._base = base
        self._topics = f"{base}/bridge/devices", f"{base}/bridge/groups"
        self._devices: tuple[Device, ...] = ()
        self._endpoints: dict[Member, str] = {}  # that have a name
        self._announced: tuple[Group, ...] = ()
        self._groups: tuple[Device, ...] = ()

    def subscriptions(self) -> tuple[str, ...]:
        """Two retained topics tell it all."""
        return self._topics

    def take(self, topic: str, payload: bytes) -> bool:
        """A list replaces the one before; an empty payload takes it back."""
        if topic not in self._topics:
            return False
        said = read_json(payload, topic) if payload else []
        if not isinstance(said, list):
            if said is not None:
                log.warning("announcement_malformed", kind="no_list", topic=topic)
            return False
        before = self.devices()
        if topic == self._topics[0]:
            announced = _converted(said, Announced, "devices")
            self._devices = _devices(announced, self._base)
            self._endpoints = {at: name for each in announced for at, name in _endpoints(each)}
        else:
            self._announced = tuple(
                each for each in _converted(said, Group, "groups")
                if each.members and _can_be_addressed(each.friendly_name, self._base))
        self._groups = self._grouped()
        return self.devices() != before

    def devices(self) -> tuple[Device, ...]:
        """Sorted by id, which puts groups last; room is never said."""
        return self._devices + self._groups

    def asks(self) -> tuple[Publication, ...]:
        """Nothing: the bridge announces by itself."""
        return ()

    def _grouped(self) -> tuple[Device, ...]:
        """The groups, of what their members are now."""
        by_address = {device.address: device for device in self._devices}
        parts = Counter(device.address.partition("/")[0] for device in self._devices)
        found: dict[str, Device] = {}
        for group in self._announced[:max(0, MAX_DEVICES - len(self._devices))]:
            device = group_of(group, {each: self._part(each, by_address, parts)
                                      for each in group.members}, self._base)
            found.setdefault(device.id, device)
        return tuple(found[key] for key in sorted(found))

    def _part(self, member: Member, by_address: Mapping[str, Device], parts: Mapping[str, int]
              ) -> Device | None:
        """What of a device a member is: its endpoint, or the device where it has no more parts."""
        address = member.ieee_address.lower()
        name = self._endpoints.get(Member(address, member.endpoint), "")
        if name and f"{address}/{name}" in by_address:
            return by_address[f"{address}/{name}"]
        device = by_address.get(address)
        if device and (parts[address] == 1 or device.write_topics()):
            return device
        return None


def _converted(said: list[Any], what: type[T], kind: str) -> list[T]:
    """Those that are written as the documentation says."""
    found: list[T] = []
    for each in said:
        with contextlib.suppress(msgspec.ValidationError, RecursionError, OverflowError):
            found.append(msgspec.convert(each, what))
    if len(found) < len(said):
        log.warning("announcement_malformed", kind=kind, left_out=len(said) - len(found))
    return found


def _devices(announced: list[Announced], base: str) -> tuple[Device, ...]:
    found: dict[str, Device] = {}
    for each in announced:
        for device in _devices_of(each, base):
            found.setdefault(device.id, device)
    if len(found) > MAX_DEVICES:
        log.warning("announcement_malformed", kind="too_many", found=len(found), taken=MAX_DEVICES)
    return tuple(found[key] for key in sorted(found)[:MAX_DEVICES])


def _endpoints(announced: Announced) -> Iterator[tuple[Member, str]]:
    said = announced.endpoints if isinstance(announced.endpoints, dict) else {}
    for number, each in islice(said.items(), MAX_ENDPOINTS):
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str) and re.fullmatch(r"[0-9]{1,3}", str(number)):
            yield Member(announced.ieee_address.lower(), int(number)), name


def _can_be_addressed(name: str, base: str) -> bool:
    return bool(name) and is_topic(f"{base}/{name}") and name.split("/")[0] != "bridge"


def _devices_of(announced: Announced, base: str) -> list[Device]:
    """None of what is off, not yet known, or named so that it cannot be addressed."""
    name, definition = announced.friendly_name, announced.definition
    topic = f"{base}/{name}"
    if announced.disabled or not announced.interview_completed or definition is None:
        return []
    if not _can_be_addressed(name, base):
        return []
    return [_device(announced, definition, base, part) for part in parts_of(
        definition.exposes, topic)]


def _device(announced: Announced, definition: Definition, base: str, part: Part) -> Device:
    friendly = announced.friendly_name
    name = clean_name(" ".join((friendly, *part.suffix))) or announced.ieee_address
    spoken = " ".join(name.replace("/", " ").split())  # kitchen/lamp
    return Device(
        name=name, room="", kind=part.kind, source="zigbee2mqtt",
        address="/".join((announced.ieee_address.lower(), *part.suffix)),
        aliases=(spoken,) if spoken not in ("", name) else (), points=part.points,
        availability=availability_of(base, friendly),
        asks=asks_of(base, friendly, part.gettable), faults=faults_of(base, friendly),
        model=f"{clean_name(definition.vendor)} {clean_name(definition.model)}".strip(),
        label=_label(part, definition), hidden=part.hidden[:MAX_HIDDEN])


def _label(part: Part, definition: Definition) -> str:
    """The first of our words for sorts of the kind that stands in the model's description."""
    said = set(re.findall(r"[a-z]+", str(definition.description)[:256].casefold()))
    for label, words in _LABELS.get(part.kind, {}).items():
        if not words or said & words:
            return label
    return ""


_LABELS: dict[str, dict[str, set[str]]] = {
    "plug": {"outlet": {"outlet", "outlets", "plug", "plugs", "socket", "sockets"},
             "switch": set()},
    "cover": {"garage": {"garage"}, "gate": {"gate"}, "curtain": {"curtain", "curtains"},
              "blind": {"blind", "blinds"}, "shutter": {"shutter", "shutters"},
              "shade": {"shade", "shades"}, "awning": {"awning"}},
}
"""Kind -> label -> words; without words: what is left."""
