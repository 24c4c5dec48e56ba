"""Homie's booleans and enums -> words of ours. Leaves out: numbers and colours.

A boolean's format may label its two values, "close,open": false first. Labels are for people, but
they are all that says whether true is locked.

Source: https://homieiot.github.io/specification/ (formats).
"""

from __future__ import annotations

from typing import Any

from iotcall.devices.points import Point, Read, Write
from iotcall.devices.properties import PROPERTIES

_MAX_VARIANTS = 64
_MAX_LENGTH = 32

_SYNONYMS: dict[str, dict[str, str]] = {
    "state": {"on": "on", "off": "off"},
    "lock": {"locked": "locked lock", "unlocked": "unlocked unlock"},
    "movement": {"open": "open up opening opened", "close": "close down closing closed",
                 "stop": "stop stopped halt"},
    "playback": {"playing": "play playing", "paused": "pause paused", "stopped": "stop stopped"},
    "skip": {"next": "next forward", "previous": "previous prev back"},
    "activity": {"start": "start clean cleaning", "pause": "pause paused", "stop": "stop stopped",
                 "dock": "dock home return return_home docked returning"},
    "muted": {"on": "on mute muted", "off": "off unmute unmuted"},
    "mode": {"heat": "heat heating", "cool": "cool cooling", "auto": "auto automatic",
             "off": "off", "heat_cool": "heat_cool", "dry": "dry", "fan_only": "fan_only fan"},
    "contact": {"open": "open opened", "closed": "closed close"},
    "occupancy": {"yes": "yes occupied detected motion present",
                  "no": "no unoccupied clear none absent"},
    "leak": {"yes": "yes wet leak detected", "no": "no dry clear"},
    "smoke": {"yes": "yes smoke detected alarm", "no": "no clear"},
}
"""Property -> our word -> what devices say for it, what they are told first."""

_NEEDED: dict[str, tuple[str, ...]] = {
    "state": ("on", "off"), "lock": ("locked", "unlocked"), "muted": ("on", "off"),
    "movement": ("open", "close"), "playback": ("playing",), "activity": ("start",),
    "contact": ("open", "closed")}
"""Words without which it is not that property."""

_TRUE_FALSE: dict[str, tuple[str, str]] = {
    "state": ("on", "off"), "muted": ("on", "off"), "lock": ("locked", "unlocked"),
    "occupancy": ("yes", "no"), "leak": ("yes", "no"), "smoke": ("yes", "no")}
"""What true and false are where no labels say it."""


def word_point(ours: str, name: str, said: dict[str, Any], topic: str, *, settable: bool,
               ) -> Point | None:
    """The point of one of our properties that has words; None: the property does not fit it."""
    match said.get("datatype"):
        case "boolean":
            pairs = _of_boolean(ours, name, said.get("format"))
        case "enum":
            pairs = _of_enum(ours, said.get("format"))
        case _:
            return None
    words: dict[str, str] = {}  # our word -> what it is told
    for word, wire in pairs:
        words.setdefault(word, wire)
    if not words or not set(_NEEDED.get(ours, ())) <= words.keys():
        return None
    return Point(write=Write(topic=f"{topic}/set", words=dict(words)) if settable else None,
                 reads=(Read(topic=topic, words={wire: word for word, wire in pairs}),))


def _of_boolean(ours: str, name: str, labels: Any) -> list[tuple[str, str]]:
    """(our word, true or false)."""
    if PROPERTIES[ours].free:
        return []
    pair = _TRUE_FALSE.get(ours)
    if ours == "lock" and not name.startswith("lock"):
        pair = None
    if ours == "contact" and "open" in name.split("-"):
        pair = "open", "closed"  # of a "contact" or a "door", true says neither
    # subtle: with a label that is none of ours ("no", "yes" of a lock) the usual meaning holds
    said = _variants(labels)
    if len(said) == 2:
        off, on = (_ours(ours, each) for each in said)
        if on and off and on != off:
            pair = on, off
    return [(pair[0], "true"), (pair[1], "false")] if pair else []


def _of_enum(ours: str, variants: Any) -> list[tuple[str, str]]:
    """(our word, variant), what is told before what is only said."""
    said = _variants(variants)
    if PROPERTIES[ours].free:
        return [(each, each) for each in said]
    known = [(word, each) for each in said if (word := _ours(ours, each))]
    return sorted(known, key=lambda pair: _SYNONYMS[ours][pair[0]].split().index(_plain(pair[1])))


def _ours(ours: str, said: str) -> str:
    return next((word for word, names in _SYNONYMS.get(ours, {}).items()
                 if _plain(said) in names.split()), "")


def _variants(said: Any) -> list[str]:
    if not isinstance(said, str):
        return []
    parts = said[:_MAX_VARIANTS * (_MAX_LENGTH + 1)].split(",")[:_MAX_VARIANTS]
    return [each for each in parts if 0 < len(each) <= _MAX_LENGTH and each.isprintable()]


def _plain(said: str) -> str:
    return said.casefold().strip().replace("-", "_").replace(" ", "_")
