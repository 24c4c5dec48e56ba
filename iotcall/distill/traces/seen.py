"""Each dialogue once: exact and near duplicates, beginnings of longer ones, contradictions.

A turn is its words together with all turns before it, so "turn it off" after other turns is
another turn. Logs that carry the history with every request hold a dialogue once for each of its
turns: only the longest stays. Leaves out: where rows come from; it keeps all of them in memory,
some hundred bytes a turn.
"""

from __future__ import annotations

import hashlib
import json

import msgspec

from iotcall.distill.traces.near import Near, normalised
from iotcall.evaluate import Dialogue

DUPLICATE = "duplicate"
PART = "part of a longer dialogue"
CONTRADICTION = "same words as before, other calls"
NEAR_DUPLICATE = "near-duplicate"


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a dialogue."""

    reason: str = ""
    """Why it is left out; empty: it stays."""
    replaces: tuple[int, ...] = ()
    """Numbers of earlier dialogues that it holds as a whole: they go."""
    turn: int = 0
    """Of a contradiction: which turn, counted from 0."""


class Seen:
    """All dialogues so far."""

    def __init__(self, near: float) -> None:
        """`near`: similarity from which on dialogues with the same calls are duplicates."""
        self._calls: dict[bytes, bytes] = {}  # words up to a turn, calls before it -> its calls
        self._ends: dict[bytes, int] = {}  # a whole dialogue -> its number
        self._near = Near(near)

    def admit(self, dialogue: Dialogue, number: int) -> Verdict:
        """Whether the dialogue stays; if it does, it counts as `number` from now on."""
        steps: list[tuple[bytes, bytes, bytes]] = []  # before the calls, the calls, after them
        state = _digest(dialogue.home)
        for turn in dialogue.turns:
            asked = _digest(normalised(turn.utterance), state)
            calls = _digest(_written(dialogue, len(steps)))
            state = _digest("", asked, calls)
            steps.append((asked, calls, state))
        for place, (asked, calls, _) in enumerate(steps):
            if self._calls.get(asked, calls) != calls:
                return Verdict(CONTRADICTION, turn=place)
        if steps[-1][0] in self._calls:
            return Verdict(DUPLICATE if state in self._ends else PART)
        words = " / ".join(turn.utterance for turn in dialogue.turns)
        group = _digest(dialogue.home, *(calls for _, calls, _ in steps)).hex()
        if self._near.find_or_add(words, group):
            return Verdict(NEAR_DUPLICATE)
        replaces = tuple(self._ends.pop(after) for _, _, after in steps[:-1] if after in self._ends)
        self._calls.update((asked, calls) for asked, calls, _ in steps)
        self._ends[state] = number
        return Verdict(replaces=replaces)


def _written(dialogue: Dialogue, turn: int) -> str:
    """A turn's calls as one text, the same for equal calls."""
    return json.dumps([[call.name, _plain(call.arguments)] for call in dialogue.turns[turn].calls],
                      sort_keys=True)


def _plain(value: object) -> object:
    """70.0 as 70."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _digest(text: str, *before: bytes) -> bytes:
    made = hashlib.blake2b(b"\0".join(before), digest_size=16)
    made.update(b"\0" + text.encode(errors="replace"))
    return made.digest()
