"""Read a dialogue.toml and check it against its catalogue. Leaves out: what the settings do."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from iotcall.bundle import Bundle
from iotcall.catalogue import Catalogue
from iotcall.devices.properties import PROPERTIES, check_value, properties_of
from iotcall.dialogue.house.settings import HOUSE_PLACEHOLDERS, HOUSE_TOOLS, House
from iotcall.dialogue.settings import DialogueSettings, SetTool, StatusTool, options
from iotcall.errors import BundleError, FileError
from iotcall.settings import parse_toml

_PLACEHOLDERS: dict[str, set[str]] = {
    "done": {"subject", "is", "said"}, "status": {"subject", "is", "said"},
    "unconfirmed": {"subject"}, "offline": {"subject"}, "refused": {"subject"},
    "rest_done": set(),
    "unknown_state": {"subject"}, "no_device": {"kind", "place"}, "no_device_at_all": {"kind"},
    "unknown_place": {"place"}, "out_of_range": {"subject", "low", "high"}, "dropped": set(),
    "not_understood": set(), "done_before": set(), "interrupted": set(), "not_kept": set(),
    "never": {"subject"}, "never_here": {"subject"}, "quiet": {"subject", "time"},
    "too_many": set(), "too_soon": {"subject"}, "gone": {"subject"}, "changed": {"subject"},
    "not_alone": {"subject"}, "pin_enter": set(), "pin_by_voice": set(), "pin_wrong": set(),
    "pin_locked": {"minutes"}, "no_pin": set(),
}
_MAX_HISTORY_TURNS = 16
_STEPS = {"brightness", "setpoint", "volume", "position", "speed", "white"}


def read_dialogue(text: str, catalogue: Catalogue, path: Path) -> DialogueSettings:
    """The settings of a dialogue.toml; `path` is for messages only.

    Raises:
        FileError: names the place, what was found and what was expected.
    """
    settings = parse_toml(text, DialogueSettings, path)
    for place, message in _misfits(settings, catalogue):
        raise FileError(path, message, place=place)
    return settings


def dialogue_of(bundle: Bundle) -> DialogueSettings:
    """The settings of a bundle, its thresholds the calibrated ones where there are some.

    Raises:
        BundleError: it has no dialogue.toml.
        FileError: the settings do not fit.
    """
    if bundle.dialogue_toml is None:
        raise BundleError(f"the bundle {bundle.name!r} has no dialogue.toml: it makes calls, but "
                          "says nothing of devices; export it from a catalogue that has one")
    settings = read_dialogue(bundle.dialogue_toml, bundle.catalogue,
                             bundle.folder / "dialogue.toml")
    if bundle.calibration is None:
        return settings
    return msgspec.structs.replace(settings, fallback_below=bundle.calibration.fallback_below,
                                   wish_from=bundle.calibration.wish_from)


def _misfits(settings: DialogueSettings, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """(place, what is wrong)"""
    yield from _numbers(settings)
    yield from _templates(settings)
    scenes, unclear = settings.scene, settings.unclear
    named = [(table, tool)
             for table, tools in (("set", [*settings.set]), ("status", [*settings.status]),
                                  ("scene", [*scenes]), ("unclear", [*unclear]))
             for tool in tools]
    declared = {tool.name for tool in catalogue.tools}
    for table, tool in named:
        if tool not in declared:
            yield f"{table}.{tool}", f"the catalogue has no tool {tool!r}"
        elif [name for _, name in named].count(tool) > 1:
            yield f"{table}.{tool}", f"{tool!r} is in more than one table"
    if settings.house:
        yield from _house(settings.house, catalogue)
        return
    for tool in sorted(declared - {name for _, name in named}):
        yield "", f"the catalogue's tool {tool!r} is in none of set, status, scene, unclear"
    for name, setter in settings.set.items():
        yield from _set_tool(settings, catalogue, name, setter)
    for name, asker in settings.status.items():
        yield from _status_tool(catalogue, name, asker)
    for name, scene in scenes.items():
        yield from _parameter(catalogue, name, scene.slot, f"scene.{name}.slot")
    for name, sorry in unclear.items():
        yield from _parameter(catalogue, name, sorry.slot, f"unclear.{name}.slot")
    for index, confirm in enumerate(settings.confirm):
        value = confirm.value if confirm.above is None else confirm.above
        try:
            check_value(confirm.kind, confirm.property, value)
        except ValueError as error:
            yield f"confirm[{index}]", str(error)


def _house(house: House, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    missing = HOUSE_TOOLS - {tool.name for tool in catalogue.tools}
    if missing:
        yield "house", f"the catalogue has no tool {sorted(missing)[0]!r}, which [house] is about"
    for tool in catalogue.tools:
        if tool.name not in HOUSE_TOOLS:
            yield "house", f"[house] does not know the catalogue's tool {tool.name!r}"
    for key in _STEPS - house.steps.keys():
        yield "house.steps", f"expected a step for {key}"
    for table, key in ((house.lists, "lists"), (house.replies.which_what, "replies.which_what")):
        if {"lists": "", "replies.which_what": "other"}[key] not in table:
            yield f"house.{key}", "expected an entry for what is not named"
    if "other" not in house.replies.how_much:
        yield "house.replies.how_much", "expected an entry `other`"
    for key, allowed in HOUSE_PLACEHOLDERS.items():
        yield from _template(f"house.replies.{key}", getattr(house.replies, key), set(allowed))
    for name, text in house.done.items():
        yield from _template(f"house.done.{name}", text, {"value"})


def _set_tool(settings: DialogueSettings, catalogue: Catalogue, name: str, tool: SetTool
              ) -> Iterator[tuple[str, str]]:
    if tool.place:
        yield from _parameter(catalogue, name, tool.place.slot, f"set.{name}.place.slot")
    if not tool.slots:
        yield f"set.{name}.slots", "needs at least one slot"
    for key, slot in tool.slots.items():
        place = f"set.{name}.slots.{key}"
        yield from _parameter(catalogue, name, key, place)
        yield from _mapped(catalogue, name, key, slot.values, f"{place}.values")
        if slot.property not in settings.phrases.get(tool.kind, {}):
            yield f"{place}.property", (f"phrases.{tool.kind} does not say how to speak of "
                                        f"{slot.property!r}")
        if bool(slot.unit) != (slot.property == "setpoint"):
            yield f"{place}.unit", "belongs to a setpoint, which needs one"
        for value in slot.values.values():
            try:
                check_value(tool.kind, slot.property, value)
            except ValueError as error:
                yield f"{place}.values", str(error)


def _status_tool(catalogue: Catalogue, name: str, tool: StatusTool) -> Iterator[tuple[str, str]]:
    yield from _parameter(catalogue, name, tool.slot, f"status.{name}.slot")
    yield from _parameter(catalogue, name, tool.place, f"status.{name}.place")
    yield from _mapped(catalogue, name, tool.slot, tool.values, f"status.{name}.values")


def _mapped(catalogue: Catalogue, tool: str, slot: str, values: Mapping[str, str], place: str
            ) -> Iterator[tuple[str, str]]:
    """Every word that the catalogue allows must be mapped, and no other."""
    allowed = set(options(catalogue, tool, slot))
    if set(values) != allowed:
        yield place, (f"expected exactly the catalogue's words {', '.join(sorted(allowed))}; "
                      f"found {', '.join(sorted(values))}")


def _parameter(catalogue: Catalogue, tool: str, slot: str, place: str
               ) -> Iterator[tuple[str, str]]:
    known = [field.name for field in catalogue.tool(tool).parameters.fields]
    if slot not in known:
        yield place, f"{tool} has no argument {slot!r}; it has: {', '.join(known)}"


def _numbers(settings: DialogueSettings) -> Iterator[tuple[str, str]]:
    if not 0 <= settings.history_turns <= _MAX_HISTORY_TURNS:
        yield "history_turns", f"expected 0 to {_MAX_HISTORY_TURNS}"
    for key in ("fallback_below", "wish_from"):
        if not 0 <= getattr(settings, key) <= 1:
            yield key, "expected a confidence from 0 to 1"
    for key in ("session_seconds", "confirm_seconds"):
        if not 0 < getattr(settings, key) <= 3600:
            yield key, "expected seconds, above 0 and up to 3600"
    for key in ("yes", "no"):
        if not getattr(settings, key):
            yield key, "needs at least one word"


def _templates(settings: DialogueSettings) -> Iterator[tuple[str, str]]:
    for key, text in msgspec.structs.asdict(settings.replies).items():
        yield from _template(f"replies.{key}", text, _PLACEHOLDERS[key])
    for kind, phrases in settings.phrases.items():
        for name, text in phrases.items():
            if name not in properties_of(kind):
                yield f"phrases.{kind}", f"a {kind} has no property {name!r}"
            yield from _template(f"phrases.{kind}.{name}", text, {"value"})
    for name, setter in settings.set.items():
        if setter.place:
            yield from _template(f"set.{name}.place.ask", setter.place.ask, {"options"})
        yield from _template(f"set.{name}.ask", setter.ask, set())
    for name, scene in settings.scene.items():
        yield from _template(f"scene.{name}.ask", scene.ask, {"options"})
        yield from _template(f"scene.{name}.done", scene.done, {"scene"})
        yield from _template(f"scene.{name}.missing", scene.missing, {"scene"})
    for index, confirm in enumerate(settings.confirm):
        yield from _template(f"confirm[{index}].ask", confirm.ask, {"subject"})
    for key, text in settings.asks.items():
        name, _, word = key.partition(".")
        if key and (name not in PROPERTIES or PROPERTIES[name].measured or (
                word and PROPERTIES[name].words and word not in PROPERTIES[name].words)):
            yield f"asks.{key}", "expected a property that can be set, or property.word"
        yield from _template(f"asks.{key}", text, {"subject", "value"})


def _template(place: str, text: str, allowed: set[str]) -> Iterator[tuple[str, str]]:
    try:
        found = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        yield place, f"is no template: {error}"
        return
    for name in sorted(found - allowed):
        known = ", ".join(f"{{{each}}}" for each in sorted(allowed)) or "no placeholder"
        yield place, f"{{{name}}} cannot stand here; expected {known}"
