"""A command in normalised units. Leaves out: who says it how, and the message that carries it."""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.devices.colors import alike
from iotcall.devices.device import Device
from iotcall.devices.points import Publication
from iotcall.devices.properties import PROPERTIES, Value, checked

Verdict = Literal["accepted", "confirmed", "refused", "unconfirmed"]
"""accepted: published, and the device has no way to say more; confirmed: its state says so;
refused: an error was told, or it is known to be offline; unconfirmed: silence."""


class Unable(ValueError):
    """A device that cannot be told such a thing."""

    def __init__(self, message: str, *, device: Device, property: str,
                 limits: tuple[float, float] | None = None, words: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.device, self.property = device, property
        self.limits = limits
        """Lowest and highest number, where the number was out of range."""
        self.words = words
        """What it knows, where the word was none of them."""


class Command(msgspec.Struct, frozen=True):
    """Set one property of one device; make it with `command_for`, which normalises."""

    device: Device
    property: str
    value: Value

    def publications(self) -> tuple[Publication, ...]:
        """The messages that carry it, in order."""
        return self.device.points[self.property].publications(self.property, self.value)


def command_for(device: Device, name: str, value: Value) -> Command:
    """The command, its value checked and rounded as the device takes it.

    A brightness of 0 becomes `state` off: bulbs differ in what they do with 0. A position of a
    cover that knows no positions becomes a movement, where it is one of the ends.

    Raises:
        Unable: the device has no such property, or the property no such value here.
    """
    if name == "brightness" and value == 0 and device.can("state"):
        return command_for(device, "state", "off")
    if name == "position" and not device.can("position") and device.can("movement"):
        if value not in (0, 100):
            raise Unable(f"{device.name!r} knows open and closed only", device=device,
                         property=name, words=("open", "closed"))
        return command_for(device, "movement", "open" if value else "close")
    point = device.points.get(name)
    if point is None or point.write is None:
        raise Unable(f"{device.name!r} has no {name} that can be set", device=device,
                     property=name)
    try:
        value = checked(name, value, f"{name} of {device.name!r}")
    except ValueError as error:
        limits = None if isinstance(value, str) else device.limits(name)
        raise Unable(str(error), device=device, property=name, limits=limits,
                     words=point.allowed) from None
    if isinstance(value, str):
        if point.allowed and value not in point.allowed:
            raise Unable(f"{device.name!r} knows {', '.join(point.allowed)}, found {value}",
                         device=device, property=name, words=point.allowed)
        return Command(device, name, value)
    low, high = device.limits(name)
    if not low <= value <= high:
        raise Unable(f"{device.name!r} takes {low:g}..{high:g}, found {value:g}", device=device,
                     property=name, limits=(low, high))
    if point.step:
        value = round(round(value / point.step) * point.step, 2)
    return Command(device, name, value)


def can_confirm(told: Command) -> bool:
    """Whether the device has a way to say that it has done it: a stop and a skip leave no state."""
    if (told.property, told.value) == ("movement", "stop") or told.property == "skip":
        return False
    return any(device_property in told.device.points
               and told.device.points[device_property].reads
               for device_property in _SHOWN_BY.get(told.property, (told.property,)))


_SHOWN_BY = {"movement": ("movement", "position")}
"""Properties by which another is known."""


def satisfies(told: Command, state: dict[str, Value]) -> bool:
    """Whether a state of the device is what the command asked for.

    Numbers may differ by what rounding costs: one percent, half a step of the thermostat.
    """
    found = state.get(told.property)
    if told.property == "movement" and found != told.value:
        return state.get("position") == {"open": 100, "close": 0}.get(str(told.value), -1)
    if found is None:
        return False
    if told.property == "color":
        return alike(str(found), str(told.value))
    if isinstance(found, str) or isinstance(told.value, str):
        return found == told.value
    if told.property == "brightness" and state.get("state", "on") != "on":
        return False
    step = told.device.points[told.property].step or 0
    tolerance = max(PROPERTIES[told.property].tolerance, step / 2)
    return abs(found - told.value) <= tolerance + 1e-6
