"""Home Assistant's components, but lights and sensors, as points. Leaves out: who they belong to.

Each word is the config's; where it says none, the default that Home Assistant documents. Without a
state topic nothing is ever read. Source: https://www.home-assistant.io/integrations/ and there
switch.mqtt, siren.mqtt, lock.mqtt, cover.mqtt, valve.mqtt, climate.mqtt, fan.mqtt, vacuum.mqtt.
"""

from __future__ import annotations

from typing import Any

import msgspec

from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.homeassistant_config import Config, Part, point, stepped
from iotcall.devices.points import Point, Read, Unit, Write
from iotcall.devices.properties import PROPERTIES


def switch(config: Config) -> Part:
    """A switch or socket."""
    on, off = config.word("payload_on", "ON"), config.word("payload_off", "OFF")
    state = point(
        config.write("command_topic", "command_template", ((on, "on"), (off, "off"))),
        config.reads("state_topic", "value_template", _states_of(config, on, off)))
    return config.part("plug", {"state": state}, config.label())


def siren(config: Config) -> Part:
    """A siren; what it is told is JSON where no template says another form."""
    on, off = config.word("payload_on", "ON"), config.word("payload_off", "OFF")
    words = ((on, "on"), (off, "off"))
    write = config.write("command_topic", "command_template", words)
    if write and config.has("command_off_template"):
        config.refuse("command_off_template")
        write = None
    elif write and not config.has("command_template"):
        write = msgspec.structs.replace(write, path=("state",))
    reads = config.reads("state_topic", "state_value_template", _states_of(config, on, off),
                         inside="state")
    return config.part("plug", {"state": point(write, reads)}, "siren")


def lock(config: Config) -> Part:
    """A lock; one that wants a code is only read."""
    write = config.write("command_topic", "command_template", (
        (config.word("payload_lock", "LOCK"), "locked"),
        (config.word("payload_unlock", "UNLOCK"), "unlocked")))
    if config.has("code_format"):
        config.refuse("code_format")
        write = None
    # subtle: on its way, or jammed, it is as it was; with its latch drawn it is not locked
    reads = config.reads("state_topic", "value_template", (
        (config.word("state_locked", "LOCKED"), "locked"),
        (config.word("state_unlocked", "UNLOCKED"), "unlocked"),
        (config.word("state_open", "OPEN"), "unlocked")))
    return config.part("lock", {"lock": point(write, reads)})


def cover(config: Config) -> Part:
    """A cover; its position may count from either end."""
    movement = point(
        config.write("command_topic", "", (
            (config.word("payload_open", "OPEN"), "open"),
            (config.word("payload_close", "CLOSE"), "close"),
            (config.word("payload_stop", "STOP"), "stop"))),
        config.reads("state_topic", "value_template", (
            *_ways_of(config), (config.word("state_stopped", "stopped"), "stop"))))
    scale = _positions_of(config)
    template = "set_position_template"
    write: Write | None = None
    if config.has("set_position_topic"):
        # `position` is in percent whatever the ends are
        by_percent = "position" if scale == (0, 100) and config.mentions(
            template, "position") else "value"
        write = config.write("set_position_topic", template, slot=by_percent)
    reads = config.reads("position_topic", "position_template")
    return config.part("cover", {"movement": movement, "position": _position(
        config, write, reads, scale)}, config.label())


def valve(config: Config) -> Part:
    """A valve, which is a cover; one that reports positions is told them on its command topic."""
    stop = (config.word("payload_stop"), "stop")
    if not config.flag("reports_position", False):
        movement = point(
            config.write("command_topic", "command_template", (
                (config.word("payload_open", "OPEN"), "open"),
                (config.word("payload_close", "CLOSE"), "close"), stop)),
            config.reads("state_topic", "value_template", _ways_of(config), inside="state"))
        return config.part("cover", {"movement": movement}, config.label())
    scale = _positions_of(config)
    write = config.write("command_topic", "command_template")
    reads = config.reads("state_topic", "value_template", inside="position")
    ends = tuple((f"{end:.0f}", ours) for end, ours in zip(scale or (), ("close", "open"),
                                                           strict=False))
    ways = (*ends, stop) if stop[0] is not None else ()
    told = config.write("command_topic", "command_template", ways) if ways else None
    return config.part("cover", {"movement": point(told, ()), "position": _position(
        config, write, reads, scale)}, config.label())


def fan(config: Config) -> Part:
    """A fan; 0 % is one below the lowest speed."""
    on, off = config.word("payload_on", "ON"), config.word("payload_off", "OFF")
    words = ((on, "on"), (off, "off"))
    state = point(config.write("command_topic", "command_template", words),
                  config.reads("state_topic", "state_value_template", words))
    low = config.number("speed_range_min", 1) or 0
    high = config.number("speed_range_max", 100) or 0
    write = config.write("percentage_command_topic", "percentage_command_template")
    reads = config.reads("percentage_state_topic", "percentage_value_template")
    speed: Point | None = None
    if 0 < low <= high:
        speed = point(write, reads, scale=(low - 1, high), **stepped(high - low + 1))
    elif write or reads:
        config.refuse("speed_range_max")
    return config.part("fan", {"state": state, "speed": speed, "preset": _preset(config)})


