"""A call of the student's -> devices of this home. Leaves out: memory and the actuator gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from iotcall.catalogue import Catalogue, Integer, Node, ToolCall
from iotcall.catalogue.check import check_value
from iotcall.devices import Device, DeviceStates, Home, Kind, Value, command_for, spoken
from iotcall.dialogue.outcomes import Answer, Fill, Plan, Question, Refusal
from iotcall.dialogue.phrasing import joined, number, phrase, quoted, sentence, subject, verb
from iotcall.dialogue.settings import (
    DialogueSettings,
    SceneTool,
    SetTool,
    Slot,
    StatusTool,
    UnclearTool,
    options,
)
from iotcall.dialogue.words import has_any, without, words
from iotcall.errors import CallError
from iotcall.speech import numbers

Resolved = Plan | Question | Refusal | Answer


class Surroundings(msgspec.Struct, frozen=True):
    """What a call is resolved against."""

    home: Home
    states: DeviceStates
    settings: DialogueSettings
    catalogue: Catalogue


def resolve(call: ToolCall, utterance: str, around: Surroundings, site_room: str) -> Resolved:
    """What the call means in this home, said where the satellite stands (empty: in no room)."""
    settings, name = around.settings, call.name
    if name in settings.set:
        found = _set(call, utterance, settings.set[name], around, site_room)
    elif name in settings.status:
        found = _status(call, settings.status[name], around)
    elif name in settings.scene:
        found = _scene(call, settings.scene[name], around)
    else:
        found = _unclear(call, settings.unclear[name])
    return msgspec.structs.replace(found, calls=(call,))


def _set(call: ToolCall, utterance: str, tool: SetTool, around: Surroundings, site_room: str
         ) -> Resolved:
    settings, home = around.settings, around.home
    told = [(key, slot, call.arguments[key]) for key, slot in tool.slots.items()
            if key in call.arguments]
    if not told:
        return Question(reply=tool.ask, fills=tuple(_value_fills(tool)),
                        number_slot=next((k for k, s in tool.slots.items() if not s.values), ""))
    devices = _where(call, utterance, tool, around, site_room)
    if not isinstance(devices, tuple):
        return devices
    commands = []
    for device in devices:
        for key, slot, said in told:
            node = _node(call, key, around)
            if not slot.values and _is_misheard(said, node, slot, utterance, settings):
                return _out_of_range(devices, node, slot, around)
            try:
                commands.append(command_for(device, slot.property, _normalised(slot, said)))
            except ValueError:  # only a number can be wrong here
                return _out_of_range(devices, node, slot, around)
    state = {each.property: each.value for each in commands}
    return Plan(commands=tuple(commands), reply=sentence(settings.replies.done.format(
        subject=subject(devices, home, settings), said=phrase(tool.kind, state, settings),
        **{"is": verb(devices, settings)})))


def _is_misheard(value: Value, node: Node, slot: Slot, utterance: str,
                 settings: DialogueSettings) -> bool:
    """Whether the utterance says numbers and none is the value, or the value is not allowed.

    subtle: the student cannot write a number that its grammar forbids. "To 95" becomes 80, with
    full confidence; only the utterance tells. One without a number carries an earlier value on.
    """
    try:
        check_value(node, value, slot.property)
    except CallError:
        return True
    said = numbers(utterance)
    if isinstance(value, str) or not said:
        return False
    if slot.unit in (None, settings.degrees):
        return value not in said
    spoken_value = value * 9 / 5 + 32 if slot.unit == "celsius" else (value - 32) * 5 / 9
    return all(abs(each - spoken_value) > 0.5 for each in said)  # the student has rounded


def _out_of_range(devices: Sequence[Device], node: Node, slot: Slot, around: Surroundings
                  ) -> Refusal:
    """Says what the catalogue and the devices allow, in the unit that people speak."""
    settings = around.settings
    limits = [device.limits(slot.property) for device in devices]
    low, high = max(low for low, _ in limits), min(high for _, high in limits)
    if isinstance(node, Integer):
        low = max(low, float(_normalised(slot, node.minimum)))
        high = min(high, float(_normalised(slot, node.maximum)))
    return Refusal(misheard=True, reply=sentence(settings.replies.out_of_range.format(
        subject=subject(devices, around.home, settings),
        low=number(low, slot.property, settings), high=number(high, slot.property, settings))))


def _node(call: ToolCall, key: str, around: Surroundings) -> Node:
    fields = around.catalogue.tool(call.name).parameters.fields
    return next(field.node for field in fields if field.name == key)


def _where(call: ToolCall, utterance: str, tool: SetTool, around: Surroundings, site_room: str
           ) -> tuple[Device, ...] | Question | Refusal:
    """The devices that are meant: said place, "all", the satellite's room, the only one, ask."""
    home, kind = around.home, tool.kind
    everything = home.of_kind(kind)
    said = str(call.arguments.get(tool.place.slot, "")) if tool.place else ""
    if said:
        return _named(said, kind, around)
    if not everything:
        return _none_at_all(kind, around)
    meant = without(words(utterance), around.settings.idioms)
    if has_any(meant, [*around.settings.everywhere, *tool.everywhere]):
        return everything
    here = home.of_kind(kind, site_room) if site_room else ()
    if here or len(everything) == 1 or tool.place is None:
        return here or everything
    fills = tuple(_place_fills(call.name, tool.place.slot, kind, around))
    offered = [spoken(str(value)) for value in dict.fromkeys(fill.value for fill in fills)]
    return Question(reply=tool.place.ask.format(options=joined(offered, "or")), fills=fills)


