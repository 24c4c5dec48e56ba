"""A plain pair of JSON topics beside Hermes: a question in, its answer out.

    in   iotcall/<client id>/ask      {"text": "lights on", "site": "kitchen", "id": "7"}
    out  iotcall/<client id>/answer   {"id": "7", "text": "...", "outcome": "done", ...}

With MQTT 5 the answer goes to the request's response topic with its correlation data (MQTT 5,
4.10), where that topic is one of ours to answer on: `MAY_ANSWER`. Leaves out: Hermes (topics).
"""

from __future__ import annotations

import re

import msgspec

from iotcall.hub.topics import Heard, Malformed, Message, Reason, readable, voice
from iotcall.hub.turn import TurnRecord

MAY_ANSWER = ("iotcall/", "reply/", "response/")
"""Beginnings of response topics: whoever may ask must not make the hub speak on others."""
_CORRELATION_LIMIT_BYTES = 256
_TOPIC_LIMIT_CHARACTERS = 256


class _Ask(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    site: str | None = None
    session: str | None = None
    id: str | None = None


class _Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str | None = None
    site: str = "default"
    session: str | None = None
    text: str = ""
    outcome: str = ""
    expects_answer: bool = False
    confidence: float | None = None
    calls: tuple[msgspec.Raw, ...] = ()
    commands: tuple[msgspec.Raw, ...] = ()


def ask_topic(client_id: str) -> str:
    """Where questions come in."""
    return f"iotcall/{client_id}/ask"


def answer_topic(client_id: str) -> str:
    """Where answers go that name no topic of their own."""
    return f"iotcall/{client_id}/answer"


def read_ask(payload: bytes, client_id: str, *, text_limit_characters: int,
             payload_limit_bytes: int, response_topic: str | None = None,
             correlation: bytes | None = None) -> Heard | Malformed:
    """The utterance of a message on the ask topic. Never raises: anybody may publish."""
    to = answer_topic(client_id)
    if response_topic is not None:
        if not _may_answer(response_topic):
            return Malformed(kind="response_topic")
        to = response_topic
    if correlation is not None and len(correlation) > _CORRELATION_LIMIT_BYTES:
        return Malformed(kind="correlation_too_long")

    def heard() -> Heard:
        ask = msgspec.json.decode(payload, type=_Ask)
        return Heard(text=ask.text.strip(), site_id=ask.site or "default", query_id=ask.id,
                     session_id=ask.session or None, answer_to=to, correlation=correlation)

    found = voice(heard, payload, text_limit_characters, payload_limit_bytes)
    if isinstance(found, Malformed):
        return msgspec.structs.replace(found, answer_to=to, correlation=correlation,
                                       site_id=found.site_id or "default")
    return found


def answer(asked: Heard | Malformed, record: TurnRecord) -> Message:
    """The answer to a question that came by the plain topic."""
    assert asked.answer_to is not None
    body = _Answer(
        id=readable(asked.query_id), site=record.site_id, session=record.session_id,
        text=record.reply, outcome=record.outcome, expects_answer=record.outcome == "question",
        confidence=record.confidence,
        calls=tuple(msgspec.Raw(msgspec.json.encode(call)) for call in record.calls),
        commands=tuple(msgspec.Raw(msgspec.json.encode(told)) for told in record.commands))
    return Message(asked.answer_to, msgspec.json.encode(body), correlation=asked.correlation)


def objection(asked: Heard | Malformed, why: Reason, text: str) -> Message:
    """The answer where nothing was understood."""
    assert asked.answer_to is not None
    return Message(asked.answer_to, msgspec.json.encode(_Answer(
        id=readable(asked.query_id), site=asked.site_id or "default", session=asked.session_id,
        text=text, outcome=why)), correlation=asked.correlation)


def _may_answer(topic: str) -> bool:
    return (len(topic) <= _TOPIC_LIMIT_CHARACTERS and topic.isprintable()
            and not re.search(r"[+#]", topic) and topic.startswith(MAY_ANSWER)
            and not topic.endswith(("/set", "/get", "/ask")))
