"""What an utterance comes to, as plain structs. Leaves out: how one gets there."""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Command, Value


class TimerChore(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Start, cancel or ask for a timer of the hub."""

    action: Literal["start", "cancel", "ask"]
    name: str = ""
    seconds: float | None = None


class ListChore(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Add to, remove from, read or clear a list of the hub."""

    action: Literal["add", "remove", "read", "clear"]
    list: str
    items: tuple[str, ...] = ()


Chore = TimerChore | ListChore
"""What the hub does itself: done when its plan is carried out, so that a question in the same
utterance holds it back too."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Commands to carry out, now: the gate has let them pass."""

    commands: tuple[Command, ...]
    chores: tuple[Chore, ...] = ()
    reply: str
    """What to say when every device has confirmed; `Conversation.report` says the rest."""
    besides: str = ""
    """What to say besides, of what could not be done."""
    held: str = ""
    """What to say first: what the gate has held back, of what was wanted."""
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
    value_slot: str = ""
    """Words that can be read as such answer it: the value of this argument."""
    at: int = 0
    """Which of the calls it is about."""
    confirms: tuple[Command, ...] = ()
    """What a yes will do; empty: it is no confirmation."""
    pin: bool = False
    """A PIN at the keypad answers it, and no yes (`Conversation.enter`)."""
    private: bool = False
    """Somebody has said digits of a PIN aloud: the utterance belongs in no record and no log."""


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
