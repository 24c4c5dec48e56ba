"""What people call kinds of devices, floors and everything. Leaves out: names of this home.

The words are in a catalogue's dialogue.toml under ``house.nouns``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from iotcall.devices import Device, Kind
from iotcall.dialogue.words import words
from iotcall.speech.spelling import alike, singular, sound

Words = tuple[str, ...]
_NEAR = 0.75
"""How alike a word must be to a noun of its sound."""


class Noun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word for a sort of device."""

    kind: Kind
    one: tuple[str, ...]
    """Words for one of them."""
    several: tuple[str, ...] = ()
    """Words for several."""
    label: tuple[str, ...] = ()
    """Only devices that are called so by their ecosystem, or whose name says such a word; empty:
    every device of the kind."""


class NounFound(msgspec.Struct, frozen=True):
    """A noun at the end of a phrase."""

    noun: Noun
    several: bool
    before: Words
    """The words in front of it."""
    said: Words
    """The noun as it was said."""


def ending(said: Words, nouns: Sequence[Noun]) -> NounFound | None:
    """The noun at the end of the words, the longest there is: "big kitchen lights"."""
    best: tuple[int, NounFound] | None = None
    for noun in nouns:
        for several, phrases in ((False, noun.one), (True, noun.several)):
            for phrase in phrases:
                tail = words(phrase)
                if tail and said[-len(tail):] == tail and (best is None or len(tail) > best[0]):
                    best = len(tail), NounFound(noun, several, said[:-len(tail)], tail)
    return best[1] if best else None


def ending_by_sound(said: Words, nouns: Sequence[Noun]) -> NounFound | None:
    """The noun that the last word sounds like, where it is none: "kitchen lites"."""
    for noun in nouns:
        for several, phrases in ((False, noun.one), (True, noun.several)):
            for phrase in phrases:
                if said and " " not in phrase and (
                        said[-1].endswith("s") == phrase.endswith("s")) and alike(
                            said[-1], phrase) >= _NEAR and (
                        sound(singular(said[-1])) == sound(singular(phrase))):
                    return NounFound(noun, several, said[:-1], (phrase,))
    return None


def called(device: Device, said: Words) -> bool:
    """Whether a name of the device holds the words in a row, in singular or plural."""
    wanted = tuple(map(singular, said))
    return any(wanted == tuple(map(singular, name[at:at + len(said)]))
               for name in (words(each) for each in (device.name, *device.aliases))
               for at in range(len(name)))


def fits(device: Device, noun: Noun, nouns: Sequence[Noun] = ()) -> bool:
    """Whether the noun may mean the device; a device that another noun names more closely (a garage
    door, curtains) is not meant by the common one (blinds)."""
    if device.kind != noun.kind:
        # what stands on a plug is what its owner calls it: the lamp, the heater
        return device.kind == "plug" and noun.kind in ("light", "fan") and _named(device, noun)
    if noun.label:
        return device.label in noun.label or _named(device, noun)
    closer = any(each.label and fits(device, each) for each in nouns if each.kind == noun.kind)
    return not closer or _named(device, noun)


def _named(device: Device, noun: Noun) -> bool:
    return any(called(device, words(phrase))
               for phrase in (*noun.label, *noun.one, *noun.several))
