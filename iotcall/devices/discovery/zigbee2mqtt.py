"""Devices that zigbee2mqtt announces on bridge/devices. Leaves out: groups, what exposes mean.

A group's members are devices already. Source:
https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html#zigbee2mqtt-bridge-devices
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
import structlog

from iotcall.devices.device import Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, clean_name, is_topic, read_json
from iotcall.devices.discovery.zigbee_exposes import Part, parts_of
from iotcall.devices.drivers.zigbee2mqtt import asks_of, availability_of, faults_of
from iotcall.devices.points import Publication

log = structlog.get_logger()

MAX_HIDDEN = 32
"""Names of what is not understood that are kept of one device."""


class Definition(msgspec.Struct, frozen=True):
    """What is known of the model."""

    exposes: list[Any] = []
    vendor: Any = ""
    model: Any = ""
    description: Any = ""


class Announced(msgspec.Struct, frozen=True):
    """One of bridge/devices; the coordinator, and what nobody supports, has no definition."""

    ieee_address: Annotated[str, msgspec.Meta(pattern=r"^0x[0-9A-Fa-f]{16}\Z")]
    friendly_name: str
    definition: Definition | None = None
    disabled: bool = False
    interview_completed: bool = True


class ZigbeeDiscovery:
    """A `Discovery` of one bridge."""

    source: Source = "zigbee2mqtt"

    def __init__(self, base: str) -> None:
        """`base`: the bridge's base topic."""
        self._base = base
        self._topic = f"{base}/bridge/devices"
        self._devices: tuple[Device, ...] = ()

    def subscriptions(self) -> tuple[str, ...]:
        """One retained topic tells it all."""
        return (self._topic,)

    def take(self, topic: str, payload: bytes) -> bool:
        """A list replaces the one before; an empty payload takes it back."""
        if topic != self._topic:
            return False
        said = read_json(payload, topic) if payload else []
        if not isinstance(said, list):
            if said is not None:
                log.warning("announcement_malformed", kind="no_list", topic=topic)
            return False
        before, self._devices = self._devices, _devices(said, self._base)
        return self._devices != before

    def devices(self) -> tuple[Device, ...]:
        """Sorted by id; room is never said."""
        return self._devices

    def asks(self) -> tuple[Publication, ...]:
        """Nothing: the bridge announces by itself."""
        return ()


def _devices(said: list[Any], base: str) -> tuple[Device, ...]:
    found: dict[str, Device] = {}
    malformed = 0
    for each in said:
        try:
            announced = msgspec.convert(each, Announced)
        except msgspec.ValidationError:
            malformed += 1
            continue
        for device in _devices_of(announced, base):
            found.setdefault(device.id, device)
    if malformed or len(found) > MAX_DEVICES:
        log.warning("announcement_malformed", kind="devices", left_out=malformed,
                    found=len(found), taken=MAX_DEVICES)
    return tuple(found[key] for key in sorted(found)[:MAX_DEVICES])


def _devices_of(announced: Announced, base: str) -> list[Device]:
    """None of what is off, not yet known, or named so that it cannot be addressed."""
    name, definition = announced.friendly_name, announced.definition
    topic = f"{base}/{name}"
    if announced.disabled or not announced.interview_completed or definition is None:
        return []
    if not is_topic(topic) or not name or name.split("/")[0] == "bridge":
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
