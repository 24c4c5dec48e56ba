"""Names that were said but for one slip: "desk amp", "nitor bar".

What a lexicon lets pass because it is a word of its own, and words of which a recogniser lost an
end. Looked at last, where a phrase would mean nothing, and only where the rest of a whole name
vouches for it: "amp" by itself is none, and "wall lights" are not the hall's. Leaves out: what a
phrase means.
"""

from __future__ import annotations

from collections.abc import Iterator

from iotcall.devices import Home
from iotcall.dialogue.house.places import plain
from iotcall.speech.slips import one_slip_away

Words = tuple[str, ...]
_SHORTEST = 4
"""Letters of a word that was meant; shorter ones are one slip from too many others."""
_LOST = 2
"""Letters that a recogniser loses at either end of what it heard."""


def slipped_from(said: Words, home: Home) -> Iterator[Words]:
    """The names of devices and rooms of which it is the one slip: the last word one slip away, or
    either end lost, and the other words, one at least, as they are."""
    if len(said) < 2:
        return
    named = [name.replace("/", " ") for device in home.devices
             for name in (device.name, *device.aliases)]
    named += [name.replace("_", " ") for key, room in home.rooms.items()
              for name in (key, *room.aliases)]
    for name in dict.fromkeys(map(plain, named)):
        if len(name) == len(said) and said != name:
            places = [at for at in range(len(said)) if said[at] != name[at]]
            if len(places) == 1 and _is_slip(said, name, places[0]):
                yield name


def _is_slip(said: Words, name: Words, at: int) -> bool:
    word, meant = said[at], name[at]
    if not word.isalpha() or len(meant) < _SHORTEST:
        return False
    if at == len(said) - 1 and word in one_slip_away(meant):
        return True
    return len(word) >= _SHORTEST and 0 < len(meant) - len(word) <= _LOST and (
        (at == 0 and meant.endswith(word)) or (at == len(said) - 1 and meant.startswith(word)))
