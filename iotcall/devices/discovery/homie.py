"""Homie 5: devices describe themselves in JSON, a topic per property. Leaves out: what a node is.

    homie/5/<device>/$state         ready, init, disconnected, sleeping or lost
    homie/5/<device>/$description   its nodes and their properties

A node becomes a device (`homie_nodes`). `$target`, which says what a device is on its way to, is
not read: a command is done when the value is there. `$log`, `$alert` and the domain's broadcasts
are left out too. Nothing is asked for: descriptions and values are retained.

Source: https://homieiot.github.io/specification/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from iotcall.devices.device import Availability, Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, clean_name, log, read_json
from iotcall.devices.discovery.homie_nodes import ID, Node, node_of
from iotcall.devices.points import Publication

_STATES = ("ready", "init", "disconnected", "sleeping", "lost")
_MAX_NODES = 64
_MAX_HIDDEN = 32


class HomieDiscovery:
    """The devices below one domain; see `base.Discovery`."""

    source: Source = "homie"

    def __init__(self, domain: str) -> None:
        """`domain` is the topic before the 5, usually homie."""
        self._base = f"{domain}/5"
        self._topic = re.compile(
            rf"{re.escape(self._base)}/({ID.pattern})/\$(state|description)")
        self._present: set[str] = set()  # devices with a $state
        self._described: dict[str, tuple[Device, ...]] = {}

    def subscriptions(self) -> tuple[str, ...]:
        return f"{self._base}/+/$description", f"{self._base}/+/$state"

    def take(self, topic: str, payload: bytes) -> bool:
        """Take in a state or a description; an empty one takes the device away."""
        matched = self._topic.fullmatch(topic)
        if matched is None:
            return False
        before = self._devices_of(matched[1])
        if matched[2] == "state":
            self._take_state(matched[1], payload)
        else:
            self._take_description(matched[1], payload, topic)
        return self._devices_of(matched[1]) != before

    def devices(self) -> tuple[Device, ...]:
        return tuple(sorted((device for key in self._present
                             for device in self._devices_of(key)),
                            key=lambda device: device.id))

    def asks(self) -> tuple[Publication, ...]:
        return ()

    def _devices_of(self, key: str) -> tuple[Device, ...]:
        return self._described.get(key, ()) if key in self._present else ()

    def _take_state(self, key: str, payload: bytes) -> None:
        if not payload:
            self._present.discard(key)
        elif payload.decode(errors="replace") not in _STATES:
            log.warning("announcement_malformed", kind="no_state", topic=f"{self._base}/{key}")
        elif len(self._present) < MAX_DEVICES:
            self._present.add(key)

    def _take_description(self, key: str, payload: bytes, topic: str) -> None:
        if not payload:
            self._described.pop(key, None)
            return
        said = read_json(payload, topic)
        if isinstance(said, dict) and (key in self._described
                                       or len(self._described) < MAX_DEVICES):
            self._described[key] = devices_of(said, self._base, key)


def devices_of(said: Mapping[str, Any], base: str, key: str) -> tuple[Device, ...]:
    """The devices of a description, one for each node that is understood, by id."""
    described = said.get("nodes")
    nodes: dict[str, Node] = {}
    if isinstance(described, dict):
        for name in sorted(each for each in described if ID.fullmatch(each))[:_MAX_NODES]:
            nodes[name] = node_of(described[name], f"{base}/{key}/{name}", name)
    known = {name: node for name, node in nodes.items() if node.points}
    lost = tuple(f"{name}/{each}" for name, node in nodes.items()
                 for each in node.hidden if name not in known)
    owners = [said.get(each) for each in ("root", "parent")]
    above = {each for each in owners if isinstance(each, str) and ID.fullmatch(each)} - {key}
    topics = [f"{base}/{each}/$state" for each in (key, *sorted(above))]
    device_name = clean_name(said.get("name"))
    made = []
    for place, (name, node) in enumerate(known.items()):
        made.append(Device(
            name=_name(device_name, node, len(known)), room="", kind=node.kind,
            source="homie", address=f"{key}/{name}", points=node.points,
            availability=tuple(each for topic in topics for each in _availability(topic, node)),
            model=clean_name(said.get("type")), label=node.label,
            hidden=(*node.hidden, *(lost if place == 0 else ()))[:_MAX_HIDDEN]))
    return tuple(made)


def _name(device: str, node: Node, count: int) -> str:
    """A device of one node is called by its own name, one of several by both."""
    if count == 1:
        return device or node.name
    if node.name.casefold().startswith(device.casefold()):
        return node.name
    return clean_name(f"{device} {node.name}")


def _availability(topic: str, node: Node) -> tuple[Availability, ...]:
    """One for each word that takes it off line; all must say ready.

    A child says of itself what it last knew: when the root is lost, so is the child. Whoever
    sleeps hears no command, so that counts as off line where there is something to command; what
    only measures sleeps most of its life and stays as it was.
    """
    silent = ("lost", "disconnected", "init", *(("sleeping",) if node.commanded else ()))
    return tuple(Availability(topic=topic, online="ready", offline=word) for word in silent)
