"""Which devices a call means: its words, its pronouns, or what stands where the person is.

Leaves out: what names mean (naming), and what is done with the devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from iotcall.devices import Device, Home, Kind, spoken
from iotcall.dialogue.house.memory import Memory
from iotcall.dialogue.house.naming import Phrase, phrase_of
from iotcall.dialogue.house.places import lists_rooms, plain, rooms_of
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.outcomes import Fill, Question, Refusal
from iotcall.dialogue.phrasing import joined, quoted, sentence, subject
from iotcall.dialogue.settings import DialogueSettings

_SWITCHED_BY_ROOM: tuple[Kind, ...] = ("light", "fan", "media")
"""What "turn off the kitchen" means: never the plug of the fridge, nor the heating."""
_SWITCHED_BY_EVERYTHING: tuple[Kind, ...] = ("light", "fan", "media", "plug")
_OPTIONS = 5
"""Devices that a question lists; of more, the rooms are asked for."""


GRADED = frozenset({"set", "adjust", "set_color", "set_white"})
"""Tools whose property tells what they are of. To switch, lock and open there is too much: "it" is
what was spoken of last, or nothing."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a call that say which devices."""

    target: str = ""
    but: str = ""
    room: str = ""
    ref: str = ""
    scope: str = ""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What the words are understood against."""

    home: Home
    settings: DialogueSettings
    house: House
    memory: Memory
    site_room: str
    """Key of the room where the person is; empty: not known."""
    here: bool = False
    """They said that they mean this room."""
    named: frozenset[str] = frozenset()
    """Properties that they named (`House.property_words`)."""


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """The devices of a call."""

    devices: tuple[Device, ...]
    named: bool
    """They were named, and not merely a kind or a room: one that cannot do it is worth a word."""


Found = Meant | Question | Refusal


def meant_by(where: Where, around: Around, *, tool: str, kinds: Sequence[Kind],
             can: Callable[[Device], bool], risky: bool) -> Found:
    """The devices, or what stands in the way.

    Args:
        kinds: meant where no kind was said.
        can: what the devices must be able to do; a named one that cannot is kept.
        risky: never choose one among several by nearness.
    """
    found = _said(where, around, tool=tool, kinds=kinds, can=can, risky=risky)
    if not isinstance(found, Meant) or not where.but:
        return found
    spared = phrase_of(where.but, around.home, around.house.nouns,
                       site_room=around.site_room)
    rooms = rooms_of(where.but, around.home, around.site_room)
    if spared is None and not rooms:
        return _unknown(where.but, around)
    ids = {each.id for device in (spared.devices if spared else ())
           for each in (device, *device.members)}

    def is_spared(device: Device) -> bool:
        return device.id in ids or device.room in (() if ids else rooms)

    # a group of which some are spared is what is left of its members, without those that are hidden
    here = {device.id for device in around.home.devices}
    whole = (part for device in found.devices for part in (
        [each for each in device.members if each.id in here]
        if any(map(is_spared, device.members)) else (device,)))
    left = {device.id: device for device in whole if not is_spared(device)}
    return msgspec.structs.replace(found, devices=tuple(left.values()))


def _said(where: Where, around: Around, *, tool: str, kinds: Sequence[Kind],
          can: Callable[[Device], bool], risky: bool) -> Found:
    home = around.home
    if where.ref:
        memory = around.memory
        devices = memory.both(home) if where.ref == "both" else memory.it(home)
        if not devices:
            return _which_what(tool, around)
        if where.ref == "it" and tool in GRADED and are_beyond(devices, around, tool=tool,
                                                               kinds=kinds, can=can):
            devices = memory.last(home, lambda each: each.kind in kinds and can(each)) or devices
        return Meant(devices=devices, named=True)
    if plain(where.target) == ("other",):
        return _other(around, tool=tool, can=can)
    rooms: tuple[str, ...] = ()
    if around.here and around.site_room and not where.room:
        found = _said(msgspec.structs.replace(where, room="here"),
                      msgspec.structs.replace(around, here=False), tool=tool, kinds=kinds,
                      can=can, risky=risky)
        # subtle: "the fan, I'm dying here" may well mean one that stands elsewhere
        return found if isinstance(found, Meant | Question) else _said(
            where, msgspec.structs.replace(around, here=False), tool=tool, kinds=kinds, can=can,
            risky=risky)
    if where.room:
        rooms = rooms_of(where.room, home, around.site_room)
        if not rooms:
            return _misplaced(where, around, tool=tool, kinds=kinds, can=can, risky=risky)
    if where.target:
        # subtle: "all the blinds" is nowhere in particular; a query's scope is the resolver's own
        anywhere = risky or (where.scope == "all" and tool != "query")
        phrase = phrase_of(where.target, home, around.house.nouns, rooms=rooms,
                           site_room="" if anywhere else around.site_room)
        if phrase is None:
            return _unknown(where.target, around)
        return _of_phrase(phrase, where, rooms, around, tool=tool, kinds=kinds, can=can,
                          risky=risky)
    return _unnamed(where, rooms, around, tool=tool, kinds=kinds, can=can, risky=risky)


def are_beyond(devices: Sequence[Device], around: Around, *, tool: str, kinds: Sequence[Kind],
               can: Callable[[Device], bool]) -> bool:
    """Whether nobody would wish that of these: a kettle has no degrees to set, but of a lamp that
    cannot be dimmed people wish it all the same. A number by itself is wished of anything."""
    if "cover" in kinds or (tool in ("set", "adjust") and not around.named):
        return False
    return not any(each.kind in kinds or can(each) for each in devices)


def _other(around: Around, *, tool: str, can: Callable[[Device], bool]) -> Found:
    """"The other one": of the same kind and in the same room as what was spoken of."""
    it = around.memory.it(around.home)
    alike = tuple(device for device in around.home.counted() if device not in it and can(device)
                  and any((device.kind, device.room) == (each.kind, each.room) for each in it))
    if not alike:
        return _which_what(tool, around)
    return Meant(devices=alike, named=True) if len(alike) == 1 else which_one(alike, around)


def _misplaced(where: Where, around: Around, *, tool: str, kinds: Sequence[Kind],
               can: Callable[[Device], bool], risky: bool) -> Found:
    """What was said as a room is none: it may be a device's name ("in the fridge")."""
    text = f"{where.room} {where.target}".strip()
    phrase = phrase_of(text, around.home, around.house.nouns, site_room=around.site_room)
    if phrase is None:
        return _unknown(where.room, around)
    return _of_phrase(phrase, where, (), around, tool=tool, kinds=kinds, can=can, risky=risky)


