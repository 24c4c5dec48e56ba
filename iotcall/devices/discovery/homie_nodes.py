"""What a Homie node is: its properties -> points, and their kind. Leaves out: topics of devices.

The convention fixes datatypes and units, but neither what a property is called nor what a node's
type means; so names are compared with those in use, and only what also has a fitting datatype,
format and unit is taken. The rest is `hidden`.

Source: https://homieiot.github.io/specification/ (datatypes, formats, units).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from iotcall.devices.discovery.base import clean_name
from iotcall.devices.discovery.homie_numbers import number_point
from iotcall.devices.discovery.homie_words import word_point
from iotcall.devices.points import Point, Read, Write
from iotcall.devices.properties import PROPERTIES, Kind, properties_of

ID = re.compile(r"[a-z0-9-]{1,64}")
"""Of devices, nodes and properties."""
_MAX_PROPERTIES = 64


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node as far as it is understood."""

    name: str
    kind: Kind
    points: dict[str, Point]
    hidden: tuple[str, ...]
    """Ids of properties that are not understood."""
    label: str = ""

    @property
    def commanded(self) -> bool:
        return any(point.write for point in self.points.values())


_NAMES: dict[str, str] = {
    "state": "state on power on-off onoff switch relay output light lamp outlet socket",
    "brightness": "brightness dimmer dim dimming level intensity",
    "color": "color colour rgb hsv light-color",
    "white": "color-temperature colour-temperature colortemperature ct white kelvin white-balance",
    "setpoint": "setpoint set-point target-temperature temperature-setpoint heating-setpoint "
                "desired-temperature set-temperature target temperature",
    "temperature": "temperature current-temperature measured-temperature room-temperature temp",
    "mode": "mode hvac-mode thermostat-mode system-mode operation-mode",
    "preset": "preset preset-mode",
    "speed": "speed fan-speed percentage",
    "lock": "lock locked lock-state state latch",
    "position": "position cover-position shutter-position shutter blind cover opening level",
    "movement": "movement move motion action command control direction shutter blind cover state "
                "door",
    "playback": "playback playback-state player state play transport control",
    "skip": "skip track transport control",
    "volume": "volume level",
    "muted": "muted mute",
    "activity": "activity action command state control cleaning",
    "humidity": "humidity relative-humidity",
    "battery": "battery battery-level battery-charge",
    "contact": "contact open window door state window-open door-open",
    "occupancy": "occupancy motion presence occupied motion-detected",
    "leak": "leak water water-leak leakage flood moisture",
    "smoke": "smoke smoke-detected smoke-alarm",
    "power": "power active-power power-consumption consumption load",
    "energy": "energy total-energy energy-total consumption meter",
    "illuminance": "illuminance light lux brightness light-level luminance",
}
"""Our property -> ids in use for it, of which the datatype and format must fit too; a property is
the first that it fits, so what is set comes before what is measured."""

_TOLD = ("lock", "position")
"""What is worth knowing even where it cannot be set."""

_KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("light", "light lights lamp bulb dimmer led ledstrip", ""),
    ("thermostat", "thermostat climate hvac heating heater trv radiator", ""),
    ("cover", "garage gate", "garage"),
    ("cover", "curtain curtains", "curtain"),
    ("cover", "cover shutter shutters blind blinds roller awning", ""),
    ("lock", "lock doorlock", ""),
    ("fan", "fan ventilator ventilation", ""),
    ("media", "media player speaker tv television radio amplifier", ""),
    ("vacuum", "vacuum vacuumcleaner", ""),
    ("plug", "outlet socket plug", "outlet"),
    ("plug", "switch relay pump valve", ""),
)
"""Kind, words of a node's type or id, label."""

_BY_PROPERTY: tuple[tuple[str, Kind], ...] = (
    ("lock", "lock"), ("setpoint", "thermostat"), ("position", "cover"), ("movement", "cover"),
    ("activity", "vacuum"), ("volume", "media"), ("playback", "media"), ("skip", "media"),
    ("brightness", "light"), ("color", "light"), ("white", "light"), ("speed", "fan"),
    ("state", "plug"))