def _named(said: str, kind: Kind, around: Surroundings) -> tuple[Device, ...] | Refusal:
    """The devices of the kind at a place that was said: a device's name or a room."""
    home, replies = around.home, around.settings.replies
    device = home.device(said)
    if device and device.kind == kind:
        return (device,)
    room = home.room(said)
    one = around.settings.kinds[kind][0]
    if room is None:
        return Refusal(reply=sentence(replies.unknown_place.format(
            place=f"{quoted(said)} {one}")))
    found = home.of_kind(kind, room)
    return found or Refusal(reply=sentence(replies.no_device.format(
        kind=one, place=spoken(room))))


def _none_at_all(kind: Kind, around: Surroundings) -> Refusal:
    one = around.settings.kinds[kind][0]
    return Refusal(reply=sentence(around.settings.replies.no_device_at_all.format(kind=one)))


def _value_fills(tool: SetTool) -> Iterable[Fill]:
    for key, slot in tool.slots.items():
        for said, word in slot.values.items():
            yield Fill(said, key, said)
            if word not in slot.values:
                yield Fill(word, key, said)


def _place_fills(tool: str, slot: str, kind: Kind, around: Surroundings) -> Iterable[Fill]:
    """Every name of every place with such a device that the catalogue can say."""
    home = around.home
    for value in options(around.catalogue, tool, slot):
        found = _named(value, kind, around)
        if isinstance(found, Refusal):
            continue
        device, room = home.device(value), home.room(value)
        if device in found:
            names = device.name, *device.aliases
        else:
            names = home.rooms[room].aliases if room else ()
        for name in (value, *names):
            yield Fill(spoken(name), slot, value)


def _normalised(slot: Slot, said: Value) -> Value:
    if slot.values:
        return slot.values[str(said)]
    if slot.unit == "fahrenheit" and not isinstance(said, str):
        return (said - 32) * 5 / 9
    return said


def _status(call: ToolCall, tool: StatusTool, around: Surroundings) -> Resolved:
    kind_said, place = call.arguments.get(tool.slot), call.arguments.get(tool.place)
    if kind_said is None and not place:
        return Question(reply=tool.ask, fills=tuple(Fill(said, tool.slot, said)
                                                    for said in tool.values))
    kind = tool.values[str(kind_said)] if kind_said is not None else ""
    if kind:
        found = _named(str(place), kind, around) if place else around.home.of_kind(kind)
        if isinstance(found, Refusal):
            return found
        return _report(found, around) if found else _none_at_all(kind, around)
    if not place:
        return _report(around.home.counted(), around)
    device, room = around.home.device(str(place)), around.home.room(str(place))
    if room:
        return _report([d for d in around.home.counted() if d.room == room], around)
    if device:
        return _report([device], around)
    return Refusal(reply=sentence(around.settings.replies.unknown_place.format(
        place=quoted(place))))


def _report(devices: Sequence[Device], around: Surroundings) -> Answer:
    """One sentence for each state, with all devices that share it."""
    settings, replies = around.settings, around.settings.replies
    groups: dict[tuple[Kind, str, str], list[Device]] = {}
    for device in devices:
        if around.states.online(device) is False:
            template, said = replies.offline, ""
        else:
            said = phrase(device.kind, around.states.of(device), settings)
            template = replies.status if said else replies.unknown_state
        groups.setdefault((device.kind, template, said), []).append(device)
    sentences = []
    for (_, template, said), alike in groups.items():
        sentences.append(sentence(template.format(
            subject=subject(alike, around.home, settings), said=said,
            **{"is": verb(alike, settings)})))
    return Answer(reply=" ".join(sentences))


def _scene(call: ToolCall, tool: SceneTool, around: Surroundings) -> Resolved:
    said, scenes = call.arguments.get(tool.slot), around.home.scenes
    if said is None:
        names = [name for name in options(around.catalogue, call.name, tool.slot)
                 if name in scenes] or sorted(scenes)
        return Question(
            reply=tool.ask.format(options=joined([spoken(name) for name in names], "or")),
            fills=tuple(Fill(spoken(name), tool.slot, name) for name in names))
    if str(said) not in scenes:
        return Refusal(reply=sentence(tool.missing.format(scene=quoted(said))))
    return Plan(commands=tuple(command_for(*step) for step in around.home.steps(str(said))),
                reply=sentence(tool.done.format(scene=spoken(str(said)))))


def _unclear(call: ToolCall, tool: UnclearTool) -> Resolved:
    reason = str(call.arguments.get(tool.slot, ""))
    if reason in tool.ask:
        return Question(reply=tool.ask[reason])
    return Refusal(reply=tool.refuse.get(reason, tool.otherwise))
