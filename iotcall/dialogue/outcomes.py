"""What an utterance comes to, as plain structs. Leaves out: how one gets there."""

from __future__ import annotations

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Value


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Commands to carry out, now: the gate has let them pass."""

    commands: tuple[Command, ...]
    reply: str
    """What to say when every device has confirmed; `Conversation.report` says the rest."""
    calls: tuple[ToolCall, ...] = ()


class Fill(msgspec.Struct, frozen=True):
    """One answer to a question: these words give the argument this value."""

    said: str
    slot: str
    value: Value


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something is missing or needs a yes; nothing is done yet."""

    reply: str
    calls: tuple[ToolCall, ...] = ()
    fills: tuple[Fill, ...] = ()
    """Answers that need no student."""
    number_slot: str = ""
    """A bare number answers it: the value of this argument."""
    confirms: tuple[Command, ...] = ()
    """What a yes will do; empty: it is no confirmation."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Understood, and it cannot be done here."""

    reply: str
    calls: tuple[ToolCall, ...] = ()
    misheard: bool = False
    """The calls are not what was said: for records, never told to others nor remembered."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say and nothing to do."""

    reply: str
    calls: tuple[ToolCall, ...] = ()


class NotUnderstood(msgspec.Struct, frozen=True, kw_only=True):
    """The student has no answer, or too little confidence in it."""

    reply: str
    calls: tuple[ToolCall, ...] = ()
    """What it would have been; for records, never carried out."""


Outcome = Plan | Question | Refusal | Answer | NotUnderstood
