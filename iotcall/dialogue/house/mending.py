"""Calls that the words of an utterance contradict, put right. Leaves out: what the home knows.

A student takes over from earlier turns what is not meant again, or guesses where nothing was said.
Each rule holds for few words only, those that leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from iotcall.catalogue import ToolCall
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import has_any, without, words
from iotcall.runtime import Turn
from iotcall.speech import is_number_word
from iotcall.speech.amounts import amount, comparison

_VAGUE = frozenset({"change", "adjust", "alter", "modify"})
"""Verbs that say no way."""
_BESIDE = frozenset({"can", "could", "would", "you", "i", "want", "to", "like", "i'd", "let's",
                     "the", "a", "an", "my", "our", "of", "in", "on", "it", "its"})
_AMOUNTS = frozenset({
    "a", "an", "and", "bit", "bits", "by", "degree", "degrees", "go", "half", "it", "little",
    "lot", "notch", "notches", "now", "of", "percent", "put", "step", "steps", "tad", "that",
    "the", "them", "touch", "turn", "bring", "one", "then", "again"})
"""What stands beside "up" and "down" where they say which way."""
_VERBS = {"raise": "up", "increase": "up", "boost": "up", "decrease": "down", "reduce": "down"}
"""Verbs that say which way, of any property."""
_MORE = ("more", "a", "bit", "little", "touch", "tad", "some", "even", "still", "further", "lot",
         "and", "just", "now")
"""What stands beside "more" where it says no way."""
_TURNED_ROUND = frozenset({
    "up", "down", "lower", "and", "then", "not", "no", "don't", "dont", "less", "too", "isn't",
    "never", "than", "without", "stop", "instead", "wait", "sorry", "rather", "was", "were"})
"""Words beside which such a word may say the contrary."""
_STATES = frozenset({"on", "off"})
_PLACES = frozenset({"there", "same", "too", "also", "other", "rest"})
"""Words by which a wish goes on where the one before it was."""
_GOES_ON = frozenset({"and", "not"})
"""What such a wish begins with."""
_SWITCHES = ("turn", "switch", "put", "flick", "flip", "have", "get", "can you", "could you",
             "i want", "i'd like")
"""What may stand before a thing that is to be on or off."""
_BESIDE_STATES = ("also", "too", "again", "now", "right now", "as well", "for me", "will you",
                  "would you", "and", "the", "my", "our", "a", "in", "back")
"""What else may stand there."""
_AND_A_HALF = re.compile(r"(?:\b(?P<many>a|one|two|three|four|five|\d+) )?"
                         r"\b(?P<what>degree|notch|step|percent)(?:e?s)? and a half\b")
_SENTENCES = re.compile(r"[.!;\u2026]+\s+")
_MADE = {"brighter": "up", "bright": "up", "louder": "up", "loud": "up", "warmer": "up",
         "warm": "up", "hotter": "up", "higher": "up", "faster": "up", "dimmer": "down",
         "dim": "down", "lighter": "up", "stronger": "up", "darker": "down", "dark": "down",
         "quieter": "down", "quiet": "down", "softer": "down", "cooler": "down", "cool": "down",
         "colder": "down", "slower": "down"}
"""What somebody wants who says "make it so"."""
_MADE_SO = ("it", "them", "that", "this", "both", "all", "the", "my", "our", "a", "bit", "little",
            "lot", "much", "way", "so", "super", "duper", "really", "very", "even", "nice", "and",
            "light", "lights", "lamp", "lamps", "in here", "here")
"""What may stand between "make" and that."""
_SPARES = (("except", "for"), ("except",), ("excluding",), ("apart", "from"), ("other", "than"),
           ("all", "but"), ("everything", "but"))
"""What stands before a thing that is left alone."""
_SPARING = frozenset({"turn", "set", "adjust", "set_color", "set_white", "cover"})
_LONGEST_NAME = 5
"""Words."""
_NO_NAME = frozenset({"that", "this", "these", "those", "now", "today", "tonight", "i", "we", "you",
                      "he", "she", "they", "if", "when", "what", "where", "who", "while", "to",
                      "for", "in", "it", "there", "because", "once", "maybe", "then", "later"})
"""What begins something else."""
_COMPARED = frozenset({"brightness", "volume", "speed", "position"})
"""Properties of which there is half and twice; of degrees there is not."""


class Mender:
    """For one utterance after earlier turns."""

    def __init__(self, utterance: str, earlier: Sequence[Turn], house: House,
                 settings: DialogueSettings) -> None:
        self._utterance, self._said, self._earlier = utterance, words(utterance), earlier
        self._house, self._settings = house, settings

    def mended(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """The calls as the words have them."""
        if len(calls) == 1:
            calls = [self._as_the_verb_says(self._as_made(self._sparing(
                self._as_switched(calls[0]))))]
        for rule in (self._without_carried_scope, self._without_carried_room,
                     self._without_lists_name, self._asked_which_way, self._as_directed,
                     self._more_of_it, self._on_again, self._compared, self._and_a_half):
            calls = [rule(call) for call in calls]
        return list(calls)

    def _without_carried_scope(self, call: ToolCall) -> ToolCall:
        """"Turn off all the lights", then "lights on": all that were meant before are not meant
        now, where what is meant is named anew and "all" is not."""
        target = str(call.arguments.get("target", ""))
        if (call.arguments.get("scope") != "all" or not target
                or not has_any(self._said, [target])
                or has_any(self._said, self._settings.everywhere)):
            return call
        return _leaving(call, "scope")

    def _without_carried_room(self, call: ToolCall) -> ToolCall:
        """"Dining room fan off", then "turn on the kettle": a wish that is whole by itself keeps no
        room of the turn before; "and the kettle" does."""
        target, room = (str(call.arguments.get(key, "")) for key in ("target", "room"))
        if (not room or not target or not has_any(self._said, [target])
                or self._said[0] in _GOES_ON or not {*words(room), *_PLACES}.isdisjoint(self._said)
                or not {*_STATES, *self._house.verbs}.intersection(self._said)):
            return call
        return _leaving(call, "room")

    def _without_lists_name(self, call: ToolCall) -> ToolCall:
        """A timer after talk of the shopping list is not the shopping timer, unless one was spoken
        of."""
        name = " ".join(words(str(call.arguments.get("name", ""))))
        lists = {*self._house.lists, *self._house.lists.values()}
        if (call.name != "timer" or call.arguments.get("action") != "start" or name not in lists
                or has_any(self._said, [name])
                or any(has_any(words(turn.utterance), [f"{name} timer"])
                       for turn in self._earlier)):
            return call
        return _leaving(call, "name")

    def _asked_which_way(self, call: ToolCall) -> ToolCall:
        """"Change the brightness" and nothing more says neither which way nor how much."""
        if call.name != "adjust" or "amount" in call.arguments or not _VAGUE & set(self._said):
            return call
        known = [str(call.arguments.get(key, "")) for key in ("target", "room")]
        known += [word for each in self._house.property_words.values() for word in each]
        if without(self._said, [*known, *_VAGUE, *_BESIDE, *self._settings.polite]):
            return call
        return _leaving(call, "direction", name="set")

    def _as_directed(self, call: ToolCall) -> ToolCall:
        """"Down a degree" goes down, whatever was meant before."""
        ways = {"up", "down"}.intersection(self._said)
        if call.name != "adjust" or len(ways) != 1 or not all(
                word in ways or word in _AMOUNTS or word in self._settings.polite
                or is_number_word(word) or word.isdigit() for word in self._said):
            return call
        return ToolCall(call.name, {**call.arguments, "direction": next(iter(ways))})

    def _as_the_verb_says(self, call: ToolCall) -> ToolCall:
        """"Raise both by ten percent" goes up, whatever was meant before."""
        ways = [_VERBS[word] for word in self._said if word in _VERBS]
        if call.name != "adjust" or len(ways) != 1 or not _TURNED_ROUND.isdisjoint(self._said):
            return call
        return ToolCall(call.name, {**call.arguments, "direction": ways[0]})

    def _as_made(self, call: ToolCall) -> ToolCall:
        """"Then make them super bright" goes up, whatever was meant before."""
        if call.name != "adjust" or self._said.count("make") != 1 or "?" in self._utterance:
            return call
        behind = self._said[self._said.index("make") + 1:]
        ways = {_MADE[word] for word in behind if word in _MADE}
        if len(ways) != 1 or without(behind, [*self._named(call), *_MADE, *_MADE_SO,
                                              *self._settings.polite]):
            return call
        return ToolCall(call.name, {**call.arguments, "direction": next(iter(ways))})

    def _as_switched(self, call: ToolCall) -> ToolCall:
        """"Island lights on please" asks nothing, "lanterns on also" is no colour of before, and
        "lamp on" is not off: where nothing else was said."""
        value = str(call.arguments.get("value", ""))
        if call.name not in ("turn", "query") and not (
                call.name in ("set", "set_color", "set_white") and value
                and set(words(value)).isdisjoint(self._said)):
            return call
        said = words(_SENTENCES.split(self._utterance.strip())[-1])
        states = _STATES.intersection(said)
        named = self._named(call)
        if len(states) != 1 or "?" in self._utterance or not has_any(said, named) or without(
                said, [*named, *states, *_SWITCHES, *_BESIDE_STATES, *self._settings.polite]):
            return call
        kept = {key: each for key, each in call.arguments.items()
                if key not in ("property", "value")}
        return ToolCall("turn", {**kept, "state": next(iter(states))})

    def _named(self, call: ToolCall) -> list[str]:
        """What a call names, as it was said."""
        return [str(call.arguments[key]) for key in ("target", "room") if key in call.arguments]

    def _sparing(self, call: ToolCall) -> ToolCall:
        """"All of them off except the lamp" spares the lamp, whatever the student heard."""
        at, length = next(((at, len(each)) for at in range(1, len(self._said)) for each in _SPARES
                           if self._said[at:at + len(each)] == each), (0, 0))
        spared = without(self._said[at + length:], self._settings.polite)
        if not length or "except" in call.arguments or call.name not in _SPARING or not (
                0 < len(spared) <= _LONGEST_NAME and spared[0] not in _NO_NAME
                and {*_STATES, *self._house.verbs}.isdisjoint(spared)):
            return call
        return ToolCall(call.name, {**call.arguments, "except": " ".join(spared)})

    def _more_of_it(self, call: ToolCall) -> ToolCall:
        """"A bit dimmer", then "a bit more": dimmer still."""
        if call.name != "adjust" or not self._earlier or "more" not in self._said or without(
                self._said, [*_MORE, *self._settings.polite]):
            return call
        last = self._earlier[-1]  # as it was meant then
        before = Mender(last.utterance, self._earlier[:-1], self._house,
                        self._settings).mended(last.calls)
        if [each.name for each in before] != ["adjust"] or (
                call.arguments.get("property") != before[0].arguments.get("property")):
            return call
        return ToolCall(call.name, {**call.arguments,
                                    "direction": before[0].arguments.get("direction", "up")})

    def _on_again(self, call: ToolCall) -> ToolCall:
        """"On again" is on, and not what was done last."""
        states = {"on", "off"}.intersection(self._said)
        if call.name != "again" or len(states) != 1 or without(
                self._said, [*states, "again", "now", "back", *self._settings.polite]):
            return call
        return ToolCall("turn", {"state": next(iter(states)), "ref": "it"})

    def _and_a_half(self, call: ToolCall) -> ToolCall:
        """"Down a degree and a half" is not half a degree, nor a whole one."""
        found = _AND_A_HALF.search(self._utterance)
        if call.name != "adjust" or not found or not has_any(
                words(found[0]), [str(call.arguments.get("amount", ""))]):
            return call
        many = found["many"] or "one"
        return ToolCall(call.name, {**call.arguments, "amount": (
            f"{'one' if many in ('a', 'one') else many} and a half {found['what']}")})

    def _compared(self, call: ToolCall) -> ToolCall:
        """"Make it half as bright": half of what it is now, and not half of all."""
        value = str(call.arguments.get("value", ""))
        if call.name != "set" or call.arguments.get("property") not in _COMPARED or not value:
            return call
        phrase = comparison(self._utterance)
        by = amount(phrase) if has_any(words(phrase), [value]) else None
        if by is None or by.number is None:
            return call
        return _leaving(call, "value", name="adjust", amount=phrase,
                        direction="up" if by.number > 1 else "down")


def _leaving(call: ToolCall, key: str, *, name: str = "", **more: str) -> ToolCall:
    kept = {each: value for each, value in call.arguments.items() if each != key}
    return ToolCall(name or call.name, {**kept, **more})
