"""A Tasmota's description -> its relays, lights, shutters and fan. Leaves out: sensors.

    ft full topic, tp its prefixes [cmnd, stat, tele], t topic, hn host name, dn device name,
    fn friendly name of each relay, rl kind of each relay, lt_st subtype of a light, so options,
    state words [OFF, ON, TOGGLE, HOLD], ofln and onln words of LWT, sho options of each shutter,
    if ceiling fan, ty Tuya, lk whether a lamp's colours and whites are one, dslp seconds of deep
    sleep, md module, sw firmware

Source: https://tasmota.github.io/docs/MQTT/, https://tasmota.github.io/docs/Commands/,
https://tasmota.github.io/docs/Blinds-and-Shutters/ and `TasDiscovery` in
tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from iotcall.devices.device import Availability, Device
from iotcall.devices.discovery.base import clean_name, is_topic
from iotcall.devices.drivers.tasmota import numbered, power_names, topic_of
from iotcall.devices.points import Path, Point, Publication, Read, Write
from iotcall.devices.properties import Kind

_SWITCH, _LIGHT, _SHUTTER = 1, 2, 3
_MAX_RELAYS, _MAX_SHUTTERS = 32, 16
_SUBTYPES: dict[int, tuple[str, ...]] = {
    1: ("brightness",), 2: ("brightness", "white"), 3: ("brightness", "color"),
    4: ("brightness", "color"), 5: ("brightness", "color", "white")}
"""Of a light: dimmer, two whites, RGB, RGB and a white, RGB and two whites."""
_MIRED, _FEWER_MIRED = (153, 500), (200, 380)
_SO_NO_RESULT, _SO_NO_POWER, _SO_LIGHT, _SO_CHANNELS = "4", "20", "30", "68"
_SO_FEWER_MIRED = "82"


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """A description, checked and cleaned."""

    mac: str
    full_topic: str
    """With %prefix% and %topic% in it, and nothing else to fill in."""
    topic_name: str
    prefixes: dict[str, str]
    """cmnd, stat, tele -> what this device calls them."""
    name: str
    names: tuple[str, ...]
    """Of each relay; empty: it has none of its own."""
    relays: tuple[int, ...]
    """Kinds; 0: there is none."""
    subtype: int
    linked: bool
    fan: bool
    tuya: bool
    sleeps: bool
    shutters: tuple[int, ...]
    """Options of each; 1: it counts from open to closed."""
    options: dict[str, Any]
    off: str
    on: str
    offline: str
    online: str
    model: str

    def topic(self, prefix: str, name: str) -> str:
        """cmnd, POWER -> the device's topic for it."""
        return topic_of(self.full_topic, self.prefixes[prefix], self.topic_name, name)

    def has(self, option: str) -> bool:
        """Whether a SetOption is set."""
        return bool(self.options.get(option))

    def results(self, command: str, path: Path) -> tuple[Read, ...]:
        """Where the result of a command is read, and all that is told with the others."""
        said = [self.topic("stat", "RESULT"), self.topic("tele", "STATE")]
        if self.has(_SO_NO_RESULT):
            said += [self.topic("stat", command.upper()), self.topic("stat", "STATE")]
        return tuple(Read(topic=topic, path=path) for topic in dict.fromkeys(said))

    def device(self, part: str, name: str, kind: Kind, points: dict[str, Point] | None = None, *,
               asks: tuple[Publication, ...] = ()) -> Device:
        """A part of it; its MAC outlives any topic."""
        return Device(
            name=name, room="", kind=kind, source="tasmota", address=f"{self.mac}/{part}",
            points=points or {}, model=self.model, asks=asks,
            # Whoever sleeps between two reports is always off line, and still there.
            availability=() if self.sleeps else (Availability(
                topic=self.topic("tele", "LWT"), online=self.online, offline=self.offline),))


