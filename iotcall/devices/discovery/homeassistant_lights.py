"""Lights of Home Assistant's schemas default and json, as points. Leaves out: schema template.

White levels and effects are not understood. Source:
https://www.home-assistant.io/integrations/light.mqtt/
"""

from __future__ import annotations

import math

import msgspec

from iotcall.devices.colors import ColorForm
from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.homeassistant_config import Config, Part, point, stepped
from iotcall.devices.points import Point, Publication, Read, Unit, Write
from iotcall.devices.properties import PROPERTIES

_WARMEST, _COLDEST = 2000, 6535
"""Kelvin that a light has where its config says none."""
_DARK_MODES = {"onoff", "unknown"}
"""Colour modes without a brightness."""


def light(config: Config) -> Part:
    """A light of any schema; of one that is not understood only the name of the schema."""
    schema = (config.word("schema", "basic") or "").lower()
    if schema == "json":
        return _json(config)
    if schema in ("basic", "default"):
        return _topics(config)
    return Part(kind="light", hidden=(f"{clean_name(schema)[:16]} schema",))


def _topics(config: Config) -> Part:
    """Schema default: a topic for each property."""
    on, off = config.word("payload_on", "ON"), config.word("payload_off", "OFF")
    style = config.word("on_command_type", "last")
    write = config.write("command_topic", "", ((on, "on"), (off, "off")))
    state = point(write, config.reads("state_topic", "state_value_template",
                                      ((on, "on"), (off, "off")), default="value_template"))
    # subtle: Home Assistant says "on" with every change, before (`first`) or after it (`last`); we
    # say it before, which ends the same. By `brightness` a change alone switches on.
    first: tuple[Publication, ...] = ()
    if write and on and style != "brightness":
        first = (Publication(write.topic, on.encode()),)

    def lit(told: Write | None) -> Write | None:
        return told and msgspec.structs.replace(told, before=first)

    scale = config.number("brightness_scale", 255) or 0
    brightness = _level(config, scale, lit(config.write(
        "brightness_command_topic", "brightness_command_template")), config.reads(
        "brightness_state_topic", "brightness_value_template"))
    if style == "brightness" and state and brightness:
        state = _on_by_brightness(config, state, brightness, scale)
    points = {"state": state, "brightness": brightness}
    for stem, form in _COLOR_TOPICS.items():
        told = lit(config.write(f"{stem}_command_topic", f"{stem}_command_template"))
        reads = config.reads(f"{stem}_state_topic", f"{stem}_value_template", color=True)
        if "color" not in points and (found := point(told, reads, color=form)):
            points["color"] = found
    points["white"] = _white(config, lit(config.write(
        "color_temp_command_topic", "color_temp_command_template")), config.reads(
        "color_temp_state_topic", "color_temp_value_template"))
    config.ignore("color_mode_state_topic")
    return config.part("light", points)


def _json(config: Config) -> Part:
    """Schema json: one object for all; its words are ON and OFF."""
    topic, said = config.topic("command_topic"), config.topic("state_topic")
    words = {"on": "ON", "off": "OFF"}

    def write(key: str) -> Write | None:
        return Write(topic=topic, path=(key,), fixed={"state": "ON"}) if topic else None

    def reads(key: str) -> tuple[Read, ...]:
        return (Read(topic=said, path=(key,)),) if said else ()

    points = {"state": point(
        Write(topic=topic, path=("state",), words=dict(words)) if topic else None,
        (Read(topic=said, path=("state",), words={its: ours for ours, its in words.items()}),)
        if said else ())}
    # Older devices say a flag for each mode.
    modes = {*config.words("supported_color_modes"), *(
        mode for mode in ("brightness", "color_temp", "hs", "rgb", "xy")
        if config.flag(mode, False))}
    if modes - _DARK_MODES:
        points["brightness"] = _level(config, config.number("brightness_scale", 255) or 0,
                                      write("brightness"), reads("brightness"))
    form = next((form for mode, form in _COLOR_OBJECTS.items() if mode in modes), None)
    if form:
        points["color"] = point(write("color"), reads("color"), color=form)
    if "color_temp" in modes:
        points["white"] = _white(config, write("color_temp"), reads("color_temp"))
    if "white" in modes:
        config.refuse("color mode white")
    if config.flag("effect", False):
        config.refuse("effect")
    return config.part("light", points)


def _level(config: Config, scale: float, write: Write | None,
           reads: tuple[Read, ...]) -> Point | None:
    """A brightness; the lowest is one step, for 0 is off."""
    if not scale >= 1:
        if write or reads:
            config.refuse("brightness_scale")
        return None
    steps = stepped(scale)
    return point(write, reads, scale=(0.0, scale), low=steps.get("step"), **steps)


def _on_by_brightness(config: Config, state: Point, brightness: Point,
                      scale: float) -> Point | None:
    """The state of a light that is switched on by a brightness, if no `payload_on` is said.

    Where its topic is the command's, full brightness is "on"; else it can only be told "off".
    """
    told = state.write
    if told is None or config.has("payload_on"):
        return state
    words = {ours: said for ours, said in told.words.items() if ours != "on"}
    if brightness.write and brightness.write.topic == told.topic and not brightness.write.text:
        words["on"] = f"{scale:.0f}"
    else:
        config.refuse("on_command_type")
    return msgspec.structs.replace(state, write=msgspec.structs.replace(
        told, words=words) if words else None)


def _white(config: Config, write: Write | None, reads: tuple[Read, ...]) -> Point | None:
    """A colour temperature, in mired if nothing else is said; the limits may be said in either."""
    if not (write or reads):
        return None
    unit: Unit = "" if config.flag("color_temp_kelvin", False) else "mired"
    most, least = config.number("max_mireds"), config.number("min_mireds")
    warmest = 1e6 / most if most and most > 0 else config.number("min_kelvin", _WARMEST) or 0
    coldest = 1e6 / least if least and least > 0 else config.number("max_kelvin", _COLDEST) or 0
    rules = PROPERTIES["white"]
    low, high = max(rules.low, math.ceil(warmest)), min(rules.high, math.floor(coldest))
    if low > high:
        config.refuse("min_kelvin")
        return None
    return point(write, reads, unit=unit, low=low, high=high)


_COLOR_TOPICS: dict[str, ColorForm] = {
    "rgb": "rgb_text", "hs": "hs_text", "xy": "xy_text", "rgbw": "rgbw_text",
    "rgbww": "rgbww_text"}
_COLOR_OBJECTS: dict[str, ColorForm] = {
    "rgb": "rgb_object", "hs": "h_s", "xy": "xy_object", "rgbw": "rgbw_object",
    "rgbww": "rgbww_object"}
"""What is preferred first."""
