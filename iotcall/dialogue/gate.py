"""The actuator gate: every plan passes it, whatever made it. Leaves out: understanding.

Order: duplicates are removed, limits checked, what must not be done is held back, how often is
counted, confirmations are asked for. A plan that was confirmed passes once more, and is never wider
afterwards than the one that was asked about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from iotcall.devices import Command, Device, DeviceStates, Home, Unable, Value, command_for
from iotcall.devices.command import satisfies
from iotcall.dialogue.outcomes import Plan, Question, Refusal
from iotcall.dialogue.phrasing import number, sentence, subject, value_said
from iotcall.dialogue.pins import Tries
from iotcall.dialogue.rates import Rates
from iotcall.dialogue.safety import is_risky, judge
from iotcall.dialogue.settings import ASKS, DialogueSettings

Told = tuple[str, str, Value]
"""(device's id, property, value): what a command is known by."""
Passed = tuple[Plan, Question | Refusal | None]
"""The plan, and what stands in its way; None: it is carried out now, and counted. With a Question
the plan may be carried out when that is answered as it asks, after `Gate.again`."""


class Gate:
    """Lets plans pass; remembers nothing of what was said."""

    def __init__(self, settings: DialogueSettings, states: DeviceStates, *,
                 local: Callable[[], datetime], tries: Tries, rates: Rates) -> None:
        """`local` tells the time of day here; `tries` whether a PIN would be looked at; `rates`
        how often things were told."""
        self._settings, self._states = settings, states
        self._local, self._tries, self._rates = local, tries, rates

    def check(self, plan: Plan, home: Home, site_id: str) -> Passed:
        """Of a plan that was just understood."""
        with self._rates.held(home.file.safety):
            return self._pass(plan, {}, home, site_id, agreed=frozenset(), by_pin=False)

    def again(self, plan: Plan, asked: Question, before: Mapping[Told, Value], home: Home,
              site_id: str, *, agreed: bool, by_pin: bool = False) -> Passed:
        """Of a plan that was asked about: in the home as it is now, at the hour that it is now.

        Devices that are gone, or that somebody has described anew, are left alone. Nothing is
        ever added.

        Args:
            asked: the question; a yes is a yes to its `confirms` and to nothing else.
            before: what the devices said when it was asked (`state_of`); a yes to something that
                has been changed by others since then is no yes any more.
            agreed: it was answered with a yes or a PIN; otherwise it is asked once more.
            by_pin: with a PIN.
        """
        kept: list[Command] = []
        missing: dict[str, list[Device]] = {}
        by_id, replies = {device.id: device for device in home.devices}, self._settings.replies
        for told in plan.commands:
            device = by_id.get(told.device.id)
            if device is None:
                missing.setdefault(replies.gone, []).append(told.device)
            elif now := _as_now(told, device):
                kept.append(now)
            else:
                missing.setdefault(replies.changed, []).append(told.device)
        yes = frozenset(map(key_of, asked.confirms)) if agreed else frozenset()
        now_said = self.state_of(asked.confirms)
        stale = {key_of(told) for told in asked.confirms
                 if key_of(told) in before and key_of(told) in now_said
                 and before[key_of(told)] != now_said[key_of(told)]
                 and not satisfies(told, self._states.of(told.device))}
        plan = msgspec.structs.replace(plan, commands=tuple(kept))
        with self._rates.held(home.file.safety):
            return self._pass(plan, missing, home, site_id, agreed=yes - stale, by_pin=by_pin)

    def state_of(self, commands: tuple[Command, ...]) -> dict[Told, Value]:
        """The words that the devices last said of what they are told; numbers drift."""
        said = {key_of(told): self._states.of(told.device).get(told.property)
                for told in commands}
        return {key: value for key, value in said.items() if isinstance(value, str)}

    def _pass(self, plan: Plan, held: dict[str, list[Device]], home: Home, site_id: str, *,
              agreed: frozenset[Told], by_pin: bool) -> Passed:
        """`held`: text with {subject} -> devices that are held back already."""
        settings, safety, replies = self._settings, home.file.safety, self._settings.replies
        commands = without_duplicates(plan.commands)
        for told in commands:
            if beyond_limits(told):
                return plan, out_of_range(told, home, settings, plan)
        kept: list[Command] = []
        texts: dict[Told, str] = {}
        pin, local = False, self._local()
        for told in commands:
            found = judge(told, safety, site_id, local)
            why = str(getattr(replies, found.why)) if found.why else ""
            if not why and self._is_too_soon(told, home):
                why = replies.too_soon
            if why:
                text = why.format(subject="{subject}", time=found.until)
                held.setdefault(text, []).append(told.device)
                continue
            kept.append(told)
            pin = pin or found.pin
            if text := self._how_asked(told, asked=found.asked):
                texts[key_of(told)] = text
        plan = self._narrowed(plan, tuple(kept), held, home)
        if held and not kept and not plan.chores:
            return plan, Refusal(calls=plan.calls,
                                 reply=" ".join(filter(None, (plan.held, plan.besides))))
        if self._rates.too_many(site_id, len(kept), safety.per_minute):
            return plan, Refusal(reply=replies.too_many, calls=plan.calls)
        if texts.keys() - agreed or (pin and not by_pin):
            return self._asked(plan, texts, home, pin=pin)
        self._rates.note(site_id, plan.commands, safety)
        return plan, None

    def _asked(self, plan: Plan, texts: Mapping[Told, str], home: Home, *, pin: bool) -> Passed:
        """Ask about every command that needs it, those that were agreed to before as well."""
        replies, settings = self._settings.replies, self._settings
        if pin and not home.file.safety.pin_hash:
            return plan, Refusal(reply=replies.no_pin, calls=plan.calls)
        if pin and self._tries.locked_seconds:
            return plan, Refusal(calls=plan.calls, reply=locked(self._tries, settings))
        confirms = tuple(told for told in plan.commands if key_of(told) in texts)
        groups: dict[str, list[Device]] = {}
        for told in confirms:
            groups.setdefault(texts[key_of(told)], []).append(told.device)
        said = [plan.held, *_filled(groups, home, settings), replies.pin_enter if pin else ""]
        question = Question(reply=" ".join(filter(None, said)), calls=plan.calls, pin=pin,
                            confirms=confirms)
        return msgspec.structs.replace(plan, held=""), question  # that is said by then

    def _how_asked(self, told: Command, *, asked: bool) -> str:
        """The question of a command, with {subject}; empty: it needs none."""
        settings = self._settings
        for confirm in settings.confirm:
            if confirm.concerns(told):
                return confirm.ask
        if not asked:
            return ""
        asks = {**ASKS, **settings.asks}
        text = next((asks[key] for key in (f"{told.property}.{told.value}", told.property)
                     if key in asks), asks[""])
        said = value_said(told.property, told.value, settings)
        return text.format(subject="{subject}", value=said.replace("{", "(").replace("}", ")"))

    def _is_too_soon(self, told: Command, home: Home) -> bool:
        safety = home.file.safety
        return bool(safety.per_device_seconds) and (told.property, told.value) != (
            "movement", "stop") and is_risky(told.device, safety) and self._rates.too_soon(
                told.device, safety.per_device_seconds)

    def _narrowed(self, plan: Plan, kept: tuple[Command, ...], held: Mapping[str, list[Device]],
                  home: Home) -> Plan:
        """The plan with what is left of it, and the reason why it is less."""
        if not held:
            return msgspec.structs.replace(plan, commands=kept)
        # subtle: the plan's own words speak of all its devices: "all lights are off"
        return msgspec.structs.replace(
            plan, commands=kept, reply=self._settings.replies.rest_done,
            held=" ".join(_filled(held, home, self._settings)))


def key_of(told: Command) -> Told:
    """What a command is known by over the time of a question."""
    return told.device.id, told.property, told.value


def locked(tries: Tries, settings: DialogueSettings) -> str:
    """Says how long no PIN is looked at: minutes, never one, as texts say "minutes"."""
    return settings.replies.pin_locked.format(minutes=max(2, math.ceil(tries.locked_seconds / 60)))


def without_duplicates(commands: tuple[Command, ...]) -> tuple[Command, ...]:
    """The commands without those that a later one undoes: same device, same property.

    A brightness switches a light on and an off undoes a brightness, so these undo each other too.
    """
    kept: list[Command] = []
    for told in commands:
        kept = [earlier for earlier in kept if not _undoes(told, earlier)]
        kept.append(told)
    return tuple(kept)


def beyond_limits(told: Command) -> bool:
    """Whether a thermostat must not be set as low or as high."""
    if told.property != "setpoint" or isinstance(told.value, str):
        return False
    low, high = told.device.limits("setpoint")
    return not low <= told.value <= high


def out_of_range(told: Command, home: Home, settings: DialogueSettings, plan: Plan) -> Refusal:
    """Says what the device can do."""
    device = told.device
    return Refusal(calls=plan.calls, reply=sentence(settings.replies.out_of_range.format(
        subject=subject([device], home, settings),
        low=number(device.limits("setpoint")[0], "setpoint", settings),
        high=number(device.limits("setpoint")[1], "setpoint", settings))))


def _as_now(told: Command, device: Device) -> Command | None:
    """The command to the device as it is described now; None where that is another command.

    subtle: the person has agreed to what was named. An announcement may since have given the id to
    another door, or the door's topic to another thing.
    """
    before = told.device
    try:
        now = command_for(device, told.property, told.value)
    except Unable:
        return None
    alike = (device.name, device.room, device.kind) == (before.name, before.room, before.kind) and (
        {each.id for each in device.members} == {each.id for each in before.members})
    same = key_of(now) == key_of(told) and now.publications() == told.publications()
    return now if alike and same else None


def _filled(groups: Mapping[str, list[Device]], home: Home, settings: DialogueSettings
            ) -> Iterator[str]:
    """The texts with their devices."""
    for text, devices in groups.items():
        once = tuple({device.id: device for device in devices}.values())
        yield sentence(text.format(subject=subject(once, home, settings)))


def _undoes(later: Command, earlier: Command) -> bool:
    if later.device.id != earlier.device.id:
        return False
    if later.property == earlier.property:
        return True
    switched = {later.property: later.value, earlier.property: earlier.value}
    return set(switched) == {"state", "brightness"} and (
        later.property == "brightness" or later.value == "off")
