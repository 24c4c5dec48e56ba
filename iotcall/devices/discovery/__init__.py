"""Devices that announce themselves on MQTT, one module per ecosystem.

Leaves out: which of them the home's owner wants (`iotcall.devices.home.assemble`).
"""

from __future__ import annotations

from iotcall.devices.discovery.base import Discovery
from iotcall.devices.discovery.registry import Registry

__all__ = ["Discovery", "Registry"]
