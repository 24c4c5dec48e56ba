"""The actuator gate: every plan passes it, whatever made it. Leaves out: understanding.

Order: duplicates are removed, limits checked, confirmations asked for.
"""

from __future__ import annotations

import msgspec

from iotcall.devices import Command, Home
from iotcall.dialogue.outcomes import Plan, Question, Refusal
from iotcall.dialogue.phrasing import number, sentence, subject
from iotcall.dialogue.settings import DialogueSettings


def pass_gate(plan: Plan, home: Home, settings: DialogueSettings
              ) -> tuple[Plan, Question | Refusal | None]:
    """The plan without duplicates, and what stands in its way (None: it may be carried out).

    A Question is a confirmation: the plan may be carried out when it is answered with yes.
    """
    plan = msgspec.structs.replace(plan, commands=without_duplicates(plan.commands))
    for told in plan.commands:
        if beyond_limits(told):
            return plan, out_of_range(told, home, settings, plan)
    asked: list[str] = []
    confirms: list[Command] = []
    for confirm in settings.confirm:
        matching = [told for told in plan.commands if confirm.concerns(told)]
        if matching:
            confirms += matching
            devices = [told.device for told in matching]
            asked.append(confirm.ask.format(subject=subject(devices, home, settings)))
    if asked:
        return plan, Question(reply=" ".join(asked), calls=plan.calls, confirms=tuple(confirms))
    return plan, None


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


def _undoes(later: Command, earlier: Command) -> bool:
    if later.device.id != earlier.device.id:
        return False
    if later.property == earlier.property:
        return True
    switched = {later.property: later.value, earlier.property: earlier.value}
    return set(switched) == {"state", "brightness"} and (
        later.property == "brightness" or later.value == "off")