def _of_phrase(phrase: Phrase, where: Where, rooms: tuple[str, ...], around: Around, *, tool: str,
               kinds: Sequence[Kind], can: Callable[[Device], bool], risky: bool) -> Found:
    devices = phrase.devices
    if phrase.everything:
        allowed = kinds or _SWITCHED_BY_EVERYTHING
        return Meant(devices=tuple(device for device in devices
                                   if device.kind in allowed and can(device)), named=False)
    if phrase.rooms and not phrase.sort:  # a room alone
        allowed = kinds or _SWITCHED_BY_ROOM
        able = tuple(device for device in devices if device.kind in allowed and can(device))
        return (Meant(devices=able, named=False) if able else
                _none_there(tool, phrase.rooms, around))
    able = tuple(filter(can, devices))
    if not able and not devices:
        return _none_there(phrase.sort or where.target, phrase.rooms or rooms, around)
    if not able:
        return Meant(devices=devices[:1], named=True)
    if not phrase.sort and len(devices) == 1:
        return Meant(devices=devices, named=True)
    placed = bool(phrase.rooms or rooms)
    if phrase.several or where.scope == "all" or _one_in_each(able, where, rooms):
        if phrase.sort and not placed and where.scope != "all":
            return _here_or_all(able, around, risky=risky)
        return Meant(devices=able, named=not phrase.sort)
    return _one_of(able, where, placed, around, risky=risky)


def _one_in_each(devices: Sequence[Device], where: Where, rooms: Sequence[str]) -> bool:
    """"The light in rooms one and twelve": each of the rooms has one, so both are meant."""
    return (lists_rooms(where.room) and len(devices) == len(rooms)
            and {device.room for device in devices} == set(rooms))


