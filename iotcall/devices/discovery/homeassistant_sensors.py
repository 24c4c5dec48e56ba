"""Home Assistant's sensors and binary sensors, by class and unit. Leaves out: who they belong to.

A sensor without a class, or of a unit that its property cannot be counted from, is not understood.
Source: https://www.home-assistant.io/integrations/sensor.mqtt/ and binary_sensor.mqtt/ there; the
classes are those of https://www.home-assistant.io/integrations/sensor/ and binary_sensor/.
"""

from __future__ import annotations

from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.homeassistant_config import Config, Part
from iotcall.devices.points import Point

_UNITS: dict[str, dict[str, float]] = {
    "temperature": {"°C": 1, "°F": 1},
    "humidity": {"%": 1},
    "battery": {"%": 1},
    "power": {"mW": 1e-3, "W": 1, "kW": 1e3, "MW": 1e6},
    "energy": {"Wh": 1e-3, "kWh": 1, "MWh": 1e3},
    "illuminance": {"lx": 1},
}
"""Class, which is our property too -> unit -> how much it is in ours."""

_CLASSES: dict[str, tuple[str, str, str]] = {
    "door": ("contact", "open", "closed"),
    "window": ("contact", "open", "closed"),
    "garage_door": ("contact", "open", "closed"),
    "opening": ("contact", "open", "closed"),
    "occupancy": ("occupancy", "yes", "no"),
    "motion": ("occupancy", "yes", "no"),
    "presence": ("occupancy", "yes", "no"),
    "moisture": ("leak", "yes", "no"),
    "smoke": ("smoke", "yes", "no"),
}
"""Class -> property, and what on and off are of it."""


def sensor(config: Config) -> Part:
    """A sensor of a number."""
    name = config.word("device_class") or ""
    unit = config.word("unit_of_measurement") or ""
    size = _UNITS.get(name, {}).get(unit)
    if size is None:
        return Part(kind="sensor", hidden=(clean_name(f"{name} {unit}") or "no device class",))
    reads = config.reads("state_topic", "value_template")
    # A scale from 0 to 100 over `size` multiplies by `size`.
    return config.part("sensor", {name: Point(
        reads=reads, unit="fahrenheit" if unit == "°F" else "",
        scale=None if size == 1 else (0.0, 100 / size)) if reads else None})


def binary_sensor(config: Config) -> Part:
    """A sensor of two words."""
    said = config.word("device_class") or ""
    if said not in _CLASSES:
        return Part(kind="sensor", hidden=(clean_name(said) or "no device class",))
    name, on, off = _CLASSES[said]
    reads = config.reads("state_topic", "value_template", (
        (config.word("payload_on", "ON"), on), (config.word("payload_off", "OFF"), off)))
    return config.part("sensor", {name: Point(reads=reads) if reads else None}, config.label())