def climate(config: Config) -> Part:
    """A thermostat, or another device with a setpoint. A unit that is not said is Celsius."""
    unit: Unit = "fahrenheit" if (config.word("temperature_unit") or "").upper() == "F" else ""
    modes = config.words("modes") if config.has("modes") else (
        "auto", "off", "cool", "heat", "dry", "fan_only")
    words = tuple((mode, mode) for mode in modes if mode in PROPERTIES["mode"].words)
    mode = point(
        config.write("mode_command_topic", "mode_command_template", words) if words else None,
        config.reads("mode_state_topic", "mode_state_template", words, default="value_template")
        if words else ())
    temperature = point(None, config.reads(
        "current_temperature_topic", "current_temperature_template", default="value_template"),
        unit=unit)
    humidity = point(None, config.reads(
        "current_humidity_topic", "current_humidity_template", default="value_template"))
    return config.part("thermostat", {
        "setpoint": _setpoint(config, unit), "mode": mode,
        "preset": _preset(config, default="value_template"),
        "temperature": temperature, "humidity": humidity})


def vacuum(config: Config) -> Part:
    """A vacuum that says its state as JSON; the old form (`schema: legacy`) is not understood."""
    schema = (config.word("schema", "state") or "").lower()
    if schema != "state":
        return Part(kind="vacuum", hidden=(f"{clean_name(schema)[:16]} schema",))
    features = config.words("supported_features") if config.has("supported_features") else (
        "start", "stop", "return_home", "status", "clean_spot")
    told = tuple((config.word(key, default), ours) for feature, key, default, ours in (
        ("start", "payload_start", "start", "start"),
        ("pause", "payload_pause", "pause", "pause"),
        ("stop", "payload_stop", "stop", "stop"),
        ("return_home", "payload_return_to_base", "return_to_base", "dock"),
    ) if feature in features)
    topic = config.topic("state_topic")
    activity = point(config.write("command_topic", "", told) if told else None, (Read(
        topic=topic, path=("state",), words={
            "cleaning": "start", "paused": "pause", "idle": "stop", "docked": "dock",
            "returning": "dock"}),) if topic else ())
    speeds = config.named("fan_speed_list")
    preset = point(
        config.write("set_fan_speed_topic", "", speeds) if speeds else None,
        (Read(topic=topic, path=("fan_speed",), words=dict(speeds)),) if topic and speeds else ())
    battery = point(None, (Read(topic=topic, path=("battery_level",)),)
                    if topic and "battery" in features else ())
    return config.part("vacuum", {"activity": activity, "preset": preset, "battery": battery})


def _states_of(config: Config, on: str | None, off: str | None) -> tuple[
        tuple[str | None, str], ...]:
    return (config.word("state_on", on), "on"), (config.word("state_off", off), "off")


def _ways_of(config: Config) -> tuple[tuple[str | None, str], ...]:
    """What says how it moves, or moved last."""
    return ((config.word("state_open", "open"), "open"),
            (config.word("state_opening", "opening"), "open"),
            (config.word("state_closed", "closed"), "close"),
            (config.word("state_closing", "closing"), "close"))


def _positions_of(config: Config) -> tuple[float, float] | None:
    """What closed and open are."""
    shut, wide = config.number("position_closed", 0), config.number("position_open", 100)
    return None if shut is None or wide is None or shut == wide else (shut, wide)


def _position(config: Config, write: Write | None, reads: tuple[Read, ...],
              scale: tuple[float, float] | None) -> Point | None:
    if scale is None:
        if write or reads:
            config.refuse("position_open")
        return None
    return point(write, reads, scale=scale, **stepped(abs(scale[1] - scale[0])))


def _preset(config: Config, default: str = "") -> Point | None:
    words = config.named("preset_modes")
    if not words:
        return None
    return point(
        config.write("preset_mode_command_topic", "preset_mode_command_template", words),
        config.reads("preset_mode_state_topic", "preset_mode_value_template", words,
                     default=default))


def _setpoint(config: Config, unit: Unit) -> Point | None:
    """Degrees within what both we and the device allow; 7 to 35 degrees in steps of 1 where the
    config says nothing."""
    rules = PROPERTIES["setpoint"]
    size = 5 / 9 if unit else 1.0
    low, high = config.number("min_temp"), config.number("max_temp")
    least = 7.0 if low is None else _celsius(low, unit)
    most = 35.0 if high is None else _celsius(high, unit)
    step = (config.number("temp_step", 1.0) or 0) * size
    write = config.write("temperature_command_topic", "temperature_command_template",
                         whole=(step / size).is_integer())
    reads = config.reads("temperature_state_topic", "temperature_state_template",
                         default="value_template")
    least, most = max(rules.low, least), min(rules.high, most)
    if write and least >= most:
        config.refuse("temperature_command_topic")
        write = None
    more: dict[str, Any] = {"low": least, "high": most} if write else {}
    if write and 0 < step <= 5:
        more["step"] = step
    return point(write, reads, unit=unit, **more)


def _celsius(degrees: float, unit: Unit) -> float:
    return round((degrees - 32) * 5 / 9, 2) if unit else degrees
