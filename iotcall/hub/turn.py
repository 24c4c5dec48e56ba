"""The record of one utterance, published for whoever watches. Leaves out: keeping it anywhere.

It goes to `iotcall/<client id>/turn`, not retained: utterance -> calls -> commands -> what the
devices said -> reply.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.devices import Value, Verdict
from iotcall.hub.topics import Message, turn_topic

Outcome = Literal[
    "done", "unconfirmed", "question", "answer", "refused", "not_recognised", "busy", "malformed",
    "failed",
]


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One command and what became of it."""

    device: str
    property: str
    value: Value
    topic: str
    payload: str
    """As published; bytes that are no UTF-8 are replaced."""
    verdict: Verdict
    """accepted (published, and it has no way to say more), confirmed (it said, after the command,
    that it is so), refused (it or its bridge said no, or it is offline), unconfirmed (silence)."""
    reason: str = ""
    """Of a refusal, as the ecosystem told it."""
    state: dict[str, Value]
    """What the device last said, in normalised units."""


class LatencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time went, in milliseconds."""

    decode: float
    command: float
    """From the first publication to the last acknowledgement."""
    total: float
    """From the arrival of the message to the reply."""


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance, from what was said to what was replied."""

    utterance: str
    site_id: str
    session_id: str | None
    calls: tuple[ToolCall, ...]
    confidence: float | None
    """0..1; None: the student was not asked."""
    outcome: Outcome
    commands: tuple[CommandRecord, ...]
    reply: str
    latency_ms: LatencyRecord

    def message(self, client_id: str) -> Message:
        """The publication that carries it."""
        return Message(turn_topic(client_id), msgspec.json.encode(self))


def read_turn(payload: bytes) -> TurnRecord:
    """The record of a published turn.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.json.decode(payload, type=TurnRecord)
