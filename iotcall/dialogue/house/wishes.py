"""What a call wants of a device: which property, which value. Leaves out: which devices.

A wish is asked of each device by itself, as devices of one group may differ in what they can.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Device, Kind, Unable, Value, command_for
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.words import words
from iotcall.speech.amounts import Amount, amount
from iotcall.speech.colors import color, white
from iotcall.speech.degrees import Unit, degrees
from iotcall.speech.shares import share

State = Mapping[str, Value]
T = TypeVar("T")

_PROPERTIES = {"brightness": "brightness", "temperature": "setpoint", "volume": "volume",
               "position": "position", "speed": "speed", "warmth": "white"}
_KINDS: dict[str, tuple[Kind, ...]] = {
    "brightness": ("light",), "setpoint": ("thermostat",), "volume": ("media",),
    "position": ("cover",), "speed": ("fan",), "white": ("light",), "color": ("light",),
    "movement": ("cover",), "lock": ("lock",), "playback": ("media",), "activity": ("vacuum",),
    "mode": ("thermostat", "fan", "vacuum")}
_AMOUNTS = ("brightness", "setpoint", "volume", "position", "speed")
"""Properties that a number says."""
_NO_VALUE = frozenset({"a", "an", "it", "my", "of", "that", "the", "this", "to"})
"""Words that say no value by themselves."""
_SIZES = {"little": 0.5, "some": 1.0, "much": 2.0}
_COVER = {"open": ("open", 100), "close": ("close", 0)}
_PLAYBACK = {"play": "playing", "pause": "paused", "stop": "stopped"}


class Unknown(Exception):
    """More or less of what the device has never told."""


class Unread(Exception):
    """A value that means nothing for this property."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of every device that is meant."""

    tool: str
    kinds: tuple[Kind, ...]
    """Kinds that are meant where none was said; empty: it must be said."""
    can: Callable[[Device], bool]
    told: Callable[[Device, State], tuple[Command, ...]]
    """Raises Unable, Unknown or Unread."""
    missing: str = ""
    """What was not said and is needed: a key of `Replies.how_much`."""


def wish_of(call: ToolCall, house: House, degrees_said: Unit, named: Collection[str] = ()
            ) -> Wish | None:
    """The wish of a call that commands devices; None for the other tools.

    Args:
        degrees_said: celsius or fahrenheit: what a bare number of degrees counts in here.
        named: properties of devices that the person named; another one is the student's guess.
    """
    arguments = {key: str(value) for key, value in call.arguments.items()}
    value = arguments.get("value", "")
    if _NO_VALUE.issuperset(words(value)):
        value = ""  # "change the colour": "the" is none
    match call.name:
        case "turn":
            state = arguments["state"]
            return Wish(tool="turn", kinds=(), can=_can_switch,
                        told=lambda device, _: (_switched(device, state),))
        case "set":
            name = _PROPERTIES[arguments["property"]]
            return _wish("set", name, value, lambda device, _: (_set(
                device, _fitting(device, name, named), value, degrees_said),))
        case "adjust":
            name, up = _PROPERTIES[arguments["property"]], arguments["direction"] == "up"
            return _wish("adjust", name, "as it is", lambda device, state: (_adjusted(
                device, _fitting(device, name, named), up, arguments.get("amount", ""), state,
                house),))
        case "set_color":
            return _wish("set_color", "color", value, lambda device, _: (
                command_for(device, "color", _read(color(value), value)),))
        case "set_white":
            return _wish("set_white", "white", value, lambda device, _: (
                _white(device, _read(white(value), value)),))
        case "set_mode":
            return Wish(tool="set_mode", kinds=_KINDS["mode"], missing="" if value else "set_mode",
                        can=lambda device: device.can("mode") or device.can("preset"),
                        told=lambda device, _: (_moded(device, value, house),))
    return _action(call.name, arguments)


def _action(tool: str, arguments: Mapping[str, str]) -> Wish | None:
    action = arguments.get("action", "")
    match tool:
        case "cover":
            return Wish(tool=tool, kinds=("cover",), can=_can_move,
                        told=lambda device, _: (_moved(device, action),))
        case "lock":
            word = "locked" if action == "lock" else "unlocked"
            return _wish(tool, "lock", word,
                         lambda device, _: (command_for(device, "lock", word),))
        case "media":
            return Wish(tool=tool, kinds=("media",), can=lambda device: device.kind == "media",
                        told=lambda device, _: (_played(device, action),))
        case "vacuum":
            return _wish(tool, "activity", action,
                         lambda device, _: (command_for(device, "activity", action),))
    return None


