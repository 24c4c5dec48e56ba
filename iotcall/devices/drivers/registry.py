"""The drivers of a home. Leaves out: which messages arrive (see states)."""

from __future__ import annotations

from iotcall.devices.drivers.base import Driver
from iotcall.devices.drivers.tasmota import Tasmota
from iotcall.devices.drivers.zigbee2mqtt import Zigbee2mqtt
from iotcall.devices.home import DriverName, Home
from iotcall.devices.profile import load_profile


def drivers_of(home: Home) -> dict[DriverName, Driver]:
    """A driver for each ecosystem of the home; `device.driver` is the key.

    Raises:
        FileError: a shipped profile was altered and does not fit.
    """
    made: dict[DriverName, Driver] = {}
    for name in sorted({device.driver for device in home.devices}):
        profile, topic = load_profile(name), home.topics.get(name, "")
        match name:
            case "zigbee2mqtt":
                made[name] = Zigbee2mqtt(profile, topic)
            case "tasmota":
                made[name] = Tasmota(profile, topic)
    return made
