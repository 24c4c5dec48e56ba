"""The person's words for places -> rooms of this home. Leaves out: what stands in them.

A room, all rooms of a floor, here, several rooms told off by name; a sound-alike comes last.
"""

from __future__ import annotations

import re

from iotcall.devices import Home, spoken
from iotcall.dialogue.words import words
from iotcall.speech.spelling import alike, singular

Words = tuple[str, ...]

_ARTICLES = frozenset({"the", "a", "an", "my", "our", "your", "that", "this", "those", "these",
                       "please", "of"})
_WHOLE = frozenset({"whole", "entire", "house", "home", "everywhere", "place", "flat",
                    "apartment", "building"})
_HERE = (("here",), ("in", "here"), ("this", "room"))
_JOINS = re.compile(r",|;|&|\b(?:and|plus|or|as well as)\b")
NEAR = 0.8
"""How alike a name must sound."""
CLOSER = 0.08
"""What a name must be ahead of the next one by."""


def plain(text: str) -> Words:
    """The words without articles: "the big Lamp" -> ("big", "lamp")."""
    return tuple(word for word in words(text) if word not in _ARTICLES)


def rooms_of(text: str, home: Home, site_room: str = "") -> tuple[str, ...]:
    """Keys of the rooms that a phrase names: rooms, a floor, here; sound-alikes too; empty: one of
    them is not known."""
    found = _room_of(text, home, site_room)
    parts = listed(text)
    if found or len(parts) < 2:
        return found
    each = [_room_of(part, home, site_room) for part in parts]
    if not all(each) and singular(plain(parts[-1])[-1]) == "room":  # "Mia's and Tom's rooms"
        each = [_room_of(f"{part.removesuffix('rooms').strip()} room", home, site_room)
                for part in parts]
    if not all(each):  # "rooms four, six and nine"
        head, *_ = plain(parts[0]) or ("",)
        one = head.removesuffix("s")
        first = " ".join((one, *plain(parts[0])[1:]))
        each = [_room_of(part, home, site_room)
                for part in (first, *(f"{one} {part}" for part in parts[1:]))]
    return tuple(dict.fromkeys(key for keys in each for key in keys)) if all(each) else ()


def lists_rooms(text: str) -> bool:
    """Whether several rooms are told off by name: "rooms one and twelve"."""
    return len(listed(text)) > 1


def _room_of(text: str, home: Home, site_room: str) -> tuple[str, ...]:
    said = plain(text)
    if set(said) <= _WHOLE and said:
        return tuple(home.rooms)
    if tuple(words(text)) in _HERE or said in _HERE:
        return (site_room,) if site_room else ()
    exact = rooms_exactly(said, home)
    if exact:
        return exact
    for tail in ("room", "floor"):  # "the kitchen room", "upstairs floor"
        if said[-1:] == (tail,) and (exact := rooms_exactly(said[:-1], home)):
            return exact
    scored = sorted(((alike(" ".join(said), name), key) for key, name in _room_names(home)),
                    reverse=True)
    if scored and scored[0][0] >= NEAR:
        best = {key for score, key in scored if score > scored[0][0] - CLOSER}
        if len(best) == 1:
            return (scored[0][1],)
    return ()


def _room_names(home: Home) -> list[tuple[str, str]]:
    """(key, spoken name) of every room."""
    return [(key, spoken(name)) for key, room in home.rooms.items()
            for name in (key, *room.aliases)]


def rooms_exactly(said: Words, home: Home) -> tuple[str, ...]:
    """A room, or all rooms of a floor."""
    text = " ".join(said)
    for key, name in _room_names(home):
        if " ".join(plain(name)) == text:
            return (key,)
    for key, floor in home.floors.items():
        if any(" ".join(plain(name)) == text for name in (spoken(key), *floor.aliases)):
            return tuple(room for room, known in home.rooms.items() if known.floor == key)
    return ()


def listed(text: str) -> list[str]:
    """Split at commas and "and": "the fan, the lamp and the heater"."""
    return [part for part in _JOINS.split(text.casefold()) if plain(part)]
