"""What goes out on MQTT in answer to an utterance, the way it came. Leaves out: when.

Hermes (topics) and the plain pair (plain); what came by Wyoming is answered there.
"""

from __future__ import annotations

from iotcall.hub.plain import answer, objection
from iotcall.hub.topics import Heard, Malformed, Message, Reason, not_recognised, reply
from iotcall.hub.turn import TurnRecord

BUSY = "I am still busy. Please say that again in a moment."
"""Said of an utterance that nobody has time for."""


def answers(heard: Heard, record: TurnRecord) -> list[Message]:
    """The messages that tell what came of it, in order.

    The reply goes first: a dialogue manager ends the session at an intentNotRecognized.
    """
    if heard.answer_to is not None:
        return [answer(heard, record)]
    told = [reply(heard, record.reply, expects_answer=record.outcome == "question")]
    if record.outcome == "not_recognised":
        told.append(not_recognised(heard, "not_recognised", record.reply))
    return told


def objections(asked: Heard | Malformed, why: Reason, text: str) -> list[Message]:
    """The messages for what was not handled."""
    if asked.answer_to is not None:
        return [objection(asked, why, text)]
    told = [not_recognised(asked, why, text)]
    return [reply(asked, text), *told] if isinstance(asked, Heard) else told
