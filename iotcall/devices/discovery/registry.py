"""The home as it is announced just now, and what must be subscribed to, to know it.

Leaves out: the connection. Used from one thread; the home it gives is a frozen struct.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from iotcall.devices.device import Source
from iotcall.devices.discovery.base import Discovery
from iotcall.devices.home import Home, assemble
from iotcall.devices.home_file import HomeFile
from iotcall.devices.points import Publication

log = structlog.get_logger()


class Registry:
    """File and announcements in, home out."""

    def __init__(self, file: HomeFile, *, client_id: str = "iotcall") -> None:
        """`client_id` is a part of the topics on which devices answer our questions."""
        self._file = file
        self._discoveries = [_made(source, file.topics.get(source, ""), client_id)
                             for source in file.discovery.sources]
        self.home: Home = assemble(file)

    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters of all announcements, sorted."""
        return tuple(sorted({each for discovery in self._discoveries
                             for each in discovery.subscriptions()}))

    def take(self, topic: str, payload: bytes) -> bool:
        """Take in an announcement; whether anything is due: `renew` or `asks`.

        Announcements come in hundreds at once; the home is made anew when they have all been heard.
        """
        changed = False
        for discovery in self._discoveries:
            try:
                changed |= discovery.take(topic, payload)
            except Exception as error:  # one hostile announcement must not take the others away
                log.warning("announcement_failed", source=discovery.source, topic=topic,
                            fault=type(error).__name__)
        return changed

    def renew(self) -> bool:
        """Make the home anew; whether it is another one now."""
        before, self.home = self.home, assemble(
            self._file, [device for discovery in self._discoveries
                         for device in discovery.devices()])
        _tell(before, self.home)
        return self.home != before

    def asks(self) -> tuple[Publication, ...]:
        """Messages that are due now, to learn more of what was announced."""
        return tuple(each for discovery in self._discoveries for each in discovery.asks())


def _made(source: Source, topic: str, client_id: str) -> Discovery:
    from iotcall.devices.discovery.homeassistant import HomeAssistantDiscovery
    from iotcall.devices.discovery.homie import HomieDiscovery
    from iotcall.devices.discovery.shelly import ShellyDiscovery
    from iotcall.devices.discovery.tasmota import TasmotaDiscovery
    from iotcall.devices.discovery.zigbee2mqtt import ZigbeeDiscovery

    makers: dict[Source, Callable[[], Discovery]] = {
        "zigbee2mqtt": lambda: ZigbeeDiscovery(topic or "zigbee2mqtt"),
        "homeassistant": lambda: HomeAssistantDiscovery(topic or "homeassistant"),
        "tasmota": lambda: TasmotaDiscovery(),
        "shelly": lambda: ShellyDiscovery(topic, client_id),
        "homie": lambda: HomieDiscovery(topic or "homie"),
    }
    return makers[source]()


def _tell(before: Home, after: Home) -> None:
    old = {device.id: device.name for device in before.devices}
    new = {device.id: device.name for device in after.devices}
    for key in sorted(new.keys() - old.keys()):
        log.info("device.appeared", id=key, device=new[key])
    for key in sorted(old.keys() - new.keys()):
        log.info("device.vanished", id=key, device=old[key])
    for key in sorted(old.keys() & new.keys()):
        if old[key] != new[key]:
            log.info("device.renamed", id=key, device=new[key], before=old[key])
