"""Voice topics: what satellites tell the hub and what the hub answers, as Rhasspy's Hermes has it.

Leaves out: when which message is due (worker), and the topics of devices (their drivers).
Source of the shapes: https://rhasspy.readthedocs.io/en/latest/reference/#mqtt-api
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from iotcall.catalogue import ToolCall

TEXT_CAPTURED = "hermes/asr/textCaptured"
NLU_QUERY = "hermes/nlu/query"
VOICE_TOPICS = (TEXT_CAPTURED, NLU_QUERY)
NOT_RECOGNISED = "hermes/nlu/intentNotRecognized"
CONTINUE_SESSION = "hermes/dialogueManager/continueSession"
END_SESSION = "hermes/dialogueManager/endSession"
SESSION_STARTED = "hermes/dialogueManager/sessionStarted"
SESSION_ENDED = "hermes/dialogueManager/sessionEnded"
SAY = "hermes/tts/say"

Reason = Literal["busy", "malformed", "not_recognised", "failed"]

_NULL = msgspec.Raw(b"null")
_NAME_LIMIT_CHARACTERS = 128  # of siteId, sessionId and id: they are echoed and kept


class Message(msgspec.Struct, frozen=True):
    """One publication of the hub's own, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_seconds: int | None = None
    """MQTT 5 only: the broker drops it when it could not deliver it by then."""
    correlation: bytes | None = None
    """MQTT 5 only: what the asker knows its question by."""
    response_topic: str | None = None
    """MQTT 5 only: where we wait for an answer; it goes to nobody where nobody hears the topic."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance, whichever topic brought it."""

    text: str
    site_id: str = "default"
    session_id: str | None = None
    query_id: str | None = None
    """`id` of an nlu/query; answers repeat it."""
    intent_filter: tuple[str, ...] | None = None
    """The only intents the asker takes; None: all."""
    custom_data: msgspec.Raw = _NULL
    """Of the query, unread; answers repeat it."""
    answer_to: str | None = None
    """Topic of the answer, where it came by the plain pair and not by Hermes."""
    correlation: bytes | None = None


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """A voice message that is no utterance."""

    kind: str
    """What is wrong with it; never quotes it."""
    site_id: str | None = None
    """None: not even that is readable, so there is nobody to answer."""
    session_id: str | None = None
    query_id: str | None = None
    answer_to: str | None = None
    correlation: bytes | None = None