def announced(said: Any, mac: str) -> Announced | None:
    """The description; None where no device can be made of it."""
    if not isinstance(said, dict):
        return None
    full, prefixes = said.get("ft"), _texts(said.get("tp"))
    if not isinstance(full, str) or not ("%prefix%" in full and "%topic%" in full):
        return None
    full = full.replace("%hostname%", _text(said.get("hn"))).replace("%id%", mac[-6:])
    words, relays = _texts(said.get("state")), said.get("rl")
    options, shutters = said.get("so"), said.get("sho")
    one = Announced(
        mac=mac, full_topic=full, topic_name=_text(said.get("t")),
        prefixes=dict(zip(("cmnd", "stat", "tele"), prefixes, strict=False)),
        name=clean_name(said.get("dn")) or clean_name(said.get("t")) or mac,
        names=tuple(map(clean_name, _listed(said.get("fn"), _MAX_RELAYS))),
        relays=tuple(map(_whole, _listed(relays, _MAX_RELAYS))),
        subtype=_whole(said.get("lt_st")), linked=said.get("lk") != 0, fan=said.get("if") == 1,
        tuya=said.get("ty") == 1, sleeps=_whole(said.get("dslp")) > 0,
        shutters=tuple(map(_whole, _listed(shutters, _MAX_SHUTTERS))),
        options=options if isinstance(options, dict) else {},
        off=words[0] if len(words) > 1 and words[0] != words[1] else "OFF",
        on=words[1] if len(words) > 1 and words[0] != words[1] else "ON",
        offline=_text(said.get("ofln")) or "Offline", online=_text(said.get("onln")) or "Online",
        model=clean_name(f"{_text(said.get('md'))} (Tasmota {_text(said.get('sw'))})"))
    if len(one.prefixes) < 3 or not one.topic_name or not all(
            is_topic(one.topic(prefix, "RESULT")) for prefix in one.prefixes):
        return None
    return one


def parts_of(one: Announced) -> tuple[Device, ...]:
    """The devices, relays first, in the order of their numbers."""
    made = [*_relays(one), *_shutters(one)]
    if one.fan:
        made.append(_fan(one))
    return tuple(made)


def _relays(one: Announced) -> Iterator[Device]:
    lights = [number for number, kind in enumerate(one.relays, 1) if kind == _LIGHT]
    count = sum(kind in (_SWITCH, _LIGHT) for kind in one.relays)
    for number, kind in enumerate(one.relays, 1):
        if kind not in (_SWITCH, _LIGHT):
            continue
        points = {"state": _power(one, number)}
        if kind == _LIGHT:
            points |= _light(one, number, lights)
        is_light = kind == _LIGHT or one.has(_SO_LIGHT)
        yield one.device(str(number), _name(one, number, count), "light" if is_light else "plug",
                         points, asks=(Publication(one.topic("cmnd", "State"), b""),))


def _power(one: Announced, number: int) -> Point:
    command = numbered("POWER", number)
    words = {one.on: "on", one.off: "off"}
    reads = [msgspec.structs.replace(read, words=words) for key in power_names(number)
             for read in one.results(key, (key,))]
    reads += [Read(topic=one.topic("stat", key), words=words) for key in power_names(number)]
    write = Write(topic=one.topic("cmnd", command), words={"on": one.on, "off": one.off})
    return Point(write=write, reads=tuple(reads))


