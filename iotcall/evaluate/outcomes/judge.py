"""Play what is said in a home and compare what happens. Leaves out: the broker.

The hub's own dialogue, resolver and gate decide; simulated devices take the messages and say their
states, so that "it", "brighter" and "undo" have something to go by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Command, Device, DeviceStates, Home, Publication, Value, command_for
from iotcall.devices.colors import alike
from iotcall.devices.properties import PROPERTIES
from iotcall.devices.simulated import exchange, simulated_devices
from iotcall.dialogue import (
    Answer,
    Conversation,
    DialogueSettings,
    NotUnderstood,
    Outcome,
    Plan,
    Question,
    Refusal,
    Session,
)
from iotcall.evaluate.outcomes.script import Expectation, Result, SaidTurn, Wanted
from iotcall.evaluate.statistics import wilson_interval
from iotcall.runtime import Decoding, Others, Turn
from iotcall.speech import color, white

_COVER = {"open": ("movement", "open"), "closed": ("movement", "close"),
          "stopped": ("movement", "stop")}
_VACUUM = {"cleaning": "start", "stopped": "stop", "docked": "dock", "paused": "pause"}
_PLAYBACK = {"play": ("playback", "playing"), "pause": ("playback", "paused"),
             "stop": ("playback", "stopped"), "next": ("skip", "next"),
             "previous": ("skip", "previous"), "mute": ("muted", "on"), "unmute": ("muted", "off")}
_BEFORE: tuple[tuple[str, Value], ...] = (
    ("brightness", 50), ("setpoint", 20), ("lock", "locked"), ("position", 0), ("state", "off"))
"""How all devices are before anything is said."""
_WARMEST = 3500
"""Kelvin below which a white is warm."""
_NO_WISH = frozenset({"off_topic", "unclear"})
_OFF = {"setpoint": 0.5}
"""Units that a number may be off, where not the property's own tolerance: degrees that were said in
Fahrenheit stand rounded in the file."""
_IMPLIED = frozenset({"brightness", "color", "white", "speed", "volume"})
"""Whoever sets one of these has switched it on."""


class Decoder(Protocol):
    """A student, or what stands in for one."""

    def decode(self, history: Sequence[Turn], utterance: str, *,
               others: Others | None) -> Decoding: ...


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that came out otherwise."""

    home: str
    line: int
    utterance: str
    calls: tuple[ToolCall, ...]
    confidence: float | None
    happened: str


class HomeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one home, or of several together; every turn is one item."""

    items: int = 0
    exact: int = 0
    """Just what should happen happened."""
    quiet: int = 0
    """Turns in which no device should be touched."""
    acted: int = 0
    """Of those, turns in which one was."""
    heard: int = 0
    """Of the others, those that were taken for a wish with enough confidence, right or wrong."""
    wrong_device: int = 0
    """Turns in which a device was touched that none of the right answers touches."""
    misses: tuple[Miss, ...] = ()

    @property
    def exactly_right(self) -> float:
        """Share of all turns."""
        return self.exact / max(self.items, 1)

    @property
    def passed(self) -> float:
        """Share of turns in which something should happen that were taken for a wish."""
        return self.heard / max(self.items - self.quiet, 1)

    @property
    def interval95(self) -> tuple[float, float]:
        """Wilson's, of `exactly_right`."""
        return wilson_interval(self.exact, self.items)


def together(figures: Iterable[HomeFigures]) -> HomeFigures:
    """The sum."""
    found = list(figures)
    return HomeFigures(
        items=sum(each.items for each in found), exact=sum(each.exact for each in found),
        quiet=sum(each.quiet for each in found), acted=sum(each.acted for each in found),
        heard=sum(each.heard for each in found),
        wrong_device=sum(each.wrong_device for each in found),
        misses=tuple(miss for each in found for miss in each.misses))


def judge_home(student: Decoder, home: Home, settings: DialogueSettings, catalogue: Catalogue,
               turns: Sequence[SaidTurn], *,
               progress: Callable[[], None] = lambda: None) -> HomeFigures:
    """Say all turns in order; each begins where the one before has left the devices.

    `progress` is called after every turn.
    """
    played = PlayedHome(home, settings, catalogue)
    exact = quiet = acted = heard = wrong = 0
    misses: list[Miss] = []
    for turn in turns:
        decoding, outcome = played.say(student, turn)
        commands = outcome.commands if isinstance(outcome, Plan) else ()
        right = any(played.fits(commands, outcome, expected) for expected in turn.right)
        hands_off = not any(expected.wanted for expected in turn.right)
        touchable = played.touchable(turn.right)
        exact += right
        quiet += hands_off
        acted += hands_off and bool(commands)
        heard += not hands_off and _result(outcome) != "not_recognised"
        wrong += any(told.device.id not in touchable for told in commands)
        if not right:
            misses.append(Miss(
                home=home.name, line=turn.line, utterance=turn.utterance,
                calls=decoding.calls if decoding else (),
                confidence=decoding.confidence if decoding else None,
                happened=_told(commands, outcome)))
        played.carry_out(outcome)
        progress()
    return HomeFigures(items=len(turns), exact=exact, quiet=quiet, acted=acted,
                       heard=heard, wrong_device=wrong, misses=tuple(misses))