def _wish(tool: str, name: str, value: str,
          told: Callable[[Device, State], tuple[Command, ...]]) -> Wish:
    return Wish(tool=tool, kinds=_KINDS[name], can=lambda device: device.can(name) or (
        name == "position" and device.can("movement")), told=told,
        missing="" if value else name)


def _can_switch(device: Device) -> bool:
    return any(map(device.can, ("state", "mode", "activity")))


def _can_move(device: Device) -> bool:
    return any(map(device.can, ("position", "movement", "lock")))


def _switched(device: Device, state: str) -> Command:
    if device.can("state"):
        return command_for(device, "state", state)
    if device.can("activity"):
        return command_for(device, "activity", "start" if state == "on" else "dock")
    if state == "off" or "mode" not in device.points:
        return command_for(device, "mode", "off")  # says that it has none, where it has none
    words_here = device.points["mode"].allowed
    for mode in ("heat", "heat_cool", "auto", "cool"):
        if mode in words_here or not words_here:
            return command_for(device, "mode", mode)
    raise Unable(f"{device.name!r} has no mode to switch on", device=device, property="mode",
                 words=words_here)


def _moved(device: Device, action: str) -> Command:
    if device.kind == "lock":  # "open the front door"
        if action == "stop":
            raise Unable(f"{device.name!r} cannot stop", device=device, property="lock")
        return command_for(device, "lock", "unlocked" if action == "open" else "locked")
    if action == "stop":
        return command_for(device, "movement", "stop")
    word, position = _COVER[action]
    if device.can("movement"):
        return command_for(device, "movement", word)
    return command_for(device, "position", position)


def _played(device: Device, action: str) -> Command:
    match action:
        case "next" | "previous":
            return command_for(device, "skip", action)
        case "mute" | "unmute":
            return command_for(device, "muted", "on" if action == "mute" else "off")
    return command_for(device, "playback", _PLAYBACK[action])


def _moded(device: Device, said: str, house: House) -> Command:
    """The mode or preset that the device has and that is called so."""
    wanted = " ".join(words(said))
    wanted = house.modes.get(wanted, wanted)
    offered: list[str] = []
    for name in ("mode", "preset"):
        if not device.can(name):
            continue
        allowed = device.points[name].allowed
        offered += allowed
        for word in allowed:
            if " ".join(words(word.replace("_", " "))) in (wanted, wanted.replace("_", " ")):
                return command_for(device, name, word)
    raise Unable(f"{device.name!r} knows {', '.join(offered)}", device=device, property="mode",
                 words=tuple(offered))


def _white(device: Device, kelvin: float) -> Command:
    """Whites beyond what the lamp can are its warmest and coldest."""
    low, high = device.limits("white")
    return command_for(device, "white", min(high, max(low, kelvin)))


def _fitting(device: Device, name: str, named: Collection[str]) -> str:
    """The property, or in place of one that was guessed the only one that the device has.

    "The spots down to twenty" says no property: what twenty is, the spots tell.
    """
    able = [each for each in _AMOUNTS if device.can(each)]
    if device.can(name) or len(able) != 1 or not set(named) <= {able[0]}:
        return name
    return able[0]


def _set(device: Device, name: str, value: str, degrees_said: Unit) -> Command:
    return command_for(device, name, _number(device, name, value, degrees_said))


def _number(device: Device, name: str, said: str, degrees_said: Unit) -> float:
    if name == "setpoint":
        found = degrees(said, degrees_said)
        return float(_read(found.celsius if found else None, said))
    level = share(said, bare_percent=True)
    return float(_read(level.percent if level else None, said))


def _adjusted(device: Device, name: str, up: bool, said: str, state: State, house: House
              ) -> Command:
    """More or less from what the device last told; ends stop at the device's limits."""
    if not device.can(name):
        raise Unable(f"{device.name!r} has no {name}", device=device, property=name)
    now = state.get(name)
    if name == "brightness" and state.get("state") == "off":
        now = 0 if up else now
    if isinstance(now, str) or now is None:
        raise Unknown
    by = amount(said) if said else None
    if said and by is None:
        raise Unread(said)
    step = _step(name, float(now), by, house)
    # subtle: a warmer white has fewer kelvin
    change = step if up != (name == "white") else -step
    low, high = device.limits(name)
    return command_for(device, name, min(high, max(low, float(now) + change)))


def _step(name: str, now: float, by: Amount | None, house: House) -> float:
    usual = house.steps[name]
    if by is None:
        return usual
    if by.number is None or by.unit == "steps":
        return usual * (by.number or 1) * _SIZES.get(by.size or "some", 1.0)
    if by.unit == "times":
        return abs(now * by.number - now)
    return abs(now * by.number) if by.unit == "part" else by.number


def _read(found: T | None, said: str) -> T:
    if found is None:
        raise Unread(said)
    return found