def _light(one: Announced, number: int, lights: list[int]) -> dict[str, Point]:
    """What the light of a relay has beside its power; `lights` are the relays that are lights."""
    has, place = _SUBTYPES.get(one.subtype, ()), lights.index(number) + 1
    dimmer, said = "Dimmer3" if one.tuya else "Dimmer", "Dimmer"
    if one.has(_SO_CHANNELS):
        has, dimmer, said = ("brightness",), f"Channel{number}", f"Channel{number}"
    elif len(lights) == 2 and not one.linked and one.subtype in (4, 5):
        # SetOption37 above 127: colours and whites are two lamps
        dimmer = said = f"Dimmer{place}"
        has = tuple(each for each in has if each != ("white" if place == 1 else "color"))
    elif place > 1:
        return {}
    power = one.topic("cmnd", numbered("POWER", number))
    before = (Publication(power, one.on.encode()),) if one.has(_SO_NO_POWER) else ()

    def write(command: str) -> Write:
        return Write(topic=one.topic("cmnd", command), before=before)

    coolest, warmest = _FEWER_MIRED if one.has(_SO_FEWER_MIRED) else _MIRED
    points = {
        "brightness": Point(write=write(dimmer), reads=one.results(dimmer, (said,))),
        "white": Point(write=write("CT"), reads=one.results("CT", ("CT",)), unit="mired",
                       low=1e6 // warmest, high=1e6 // coolest),
        "color": Point(write=write("HSBColor"), color="hs_text",
                       reads=one.results("HSBColor", ("HSBColor",)))}
    return {name: points[name] for name in has}


def _shutters(one: Announced) -> Iterator[Device]:
    """Two relays each, one after the other."""
    firsts: list[int] = []
    for number in range(1, len(one.relays)):
        pair = one.relays[number - 1:number + 1] == (_SHUTTER, _SHUTTER)
        if pair and (not firsts or firsts[-1] < number - 1):
            firsts.append(number)
    for place, first in enumerate(firsts[:_MAX_SHUTTERS], 1):
        name = one.names[first - 1] if first <= len(one.names) else ""
        if not name:
            name = one.name if len(firsts) == 1 else clean_name(f"{one.name} {place}")
        inverted = place <= len(one.shutters) and bool(one.shutters[place - 1] & 1)
        yield one.device(f"shutter{place}", name, "cover", _shutter(one, place, inverted=inverted),
                         asks=(Publication(one.topic("cmnd", "Status"), b"10"),))


def _shutter(one: Announced, place: int, *, inverted: bool) -> dict[str, Point]:
    key, command = f"Shutter{place}", f"ShutterPosition{place}"

    def reads(name: str, words: dict[str, str]) -> tuple[Read, ...]:
        return (*(msgspec.structs.replace(read, words=words)
                  for read in one.results(command, (key, name))),
                Read(topic=one.topic("tele", "SENSOR"), path=(key, name), words=words),
                Read(topic=one.topic("stat", "STATUS10"), path=("StatusSNS", key, name),
                     words=words))

    up, down = ("-1", "1") if inverted else ("1", "-1")
    return {
        "position": Point(
            write=Write(topic=one.topic("cmnd", command)), scale=(100, 0) if inverted else None,
            reads=(*reads("Position", {}), Read(topic=one.topic("stat", f"SHUTTER{place}")))),
        # Each movement is a command of its own; Backlog runs the commands that it is told.
        "movement": Point(
            write=Write(topic=one.topic("cmnd", "Backlog"), words={
                word: f"Shutter{word.capitalize()}{place}" for word in ("open", "close", "stop")}),
            reads=reads("Direction", {up: "open", down: "close", "0": "stop"}))}


def _fan(one: Announced) -> Device:
    """The Sonoff iFan: FanSpeed 0 (off) to 3."""
    command, reads = one.topic("cmnd", "FanSpeed"), one.results("FanSpeed", ("FanSpeed",))
    on = {"0": "off", "1": "on", "2": "on", "3": "on"}
    points = {
        "state": Point(write=Write(topic=command, words={"on": "2", "off": "0"}),
                       reads=tuple(msgspec.structs.replace(read, words=on) for read in reads)),
        "speed": Point(write=Write(topic=command), reads=reads, scale=(0, 3), step=100 / 3)}
    return one.device("fan", clean_name(f"{one.name} fan"), "fan", points,
                      asks=(Publication(command, b""),))


def _name(one: Announced, number: int, count: int) -> str:
    own = one.names[number - 1] if number <= len(one.names) else ""
    return own or (one.name if count == 1 else clean_name(f"{one.name} {number}"))


def _listed(said: Any, most: int) -> list[Any]:
    return said[:most] if isinstance(said, list) else []


def _texts(said: Any) -> list[str]:
    return [_text(each) for each in _listed(said, 4)]


def _text(said: Any) -> str:
    """A word of a topic or a payload; empty for what is none."""
    return said if isinstance(said, str) and said.isprintable() and len(said) <= 128 else ""


def _whole(said: Any) -> int:
    return said if isinstance(said, int) and 0 <= said < 1000 else 0
