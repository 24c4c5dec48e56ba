from __future__ import annotations

import json
from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.hub.topics import (
    NLU_QUERY,
    TEXT_CAPTURED,
    Heard,
    Malformed,
    Message,
    intent,
    not_recognised,
    read_voice,
    reply,
)


def read(topic: str, body: Any) -> Heard | Malformed:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_voice(topic, payload, text_limit_characters=40, payload_limit_bytes=4096)


def body(message: Message) -> Any:
    return json.loads(message.payload)


def test_a_captured_text_is_read_with_all_that_hermes_sends_along() -> None:
    assert read(TEXT_CAPTURED, {
        "text": " lights on ", "likelihood": 1.0, "seconds": 0.5, "siteId": "kitchen",
        "sessionId": "s1", "wakewordId": "w", "asrTokens": None, "lang": None,
    }) == Heard(text="lights on", site_id="kitchen", session_id="s1")


def test_a_query_is_read_with_its_id_and_filter() -> None:
    heard = read(NLU_QUERY, {"input": "lights on", "siteId": "kitchen", "id": "q1",
                             "intentFilter": ["toggle_lights"], "sessionId": None})
    assert isinstance(heard, Heard)
    assert (heard.query_id, heard.intent_filter) == ("q1", ("toggle_lights",))


def test_the_site_is_default_where_nobody_says_another() -> None:
    assert read(TEXT_CAPTURED, {"text": "lights on"}) == Heard(text="lights on")


DEEP = b"[" * 1500 + b"]" * 1500


@pytest.mark.parametrize(("payload", "kind", "site"), [
    (b"lights on", "not_json", None),
    (b"", "not_json", None),
    (b"\xff\xfe", "not_json", None),
    (b'{"text": "lights \\ud800"}', "not_json", None),
    (b'["lights on"]', "wrong_types", None),
    (b"null", "wrong_types", None),
    (DEEP, "wrong_types", None),
    (b'{"text": "on", "more": ' + DEEP + b"}", "nested_too_deeply", None),
    (b'{"siteId": "kitchen"}', "wrong_types", "kitchen"),
    (b'{"text": 5, "siteId": "kitchen"}', "wrong_types", "kitchen"),
    (b'{"text": "on", "siteId": 5}', "wrong_types", None),
    (b'{"text": "on", "siteId": "kitchen", "sessionId": {}}', "wrong_types", "kitchen"),
    (b'{"text": "on", "siteId": "' + b"k" * 129 + b'"}', "unusable_ids", None),
    (b'{"text": "  ", "siteId": "kitchen"}', "no_text", "kitchen"),
    (b'{"text": ""}', "no_text", "default"),
    (b'{"text": "\\u200b"}', "no_text", "default"),
    (b'{"text": " \\u00ad\\u2028\\u3000\\ue000\\u0007"}', "no_text", "default"),
    (b'{"text": "' + b"a" * 41 + b'", "siteId": "kitchen"}', "text_too_long", "kitchen"),
    (b'{"text": "on\\u0000off", "siteId": "kitchen"}', "control_characters", "kitchen"),
    (b'{"text": "on\\noff", "siteId": "kitchen"}', "control_characters", "kitchen"),
    (b'{"text": "on\\u001b[2J", "siteId": "kitchen"}', "control_characters", "kitchen"),
    (b'{"text": "' + b"a" * 5000 + b'"}', "payload_too_long", None),
])
def test_a_malformed_message_is_a_value_that_says_what_is_wrong(
    payload: bytes, kind: str, site: str | None
) -> None:
    found = read(TEXT_CAPTURED, payload)
    assert isinstance(found, Malformed)
    assert (found.kind, found.site_id) == (kind, site)


def test_an_intent_has_the_shape_of_hermes() -> None:
    heard = Heard(text="Living Room lights on", site_id="kitchen", session_id="s1", query_id="q1")
    call = ToolCall("toggle_lights", {"room": "living_room", "level": 40})
    message = intent(heard, call, 0.98765)
    assert message.topic == "hermes/intent/toggle_lights"
    assert body(message) == {
        "input": "Living Room lights on",
        "intent": {"intentName": "toggle_lights", "confidenceScore": 0.9877},
        "siteId": "kitchen",
        "id": "q1",
        "slots": [
            {"entity": "room", "slotName": "room", "rawValue": "Living Room", "confidence": 0.9877,
             "value": {"kind": "Custom", "value": "living_room"}, "range": {"start": 0, "end": 11}},
            {"entity": "level", "slotName": "level", "rawValue": "40", "confidence": 0.9877,
             "value": {"kind": "Number", "value": 40}, "range": {"start": 0, "end": 0}},
        ],
        "sessionId": "s1",
        "customData": None,
    }


def test_what_was_not_recognised_says_why_and_repeats_the_custom_data_unread() -> None:
    heard = read(NLU_QUERY, b'{"input": "hm", "id": "q1", "customData": {"deep": ' + DEEP[:900]
                 + DEEP[-900:] + b"}}")
    assert isinstance(heard, Heard)
    assert body(not_recognised(heard, "busy", "one moment"))["customData"]["reason"] == "busy"
    plain = body(not_recognised(Malformed(kind="no_text", site_id="kitchen"), "malformed", "what?"))
    assert plain == {"input": "", "siteId": "kitchen", "id": None, "sessionId": None,
                     "customData": {"reason": "malformed", "text": "what?"}}


def test_a_reply_ends_continues_or_stands_without_a_session() -> None:
    heard = Heard(text="on", site_id="kitchen", session_id="s1")
    ended, asked = reply(heard, "Done."), reply(heard, "Which?", expects_answer=True)
    said = reply(Heard(text="on", site_id="kitchen"), "Which?", expects_answer=True)
    assert (ended.topic, body(ended)) == (
        "hermes/dialogueManager/endSession",
        {"sessionId": "s1", "text": "Done.", "customData": None})
    assert (asked.topic, body(asked)) == (
        "hermes/dialogueManager/continueSession",
        {"sessionId": "s1", "text": "Which?", "intentFilter": None, "customData": None,
         "sendIntentNotRecognized": False, "slot": None, "lang": None})
    assert (said.topic, body(said)) == ("hermes/tts/say", {"text": "Which?", "siteId": "kitchen"})
