"""Homes and their devices: registry, drivers, commands, states. Leaves out: what people say."""

from iotcall.devices.command import Command, Publication, command_for
from iotcall.devices.drivers import Driver, drivers_of
from iotcall.devices.home import Device, Home, Room, Step, load_home, spoken
from iotcall.devices.properties import Kind, Value
from iotcall.devices.states import DeviceStates

__all__ = [
    "Command",
    "Device",
    "DeviceStates",
    "Driver",
    "Home",
    "Kind",
    "Publication",
    "Room",
    "Step",
    "Value",
    "command_for",
    "drivers_of",
    "load_home",
    "spoken",
]
