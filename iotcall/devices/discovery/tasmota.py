"""Tasmota's own discovery: a retained description for each device. Leaves out: what it measures.

    tasmota/discovery/<MAC>/config    topics, names, kinds of relays, options
    tasmota/discovery/<MAC>/sensors   an example of what tele/SENSOR says (`tasmota_sensors`)

Each relay is a device, a plug or a light; each shutter is one; a ceiling fan is one. Rules, buttons
and switches are left out.

Source: https://tasmota.github.io/docs/MQTT/, https://tasmota.github.io/docs/Commands/,
https://tasmota.github.io/docs/Home-Assistant/ and `TasDiscovery` in
tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino.
"""

from __future__ import annotations

import re
from typing import Any

from iotcall.devices.device import Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, log, read_json
from iotcall.devices.discovery.tasmota_parts import Announced, announced, parts_of
from iotcall.devices.discovery.tasmota_sensors import with_sensors
from iotcall.devices.points import Publication

MAX_SENSORS_BYTES = 16_384
"""Of one description; Tasmota's own limit is some 1200 bytes (MQTT_MAX_PACKET_SIZE). It is kept as
it was said: parsed, it may take twenty times as much."""

_BASE = "tasmota/discovery"
_TOPIC = re.compile(rf"{_BASE}/([0-9A-Fa-f]{{12}})/(config|sensors)")


class TasmotaDiscovery:
    """The devices with SetOption19 0, which is the default; see `base.Discovery`."""

    source: Source = "tasmota"

    def __init__(self) -> None:
        self._announced: dict[str, Announced] = {}  # MAC -> its config
        self._sensors: dict[str, bytes] = {}  # MAC -> what it measures, as it was said
        self._made: dict[str, tuple[Device, ...]] = {}

    def subscriptions(self) -> tuple[str, ...]:
        return f"{_BASE}/+/config", f"{_BASE}/+/sensors"

    def take(self, topic: str, payload: bytes) -> bool:
        """Take in a description; an empty one takes the device away, a malformed one nothing."""
        matched = _TOPIC.fullmatch(topic)
        if matched is None:
            return False
        key = matched[1].upper()
        if matched[2] == "config":
            self._take_config(key, payload, topic)
        else:
            self._take_sensors(key, payload, topic)
        made: tuple[Device, ...] = ()
        if one := self._announced.get(key):
            made = with_sensors(parts_of(one), one,
                                _sensors(self._sensors.get(key, b""), topic) or {})
        before, self._made[key] = self._made.get(key, ()), made
        if not made:
            del self._made[key]
        return made != before

    def devices(self) -> tuple[Device, ...]:
        return tuple(sorted((device for made in self._made.values() for device in made),
                            key=lambda device: device.id))

    def asks(self) -> tuple[Publication, ...]:
        return ()

    def _take_config(self, key: str, payload: bytes, topic: str) -> None:
        if not payload:
            self._announced.pop(key, None)
            return
        one = announced(read_json(payload, topic), key)
        if one and (key in self._announced or len(self._announced) < MAX_DEVICES):
            self._announced[key] = one

    def _take_sensors(self, key: str, payload: bytes, topic: str) -> None:
        if not payload:
            self._sensors.pop(key, None)
            return
        if len(payload) > MAX_SENSORS_BYTES:
            log.warning("announcement_malformed", kind="too_long", topic=topic)
        elif _sensors(payload, topic) is not None and (key in self._sensors
                                                       or len(self._sensors) < MAX_DEVICES):
            self._sensors[key] = payload


def _sensors(payload: bytes, topic: str) -> dict[str, Any] | None:
    """What a description says of sensors; None where it is none."""
    said = read_json(payload, topic) if payload else None
    sensors = said.get("sn") if isinstance(said, dict) else None
    return sensors if isinstance(sensors, dict) else None
