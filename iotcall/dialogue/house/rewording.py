"""Calls in other words than those that were said, where this home makes more of them.

Slips of the finger stand in calls as they were said, and little words that mean nothing where they
stand, as recognisers hear them inside of names and amounts ("the bedside so lamp", "two well
degrees"). A name of this home may hold either, so the words that were said come first. Leaves out:
what was meant for what (the runtime's), which of several answers was meant (the weigher's).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from iotcall.catalogue import ToolCall
from iotcall.dialogue.house.places import plain
from iotcall.runtime.answers import Slips
from iotcall.speech.spelling import singular
from iotcall.speech.typos import right

Words = tuple[str, ...]
Calls = tuple[ToolCall, ...]
_NAMES = ("target", "except")
"""Arguments whose words may be a name that no lexicon knows."""
_KEPT = frozenset({("list", "items"), ("timer", "name")})
"""Arguments of tools that stay as they were said: anything may stand there."""
_FILLER = re.compile(
    r"(?<![\w'])(?:like|so|sew|well|right|um+|uhm?|erm?|hm+|you know|i mean|kind of|sort of)"
    r"(?![\w'])[,.\u2026]*\s*", re.IGNORECASE)


def target_of(call: ToolCall) -> Words:
    """The words of what a call names, in singular, without articles."""
    return tuple(map(singular, plain(str(call.arguments.get("target", "")))))


def holds(said: Words, name: Words) -> bool:
    """Whether the words of a name stand in a row."""
    return any(said[at:at + len(name)] == name for at in range(len(said) - len(name) + 1))


class Rewording:
    """For one home."""

    def __init__(self, devices: Collection[Words], usual: Callable[[Calls], float]) -> None:
        """The names of `devices` in singular; `usual` says how usual a wish is that comes to what
        the calls come to here."""
        self._devices, self._usual = devices, usual
        self._of_names = frozenset(word for name in devices for word in name)

    def spelt(self, calls: Calls, slips: Slips) -> Calls:
        """The calls in the words that were meant, where this home makes more of those than of the
        words that were said: "kettlee", but not "Kevns lamp" if there is one. What is no target, as
        a room, is in the words that were meant where it makes no less of them; what is put on a
        list is as it was said."""
        def read(*kept: str) -> Calls:
            return _changed(calls, lambda value: right(value, slips), *kept)

        whole = read()
        if whole == calls:
            return calls
        # subtle: "deks lamp" sounds like the deck's, and is the desk lamp all the same
        named, before = self._named_in(whole), self._named_in(calls)
        usual = self._usual(calls)
        if named > before or (named == before and self._usual(whole) > usual):
            return whole
        beside = read(*_NAMES)
        return beside if self._usual(beside) >= usual else calls

    def plain(self, calls: Calls) -> Calls:
        """The calls without words that mean nothing, where this home makes more of that."""
        left = _changed(calls, lambda value: _FILLER.sub("", value).strip(" ,") or value)
        return left if left != calls and self._usual(left) > self._usual(calls) else calls

    def _named_in(self, calls: Sequence[ToolCall]) -> tuple[int, int]:
        """Targets that hold the whole name of a device; words of targets that belong to one."""
        targets = list(map(target_of, calls))
        return (sum(any(holds(target, name) for name in self._devices) for target in targets),
                sum(word in self._of_names for target in targets for word in target))


def _changed(calls: Calls, change: Callable[[str], str], *kept: str) -> Calls:
    return tuple(ToolCall(call.name, {
        key: change(value) if isinstance(value, str) and key not in kept and (
            (call.name, key) not in _KEPT) else value
        for key, value in call.arguments.items()}) for call in calls)
