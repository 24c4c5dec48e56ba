"""What each kind of simulated Zigbee device takes and is. Leaves out: topics (see zigbee).

Each converter stands for one of zigbee-herdsman-converters 26.105.0, dist/converters/toZigbee.js.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from iotcall.devices.colors import decoded
from iotcall.devices.home_file import Entry
from iotcall.devices.properties import Value
from iotcall.devices.simulated.exposes import attribute

State = dict[str, Any]
"""Attribute -> value, as zigbee2mqtt writes it."""
Converter = Callable[[Entry, State, State], tuple[State, State]]
"""(device, what it is, message) -> (what it becomes, what the bridge believes); ValueError."""

_MODES = ("off", "heat", "cool", "auto")


def converters(device: Entry) -> list[tuple[tuple[str, ...], Converter]]:
    """(keys, converter) in the order in which they are applied."""
    match device.kind:
        case "light" if device.dimmable:
            colors = [(("color",), _color), (("color_temp",), _white)] if device.colorful else []
            return [((attribute(device, "state"), attribute(device, "brightness")), _light),
                    *colors]
        case "light" | "plug" | "fan":
            return [((attribute(device, "state"),), _light)]
        case "thermostat":
            return [((attribute(device, "mode"),), _mode),
                    ((attribute(device, "setpoint"),), _setpoint)]
        case "lock":
            return [((attribute(device, "lock"),), _lock)]
        case _:  # "cover": nothing else is simulated
            return [(("state",), _cover_state), ((attribute(device, "position"),), _position)]


def initial(device: Entry) -> State:
    """What the device is before anything is said to it."""
    match device.kind:
        case "light":
            brightness = {attribute(device, "brightness"): 254} if device.dimmable else {}
            colors = {"color": {"hue": 0, "saturation": 0}, "color_temp": 370}
            return {attribute(device, "state"): "OFF", **brightness,
                    **(colors if device.colorful else {})}
        case "plug" | "fan":
            return {attribute(device, "state"): "OFF"}
        case "thermostat":
            return {attribute(device, "setpoint"): 19, "local_temperature": 19.5,
                    attribute(device, "mode"): "heat"}
        case "lock":
            return {attribute(device, "lock"): "UNLOCK", "lock_state": "unlocked", "battery": 90}
        case _:
            return {attribute(device, "position"): 100, "state": "OPEN"}


def normalised(device: Entry, real: State) -> dict[str, Value]:
    """The same in the units of `properties`."""
    match device.kind:
        case "light" | "plug" | "fan":
            level = real.get(attribute(device, "brightness"))
            brightness: dict[str, Value] = {} if level is None else {
                "brightness": round(level / 2.54)}
            colors: dict[str, Value] = {}
            if device.colorful:
                colors = {"color": decoded(real["color"], "hue_saturation") or "",
                          "white": round(1e6 / real["color_temp"])}
            return {"state": real[attribute(device, "state")].lower(), **brightness, **colors}
        case "thermostat":
            return {"setpoint": float(real[attribute(device, "setpoint")]),
                    "mode": real[attribute(device, "mode")]}
        case "lock":
            return {"lock": real["lock_state"]}
        case _:
            return {"position": round(real[attribute(device, "position")])}


def _light(device: Entry, real: State, message: State) -> tuple[State, State]:
    state_key, level_key = attribute(device, "state"), attribute(device, "brightness")
    said = json.dumps(message, separators=(",", ":"))
    state, level = message.get(state_key), message.get(level_key) if device.dimmable else None
    if level == 255:
        level = 254
    if level is not None and not (_is_number(level) and 0 <= level <= 254):
        raise ValueError(f"Brightness value of message: '{said}' invalid, "
                         "must be a number >= 0 and =< 254")
    if state is None:
        if level is None:
            raise ValueError('At least one of "brightness" or "state" must have a value: '
                             f"'{said}'")
        state = "off" if level == 0 else "on"
    if not isinstance(state, str) or state.lower() not in ("on", "off", "toggle"):
        raise ValueError(f"State value of message: '{said}' invalid, "
                         "must be 'ON', 'OFF' or 'TOGGLE'")
    state = state.upper()
    if state == "TOGGLE":
        state = "OFF" if real[state_key] == "ON" else "ON"
    news: State = {state_key: state}
    if state == "ON" and level is not None:
        news[level_key] = max(1, level)
    return news, news


def _color(device: Entry, real: State, message: State) -> tuple[State, State]:
    color = message["color"]
    if not (isinstance(color, dict) and all(map(_is_number, (color.get("hue"),
                                                             color.get("saturation"))))):
        raise ValueError(f"Invalid color: '{json.dumps(color)}'")
    news = {"color": {"hue": color["hue"], "saturation": color["saturation"]}}
    return news, news


def _white(device: Entry, real: State, message: State) -> tuple[State, State]:
    mired = _number("color_temp", message["color_temp"])
    news = {"color_temp": min(500, max(150, mired))}  # clamped, as zigbee2mqtt does
    return news, news


def _mode(device: Entry, real: State, message: State) -> tuple[State, State]:
    mode = message[attribute(device, "mode")]
    if mode not in _MODES:
        raise ValueError(f"Value: '{mode}' not found in: [{', '.join(_MODES)}]")
    news = {attribute(device, "mode"): mode}
    return news, news


def _setpoint(device: Entry, real: State, message: State) -> tuple[State, State]:
    key = attribute(device, "setpoint")
    celsius = _number(key, message[key])
    if not device.minimum_celsius <= celsius <= device.maximum_celsius:
        raise ValueError("ZCL command hvacThermostat.write failed (Status 'INVALID_VALUE')")
    # The converter believes what was asked; the device gets half degrees.
    return {key: round(celsius * 2) / 2}, {key: celsius}


def _lock(device: Entry, real: State, message: State) -> tuple[State, State]:
    key = attribute(device, "lock")
    wanted = message[key]
    if isinstance(wanted, dict):  # with a pin: {"state": "UNLOCK", "code": "1234"}
        wanted = wanted.get("state")
    word = wanted.upper() if isinstance(wanted, str) else ""
    if word == "TOGGLE":
        word = "LOCK" if real[key] == "UNLOCK" else "UNLOCK"
    if word not in ("LOCK", "UNLOCK"):
        raise ValueError(f"Value: '{wanted}' not in: [LOCK, UNLOCK, TOGGLE]")
    return {key: word, "lock_state": "locked" if word == "LOCK" else "unlocked"}, {}


def _position(device: Entry, real: State, message: State) -> tuple[State, State]:
    key = attribute(device, "position")
    position = _number(key, message[key])
    if not 0 <= position <= 100:
        raise ValueError("ZCL command goToLiftPercentage failed (Status 'INVALID_VALUE')")
    return {key: position, "state": "OPEN" if position > 0 else "CLOSE"}, {key: position}


def _cover_state(device: Entry, real: State, message: State) -> tuple[State, State]:
    word = str(message["state"]).lower()
    if word not in ("open", "close", "stop", "on", "off"):
        raise ValueError(f"Value: '{message['state']}' not found in: [open, close, stop, on, off]")
    if word == "stop":
        return {}, {}
    opens = word in ("open", "on")
    return {attribute(device, "position"): 100 if opens else 0,
            "state": "OPEN" if opens else "CLOSE"}, {}


def _number(key: str, value: Any) -> float:
    if not _is_number(value):
        raise ValueError(f"{key} is not a number, got {type(value).__name__} ({value})")
    return float(value) if isinstance(value, float) else int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
