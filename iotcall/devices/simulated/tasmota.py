"""A simulated Tasmota device, firmware 14. Leaves out: rules, sensors, timers, TelePeriod.

Source of topics and payloads: https://tasmota.github.io/docs/MQTT/, .../Commands/ and
`TasDiscovery` in tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from iotcall.devices.home_file import Entry
from iotcall.devices.points import Publication
from iotcall.devices.properties import Value
from iotcall.devices.simulated.base import hardware_address

_ON, _OFF, _TOGGLE = ("ON", "1", "TRUE"), ("OFF", "0", "FALSE"), ("TOGGLE", "2")


class SimulatedTasmota:
    """One device with one relay or several, or one dimmable light; see `base.Simulated`."""

    def __init__(self, devices: Sequence[Entry], full_topic: str, *, unreachable: bool) -> None:
        self._devices = {device.relay: device for device in devices}
        self._full_topic = full_topic
        self._unreachable = unreachable
        self._address = devices[0].address
        self._powers = {relay: "OFF" for relay in range(1, max(self._devices) + 1)}
        dimmable = any(device.kind == "light" and device.dimmable for device in devices)
        self._dimmer: int | None = 100 if dimmable else None
        self.client_id = f"DVES_{self._mac[-6:]}"
        self.subscriptions: tuple[str, ...] = (self._topic("cmnd", "#"),)
        self.will = Publication(self._topic("tele", "LWT"), b"Offline", retain=True)

    def birth(self) -> list[Publication]:
        online = Publication(self._topic("tele", "LWT"), b"Online", retain=True)
        return [
            self.will if self._unreachable else online,
            *(said for relay in self._powers for said in self._say_power(relay)),
            self._say("tele", "STATE", self._state()),
            Publication(f"tasmota/discovery/{self._mac}/config",
                        json.dumps(self._discovery()).encode(), retain=True),
            Publication(f"tasmota/discovery/{self._mac}/sensors",
                        b'{"sn":{"Time":"2025-01-01T00:00:00"},"ver":1}', retain=True),
        ]

    def farewell(self) -> list[Publication]:
        return [self.will]

    def states(self) -> dict[str, dict[str, Value]]:
        found: dict[str, dict[str, Value]] = {}
        for relay, device in self._devices.items():
            found[device.name] = {"state": self._powers[relay].lower()}
            if self._dimmer is not None:
                found[device.name]["brightness"] = self._dimmer
        return found

    def receive(self, topic: str, payload: bytes) -> list[Publication]:
        if self._unreachable:
            return []
        command = topic.rpartition("/")[2].upper()
        text = payload.decode(errors="replace").strip()
        power = re.fullmatch(r"POWER(\d*)", command)
        if power and int(power[1] or 1) in self._powers:
            return self._power(int(power[1] or 1), text.upper())
        if command == "DIMMER" and self._dimmer is not None:
            return self._dim(text)
        if command == "STATE":
            return [self._say("stat", "RESULT", self._state())]
        if command == "STATUS" and text == "11":
            return [self._say("stat", "STATUS11", {"StatusSTS": self._state()})]
        return [self._say("stat", "RESULT", {"Command": "Unknown", "Input": command})]

    def _power(self, relay: int, wanted: str) -> list[Publication]:
        """Anything that is no state, an empty payload too, only asks."""
        if wanted in _TOGGLE:
            wanted = "OFF" if self._powers[relay] == "ON" else "ON"
        if wanted in (*_ON, *_OFF):
            self._powers[relay] = "ON" if wanted in _ON else "OFF"
        return self._say_power(relay)

    def _dim(self, text: str) -> list[Publication]:
        said: list[Publication] = []
        if text.isascii() and text.isdecimal():
            self._dimmer = min(100, int(text))
            power = "ON" if self._dimmer else "OFF"
            if power != self._powers[1]:
                self._powers[1] = power
                said = self._say_power(1)
        return [*said, self._say("stat", "RESULT",
                                 {self._power_name(1): self._powers[1], "Dimmer": self._dimmer})]

    def _say_power(self, relay: int) -> list[Publication]:
        name, power = self._power_name(relay), self._powers[relay]
        return [self._say("stat", "RESULT", {name: power}),
                Publication(self._topic("stat", name), power.encode())]

    def _power_name(self, relay: int) -> str:
        return "POWER" if len(self._powers) == 1 else f"POWER{relay}"

    def _state(self) -> dict[str, Any]:
        powers = {self._power_name(relay): power for relay, power in self._powers.items()}
        dimmer = {} if self._dimmer is None else {"Dimmer": self._dimmer}
        return {"Time": "2025-01-01T00:00:00", "Uptime": "0T00:00:10", "UptimeSec": 10, "Heap": 25,
                "SleepMode": "Dynamic", "Sleep": 50, "LoadAvg": 19, "MqttCount": 1,
                **powers, **dimmer,
                "Wifi": {"AP": 1, "SSId": "home", "BSSId": "00:00:00:00:00:00", "Channel": 6,
                         "Mode": "11n", "RSSI": 80, "Signal": -60, "LinkCount": 1,
                         "Downtime": "0T00:00:03"}}

    @property
    def _mac(self) -> str:
        return hardware_address(f"tasmota {self._address}", 12).upper()

    def _discovery(self) -> dict[str, Any]:
        names = [device.name for device in self._devices.values()]
        relay = 1 if self._dimmer is None else 2  # 2: a light
        return {
            "ip": "192.0.2.1", "dn": names[0], "fn": _padded(names, 8, None),
            "hn": f"{self._address}-{self._mac[-4:]}", "mac": self._mac, "md": "Simulated",
            "ty": 0, "if": 0, "ofln": "Offline", "onln": "Online",
            "state": ["OFF", "ON", "TOGGLE", "HOLD"], "sw": "14.4.1", "t": self._address,
            "ft": self._full_topic, "tp": ["cmnd", "stat", "tele"],
            "rl": _padded([relay] * len(self._powers), 32, 0), "swc": [-1] * 28,
            "swn": [None] * 28, "btn": [0] * 32,
            "so": {"4": 0, "11": 0, "13": 0, "17": 0, "20": 0, "30": 0, "68": 0, "73": 0,
                   "82": 0, "114": 0, "117": 0},
            "lk": 0, "lt_st": int(self._dimmer is not None), "bat": 0, "dslp": 0, "sho": [],
            "sht": [], "ver": 1,
        }

    def _topic(self, prefix: str, name: str) -> str:
        full = self._full_topic.replace("%prefix%", prefix).replace("%topic%", self._address)
        return f"{full.rstrip('/')}/{name}"

    def _say(self, prefix: str, name: str, payload: dict[str, Any]) -> Publication:
        return Publication(self._topic(prefix, name),
                           json.dumps(payload, separators=(",", ":")).encode())


def _padded(values: Sequence[Any], length: int, filler: Any) -> list[Any]:
    return [*values, *[filler] * (length - len(values))]
