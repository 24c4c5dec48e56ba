"""Which of a student's answers was meant, by what each would come to in this home.

A student does not know the home. Its likeliest answers are told apart by the home:

- Answers that come to the same are one: their chances add up ("the kitchen lights" as a target, or
  "lights" in the room "kitchen").
- People seldom ask for what their home cannot do, and seldom name a device of theirs without
  meaning it: an answer about one of an earlier turn is looked at with the named one in its place
  too. With P(answer) of the student and how usual such wishes are, Bayes' rule gives
  P(answer | this home).

Leaves out: what an answer comes to (the resolver's), the threshold (the conversation's).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Home
from iotcall.dialogue.house.alone import Alone
from iotcall.dialogue.house.foreseen import NO_WISH, USUAL, Foreseen, how_usual, same_for_all
from iotcall.dialogue.house.nouns import Noun, ending
from iotcall.dialogue.house.places import plain
from iotcall.dialogue.house.rewording import Rewording, holds, target_of
from iotcall.dialogue.house.targets import GRADED
from iotcall.dialogue.outcomes import Plan, Refusal
from iotcall.dialogue.words import meant, without, words
from iotcall.runtime import Decoding, Other
from iotcall.runtime.answers import Slips
from iotcall.speech.spelling import singular
from iotcall.speech.typos import right

Words = tuple[str, ...]
_SURE = 0.9
"""Confidence from which an answer that this home does not object to is weighed against no other."""
_OVERLOOKED, _REPLACED = 0.2, 0.6
"""How often one who names a device speaks of an earlier one all the same, and of the named one."""
_VERBS = frozenset({("switch",)})
"""Words for a kind of device that are heard as a verb far more often."""
_JOINS = frozenset({"and", "the", "a", "an", "my", "our"})
"""What may stand between the names of a list."""
_BEFORE_A_LIST = _JOINS | {
    "turn", "switch", "put", "power", "flick", "get", "have", "set", "start", "stop", "bring",
    "dim", "brighten", "on", "off", "up", "down", "can", "could", "would", "will", "you",
    "please", "hey", "ok", "okay", "so", "now", "then", "also", "just", "in", "same", "too", "for"}
"""What may stand before it, from the beginning on, or beside a room: nothing that may spare one."""
_NEVER_ADDED = frozenset({"lock", "cover"})
_UNSEEN = 0.5
"""Of the answers that were not looked at, together."""


class Weigher:
    """Of the answers to one utterance."""

    def __init__(self, utterance: str, home: Home, nouns: Sequence[Noun],
                 foresee: Callable[[Sequence[ToolCall], str], Foreseen], alone: Alone,
                 is_beyond: Callable[[ToolCall, str], bool]) -> None:
        """`foresee` says what calls would come to, `is_beyond` whether nobody would wish that of
        what a call names; both after the words that were meant."""
        self._home, self._nouns = home, nouns
        self._utterance = self._meant = utterance
        self._literally = tuple(map(singular, words(utterance)))
        self._hear(words(utterance))
        self._devices = {tuple(map(singular, name)) for name in _device_names(home)}
        self._rooms = {tuple(map(singular, words(name.replace("_", " ")))) for key, room
                       in home.rooms.items() for name in (key, *room.aliases)} - {()}
        self._rewording = Rewording(self._devices, lambda calls: how_usual(
            calls, self._foresee(calls)))
        self._foreseen_after, self._beyond_after = foresee, is_beyond
        self._alone = alone

    def _hear(self, said: Words) -> None:
        self._words, self._said = said, tuple(map(singular, said))
        self._names = _names_in(self._said, self._home, self._nouns)

    def _foresee(self, calls: Sequence[ToolCall]) -> Foreseen:
        return self._foreseen_after(calls, self._meant)

    def is_doubtful(self, calls: tuple[ToolCall, ...], confidence: float, slips: Slips = ()
                    ) -> bool:
        """Whether other answers are worth a look; `calls` in the words that were said."""
        if self._alone.calls(self._utterance, calls, confidence, slips):
            return False
        return self._is_doubtful(self._reworded(calls, slips), confidence)

    def _is_doubtful(self, calls: tuple[ToolCall, ...], confidence: float) -> bool:
        return (confidence < _SURE or self._readings(calls) != ((calls, 1.0),)
                or how_usual(calls, self._foresee(calls)) < USUAL)

    def weighed(self, decoding: Decoding) -> Decoding:
        """The decoding with the answer that was meant most likely, and how likely that is.

        A scene's name by itself is that scene, whatever a student makes of the words, and so with
        complaints; but nothing is done any more for somebody who has broken off.
        """
        slips = decoding.slips
        told = self._alone.calls(self._utterance, decoding.calls, decoding.confidence,
                                 slips)
        if told and decoding.outcome != "cancelled":
            return msgspec.structs.replace(decoding, calls=told, outcome="call", confidence=1.0,
                                           tools=())
        if decoding.outcome != "call":
            return decoding
        reworded = self._reworded(decoding.calls, slips)
        if slips or reworded != decoding.calls:
            decoding = msgspec.structs.replace(decoding, calls=reworded, others=tuple(
                other.through(lambda calls: self._reworded(tuple(calls), slips))
                for other in decoding.others))
        if not self._is_doubtful(decoding.calls, decoding.confidence):
            return decoding
        shares: dict[Hashable, float] = {}
        first: dict[Hashable, tuple[ToolCall, ...]] = {}
        left = 1.0
        for answer in (Other(calls=decoding.calls, confidence=decoding.confidence),
                       *decoding.others):
            for calls, share in self._readings(answer.calls):
                outcome = self._foresee(calls)
                key = same_for_all(outcome)
                first.setdefault(key, calls)
                shares[key] = shares.get(key, 0.0) + (
                    answer.confidence * share * how_usual(calls, outcome))
            left -= answer.confidence
        best = max(shares, key=lambda key: shares[key])
        return msgspec.structs.replace(
            decoding, calls=first[best],
            confidence=shares[best] / (sum(shares.values()) + max(left, 0.0) * _UNSEEN))

    def comes_to_nothing(self, decoding: Decoding) -> bool:
        """Whether a decoding that was weighed is no wish, or one that this home refuses."""
        return decoding.outcome != "call" or all(
            call.name in NO_WISH for call in decoding.calls) or isinstance(
                self._foresee(decoding.calls), Refusal)

    def _reworded(self, calls: tuple[ToolCall, ...], slips: Slips) -> tuple[ToolCall, ...]:
        if slips:
            self._meant = right(self._utterance, slips)
            self._hear(meant(words(self._utterance), slips))
            calls = self._rewording.spelt(calls, slips)
        return self._rewording.plain(calls)

    def _readings(self, calls: tuple[ToolCall, ...]
                  ) -> tuple[tuple[tuple[ToolCall, ...], float], ...]:
        """The calls, and what they may stand for, each with its share."""
        if (whole := self._whole_list(calls)) != calls:
            return (calls, _OVERLOOKED), (whole, _REPLACED)
        names = self._overlooked(calls)
        if not names:
            moved = tuple(self._moved(self._elsewhere(call, calls)) for call in calls)
            if moved == calls and len(calls) == 1 and isinstance(self._foresee(calls), Refusal):
                moved = self._of_it(calls[0]),
            return ((calls, 1.0),) if moved == calls else (
                (calls, _OVERLOOKED), (moved, _REPLACED))
        if len(names) > 1:
            return (calls, _OVERLOOKED),
        replaced = tuple(ToolCall(call.name, {
            **{key: value for key, value in call.arguments.items()
               if key != "ref" and (key != "room" or self._was_said(value))}, "target": names[0]})
            if self._is_carried(call) else call for call in calls)
        return (calls, _OVERLOOKED), (replaced, _REPLACED)

    def _elsewhere(self, call: ToolCall, calls: Sequence[ToolCall]) -> ToolCall:
        """"Rec room lights on", then "and the gym": the lights of the room that is named now."""
        target, room = call.arguments.get("target"), call.arguments.get("room")
        found = ending(plain(str(target or "")), self._nouns)
        if not target or not room or self._was_said(room) or found is None or found.before:
            return call
        written = [tuple(map(singular, words(str(value)))) for each in calls
                   for value in each.arguments.values()]
        named = [name for name in self._rooms if holds(self._said, name) and not any(
            holds(value, name) for value in written)]
        beside = without(self._said, [" ".join(each) for each in (*named, target_of(call))])
        if len(named) != 1 or not _BEFORE_A_LIST.issuperset(beside):
            return call
        at = next(at for at in range(len(self._said)) if self._said[at:at + len(named[0])]
                  == named[0])
        return ToolCall(call.name, {**call.arguments, "room": " ".join(
            self._words[at:at + len(named[0])])})

    def _moved(self, call: ToolCall) -> ToolCall:
        """"Kitchen lights", then "and the hall": the lights of the hall."""
        target, room = call.arguments.get("target"), call.arguments.get("room")
        if not target or not room or self._was_said(target) or not self._was_said(room):
            return call
        found = ending(plain(str(target)), self._nouns)
        if found is None or not found.before:
            return call
        return ToolCall(call.name, {**call.arguments, "target": " ".join(found.said)})

    def _of_it(self, call: ToolCall) -> ToolCall:
        """"Two degrees more", of a kettle that was spoken of last: of what has degrees and was
        spoken of before, or is there. "Lock all of them", of a heater: all that can be locked.

        Never where something was named now, nor what would open or switch a thing.
        """
        named = {name for _, name in self._names} - {(call.name,)}  # "lock" is a verb here
        every, room = call.arguments.get("scope") == "all", call.arguments.get("room")
        carried = self._is_unsaid(target_of(call)) and not every
        locking = call.arguments.get("action") == "lock" and (
            carried or (every and "ref" in call.arguments))
        if named or "except" in call.arguments or (room and self._was_said(room)) or not (
                locking or (carried and call.name in GRADED)) or not self._beyond_after(
                    call, self._meant):
            return call
        bare = {key: value for key, value in call.arguments.items()
                if key not in ("target", "ref", "room")}
        readings = ToolCall(call.name, {**bare, "ref": "it"}), ToolCall(call.name, bare)
        return next((each for each in readings
                     if isinstance(self._foresee((each,)), Plan)), call)

    def _is_unsaid(self, target: Words) -> bool:
        """Whether there is a target of which no word was said."""
        return bool(target) and set(target).isdisjoint({*self._said, *self._literally})

    def _whole_list(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """The calls, those of a list as one where a device of it is in none of them: "the lamp, the
        fan and the heater on"."""
        written = [tuple(map(singular, words(str(value)))) for call in calls
                   for value in call.arguments.values()]
        made = list(calls)
        for names in self._lists():
            of_it = {at: place for at, name in names.items() for place, call in enumerate(calls)
                     if holds(target_of(call), name)}
            told = [calls[place] for place in dict.fromkeys(of_it.values())]
            rests = {(call.name, frozenset((key, str(value)) for key, value in
                                           call.arguments.items() if key != "target"))
                     for call in told}
            missing = [at for at, name in names.items()
                       if not any(holds(value, name) for value in written)]
            if (len(rests) != 1 or len(of_it) < 2 or len(missing) + len(of_it) != len(names)
                    or told[0].name in _NEVER_ADDED):
                continue  # what is told of one alone is not told of all
            if missing:
                whole = ToolCall(told[0].name, {**told[0].arguments, "target": " and ".join(
                    " ".join(self._words[at:at + len(name)]) for at, name in names.items())})
                made = [whole if call is told[0] else call for call in made
                        if call is told[0] or call not in told]
        return tuple(made)

    def _lists(self) -> list[dict[int, Words]]:
        """Three names of devices and more with nothing between but articles and one "and" or more,
        and nothing before but a verb: place -> name."""
        runs: list[dict[int, Words]] = []
        joined: list[bool] = []
        end = 0
        for at, name in self._names:
            if name not in self._devices:
                continue
            between = self._words[end:at]
            if not runs or not _JOINS.issuperset(between):
                runs.append({})
                joined.append(False)
            joined[-1] |= bool(runs[-1]) and "and" in between
            runs[-1][at] = name
            end = at + len(name)
        return [run for run, has_and in zip(runs, joined, strict=True)
                if has_and and len(run) > 2
                and _BEFORE_A_LIST.issuperset(self._words[:min(run)])]

    def _overlooked(self, calls: Sequence[ToolCall]) -> tuple[str, ...]:
        """Devices and kinds that were named in this turn and are in no call, though one of the
        calls is about something of an earlier turn."""
        if not any(map(self._is_carried, calls)):
            return ()
        written = [tuple(map(singular, words(str(value)))) for call in calls
                   for value in call.arguments.values()]
        return tuple(" ".join(self._words[at:at + len(name)]) for at, name in self._names
                     if not any(holds(value, name) for value in written))

    def _is_carried(self, call: ToolCall) -> bool:
        """Whether it is about something of an earlier turn: "lights" of a room that nobody named
        now, where all that was said of lights is the name of one."""
        if "ref" in call.arguments or not self._was_said(call.arguments.get("target", "")):
            return True
        room, target = call.arguments.get("room"), target_of(call)
        names = [name for _, name in self._names
                 if len(name) > len(target) and holds(name, target)]
        return bool(room and names) and not self._was_said(room) and (
            self._count(target) == len(names))

    def _count(self, part: Words) -> int:
        """How often the words were said in a row."""
        said = self._said
        return sum(said[at:at + len(part)] == part for at in range(len(said) - len(part) + 1))

    def _was_said(self, value: object) -> bool:
        wanted = tuple(map(singular, words(str(value))))
        return holds(self._said, wanted) or holds(self._literally, wanted)


def _names_in(said: Words, home: Home, nouns: Sequence[Noun]) -> tuple[tuple[int, Words], ...]:
    """Names of devices and words for kinds of them that were said, each with its place; of those
    that overlap, the longer."""
    known = _device_names(home)
    known += [words(name) for noun in nouns for name in (*noun.one, *noun.several)]
    names = {tuple(map(singular, name)) for name in known} - _VERBS
    found: dict[int, Words] = {}
    for name in sorted(names, key=len, reverse=True):
        for at in range(len(said) - len(name) + 1) if name else ():
            if said[at:at + len(name)] == name and not any(
                    at < there + len(other) and there < at + len(name)
                    for there, other in found.items()):
                found[at] = name
    return tuple(sorted(found.items()))


def _device_names(home: Home) -> list[Words]:
    return [plain(name.replace("/", " ")) for device in home.devices
            for name in (device.name, *device.aliases)]
