"""A home of simulated devices on a real broker. Leaves out: radios, delays, firmware faults."""

from iotcall.devices.simulated.home import SimulatedHome

__all__ = ["SimulatedHome"]
