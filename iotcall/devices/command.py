"""A command in normalised units and the message that carries it. Leaves out: who says it how."""

from __future__ import annotations

import msgspec

from iotcall.devices.home import Device
from iotcall.devices.properties import Value, check_value


class Command(msgspec.Struct, frozen=True):
    """Set one property of one device; make it with `command_for`, which normalises."""

    device: Device
    property: str
    value: Value


class Publication(msgspec.Struct, frozen=True):
    """One MQTT message; a command is sent with QoS 1 and never retained."""

    topic: str
    payload: bytes
    retain: bool = False
    """Only the simulated home retains (births, availability, discovery)."""


def command_for(device: Device, name: str, value: Value) -> Command:
    """The command, its value checked and rounded as the device takes it.

    A brightness of 0 becomes `state` off: bulbs differ in what they do with 0.

    Raises:
        ValueError: the device has no such property or the property no such value.
    """
    value = check_value(device.kind, name, value)
    if name == "brightness":
        if value == 0:
            return Command(device, "state", "off")
        if not device.dimmable:
            raise ValueError(f"{device.name!r} is not dimmable")
    if name == "setpoint":
        steps = round(float(value) / device.step_celsius)
        value = round(steps * device.step_celsius, 2)
    return Command(device, name, value)


def satisfies(told: Command, state: dict[str, Value]) -> bool:
    """Whether a state of the device is what the command asked for.

    Numbers may differ by what rounding costs: one percent, half a step of the thermostat.
    """
    found = state.get(told.property)
    if isinstance(found, str) or isinstance(told.value, str) or found is None:
        return found == told.value
    if told.property == "brightness" and state.get("state", "on") != "on":
        return False
    tolerance = told.device.step_celsius / 2 if told.property == "setpoint" else 1
    return abs(found - told.value) <= tolerance + 1e-6
