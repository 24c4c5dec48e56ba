"""Put devices and values into words. Leaves out: which words (see settings)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iotcall.devices import Device, Home, Kind, Value, spoken
from iotcall.dialogue.settings import DialogueSettings
from iotcall.speech.colors import color_name

_NAMED = 4
"""Devices that are listed by name; more are counted."""


def subject(devices: Sequence[Device], home: Home, settings: DialogueSettings) -> str:
    """The devices as one noun: the kitchen light; the bedroom lights; all lights; the a and b."""
    kinds = {device.kind for device in devices}
    rooms = {device.room for device in devices}
    if len(devices) > 1 and len(kinds) == 1 and kinds <= settings.kinds.keys():
        kind = devices[0].kind
        several = settings.kinds[kind][1]
        if _are(devices, home.of_kind(kind)):
            return f"all {several}"
        if len(rooms) == 1 and _are(devices, home.of_kind(kind, devices[0].room)):
            return f"the {spoken(devices[0].room)} {several}"
    names = [f"the {device.name}" for device in devices]
    if len(names) > _NAMED:
        names = [*names[:_NAMED - 1], f"{len(names) - _NAMED + 1} more"]
    return joined(names, "and")


def _are(devices: Sequence[Device], others: Sequence[Device]) -> bool:
    return {device.id for device in devices} == {device.id for device in others}


def verb(devices: Sequence[Device], settings: DialogueSettings) -> str:
    """is or are."""
    known = settings.kinds.get(devices[0].kind)  # a catalogue need not know every kind there is
    plurals = [*(known[1:] if known else ())] + [
        word for noun in (settings.house.nouns if settings.house else ()) for word in noun.several]
    named_plural = any(f" {devices[0].name}".endswith(f" {word}") for word in plurals)
    return "are" if len(devices) > 1 or named_plural else "is"


def phrase(kind: Kind, state: Mapping[str, Value], settings: DialogueSettings) -> str:
    """A state as it follows "is": set to 72 degrees and in heat mode; empty: nothing to say."""
    phrases = settings.phrases.get(kind, {})
    return joined([text.format(value=number(state[name], name, settings))
                   for name, text in phrases.items() if name in state], "and")


def number(value: Value, name: str, settings: DialogueSettings) -> str:
    """A value of the property in the units that are spoken here."""
    if isinstance(value, str):
        return value
    if name == "setpoint" and settings.degrees == "fahrenheit":
        return f"{value * 9 / 5 + 32:.0f}"
    return f"{value:g}"


def value_said(name: str, value: Value, settings: DialogueSettings) -> str:
    """A value as it is asked about: red; 21 degrees; heat cool."""
    if isinstance(value, str):
        return color_name(value) if name == "color" else value.replace("_", " ")
    units = settings.house.units if settings.house else {}
    return f"{number(value, name, settings)}{units.get(name, '')}"


def joined(pieces: Sequence[str], conjunction: str) -> str:
    """a; a and b; a, b and c."""
    if len(pieces) < 2:
        return "".join(pieces)
    return f"{', '.join(pieces[:-1])} {conjunction} {pieces[-1]}"


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def quoted(text: object, limit: int = 40) -> str:
    """A text of the student's as it may be spoken: short, printable, without underscores."""
    return spoken("".join(char if char.isprintable() else " " for char in str(text)))[:limit]
