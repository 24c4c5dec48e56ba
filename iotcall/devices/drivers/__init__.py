"""One module per ecosystem: command -> messages, message -> state. Leaves out: the connection."""

from iotcall.devices.drivers.base import Driver
from iotcall.devices.drivers.registry import drivers_of

__all__ = ["Driver", "drivers_of"]
