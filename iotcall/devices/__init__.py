"""Homes and their devices: points, commands, states. Leaves out: what people say."""

from iotcall.devices.command import Command, Unable, Verdict, can_confirm, command_for
from iotcall.devices.device import Device
from iotcall.devices.home import Home, assemble, load_home
from iotcall.devices.home_file import Entry, HomeFile, Room, Step, read_home, spoken
from iotcall.devices.points import Point, Publication
from iotcall.devices.properties import Kind, Value
from iotcall.devices.states import DeviceStates

__all__ = [
    "Command",
    "Device",
    "DeviceStates",
    "Entry",
    "Home",
    "HomeFile",
    "Kind",
    "Point",
    "Publication",
    "Room",
    "Step",
    "Unable",
    "Value",
    "Verdict",
    "assemble",
    "can_confirm",
    "command_for",
    "load_home",
    "read_home",
    "spoken",
]
