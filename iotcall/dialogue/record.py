"""A session as JSON and back, so that a dialogue survives a restart. Leaves out: keeping it.

Devices are named by their ids. A confirmation comes back only if every command in it can still be
made, and only for what is left of its time.
"""

from __future__ import annotations

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Home, Unable, Value, command_for
from iotcall.dialogue.house.memory import Memory
from iotcall.dialogue.outcomes import Chore, Fill, Plan, Question
from iotcall.dialogue.session import Pending, Session
from iotcall.runtime import Turn


class _Told(msgspec.Struct, frozen=True):
    device: str
    """Its id."""
    name: str
    """What it was called when it was asked about: another name is another device to people."""
    property: str
    value: Value


class _Plan(msgspec.Struct, frozen=True):
    told: tuple[_Told, ...]
    confirms: tuple[_Told, ...]
    """What a yes was asked for; a part of what is told."""
    before: tuple[tuple[tuple[str, str, Value], Value], ...]
    pin: bool
    reply: str
    besides: str
    chores: tuple[Chore, ...]


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    reply: str
    calls: tuple[ToolCall, ...]
    fills: tuple[Fill, ...]
    number_slot: str
    value_slot: str
    at: int
    plan: _Plan | None
    session_id: str | None
    utterance: str
    said: str
    seconds_left: float


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    turns: tuple[tuple[str, tuple[ToolCall, ...]], ...]
    memory: Memory
    pending: _Pending | None


def written(session: Session, now: float) -> bytes:
    """The session as JSON; `now` is the clock of its deadlines."""
    pending = session.pending
    record = _Record(
        turns=tuple((turn.utterance, turn.calls) for turn in session.history),
        memory=session.memory,
        pending=None if pending is None or pending.deadline <= now else _Pending(
            reply=pending.question.reply, calls=pending.question.calls,
            fills=pending.question.fills, number_slot=pending.question.number_slot,
            value_slot=pending.question.value_slot, at=pending.question.at,
            plan=None if pending.plan is None else _Plan(
                _written(pending.plan.commands), _written(pending.question.confirms),
                tuple(pending.before.items()), pending.question.pin,
                pending.plan.reply, pending.plan.besides, pending.plan.chores),
            session_id=pending.session_id, utterance=pending.utterance, said=pending.said,
            seconds_left=pending.deadline - now))
    return msgspec.json.encode(record)


def restore(session: Session, body: bytes, home: Home, now: float, *, age_seconds: float,
            asked_at: float, questions: bool) -> None:
    """Put what was written into a new session of the same site.

    Args:
        asked_at: what was said before this time of the same clock answers no open question: a yes
            that the broker has kept may be older than the question.
        age_seconds: since it was written; open questions have so much less time.
        questions: whether open questions may come back at all: not after a reboot, when nobody
            knows how long ago they were asked.

    Raises:
        msgspec.MsgspecError: it is no record of this version.
    """
    record = msgspec.json.decode(body, type=_Record)
    for utterance, calls in record.turns:
        session.remember(Turn(utterance, calls))
    session.memory = record.memory
    kept = record.pending
    if kept is None or not questions or kept.seconds_left <= age_seconds:
        return
    plan: Plan | None = None
    confirms: tuple[Command, ...] = ()
    if kept.plan is not None:
        try:
            commands, confirms = _commands(kept.plan.told, home), _commands(kept.plan.confirms,
                                                                            home)
        except (KeyError, Unable):
            return  # a device is gone, has another name or has changed: nothing to say yes to
        plan = Plan(commands=commands, chores=kept.plan.chores, reply=kept.plan.reply,
                    besides=kept.plan.besides, calls=kept.calls)
    question = Question(reply=kept.reply, calls=kept.calls, fills=kept.fills, at=kept.at,
                        number_slot=kept.number_slot, value_slot=kept.value_slot,
                        confirms=confirms, pin=kept.plan is not None and kept.plan.pin)
    session.ask(Pending(question, plan, kept.session_id, kept.utterance,
                        now + kept.seconds_left - age_seconds, asked_at=asked_at, said=kept.said,
                        before=dict(kept.plan.before) if kept.plan else {}))


def _written(commands: tuple[Command, ...]) -> tuple[_Told, ...]:
    return tuple(_Told(told.device.id, told.device.name, told.property, told.value)
                 for told in commands)


def _commands(told: tuple[_Told, ...], home: Home) -> tuple[Command, ...]:
    """The commands with today's devices.

    Raises:
        KeyError: a device is not there any more, or is called otherwise.
        Unable: it cannot be told so any more.
    """
    by_name = {(device.id, device.name): device for device in home.devices}
    return tuple(command_for(by_name[each.device, each.name], each.property, each.value)
                 for each in told)
