"""One module per ecosystem: what the home's file says of a device -> its points.

Leaves out: announcements (see `iotcall.devices.discovery`) and the connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from iotcall.devices.device import Device, Source
from iotcall.devices.drivers import tasmota, zigbee2mqtt
from iotcall.devices.home_file import Entry, Misfit, known
from iotcall.devices.profile import load_profile

__all__ = ["device_of"]


def device_of(entry: Entry, topics: Mapping[Source, str], place: str) -> Device:
    """The device of an entry with a driver; `topics` are the home's own base topics.

    Raises:
        Misfit: the driver has no such kind of device, or none with such attributes.
        FileError: a shipped profile was altered and does not fit.
    """
    assert entry.driver is not None
    profile = load_profile(entry.driver)
    slots = profile.kinds.get(entry.kind) if entry.kind else None
    if slots is None:
        raise Misfit(f"{place}.kind", f"{entry.driver} has no {entry.kind} here; it has: "
                                      f"{', '.join(sorted(profile.kinds))}")
    for name in entry.attributes:
        known(name, slots, f"{place}.attributes", "property")
    topic = topics.get(entry.driver) or profile.topic
    match entry.driver:
        case "zigbee2mqtt":
            return zigbee2mqtt.device_of(entry, profile, topic)
        case "tasmota":
            return tasmota.device_of(entry, profile, topic)