def _here_or_all(devices: tuple[Device, ...], around: Around, *, risky: bool) -> Found:
    """"The lights", said nowhere in particular: those of the room, or all where that is one room.

    Devices that can be counted on fingers and stand in several rooms (locks) are all meant.
    """
    here = tuple(device for device in devices
                 if around.site_room and device.room == around.site_room)
    if here and not risky:
        return Meant(devices=here, named=False)
    if risky or len({device.room for device in devices}) == 1 or devices[0].kind != "light":
        return Meant(devices=devices, named=False)
    return Question(reply=around.house.replies.which_room, fills=_room_fills(devices, around))


def _one_of(devices: tuple[Device, ...], where: Where, placed: bool, around: Around, *,
            risky: bool) -> Found:
    """One among several that fit: the only one, any of them where any was said, else asked."""
    if len(devices) == 1:
        return Meant(devices=devices, named=True)
    here = tuple(device for device in devices
                 if around.site_room and device.room == around.site_room)
    if where.scope == "one" and not risky:
        return Meant(devices=(here or devices)[:1], named=True)
    if len(here) == 1 and not placed and not risky:
        return Meant(devices=here, named=True)
    return which_one(here if here and not placed and not risky else devices, around)


def which_one(devices: Sequence[Device], around: Around) -> Question:
    """Ask for one of the devices; where they are many, for the room."""
    rooms = {device.room for device in devices}
    if len(devices) > _OPTIONS and len(rooms) > 1:
        return Question(reply=around.house.replies.which_room, fills=_room_fills(devices, around))
    same = len({spoken(device.name) for device in devices}) < len(devices)
    names = [f"the {spoken(device.room)} {device.name}" if same else f"the {device.name}"
             for device in devices]
    fills = tuple(Fill(said, "target", f"{spoken(device.room)} {device.name}" if same
                       else device.name)
                  for device in devices for said in (device.name, *device.aliases))
    return Question(reply=around.house.replies.which_one.format(options=joined(names, "or")),
                    fills=fills)


def _unnamed(where: Where, rooms: tuple[str, ...], around: Around, *, tool: str,
             kinds: Sequence[Kind], can: Callable[[Device], bool], risky: bool) -> Found:
    """No device was said: those of the room that was, or of the room where the person is."""
    home = around.home
    if not rooms and not kinds and where.scope != "all":
        return _which_what(tool, around)
    allowed = kinds or (_SWITCHED_BY_ROOM if rooms else _SWITCHED_BY_EVERYTHING)
    able = tuple(device for device in home.counted() if device.kind in allowed and can(device)
                 and (not rooms or device.room in rooms))
    if not able:
        return _none_there(tool, rooms, around)
    if rooms or where.scope == "all" or len(able) == 1:
        if risky and len(able) > 1 and where.scope != "all" and not _one_in_each(
                able, where, rooms):
            return which_one(able, around)
        return Meant(devices=able, named=False)
    if risky:
        return which_one(able, around)
    here = tuple(device for device in able if device.room == around.site_room)
    if here:
        return Meant(devices=here, named=False)
    if kinds[:1] == ("thermostat",) and len({device.kind for device in able}) == 1:
        return Meant(devices=able, named=False)  # "warmer", where no heating stands in the room
    return which_one(able, around)


def _room_fills(devices: Sequence[Device], around: Around) -> tuple[Fill, ...]:
    return tuple(Fill(spoken(name), "room", spoken(key))
                 for key in dict.fromkeys(device.room for device in devices)
                 if key in around.home.rooms
                 for name in (key, *around.home.rooms[key].aliases))


def _which_what(tool: str, around: Around) -> Question:
    asks = around.house.replies.which_what
    return Question(reply=asks.get(tool, asks["other"]))


def _unknown(said: str, around: Around) -> Refusal:
    return Refusal(reply=sentence(around.house.replies.unknown_device.format(name=quoted(said))))


def _none_there(sort: str, rooms: Sequence[str], around: Around) -> Refusal:
    place = joined([f"the {spoken(room)}" for room in rooms[:3]], "and")
    replies = around.house.replies
    name = around.house.properties.get(sort, sort)
    if not place:
        return Refusal(reply=sentence(replies.unknown_device.format(name=quoted(name))))
    return Refusal(reply=sentence(replies.none_there.format(name=quoted(name), place=place)))


def spoken_subject(devices: Sequence[Device], around: Around) -> str:
    """The devices as one noun."""
    return subject(devices, around.home, around.settings)