class PlayedHome:
    """A home with its devices and the dialogue in it."""

    def __init__(self, home: Home, settings: DialogueSettings, catalogue: Catalogue) -> None:
        self._home, self._settings = home, settings
        self._states = DeviceStates(home)
        self._devices = simulated_devices(home)
        self._conversation = Conversation(home, self._states, settings, catalogue)
        self._session = Session("default", settings.history_turns)
        for device in self._devices:
            for publication in device.birth():
                self._states.feed(publication.topic, publication.payload)
        for name, value in _BEFORE:
            self._send(publication for device in home.devices if device.can(name)
                       for publication in _at_first(device, name, value).publications())
        self._send(publication for device in home.devices for publication in device.asks)

    def say(self, student: Decoder, turn: SaidTurn) -> tuple[Decoding | None, Outcome]:
        if turn.first:
            self._session = Session(turn.site, self._settings.history_turns)
        outcome = self._conversation.begin(self._session, turn.utterance, None)
        if outcome is not None:
            return None, outcome
        decoding = self._conversation.decoded(self._session, turn.utterance, student.decode)
        return decoding, self._conversation.conclude(self._session, turn.utterance, None, decoding)

    def carry_out(self, outcome: Outcome) -> None:
        if isinstance(outcome, Plan):
            self._conversation.before(self._session, outcome)
            self._send(publication for told in outcome.commands
                       for publication in told.publications())

    def fits(self, commands: Sequence[Command], outcome: Outcome, expected: Expectation) -> bool:
        if expected.result != _result(outcome) and not (
                expected.wanted and expected.result in _told_besides(outcome)):
            return False
        left = [(told.device.id, told.property, told.value) for told in commands]
        implied = {device for device, key, _ in left if key in _IMPLIED}
        left = [told for told in left if not (told[1:] == ("state", "on") and told[0] in implied)]
        for wanted in self._spelt_out(expected.wanted):
            if wanted.property == "state" and wanted.value == "on" and any(
                    wanted.device == other.device and other.property in _IMPLIED
                    for other in expected.wanted):
                continue
            told = next((each for each in left if each[0] == wanted.device
                         and self._means(wanted, each[1], each[2])), None)
            if told is None:
                return False
            left.remove(told)
        return not left

    def touchable(self, right: Sequence[Expectation]) -> set[str]:
        return {wanted.device for expected in right for wanted in self._spelt_out(expected.wanted)}

    def _spelt_out(self, wanted: Iterable[Wanted]) -> list[Wanted]:
        """Scenes as the settings they consist of."""
        found: list[Wanted] = []
        for each in wanted:
            if each.property != "scene":
                found.append(each)
                continue
            scene = next(name for name in self._home.scenes
                         if name.replace("_", " ").casefold() == each.device)
            found += [Wanted(told.device.id, told.property, str(told.value)) for told in (
                command_for(*step) for step in self._home.steps(scene))]
        return found

    def _means(self, wanted: Wanted, key: str, value: object) -> bool:
        """Whether the command is what the file calls so."""
        name, said = wanted.property, wanted.value
        before = self._states.of(next(device for device in self._home.devices
                                      if device.id == wanted.device))
        if said in ("up", "down"):
            was = before.get(key)
            if key == "brightness" and said == "up" and before.get("state") == "off":
                was = 0  # what is dark gets brighter with any light
            if key != name or not isinstance(value, int | float):
                return False
            if not isinstance(was, int | float):
                return True
            return value > was if said == "up" else value < was
        if name == "state" and key == "mode":  # a thermostat is switched by its mode
            return (value == "off") == (said == "off")
        if name == "state" and said in _COVER:
            ends = {"open": 100, "closed": 0}
            return (key, value) == _COVER[said] or (key, value) == ("position", ends.get(said))
        if name == "state" and said in ("locked", "unlocked"):
            return (key, value) == ("lock", said)
        if name == "state" and said in _VACUUM:
            return (key, value) == ("activity", _VACUUM[said])
        if name == "playback":
            return (key, value) == _PLAYBACK.get(said)
        if name == "color":
            meant = color(said)
            return key == "color" and meant is not None and alike(str(value), meant)
        if name == "white":
            if key != "white" or not isinstance(value, int | float):
                return False
            kelvin = white(said)
            return kelvin is not None and (value < _WARMEST) == (kelvin < _WARMEST)
        if name == "mode":
            return key in ("mode", "preset") and str(value).casefold() == said.casefold()
        if key != name:
            return False
        if isinstance(value, int | float):
            try:
                return abs(float(said) - value) <= _OFF.get(name, PROPERTIES[name].tolerance)
            except ValueError:
                return False
        return value == said

    def _send(self, publications: Iterable[Publication]) -> None:
        exchange(self._devices, publications, self._states)


def _at_first(device: Device, name: str, value: Value) -> Command:
    if not isinstance(value, str):
        low, high = device.limits(name)
        value = min(max(value, low), high)
    return command_for(device, name, value)


def _result(outcome: Outcome) -> Result | None:
    if outcome.calls and all(call.name in _NO_WISH for call in outcome.calls):
        return "not_recognised"
    match outcome:
        case Question():
            return "question"
        case Refusal():
            return "refused"
        case NotUnderstood():
            return "not_recognised"
        case Answer():
            return "answer"
        case Plan(commands=(), chores=chores) if chores:
            return "answer"
        case _:
            return None


def _told_besides(outcome: Outcome) -> set[Result]:
    """What a plan tells beside what it does: of several wishes one was refused, or answered."""
    if not isinstance(outcome, Plan):
        return set()
    found: set[Result] = set()
    if outcome.besides:
        found.add("refused")
    if outcome.chores:
        found.add("answer")
    return found


def _told(commands: Sequence[Command], outcome: Outcome) -> str:
    done = [f"{told.device.name}: {told.property}={told.value}" for told in commands]
    result = _result(outcome)
    said = f"{type(outcome).__name__.lower()}: {outcome.reply}" if result or not done else ""
    return "; ".join([*done, said] if said else done)
