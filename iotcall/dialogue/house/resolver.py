"""The calls of one utterance -> what the hub does and says. Leaves out: memory and the gate.

    calls -> wishes and devices -> commands, refusals, questions, answers -> one outcome

One thing that cannot be done does not hold back the others; a question holds back all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Device, DeviceStates, Unable, Value, command_for
from iotcall.dialogue.house.answers import KINDS, answer, can_tell, value_words
from iotcall.dialogue.house.chores import chore_of
from iotcall.dialogue.house.memory import Memory
from iotcall.dialogue.house.naming import phrase_of
from iotcall.dialogue.house.places import plain
from iotcall.dialogue.house.targets import Around, Where, are_beyond, meant_by, spoken_subject
from iotcall.dialogue.house.wishes import Unknown, Unread, Wish, wish_of
from iotcall.dialogue.outcomes import Answer, Chore, Fill, Plan, Question, Refusal
from iotcall.dialogue.phrasing import joined, quoted, sentence, verb
from iotcall.speech.spelling import alike

_RISKY_TOOLS = frozenset({"lock"})
_SCENE_NEAR = 0.75


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one call came to."""

    commands: tuple[Command, ...] = ()
    chores: tuple[Chore, ...] = ()
    reply: str = ""
    refusal: str = ""
    mentioned: tuple[Device, ...] = ()


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls came to together."""

    outcome: Plan | Question | Refusal | Answer
    memory: Memory
    """With what was spoken of; `Memory.after` is for whoever carries the plan out."""


def resolve(calls: Sequence[ToolCall], around: Around, states: DeviceStates) -> Resolved:
    """The outcome of all calls, in their order, and what is remembered of them."""
    steps: list[Step] = []
    memory = around.memory
    for at, call in enumerate(calls):
        found = _one(call, msgspec.structs.replace(around, memory=memory), states, steps)
        if isinstance(found, Question):
            return Resolved(outcome=msgspec.structs.replace(found, calls=tuple(calls), at=at),
                            memory=memory)
        steps.append(found)
        memory = memory.mentioned(found.mentioned)
    return Resolved(outcome=_merged(steps, tuple(calls)), memory=memory)


def _merged(steps: Sequence[Step], calls: tuple[ToolCall, ...]
            ) -> Plan | Refusal | Answer:
    commands = tuple(told for step in steps for told in step.commands)
    chores = tuple(chore for step in steps for chore in step.chores)
    reply = " ".join(step.reply for step in steps if step.reply)
    refusals = " ".join(step.refusal for step in steps if step.refusal)
    if commands or chores:
        return Plan(commands=commands, chores=chores, reply=reply, besides=refusals, calls=calls)
    if reply:
        return Answer(reply=" ".join(filter(None, (reply, refusals))), calls=calls)
    return Refusal(reply=refusals, calls=calls)


def _one(call: ToolCall, around: Around, states: DeviceStates, before: Sequence[Step]
         ) -> Step | Question:
    replies = around.house.replies
    match call.name:
        case "scene":
            return _scene(call, around)
        case "query":
            return _query(call, around, states)
        case "off_topic":
            return Step(refusal=replies.off_topic)
        case "unclear":
            return Question(reply=replies.unclear)
        case "undo":
            return _undone(around)
        case "again":
            return _again(around)
        case "confirm" | "cancel":
            return Step(reply=replies.nothing_open)
    if (chore := chore_of(call, around.house)) is not None:
        return chore if isinstance(chore, Question) else Step(chores=(chore,))
    wish = wish_of(call, around.house, around.settings.degrees, around.named)
    assert wish is not None  # every tool of the catalogue is one of these
    return _commanded(call, wish, around, states, before)


def is_beyond(call: ToolCall, around: Around) -> bool:
    """Whether nobody would wish that of the devices that a call names or stands for."""
    wish = wish_of(call, around.house, around.settings.degrees, around.named)
    phrase = phrase_of(str(call.arguments.get("target", "")), around.home, around.house.nouns)
    devices = phrase.devices if phrase else (
        around.memory.it(around.home) if call.arguments.get("ref") == "it" else ())
    return wish is not None and bool(devices) and are_beyond(
        devices, around, tool=wish.tool, kinds=wish.kinds, can=wish.can)


def _commanded(call: ToolCall, wish: Wish, around: Around, states: DeviceStates,
               before: Sequence[Step]) -> Step | Question:
    found = meant_by(_where(call), around, tool=wish.tool, kinds=wish.kinds, can=wish.can,
                     risky=wish.tool in _RISKY_TOOLS)
    if isinstance(found, Refusal):
        return Step(refusal=found.reply)
    if isinstance(found, Question):
        return found
    if wish.missing:
        asks = around.house.replies.how_much
        return Question(reply=asks.get(wish.missing, asks["other"]), value_slot="value")
    commands: list[Command] = []
    refused: dict[str, list[Device]] = {}
    for device in found.devices:
        try:
            commands += wish.told(device, _state_after(device, states, before, commands))
        except (Unable, Unknown, Unread) as error:
            refused.setdefault(_reason(error, around), []).append(device)
    done = tuple({told.device.id: told.device for told in commands}.values())
    refusal = "" if done and not found.named else " ".join(
        sentence(text.format(subject=spoken_subject(devices, around)))
        for text, devices in refused.items())
    if not found.devices:
        refusal = around.house.replies.none_left
    reply = _done(commands, around) if commands else ""
    return Step(commands=tuple(commands), reply=reply, refusal=refusal,
                mentioned=done or found.devices)


def _state_after(device: Device, states: DeviceStates, before: Sequence[Step],
                 commands: Sequence[Command]) -> dict[str, Value]:
    """What the device will be once the earlier commands of the utterance are done."""
    state: dict[str, Value] = dict(states.of(device))
    for told in (*(told for step in before for told in step.commands), *commands):
        if told.device.id == device.id:
            state[told.property] = told.value
    return state


def _reason(error: Unable | Unknown | Unread, around: Around) -> str:
    """Why it cannot be done, with {subject} for the devices."""
    replies, house = around.house.replies, around.house
    if isinstance(error, Unknown):
        return around.settings.replies.unknown_state
    if isinstance(error, Unread):
        return replies.unread_value.format(value=_braced(quoted(error.args[0])),
                                           subject="{subject}")
    if error.limits:
        low, high = (value_words(error.property, round(limit, 1), around).removesuffix(
            house.units.get(error.property, "")) for limit in error.limits)
        return replies.range.format(subject="{subject}", low=low, high=high,
                                    unit=house.units.get(error.property, ""))
    if error.words:
        options = joined([_braced(word.replace("_", " ")) for word in error.words[:8]], "and")
        return replies.knows.format(subject="{subject}", options=options)
    return replies.cannot


def _braced(text: str) -> str:
    """For a text that is formatted once more."""
    return text.replace("{", "(").replace("}", ")")


def _done(commands: Sequence[Command], around: Around) -> str:
    """One sentence for each value, with all devices that get it."""
    groups: dict[str, list[Device]] = {}
    for told in commands:
        said = value_words(told.property, told.value, around)
        phrases = around.house.done
        text = phrases.get(f"{told.property}.{told.value}") or phrases.get(told.property, "{value}")
        groups.setdefault(text.format(value=said), []).append(told.device)
    settings = around.settings
    return " ".join(
        sentence(settings.replies.done.format(
            subject=spoken_subject(devices, around), said=said,
            **{"is": verb(devices, settings)}))
        for said, devices in groups.items())


def _scene(call: ToolCall, around: Around) -> Step | Question:
    replies, scenes = around.house.replies, around.home.scenes
    said = plain(str(call.arguments.get("name", "")))
    if not said:
        names = [name.replace("_", " ") for name in scenes]
        return Question(reply=replies.which_scene.format(options=joined(names, "or")),
                        fills=tuple(Fill(name, "name", name) for name in names))
    said = tuple("and" if word in ("n", "'n", "&") else word for word in said)
    scored = sorted(((alike(" ".join(said), name.replace("_", " ")), name) for name in scenes),
                    reverse=True)
    if not scored or scored[0][0] < _SCENE_NEAR:
        return Step(refusal=sentence(replies.unknown_scene.format(name=quoted(" ".join(said)))))
    name = scored[0][1]
    commands = tuple(command_for(*step) for step in around.home.steps(name))
    devices = tuple({told.device.id: told.device for told in commands}.values())
    return Step(commands=commands, mentioned=devices,
                reply=sentence(around.house.replies.scene.format(name=name.replace("_", " "))))


def _query(call: ToolCall, around: Around, states: DeviceStates) -> Step | Question:
    asked = str(call.arguments["property"])
    where = _where(call)
    kinds = KINDS[asked]
    found = meant_by(msgspec.structs.replace(where, scope="all" if where.target else where.scope),
                     around, tool="query", kinds=kinds,
                     can=lambda device: can_tell(device, asked), risky=False)
    if isinstance(found, Refusal):
        return Step(refusal=found.reply)
    if isinstance(found, Question):
        return found
    told = answer(found.devices, asked, states, around, any_of=where.scope == "one")
    return Step(reply=told.reply, mentioned=found.devices)


def _undone(around: Around) -> Step:
    """The last commands' devices as they were before; what cannot be set back is left.

    Of a group each member is set back by itself, where all of them had said what they were.
    """
    replies, done = around.house.replies, around.memory.done
    if done is None:
        return Step(refusal=replies.nothing_to_undo)
    by_id = {device.id: device for device in around.home.devices}
    commands: list[Command] = []
    for key in dict.fromkeys(key for key, _, _ in done.told):
        device = by_id.get(key)
        if device is None:
            continue
        names = {name for told, name, _ in done.told if told == key}
        members = [by_id[each.id] for each in device.members if done.before.get(each.id)
                   and each.id in by_id]
        for each in members if len(members) == len(device.members) > 0 else [device]:
            commands += _set_back(each, names, done.before.get(each.id, {}))
    if not commands:
        return Step(refusal=replies.nothing_to_undo)
    devices = tuple({told.device.id: told.device for told in commands}.values())
    return Step(commands=tuple(commands), reply=replies.undone, mentioned=devices)


def _set_back(device: Device, names: set[str], state: Mapping[str, Value]) -> list[Command]:
    """The commands that undo those to the properties of that name."""
    if "brightness" in names or "color" in names or "white" in names:
        names = names | {"state"}
    if "movement" in names and "position" in state and device.can("position"):
        names = (names | {"position"}) - {"movement"}
    # subtle: off last: a brightness would switch the light on again
    return [command_for(device, name, state[name])
            for name in sorted(names & state.keys(), key=lambda each: (each == "state", each))
            if device.can(name)]


def _again(around: Around) -> Step:
    done = around.memory.done
    by_id = {device.id: device for device in around.home.devices}
    if done is None or not any(key in by_id for key, _, _ in done.told):
        return Step(refusal=around.house.replies.nothing_to_repeat)
    commands = tuple(command_for(by_id[key], name, value) for key, name, value in done.told
                     if key in by_id)
    devices = tuple({told.device.id: told.device for told in commands}.values())
    return Step(commands=commands, reply=_done(commands, around), mentioned=devices)


def _where(call: ToolCall) -> Where:
    found = {key: str(call.arguments[key]) for key in ("target", "room", "ref", "scope")
             if key in call.arguments}
    return Where(but=str(call.arguments.get("except", "")), **found)