class _TextCaptured(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    text: str
    site_id: str | None = None
    session_id: str | None = None


class _NluQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    input: str
    site_id: str | None = None
    session_id: str | None = None
    id: str | None = None
    intent_filter: tuple[str, ...] | None = None
    custom_data: msgspec.Raw = _NULL


class _Termination(msgspec.Struct, frozen=True):
    reason: str = "nominal"


class _Ended(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    session_id: str
    termination: _Termination = _Termination()


class _Sender(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left to read of a message that does not fit."""

    site_id: Any = None
    session_id: Any = None
    id: Any = None


def read_voice(
    topic: str, payload: bytes, *, text_limit_characters: int, payload_limit_bytes: int
) -> Heard | Malformed:
    """The utterance of a message on one of `VOICE_TOPICS`. Never raises: anybody may publish."""
    return voice(lambda: _heard(topic, payload), payload, text_limit_characters,
                 payload_limit_bytes)


def read_started(payload: bytes) -> str | None:
    """The session that a dialogue manager has started; None where nobody can read it."""
    try:
        return readable(msgspec.json.decode(payload, type=_Ended).session_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_broken_off(payload: bytes) -> str | None:
    """The session that a dialogue manager has broken off; None where it ended as it should, or
    nobody can read it. The reason stands in an object, whatever the documentation says.
    """
    try:
        ended = msgspec.json.decode(payload, type=_Ended)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return readable(ended.session_id) if ended.termination.reason != "nominal" else None


def keypad_topic(client_id: str, site_id: str = "+") -> str:
    """Where the keypad at a site sends the digits of a PIN; not retained, and never answered."""
    return f"iotcall/{client_id}/keypad/{site_id}"


def read_keypad(topic: str, payload: bytes) -> tuple[str, str] | None:
    """Site and digits; None for anything else. Never raises: anybody may publish."""
    site_id = readable(topic.rpartition("/")[2])
    try:
        digits = payload.decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    return (site_id, digits) if site_id and digits.isdigit() and len(digits) <= 16 else None


def voice(read: Callable[[], Heard], payload: bytes, text_limit_characters: int,
          payload_limit_bytes: int) -> Heard | Malformed:
    """What was read of a payload, judged: the one judge of texts and ids, whichever way they came.
    """
    if len(payload) > payload_limit_bytes:
        return Malformed(kind="payload_too_long")
    try:
        heard = read()
    except msgspec.ValidationError:
        return _malformed("wrong_types", payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Malformed(kind="not_json")
    except RecursionError:
        return Malformed(kind="nested_too_deeply")
    kind = _objection(heard, text_limit_characters)
    return _malformed(kind, payload) if kind else heard


def intent(heard: Heard, call: ToolCall, confidence: float) -> Message:
    """`hermes/intent/<name>`: one call, its arguments as slots."""
    return _message(
        f"hermes/intent/{call.name}",
        {
            "input": heard.text,
            "intent": {"intentName": call.name, "confidenceScore": round(confidence, 4)},
            "siteId": heard.site_id,
            "id": heard.query_id,
            "slots": [
                _slot(name, value, heard.text, confidence)
                for name, value in call.arguments.items()
            ],
            "sessionId": heard.session_id,
            "customData": heard.custom_data,
        },
    )


def not_recognised(asked: Heard | Malformed, reason: Reason, text: str) -> Message:
    """`hermes/nlu/intentNotRecognized`; `customData` says why, in a word and for people."""
    why: dict[str, Any] = {"reason": reason, "text": text}
    if isinstance(asked, Heard) and bytes(asked.custom_data) != b"null":
        why["customData"] = asked.custom_data
    return _message(
        NOT_RECOGNISED,
        {
            "input": asked.text if isinstance(asked, Heard) else "",
            "siteId": asked.site_id,
            "id": asked.query_id,
            "customData": why,
            "sessionId": asked.session_id,
        },
    )


def reply(heard: Heard, text: str, *, expects_answer: bool = False) -> Message:
    """What the satellite shall say: on the open session, or plainly where there is none."""
    if heard.session_id is None:
        return say(heard.site_id, text)
    if not expects_answer:
        return _message(
            END_SESSION,
            {"sessionId": heard.session_id, "text": text, "customData": heard.custom_data},
        )
    return _message(
        CONTINUE_SESSION,
        {
            "sessionId": heard.session_id,
            "text": text,
            "intentFilter": None,
            "sendIntentNotRecognized": False,
            "customData": heard.custom_data,
            "slot": None,
            "lang": None,
        },
    )


def say(site_id: str, text: str) -> Message:
    """What a satellite shall say of our own accord."""
    return _message(SAY, {"text": text, "siteId": site_id})


def status_topic(client_id: str) -> str:
    """Where the hub's birth and will are retained."""
    return f"iotcall/{client_id}/status"


def turn_topic(client_id: str) -> str:
    """Where one record of each utterance goes, not retained."""
    return f"iotcall/{client_id}/turn"


def status(client_id: str, state: Literal["online", "offline"]) -> Message:
    """Birth, will and farewell."""
    return _message(status_topic(client_id), {"state": state}, retain=True)


def _heard(topic: str, payload: bytes) -> Heard:
    if topic == TEXT_CAPTURED:
        captured = msgspec.json.decode(payload, type=_TextCaptured)
        return Heard(
            text=captured.text.strip(),
            site_id=captured.site_id or "default",
            session_id=captured.session_id or None,
        )
    query = msgspec.json.decode(payload, type=_NluQuery)
    # subtle: what is taken unread is not checked either, and would make our answers no JSON.
    msgspec.json.decode(query.custom_data)
    return Heard(
        text=query.input.strip(),
        site_id=query.site_id or "default",
        session_id=query.session_id or None,
        query_id=query.id,
        intent_filter=query.intent_filter or None,
        custom_data=query.custom_data,
    )


def _objection(heard: Heard, text_limit_characters: int) -> str:
    if not any(_is_visible(character) for character in heard.text):
        return "no_text"
    if len(heard.text) > text_limit_characters:
        return "text_too_long"
    if not _plain(heard.text):
        return "control_characters"
    names = (heard.site_id, heard.session_id, heard.query_id)
    return "" if all(_is_name(name) for name in names) else "unusable_ids"


def _malformed(kind: str, payload: bytes) -> Malformed:
    try:
        sender = msgspec.json.decode(payload, type=_Sender)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Malformed(kind=kind)
    return Malformed(
        kind=kind,
        site_id="default" if sender.site_id in (None, "") else readable(sender.site_id),
        session_id=readable(sender.session_id),
        query_id=readable(sender.id),
    )


def readable(value: Any) -> str | None:
    """A name of an asker's that may be echoed; None for anything else."""
    return value if isinstance(value, str) and value and _is_name(value) else None


def _is_name(value: str | None) -> bool:
    return value is None or (len(value) <= _NAME_LIMIT_CHARACTERS and _plain(value))


def _plain(text: str) -> bool:
    """Whether it is free of control characters."""
    return not any(unicodedata.category(character) == "Cc" for character in text)


def _is_visible(character: str) -> bool:
    """Whether the student would see it: it reads no control, format or space character."""
    return unicodedata.category(character)[0] not in "CZ"


def _slot(name: str, value: Any, text: str, confidence: float) -> dict[str, Any]:
    said = str(value).replace("_", " ")
    place = re.search(rf"(?<!\w){re.escape(said)}(?!\w)", text, re.IGNORECASE)
    found, start = place is not None, place.start() if place else 0
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        "entity": name,
        "slotName": name,
        "rawValue": text[start : start + len(said)] if found else said,
        "confidence": round(confidence, 4),
        "value": {"kind": "Number" if number else "Custom", "value": value},
        "range": {"start": start, "end": start + len(said)} if found else {"start": 0, "end": 0},
    }


def _message(topic: str, body: Mapping[str, Any], *, retain: bool = False) -> Message:
    return Message(topic, msgspec.json.encode(body), retain)
