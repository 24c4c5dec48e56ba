"""What a device of zigbee2mqtt exposes, by what can be named alone. Leaves out: how it is told.

    exposes -> parts, each with its points
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from iotcall.devices.discovery.zigbee_points import (
    FEATURES,
    GETTABLE,
    SENSORS,
    Expose,
    Table,
    Where,
)
from iotcall.devices.points import Point
from iotcall.devices.properties import Kind

MAX_EXPOSES = 256
"""Of one device; the longest real ones have somewhat above a hundred."""
_NAME_LENGTH = 64


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What of a device can be named alone: a socket of two, the light of a fan, or all there is."""

    kind: Kind
    suffix: tuple[str, ...] = ()
    """What tells it from the device itself: its endpoint, its type."""
    points: dict[str, Point] = {}
    gettable: tuple[str, ...] = ()
    """Keys that can be asked for."""
    hidden: tuple[str, ...] = ()
    """Keys that are not understood."""


def parts_of(exposes: Sequence[Any], topic: str) -> tuple[Part, ...]:
    """The parts of a device that says its state on the topic, the foremost first.

    There is always one: of a device of which nothing is understood it holds what that is.
    """
    known, odd = _exposes(exposes)
    groups: dict[str, list[Expose]] = {}
    for expose in known:
        groups.setdefault(expose.endpoint, []).append(expose)
    parts: list[Part] = []
    hidden: dict[str, None] = {}  # of endpoints that have nothing else
    for endpoint, group in sorted(groups.items()):
        for part in _parts(group, Where(topic=topic, endpoint=endpoint)):
            if part.points:
                parts.append(part)
            else:
                hidden.update(dict.fromkeys(part.hidden))
    first = parts[0] if parts else Part(kind="sensor")
    unknown = tuple(dict.fromkeys((*first.hidden, *hidden, *odd)))
    return msgspec.structs.replace(first, hidden=unknown), *parts[1:]


def _exposes(said: Sequence[Any]) -> tuple[list[Expose], list[str]]:
    """Those that are written as the documentation says, and the names of the others."""
    known, odd = [], []
    for each in said[:MAX_EXPOSES]:
        try:
            known.append(msgspec.convert(each, Expose))
        except (msgspec.ValidationError, RecursionError, OverflowError):
            named = each.get("property", each.get("type")) if isinstance(each, dict) else None
            odd.append("".join(filter(str.isprintable, str(named)[:_NAME_LENGTH])))
    return known, odd


def _parts(group: Iterable[Expose], where: Where) -> list[Part]:
    """The parts of one endpoint: what can be told, by rank, and what it measures on the first."""
    generic = {each.name: each for each in group if each.type not in FEATURES}
    specific = sorted((each for each in group if each.type in FEATURES),
                      key=lambda one: list(FEATURES).index(one.type))
    parts: list[Part] = []
    taken: set[str] = set()  # keys: two features that are one key are one thing
    for expose in specific:
        features = {each.name: each for each in expose.features if each.property not in taken}
        table = FEATURES[expose.type]
        at = msgspec.structs.replace(where, apart=bool(parts) or expose.type in _APART)
        kind = _KINDS[expose.type]
        suffix = (where.endpoint, expose.type) if parts else (where.endpoint,)
        understood = _is_main(expose, at) and kind not in [part.kind for part in parts]
        part = _part(kind, features, table if understood else {}, at, suffix)
        if part.points:
            taken.update(each.property for each in features.values())
            parts.append(part)
        else:
            generic |= {each.property: each for each in features.values()}
    kind = parts[0].kind if parts else "sensor"
    sensors = _part(kind, generic, SENSORS, where, (where.endpoint,))
    if not parts:
        return [sensors]
    first = parts[0]
    return [msgspec.structs.replace(
        first, points=sensors.points | first.points, hidden=first.hidden + sensors.hidden,
        gettable=first.gettable + sensors.gettable), *parts[1:]]


def _is_main(expose: Expose, where: Where) -> bool:
    """Not a child lock or the detection of open windows: these are announced as locks and
    switches, of other keys."""
    return expose.type not in ("lock", "switch") or any(
        each.name == "state" and where.key(each) == "state" for each in expose.features)


def _part(kind: Kind, features: Mapping[str, Expose], table: Table, where: Where,
          suffix: tuple[str, ...]) -> Part:
    points: dict[str, Point] = {}
    understood: list[Expose] = []
    for name, (ours, make) in table.items():
        feature = features.get(name)
        if feature is None or not feature.property:
            continue
        if ours in points:  # the same thing in another form, or a second one of its sort
            understood += [feature] * any(feature.property == one.property for one in understood)
        elif point := make(ours, feature, where):
            points[ours] = point
            understood.append(feature)
    on = points["state"].write if "state" in points else None
    level = points.get("brightness")
    if on and "on" in on.words and level and level.write and level.write.path:
        # A brightness alone leaves some bulbs off.
        points["brightness"] = msgspec.structs.replace(level, write=msgspec.structs.replace(
            level.write, fixed={str(on.path[0]): on.words["on"]}))
    return Part(
        kind=kind, suffix=tuple(filter(None, suffix)), points=points,
        gettable=tuple(dict.fromkeys(one.property for one in understood if one.access & GETTABLE)),
        hidden=tuple(dict.fromkeys(each.property or each.name or each.type
                                   for each in features.values() if each not in understood)))


_KINDS: dict[str, Kind] = {
    "light": "light", "climate": "thermostat", "cover": "cover", "lock": "lock", "fan": "fan",
    "switch": "plug",
}
"""Type -> kind, by rank: the first of a device's is the device itself."""
_APART = ("climate", "fan")
"""Types whose keys are commanded one by one, as zigbee2mqtt tells Home Assistant to: then a device
that both describe is known by its command topics."""
