"""Train, dev and test that share no utterance, word for word or nearly. Leaves out: the groups.

Dialogues that share a near-equal utterance belong together. Everyday ones ("bye", "yes please")
would tie nearly all dialogues into one lump: those ties are cut. Such an utterance goes to the
training half, and a dialogue of another half that says it is cut off before that turn: the turns
before it are a dialogue as well. What has nothing left is set aside, and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from random import Random

import msgspec

from iotcall.distill.curation.groups import grouped
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue

_LARGEST_SHARE = 0.25
"""A lump larger than this share of the smallest half is cut by its most common utterance."""
_SMALLEST_LUMP = 8
"""Dialogues; lumps up to here are left whole."""


class Shares(msgspec.Struct, frozen=True):
    """Of the dialogues, what goes to dev and to test; the rest is for training."""

    dev: float = 0.1
    test: float = 0.1

    def check(self) -> Shares:
        """The shares.

        Raises:
            InputError: they are none.
        """
        if not (self.dev >= 0 and self.test >= 0 and self.dev + self.test <= 0.8):
            raise InputError("--dev and --test: expected shares of 0 or more, together 0.8 at "
                             f"most; found {self.dev:g} and {self.test:g}")
        return self


class Splits(msgspec.Struct, frozen=True):
    """Places of dialogues in each half, and how many turns of them stay."""

    train: tuple[tuple[int, int], ...]
    """(place, turns)"""
    dev: tuple[tuple[int, int], ...]
    test: tuple[tuple[int, int], ...]
    set_aside: int
    """Dialogues that are in no half."""
    cut: int
    """Dialogues of dev and test that lost turns."""


def strata(dialogues: Sequence[Dialogue]) -> list[str]:
    """What each dialogue stands for: the rarest of its tools, as many all end with "goodbye"."""
    tools = [sorted({call.name for turn in dialogue.turns for call in turn.calls})
             for dialogue in dialogues]
    counted = Counter(name for names in tools for name in names)
    return [min(names, key=lambda name: counted[name], default="(no call)") for names in tools]


def split(dialogues: Sequence[Dialogue], shares: Shares, seed: int) -> Splits:
    """The halves, the same share of each tool in each as far as the ties allow.

    Raises:
        InputError: the shares are none.
    """
    shares.check()
    said = _groups_of(dialogues)
    everyday = _everyday(said, shares)
    lumps = _lumps(said, everyday)
    turns_left = [next((turn for turn, group in enumerate(groups) if group in everyday),
                       len(groups)) for groups in said]
    tools = strata(dialogues)
    left = Counter(tools)  # for training, by tool
    halves: dict[str, list[int]] = {}
    order = _order(lumps, dialogues, turns_left, seed)
    for half, share in (("test", shares.test), ("dev", shares.dev)):
        wanted = Counter({tool: round(count * share)
                          for tool, count in sorted(Counter(tools).items())})
        taken = halves[half] = []
        for tool in sorted(wanted, key=lambda tool: (wanted[tool], tool)):
            for lump in list(order):
                found = Counter(tools[place] for place in lump)
                if wanted[tool] <= 0:
                    break
                if tool in found and _fits(found, wanted, left):
                    order.remove(lump)
                    taken += lump
                    wanted -= found
                    left -= found
        for lump in list(order):  # what rounding left open, whatever its tools
            found = Counter(tools[place] for place in lump)
            room = round(len(dialogues) * share) - len(taken)
            if len(lump) <= room and all(left[tool] > found[tool] for tool in found):
                order.remove(lump)
                taken += lump
                left -= found
    out = {half: tuple((place, turns_left[place]) for place in sorted(taken) if turns_left[place])
           for half, taken in halves.items()}
    kept = sum(map(len, out.values()))
    return Splits(
        tuple((place, len(said[place])) for place in sorted(
            place for lump in order for place in lump)),
        out["dev"], out["test"], sum(map(len, halves.values())) - kept,
        sum(turns < len(said[place]) for half in out.values() for place, turns in half))


def _fits(found: Counter[str], wanted: Counter[str], left: Counter[str]) -> bool:
    """Whether a lump may leave the training half: no tool gets far more than its share, and none
    is lost to training."""
    return all(count <= wanted[tool] + max(1, wanted[tool] // 4) and left[tool] > count
               for tool, count in found.items())


def _order(lumps: Sequence[Sequence[int]], dialogues: Sequence[Dialogue],
           turns_left: Sequence[int], seed: int) -> list[Sequence[int]]:
    """The lumps; those that would lose least by leaving the training half come first."""
    shuffled = list(lumps)
    Random(seed).shuffle(shuffled)

    def lost(lump: Sequence[int]) -> float:
        kept = sum(turns_left[place] / len(dialogues[place].turns) for place in lump)
        return 1 - kept / len(lump)

    return sorted(shuffled, key=lost)


def _groups_of(dialogues: Sequence[Dialogue]) -> list[list[int]]:
    """The group of each utterance, by dialogue."""
    flat = iter(grouped([turn.utterance for dialogue in dialogues for turn in dialogue.turns]))
    return [[next(flat) for _ in dialogue.turns] for dialogue in dialogues]


def _everyday(said: Sequence[Sequence[int]], shares: Shares) -> set[int]:
    """Groups that tie too many dialogues together, the most common first."""
    smallest = min((share for share in (shares.dev, shares.test) if share > 0), default=0.0)
    largest = max(_SMALLEST_LUMP, int(_LARGEST_SHARE * smallest * len(said)))
    everyday: set[int] = set()
    while smallest:
        cut = set()
        for lump in _lumps(said, everyday):
            if len(lump) > largest:
                counted = Counter(group for place in lump for group in {*said[place]} - everyday)
                # subtle: what only one dialogue says ties nothing
                cut |= {group for group, count in counted.items()
                        if count > 1 and count == max(counted.values())}
        if not cut:
            break
        everyday |= cut
    return everyday


def _lumps(said: Sequence[Sequence[int]], everyday: Collection[int]) -> list[list[int]]:
    """Places of dialogues that hang together, in the order of their first one."""
    places = defaultdict(list)
    for place, groups in enumerate(said):
        for group in {*groups}.difference(everyday):
            places[group].append(place)
    lump_of: dict[int, int] = {}
    lumps: list[list[int]] = []
    for start in range(len(said)):
        if start in lump_of:
            continue
        lump_of[start] = len(lumps)
        lump, border = [], [start]
        while border:
            place = border.pop()
            lump.append(place)
            for group in {*said[place]}.difference(everyday):
                for other in places.pop(group, ()):
                    if other not in lump_of:
                        lump_of[other] = len(lumps)
                        border.append(other)
        lumps.append(sorted(lump))
    return lumps
