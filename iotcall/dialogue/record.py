"""A session as JSON and back, so that a dialogue survives a restart. Leaves out: keeping it.

Devices are named by their ids. A confirmation comes back only if every command in it can still be
made, and only for what is left of its time.
"""

from __future__ import annotations

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Home, Unable, Value, command_for
from iotcall.dialogue.house.memory import Memory
from iotcall.dialogue.outcomes import Chore, Fill, Plan, Question
from iotcall.dialogue.session import Pending, Session
from iotcall.runtime import Turn


class _Plan(msgspec.Struct, frozen=True):
    told: tuple[tuple[str, str, Value], ...]
    """(device's id, property, value)"""
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
                tuple((told.device.id, told.property, told.value)
                      for told in pending.plan.commands),
                pending.plan.reply, pending.plan.besides, pending.plan.chores),
            session_id=pending.session_id, utterance=pending.utterance,
            seconds_left=pending.deadline - now))
    return msgspec.json.encode(record)


def restore(session: Session, body: bytes, home: Home, now: float, *, age_seconds: float,
            questions: bool) -> None:
    """Put what was written into a new session of the same site.

    Args:
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
    plan = None
    if kept.plan is not None:
        plan = _plan(kept.plan, kept.calls, home)
        if plan is None:
            return
    question = Question(reply=kept.reply, calls=kept.calls, fills=kept.fills, at=kept.at,
                        number_slot=kept.number_slot, value_slot=kept.value_slot,
                        confirms=plan.commands if plan else ())
    session.ask(Pending(question, plan, kept.session_id, kept.utterance,
                        now + kept.seconds_left - age_seconds))


def _plan(kept: _Plan, calls: tuple[ToolCall, ...], home: Home) -> Plan | None:
    """The plan with today's devices; None where one of them is gone or has changed."""
    by_id = {device.id: device for device in home.devices}
    try:
        commands = tuple(command_for(by_id[key], name, value) for key, name, value in kept.told)
    except (KeyError, Unable):
        return None
    return Plan(commands=commands, chores=kept.chores, reply=kept.reply, besides=kept.besides,
                calls=calls)
