"""An ecosystem's profile: what it calls properties and words. Leaves out: topics (drivers).

A profile is `devices/profiles/<ecosystem>.toml`, for devices that the home's file describes by
itself. Another dialect is a line of TOML and not an `if`.
"""

from __future__ import annotations

from functools import cache

import msgspec

from iotcall.devices.colors import ColorForm
from iotcall.devices.points import Unit
from iotcall.devices.properties import PROPERTIES, Kind, properties_of
from iotcall.errors import FileError
from iotcall.settings import read_toml
from iotcall.shipped import shipped


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an ecosystem writes one property."""

    attribute: str
    """JSON key, or the command's name where each command has a topic of its own."""
    values: dict[str, str] = {}
    """Normalised word -> the ecosystem's word."""
    scale: tuple[float, float] | None = None
    """What 0 % and 100 % are; absent: the number goes as it is."""
    unit: Unit = ""
    """What numbers count in, where it is another unit than ours."""
    color: ColorForm = ""
    also: dict[str, str] = {}
    """Property -> word sent in the same payload, e.g. state on with a brightness."""
    needs: str = ""
    """Field of the home's file without which a device has no such property."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ecosystem."""

    topic: str
    """Base topic (zigbee2mqtt) or full topic (Tasmota); a home may say its own."""
    online: str
    offline: str
    """What availability says."""
    kinds: dict[Kind, dict[str, Slot]]
    """kind -> property -> slot; a kind that is absent is not supported."""


@cache
def load_profile(ecosystem: str) -> Profile:
    """The shipped profile.

    Raises:
        FileError: the profile does not cover the properties of its kinds.
    """
    path = shipped("devices") / "profiles" / f"{ecosystem}.toml"
    profile = read_toml(path, Profile)
    for kind, slots in profile.kinds.items():
        for name, slot in slots.items():
            place = f"kinds.{kind}.{name}"
            if name not in properties_of(kind) and not (
                    name in PROPERTIES and PROPERTIES[name].measured):
                raise FileError(path, f"a {kind} has no property `{name}`", place=place)
            words = PROPERTIES[name].words
            if not PROPERTIES[name].free and not set(slot.values) <= set(words):
                raise FileError(path, f"values must name {', '.join(words) or 'nothing'}",
                                place=place)
            if words and not slot.values:
                raise FileError(path, f"values must name {', '.join(words)}", place=place)
            for other, word in slot.also.items():
                if other not in slots or word not in PROPERTIES[other].words:
                    raise FileError(path, f"{other} {word} is no state of a {kind}",
                                    place=f"{place}.also")
            if slot.scale and slot.scale[0] == slot.scale[1]:
                raise FileError(path, "scale must have two different ends", place=place)
    return profile
