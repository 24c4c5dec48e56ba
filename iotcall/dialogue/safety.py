"""What a home is careful with, command by command. Leaves out: asking (gate), the PIN (pins), how
often something was told (rates).

Every home is careful with what opens it: locks, garages and gates, alarms. Its file's ``[safety]``
adds to that and never takes away. What a group is told is told to its members, and judged as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from iotcall.devices import Command, Device, Value
from iotcall.devices.home_file import Day, Marks, Quiet, Rule, Safety
from iotcall.devices.home_safety import matches, minutes
from iotcall.dialogue.words import words

Why = Literal["", "never", "never_here", "quiet"]
"""A key of `Replies`; empty: nothing speaks against it."""

_GATES = frozenset({"garage", "garages", "gate", "gates"})
_DOORS = frozenset({"door", "doors"})
_ALARMS = frozenset({"alarm", "alarms", "burglar", "siren", "sirens"})
_DISARMED = frozenset({"off", "disarm", "disarmed", "stop"})
_SAFE: dict[str, tuple[Value, ...]] = {
    "lock": ("locked",), "movement": ("close", "stop"), "position": (0,)}
"""Property -> values that leave a house no more open than it is."""
_ENDS = {"open": 100, "close": 0}
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK_SET_SINCE = 2024
"""A board without a battery starts years before: nobody knows then what hour it is."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say of one command, here and now."""

    why: Why = ""
    """Not at all, and why."""
    until: str = ""
    """With `quiet`: when it may be done again, as it is said."""
    asked: bool = False
    """Not without a yes."""
    pin: bool = False
    """Not without a PIN, which is more than a yes."""


def judge(told: Command, safety: Safety, site_id: str, now: datetime) -> Judgement:
    """Look at a command that somebody at the site has given at this local time."""
    if _marked(told, [mark for mark in safety.never if _sites(mark) == ()]):
        return Judgement(why="never")
    if _marked(told, [mark for mark in safety.never if site_id in _sites(mark)]):
        return Judgement(why="never_here")
    hours = [quiet for quiet in safety.quiet if in_force(quiet, now)]
    for quiet in hours:
        if _marked(told, [mark for mark in quiet.never
                          if not _sites(mark) or site_id in _sites(mark)]):
            return Judgement(why="quiet", until=_spoken_time(quiet.end))
    # subtle: "stop" to a door that moves must not wait for a yes, unless a rule names just that
    asked = opens(told) or any(
        _marked(told, marks if not _stops(told) else _rules(marks))
        for marks in (safety.confirm, *(quiet.confirm for quiet in hours)))
    free = not asked and told.value in _SAFE.get(told.property, ())
    pin = _marked(told, _rules(safety.pin) if free else safety.pin)
    return Judgement(asked=asked or pin, pin=pin)


def opens(told: Command) -> bool:
    """Whether it opens the house or disarms it: no home lets that be done without a yes."""
    if any(opens(Command(member, told.property, told.value)) for member in told.device.members):
        return True
    if told.property == "lock":
        return told.value == "unlocked"
    if told.device.kind == "cover":
        return _is_gate(told.device) and ("movement", "open") in amounts_to(told)
    return _is_alarm(told.device) and told.value in _DISARMED


def is_risky(device: Device, safety: Safety) -> bool:
    """Whether something that it may be told is asked back, or needs a PIN."""
    marks = (*safety.confirm, *safety.pin, *(mark for quiet in safety.quiet
                                             for mark in quiet.confirm))
    return device.kind == "lock" or _is_gate(device) or _is_alarm(device) or any(
        matches(device, _pattern(mark)) for mark in marks) or any(
            is_risky(member, safety) for member in device.members)


def amounts_to(told: Command) -> tuple[tuple[str, Value], ...]:
    """(property, value) of the command and of what comes to the same: a rule against opening must
    hold against a position of 30 as well."""
    name, value = told.property, told.value
    same: list[tuple[str, Value]] = [(name, value)]
    if name == "movement" and value in _ENDS:
        same.append(("position", _ENDS[str(value)]))
    elif name == "position":
        same.append(("movement", "open" if value else "close"))
    elif name in ("brightness", "speed"):
        same.append(("state", "on" if value else "off"))
    elif name in ("color", "white") or (name, value) == ("playback", "playing"):
        same.append(("state", "on"))
    return tuple(same)


def in_force(quiet: Quiet, now: datetime) -> bool:
    """Whether it is such an hour; where the clock cannot have been set yet, every hour is."""
    if now.year < _CLOCK_SET_SINCE:
        return True
    start, end, at = minutes(quiet.start), minutes(quiet.end), now.hour * 60 + now.minute
    began = now
    if start < end:
        if not start <= at < end:
            return False
    elif at < end:
        began = now - timedelta(days=1)
    elif at < start:
        return False
    return not quiet.days or _DAYS[began.weekday()] in quiet.days


def _is_gate(device: Device) -> bool:
    """Whether a cover is a way in: called so by its ecosystem or by its owner."""
    said, label, room = _called(device), {*words(device.label)}, {*words(device.room)}
    return device.kind == "cover" and bool(
        (said & _GATES) or (label & _DOORS) or (said & _DOORS and room & _GATES))


def _is_alarm(device: Device) -> bool:
    """Whether it guards the house; a lamp that is called so does not."""
    return device.kind != "light" and bool(_called(device) & _ALARMS)


def _called(device: Device) -> set[str]:
    return {word for name in (device.name, device.label, *device.aliases) for word in words(name)}


def _marked(told: Command, marks: Sequence[str | Rule]) -> bool:
    return any(matches(told.device, _pattern(mark)) and (
        isinstance(mark, str) or _meant(told, mark)) for mark in marks)


def _meant(told: Command, rule: Rule) -> bool:
    if not rule.property:
        return True
    values = [value for name, value in amounts_to(told) if name == rule.property]
    if rule.above is not None:
        return any(not isinstance(value, str) and value > rule.above for value in values)
    return bool(values) and (rule.value is None or rule.value in values)


def _rules(marks: Marks) -> list[str | Rule]:
    """Those that name a property."""
    return [mark for mark in marks if isinstance(mark, Rule) and mark.property]


def _pattern(mark: str | Rule) -> str:
    return mark if isinstance(mark, str) else mark.device


def _sites(mark: str | Rule) -> tuple[str, ...]:
    return () if isinstance(mark, str) else mark.sites


def _stops(told: Command) -> bool:
    return (told.property, told.value) == ("movement", "stop")


def _spoken_time(time: str) -> str:
    return "midnight" if time in ("24:00", "00:00") else time.removeprefix("0")
