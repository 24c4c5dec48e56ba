"""The person's words for devices -> devices of this home. Leaves out: whether they can do it.

Order, the first that finds something wins: the whole name; a room or floor beside a kind of device
("kitchen lights"); a room alone; a part of a name ("the desk one"); a name that sounds alike; one
slip of the finger ("the desk amp").
Digits and number words never match others: "room nine" is not room two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from iotcall.devices import Device, Home, spoken
from iotcall.dialogue.house.nouns import (
    Noun,
    NounFound,
    called,
    ending,
    ending_by_sound,
    fits,
)
from iotcall.dialogue.house.places import CLOSER, NEAR, listed, plain, rooms_exactly, rooms_of
from iotcall.dialogue.house.slips import slipped_from
from iotcall.dialogue.words import words
from iotcall.speech.spelling import alike, alike_in_sound, singular

Words = tuple[str, ...]

_PREPOSITIONS = frozenset({"in", "on", "at", "from"})
_EVERYTHING = frozenset({"everything", "all", "everywhere", "anything"})
_SAME_SOUND = 0.9
"""How alike a name must sound of which no word is like."""
_LEAST_MISHEARD = 7
"""Characters of such a name."""


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """What a span means in this home."""

    devices: tuple[Device, ...] = ()
    """Best first: one group, of which all are meant where the phrase is plural."""
    several: bool = False
    """The words mean all of them ("the lights", a room), not one among them ("the lamp")."""
    sort: str = ""
    """Word for what was asked for, where a kind of device was named."""
    rooms: tuple[str, ...] = ()
    """Keys of rooms that the words name."""
    everything: bool = False

    @property
    def key(self) -> tuple[frozenset[str], bool]:
        """Equal where the same is meant."""
        return frozenset(device.id for device in self.devices), self.several


def phrase_of(text: str, home: Home, nouns: Sequence[Noun], *, rooms: Iterable[str] = (),
              site_room: str = "") -> Phrase | None:
    """What a target means; None: nothing here is called so.

    Args:
        rooms: keys of the rooms that were said apart; empty: none was.
        site_room: where the person is; decides between devices that fit equally.
    """
    within = tuple(rooms)
    said = plain(text)
    if not said:
        return None
    whole = _one(said, home, nouns, within, site_room, loose=False)
    if whole:
        return whole
    parts = listed(text)
    if len(parts) > 1:
        head = ending(plain(parts[-1]), nouns)
        found = [_part(part, head.noun if head else None, head.several if head else False, home,
                       nouns, within, site_room) for part in parts]
        if all(found):
            devices = {device.id: device for each in found if each for device in each.devices}
            return Phrase(devices=tuple(devices.values()), several=True)
    found_loosely = _one(said, home, nouns, within, site_room, loose=True)
    if found_loosely:
        return found_loosely
    meant = {phrase.key: phrase for other in slipped_from(said, home)
             if (phrase := _one(other, home, nouns, within, site_room, loose=False))}
    return next(iter(meant.values())) if len(meant) == 1 else None


def _part(part: str, noun: Noun | None, several: bool, home: Home, nouns: Sequence[Noun],
          within: tuple[str, ...], site_room: str) -> Phrase | None:
    """One of several joined by "and"; "kitchen" beside "and hall lights" means its lights."""
    said = plain(part)
    rooms = rooms_exactly(said, home)
    if rooms and noun is not None:
        devices = tuple(device for device in home.counted()
                        if device.room in rooms and fits(device, noun, nouns))
        if devices:
            return Phrase(devices=devices, several=several or len(devices) == 1, rooms=rooms,
                          sort=noun.one[0])
    found = _one(said, home, nouns, within, site_room, loose=True)
    if found and found.sort and found.several and not found.rooms and site_room:
        # "the lights and the kettle": the lights of this room, where it has some
        here = tuple(device for device in found.devices if device.room == site_room)
        return msgspec.structs.replace(found, devices=here or found.devices)
    if found and not found.several and len(found.devices) > 1:
        return None  # which one? is asked of a phrase by itself only
    return found


def _one(said: Words, home: Home, nouns: Sequence[Noun], within: tuple[str, ...],
         site_room: str, *, loose: bool) -> Phrase | None:
    """What a phrase without an "and" means; not loose: by its exact words only."""
    if set(said) <= _EVERYTHING | {"devices", "else"}:
        return Phrase(devices=_inside(home.counted(), within), several=True, everything=True)
    named = tuple(device for device in _named_exactly(said, home, within)
                  if not device.members or _is_meant(device, said, home, nouns, within))
    rooms = within or ((site_room,) if site_room else ())
    # subtle: of one room only: "the blinds upstairs" are not just the one called "bedroom blinds"
    end = ending(said, nouns)
    short = _named_shortly(said, home, rooms) if len(rooms) == 1 and not (
        end and end.several) else ()
    if len(short) == 1 and not any(device.room in rooms for device in named):
        return Phrase(devices=short)
    if named:
        return Phrase(devices=_nearest(named, within, site_room))
    by_kind = _by_kind(said, home, nouns, within)
    if by_kind:
        return by_kind
    if end and (groups := _groups_of_kind(end, home, nouns, within)):
        return Phrase(devices=groups)
    rooms = rooms_exactly(said, home)
    if rooms:
        devices = tuple(device for device in home.counted() if device.room in rooms)
        return Phrase(devices=devices, several=True, rooms=rooms)
    if not loose:
        return None
    part = _by_part(said, home, within, site_room)
    if part:
        return Phrase(devices=part, several=end is not None and end.several)
    return _by_sound(said, home, nouns, within, site_room)


def _named_exactly(said: Words, home: Home, within: tuple[str, ...]) -> tuple[Device, ...]:
    return tuple(device for device in _inside(home.devices, within)
                 if any(said == plain(name) for name in _names(device, home)))


def _is_meant(group: Device, said: Words, home: Home, nouns: Sequence[Noun],
              within: tuple[str, ...]) -> bool:
    """Whether a group of that name is meant, and no more than it: a room is more than a group that
    is called so, and so are "the kitchen lights", unless all of them are members."""
    if group in home.counted():
        return True
    found = _by_kind(said, home, nouns, within)
    return not rooms_exactly(said, home) and not (found and found.several and (
        {each.id for each in found.devices} - {each.id for each in group.members}))


def _groups_of_kind(end: NounFound, home: Home, nouns: Sequence[Noun], within: tuple[str, ...]
                    ) -> tuple[Device, ...]:
    """"The downstairs group lights": the group, which or whose members are of that kind."""
    name = end.before[1:] if end.before[:1] == ("all",) else end.before
    return tuple(device for device in _named_exactly(name, home, within)
                 if name and device.members and any(fits(each, end.noun, nouns)
                                           for each in (device, *device.members)))


def _named_shortly(said: Words, home: Home, rooms: tuple[str, ...]) -> tuple[Device, ...]:
    """"The light", in the kitchen, is the kitchen light and not the counter light."""
    found = []
    for device in _inside(home.devices, rooms):
        here = home.rooms.get(device.room)
        fronts = {plain(spoken(name)) for name in (device.room, *(here.aliases if here else ()))}
        for name in (device.name, *device.aliases):
            full = plain(name.replace("/", " "))
            if any(full == (*front, *said) for front in fronts):
                found.append(device)
                break
    return tuple(found)


def _by_kind(said: Words, home: Home, nouns: Sequence[Noun], within: tuple[str, ...]
             ) -> Phrase | None:
    """"lights", "kitchen lights", "upstairs blinds", "lights upstairs"."""
    found, rooms = ending(said, nouns), within
    if found is None:  # the place may follow: "lights upstairs"
        for cut in range(1, len(said)):
            place = said[cut:] if said[cut] not in _PREPOSITIONS else said[cut + 1:]
            behind = rooms_exactly(place, home)
            if behind and (found := ending(said[:cut], nouns)) and not found.before:
                rooms = behind
                break
        else:
            return None
    assert found is not None
    if found.before:
        if found.before[-1:] == ("all",) or found.before == ("every",):
            before = found.before[:-1]
        else:
            before = found.before
        if before:
            ahead = rooms_exactly(before, home)
            if not ahead or (within and not set(ahead) & set(within)):
                return None
            rooms = ahead
    devices = tuple(device for device in _inside(home.counted(), rooms)
                    if fits(device, found.noun, nouns))
    if found.said not in (tuple(words(each)) for each in (
            *found.noun.one[:1], *found.noun.several[:1])):
        # "the lamp" is what is called a lamp, where there is one, and not the ceiling light
        devices = tuple(each for each in devices if called(each, found.said)) or devices
    return Phrase(devices=devices, several=found.several, sort=found.noun.one[0], rooms=rooms)


def _by_part(said: Words, home: Home, within: tuple[str, ...], site_room: str
             ) -> tuple[Device, ...]:
    """Devices whose name holds all the words: "desk" for "desk lamp"; if there are none, groups."""
    wanted = {singular(word) for word in said} - {"one"}
    if not wanted:
        return ()
    found = tuple(device for device in _inside(home.devices, within)
                  if any(wanted <= {singular(word) for word in plain(name)}
                         for name in _names(device, home)))
    counted = {device.id for device in home.counted()}
    return _nearest(tuple(device for device in found if device.id in counted) or found, within,
                    site_room)


def _by_sound(said: Words, home: Home, nouns: Sequence[Noun], within: tuple[str, ...],
              site_room: str) -> Phrase | None:
    heard_noun = ending_by_sound(said, nouns)
    if heard_noun and not ending(said, nouns):
        return _by_kind((*heard_noun.before, *heard_noun.said), home, nouns, within)
    heard = " ".join(said)
    near = _nearest_of(heard, home, within, alike, NEAR) or (
        _nearest_of(heard, home, within, alike_in_sound, _SAME_SOUND)
        if len(heard) >= _LEAST_MISHEARD else ())
    if near:
        return Phrase(devices=_nearest(near, within, site_room))
    found = ending(said, nouns)
    if found and found.before and (rooms := rooms_of(" ".join(found.before), home)):
        return _by_kind((*plain(rooms[0].replace("_", " ")), *said[len(found.before):]), home,
                        nouns, within)
    return None


def _nearest_of(heard: str, home: Home, within: tuple[str, ...],
                likeness: Callable[[str, str], float], least: float) -> tuple[Device, ...]:
    """The devices of which a name is like what was heard, none much more than the others."""
    scored = [(max(likeness(heard, " ".join(plain(name))) for name in _names(device, home)), device)
              for device in _inside(home.devices, within)]
    best = max((score for score, _ in scored), default=0.0)
    return tuple(device for score, device in scored if score >= least and score > best - CLOSER)


def _nearest(devices: Sequence[Device], within: tuple[str, ...], site_room: str
             ) -> tuple[Device, ...]:
    """Where several fit and one of them is where the person is, that one."""
    here = tuple(device for device in devices if site_room and device.room == site_room)
    return here if here and len(devices) > 1 and not within else tuple(devices)


def _inside(devices: Iterable[Device], rooms: Iterable[str]) -> tuple[Device, ...]:
    """Those in the rooms, and groups all of whose members are."""
    keys = frozenset(rooms)
    return tuple(device for device in devices if not keys or device.room in keys or (
        device.members and all(each.room in keys for each in device.members)))


def _names(device: Device, home: Home) -> tuple[str, ...]:
    """Everything a device may be called: its names, with and without its room in front."""
    names = [device.name.replace("/", " "), *device.aliases]
    rooms = ([device.room, *home.rooms[device.room].aliases]
             if device.room in home.rooms else [])
    longer = [f"{room} {name}" for room in rooms for name in names]
    return *names, *longer
