"""What a catalogue's calls mean in a home. Leaves out: any catalogue."""

from __future__ import annotations

from typing import Protocol

from iotcall.catalogue import ToolCall
from iotcall.devices import Home
from iotcall.dialogue.outcomes import Answer, Plan, Question, Refusal
from iotcall.dialogue.session import Pending, Session


class Reader(Protocol):
    """One for each way of writing a dialogue.toml."""

    def read(self, calls: tuple[ToolCall, ...], meant: str, home: Home, session: Session
             ) -> Plan | Question | Refusal | Answer:
        """What the calls of an utterance come to; `meant` is what was said, with what led to a
        question that it answers. May change the session's memory."""

    def answered(self, pending: Pending, utterance: str, home: Home, session: Session
                 ) -> tuple[ToolCall, ...] | None:
        """The calls with what a question asked for, when the utterance names just that."""
