"""An ecosystem's profile: slot -> topic and payload. Leaves out: the shape of messages (drivers).

A profile is `devices/profiles/<ecosystem>.toml`; it says what the ecosystem calls each property
and each value, so that another dialect is a line of TOML and not an `if`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from iotcall.devices.properties import RANGES, WORDS, Kind, Value, properties_of
from iotcall.errors import FileError
from iotcall.settings import read_toml
from iotcall.shipped import shipped

_ABSURD = 1e6  # no state is as large; keeps infinities and huge integers out of arithmetic


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an ecosystem writes one property."""

    attribute: str
    """JSON key, or the command's name where each command has a topic of its own."""
    values: dict[str, str] = {}
    """Normalised word -> the ecosystem's word."""
    scale: tuple[float, float] | None = None
    """What 0 % and 100 % are; absent: the number goes as it is."""
    also: dict[str, str] = {}
    """Property -> word sent in the same payload, e.g. state on with a brightness."""

    def encode(self, value: Value) -> str | int | float:
        """The ecosystem's value."""
        if isinstance(value, str):
            return self.values[value]
        if self.scale is None:
            return value
        low, high = self.scale
        return round(low + (high - low) * value / 100)

    def decode(self, raw: Any) -> Value | None:
        """The normalised value; None for anything that is no value of this slot."""
        if self.values:
            return next((word for word, said in self.values.items() if said == raw), None)
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            return None
        if not abs(raw) < _ABSURD:
            return None
        if self.scale is None:
            return float(raw)
        low, high = self.scale
        percent = round(100 * (raw - low) / (high - low))
        return percent if 0 <= percent <= 100 else None


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ecosystem."""

    topic: str
    """Base topic (zigbee2mqtt) or full topic (Tasmota); a home may say its own."""
    online: str
    offline: str
    """What availability says."""
    kinds: dict[Kind, dict[str, Slot]]
    """kind -> property -> slot; a kind that is absent is not supported."""


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
            if name not in properties_of(kind):
                raise FileError(path, f"a {kind} has no property `{name}`", place=place)
            words = WORDS.get((kind, name), ())
            if set(words) != set(slot.values):
                raise FileError(path, f"values must name {', '.join(words) or 'nothing'}",
                                place=place)
            for other, word in slot.also.items():
                if word not in WORDS.get((kind, other), ()) or other not in slots:
                    raise FileError(path, f"{other} {word} is no state of a {kind}",
                                    place=f"{place}.also")
            if (kind, name) in RANGES and slot.scale and slot.scale[0] == slot.scale[1]:
                raise FileError(path, "scale must have two different ends", place=place)
    return profile
