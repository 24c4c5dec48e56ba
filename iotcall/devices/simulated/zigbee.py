"""A simulated zigbee2mqtt 2.x with its devices. Leaves out: groups, bridge/request, delays.

Behaviour after dist/extension/publish.js and the converters of zigbee2mqtt 2.14.1: the state that
is published is what the converter believes; a lock's converter believes nothing, so that a lock
says its state only when it reports or is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from iotcall.devices.home_file import Entry
from iotcall.devices.points import Publication
from iotcall.devices.properties import Value
from iotcall.devices.simulated.exposes import attribute, bridge_devices
from iotcall.devices.simulated.zigbee_devices import converters, initial, normalised

_STATE_WORDS = ("on", "off", "toggle", "open", "close", "stop", "lock", "unlock")
_LINK_QUALITY = 120


class SimulatedZigbee:
    """The bridge and all its devices; see `base.Simulated`."""

    client_id = "iotcall-simulated-zigbee2mqtt"

    def __init__(self, devices: Iterable[Entry], base_topic: str, *, lock_reports: bool,
                 unreachable: frozenset[str]) -> None:
        self._devices = {device.address: device for device in devices}
        self._base = base_topic
        self._topic = re.compile(f"^{re.escape(base_topic)}/(?!bridge)(.+?)/(get|set)(?:/(.+))?$")
        self._lock_reports = lock_reports
        self._unreachable = unreachable
        self._real = {name: initial(device) for name, device in self._devices.items()}
        self._known: dict[str, dict[str, Any]] = {name: {} for name in self._devices}
        self._last_logged = ""
        self.subscriptions: tuple[str, ...] = (f"{base_topic}/#",)
        self.will = self._say("bridge/state", {"state": "offline"}, retain=True)

    def birth(self) -> list[Publication]:
        return [
            self._say("bridge/state", {"state": "online"}, retain=True),
            self._say("bridge/devices", bridge_devices(tuple(self._devices.values())),
                      retain=True),
            *(self._say(f"{name}/availability", {"state": self._availability(device)}, retain=True)
              for name, device in self._devices.items()),
        ]

    def farewell(self) -> list[Publication]:
        return [self.will]

    def states(self) -> dict[str, dict[str, Value]]:
        return {device.name: normalised(device, self._real[name])
                for name, device in self._devices.items()}

    def receive(self, topic: str, payload: bytes) -> list[Publication]:
        found = self._topic.match(topic)
        if not found:
            return []  # its own messages, which base/# brings back
        name, verb, key = found.groups()
        device = self._devices.get(name)
        if device is None:
            return self._log(f"Entity '{name}' is unknown")
        message = _parse(key, payload.decode(errors="replace"))
        if message is None:
            return self._log("Invalid message 'undefined', skipping...")
        return self._get(device, message) if verb == "get" else self._set(device, message)

    def _get(self, device: Entry, message: dict[str, Any]) -> list[Publication]:
        said: list[Publication] = []
        for key in message:
            if key not in self._real[device.address] or key in ("battery", "lock_state"):
                said += self._no_converter(device, key, message[key])
            elif device.name in self._unreachable:
                said += self._failed("get", device, key, "ZCL command failed (Timeout)")
            else:
                also = ["lock_state"] if device.kind == "lock" else []
                said += self._report(device, [key, *also])
        return said

    def _set(self, device: Entry, message: dict[str, Any]) -> list[Publication]:
        said: list[Publication] = []
        believed: dict[str, Any] = {}
        for keys, convert in converters(device):
            used = [key for key in message if key in keys]
            if not used:
                continue
            try:
                if device.name in self._unreachable:
                    raise ValueError("ZCL command failed (Timeout)")
                real, state = convert(device, self._real[device.address], message)
            except ValueError as error:
                said += self._failed("set", device, used[0], str(error))
                continue
            self._real[device.address].update(real)
            believed.update(state)
        known = {key for keys, _ in converters(device) for key in keys}
        for key in message:
            if key not in known:
                said += self._no_converter(device, key, message[key])
        if believed:
            said += self._publish_state(device, believed)
        if device.kind == "cover" and believed:
            said += self._report(device, ["position", "state"])
        if device.kind == "lock" and self._lock_reports and device.name not in self._unreachable:
            said += self._report(device, [attribute(device, "lock"), "lock_state"])
        return said

    def _report(self, device: Entry, keys: list[str]) -> list[Publication]:
        real = self._real[device.address]
        return self._publish_state(device, {key: real[key] for key in keys if key in real})

    def _publish_state(self, device: Entry, news: dict[str, Any]) -> list[Publication]:
        known = self._known[device.address]
        known.update(news)
        return [self._say(device.address, {**known, "linkquality": _LINK_QUALITY})]

    def _availability(self, device: Entry) -> str:
        return "offline" if device.name in self._unreachable else "online"

    def _no_converter(self, device: Entry, key: str, value: Any) -> list[Publication]:
        return self._log(f"No converter available for '{key}' on '{device.address}': "
                         f"({json.dumps(value)})")

    def _failed(self, verb: str, device: Entry, key: str, why: str) -> list[Publication]:
        return self._log(f"Publish '{verb}' '{key}' to '{device.address}' failed: 'Error: {why}'")

    def _log(self, text: str) -> list[Publication]:
        if text == self._last_logged:  # the bridge drops a line that repeats the last one
            return []
        self._last_logged = text
        return [self._say("bridge/logging", {"message": f"z2m: {text}", "level": "error"})]

    def _say(self, topic: str, payload: Any, *, retain: bool = False) -> Publication:
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        return Publication(f"{self._base}/{topic}", text.encode(), retain)


def _parse(key: str | None, text: str) -> dict[str, Any] | None:
    """The message of a topic's payload, as zigbee2mqtt's parseMessage takes it."""
    try:
        value = json.loads(text)
    except ValueError:
        if key:
            return {key: text}
        return {"state": text} if text.lower() in _STATE_WORDS else None
    if key:
        return {key: value}
    return value if isinstance(value, dict) else None
