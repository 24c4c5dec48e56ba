"""A home of simulated devices on a real broker. Leaves out: radios, delays, firmware faults."""

from iotcall.devices.simulated.devices import exchange, simulated_devices
from iotcall.devices.simulated.home import SimulatedHome

__all__ = ["SimulatedHome", "exchange", "simulated_devices"]