"""What a node is that says no type we know: the first property that it has decides."""


def node_of(said: Any, base: str, key: str) -> Node:
    """The node of a description, below its topic; whatever is malformed is left out."""
    described = said if isinstance(said, dict) else {}
    type_said, label = _kind_said(described.get("type"), key)
    found: dict[str, Point] = {}
    sources: dict[str, str] = {}
    unknown = []
    for name, each in _properties(described):
        fit = next(((ours, point) for ours, point in _fits(
            name, each, f"{base}/{name}", type_said, key)
                    if ours not in found), None)
        if fit is None:
            unknown.append(name)
        else:
            found[fit[0]], sources[fit[0]] = fit[1], name
    kind: Kind = "sensor"
    if type_said is None:
        kind = next((each for ours, each in _BY_PROPERTY if ours in found), kind)
    elif found.keys() & set(properties_of(type_said)):
        kind = type_said
    else:
        # subtle: what says that it is a lock, but is only switched, is no plug: on might open it
        label = ""
    points = {ours: point for ours, point in sorted(found.items())
              if ours in properties_of(kind) or PROPERTIES[ours].measured}
    unknown += [sources[ours] for ours in found if ours not in points]
    return Node(name=clean_name(described.get("name")) or key, kind=kind, points=points,
                hidden=tuple(sorted(unknown)), label=label)


def _properties(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    properties = described.get("properties")
    if isinstance(properties, dict):
        names = sorted(name for name, each in properties.items()
                       if ID.fullmatch(name) and isinstance(each, dict))
        for name in names[:_MAX_PROPERTIES]:
            yield name, properties[name]


def _kind_said(said: Any, key: str) -> tuple[Kind | None, str]:
    """What the type says, or else the node's id."""
    for text in (said, key):
        words = re.split(r"[^a-z]+", text[:128].casefold()) if isinstance(text, str) else []
        for kind, names, label in _KINDS:
            if set(names.split()).intersection(words):
                return kind, label
    return None, ""


def _fits(name: str, said: dict[str, Any], topic: str, kind: Kind | None, node: str,
          ) -> Iterator[tuple[str, Point]]:
    """What the property may be, the likeliest first."""
    called = {name}
    if isinstance(spoken := said.get("name"), str):
        called.add("-".join(re.split(r"[^a-z0-9]+", spoken[:64].casefold())).strip("-"))
    if name in ("value", "current", "measurement"):
        called.add(node)
    own = properties_of(kind) if kind else ()
    for ours in sorted(_NAMES, key=lambda each: each not in own):
        if called & set(_NAMES[ours].split()) and (point := _point(ours, name, said, topic)):
            yield ours, point


def _point(ours: str, name: str, said: dict[str, Any], topic: str) -> Point | None:
    settable = said.get("settable") is True
    if settable and PROPERTIES[ours].measured:
        return None
    if not (settable or PROPERTIES[ours].measured or ours in _TOLD):
        return None  # what is only told under such a name is a report of something else
    if ours == "color":
        return _color(said, topic, settable=settable)
    if PROPERTIES[ours].words or PROPERTIES[ours].free:
        return word_point(ours, name, said, topic, settable=settable)
    return number_point(ours, said, topic, settable=settable)


def _color(said: dict[str, Any], topic: str, *, settable: bool) -> Point | None:
    """rgb,255,136,0 or hsv,30,100,100, whichever the format lists first of those two."""
    formats = said.get("format")
    if said.get("datatype") != "color" or not isinstance(formats, str):
        return None
    form = next((each for each in formats[:64].split(",") if each in ("rgb", "hsv")), "")
    if not form:
        return None
    text = "rgb,{}" if form == "rgb" else "hsv,{},100"
    return Point(write=Write(topic=f"{topic}/set", text=text) if settable else None,
                 reads=(Read(topic=topic),), color="rgb_text" if form == "rgb" else "hs_text")
